//! A byte stream as frames. The first byte of the data says in what pieces the rest arrives.

use bytes::{Bytes, BytesMut};
use comenq_proto::{FrameCodec, MAX_FRAME};
use tokio_util::codec::{Decoder, Encoder};

/// Frames are the same in whatever pieces they arrive, and no memory is taken for wrong ones.
pub(super) fn frame(data: &[u8]) -> bool {
    let Some((piece, stream)) = data.split_first() else {
        return false;
    };
    let whole = frames(stream, stream.len().max(1));
    assert_eq!(frames(stream, usize::from(*piece).max(1)), whole);
    let mut again = BytesMut::new();
    for frame in &whole.0 {
        let encoded = FrameCodec::new().encode(frame.clone(), &mut again);
        assert!(encoded.is_ok(), "a frame that was read cannot be sent");
    }
    assert!(stream.starts_with(&again));
    !whole.0.is_empty()
}

/// The frames, and whether they end in a wrong one.
fn frames(stream: &[u8], piece: usize) -> (Vec<Bytes>, bool) {
    let (mut codec, mut buffer, mut found) = (FrameCodec::new(), BytesMut::new(), Vec::new());
    for bytes in stream.chunks(piece) {
        buffer.extend_from_slice(bytes);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => found.push(frame),
                Ok(None) => break,
                Err(_) => return (found, true),
            }
            assert!(codec.pending(&buffer).is_err() || buffer.len() <= stream.len());
        }
        assert!(buffer.capacity() <= 2 * (MAX_FRAME + 4 + stream.len()));
    }
    (found, false)
}
