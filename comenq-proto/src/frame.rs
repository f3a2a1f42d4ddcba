//! Frames: a big-endian `u32` length, then that many bytes of CBOR.
//!
//! Decides where one message ends and the next begins, and refuses a length
//! before a byte is allocated for it. Used by the daemon's connections and by
//! the blocking client alike, hence over a buffer and without I/O. Must not
//! know what the bytes mean.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::limits::MAX_FRAME;

const HEADER: usize = size_of::<u32>();

/// Why the byte stream is not a sequence of frames. Each ends the connection:
/// after a wrong length nobody knows where the next frame begins.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A frame of no bytes; every message has at least one.
    #[error("frame has length 0; a frame carries 1 to {MAX_FRAME} bytes")]
    Zero,
    /// A frame longer than [`MAX_FRAME`].
    #[error("frame has length {len}; a frame carries 1 to {MAX_FRAME} bytes")]
    TooLarge {
        /// The length that was announced or asked for.
        len: usize,
    },
    /// The stream below failed or ended inside a frame.
    #[error("connection failed inside a frame")]
    Io(#[from] io::Error),
}

/// Splits a byte stream into frames and back. It has no state of its own: the
/// buffer is the state, so any number of bytes may arrive at a time.
#[derive(Debug, Clone, Copy, Default)]
pub struct FrameCodec;

impl FrameCodec {
    /// A codec; all are alike.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }

    /// The payload length of a frame that has begun in `buffer` (its length is
    /// there) but is not complete; `None` when no length is there yet or the
    /// frame is complete. What the daemon charges to its budget for
    /// half-received frames ([`FRAME_BUDGET_BYTES`](crate::FRAME_BUDGET_BYTES)).
    ///
    /// # Errors
    /// The length is zero or above [`MAX_FRAME`].
    pub fn pending(&self, buffer: &BytesMut) -> Result<Option<usize>, FrameError> {
        let begun = announced(buffer)?;
        Ok(begun.filter(|len| buffer.len() < HEADER + len))
    }
}

/// The length at the head of `buffer`, checked; `None` while it is incomplete.
fn announced(buffer: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some(header) = buffer.first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let len = usize::try_from(u32::from_be_bytes(*header)).unwrap_or(usize::MAX);
    check(len).map(Some)
}

const fn check(len: usize) -> Result<usize, FrameError> {
    match len {
        0 => Err(FrameError::Zero),
        1..=MAX_FRAME => Ok(len),
        _ => Err(FrameError::TooLarge { len }),
    }
}

impl Decoder for FrameCodec {
    type Item = Bytes;
    type Error = FrameError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let Some(len) = announced(buffer)? else {
            buffer.reserve(HEADER.saturating_sub(buffer.len()));
            return Ok(None);
        };
        let missing = (HEADER + len).saturating_sub(buffer.len());
        if missing > 0 {
            // Exactly the rest: growing step by step would copy a large frame
            // several times and overshoot its length.
            buffer.reserve(missing);
            return Ok(None);
        }
        buffer.advance(HEADER);
        Ok(Some(buffer.split_to(len).freeze()))
    }
}

impl Encoder<Bytes> for FrameCodec {
    type Error = FrameError;

    fn encode(&mut self, payload: Bytes, buffer: &mut BytesMut) -> Result<(), FrameError> {
        let len = check(payload.len())?;
        let header = u32::try_from(len).map_err(|_| FrameError::TooLarge { len })?;
        buffer.reserve(HEADER + len);
        buffer.put_u32(header);
        buffer.put_slice(&payload);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(payload: &[u8]) -> BytesMut {
        let mut buffer = BytesMut::new();
        FrameCodec
            .encode(Bytes::copy_from_slice(payload), &mut buffer)
            .unwrap();
        buffer
    }

    #[test]
    fn a_frame_is_its_length_and_its_bytes() {
        assert_eq!(&encoded(b"abc")[..], b"\x00\x00\x00\x03abc");
    }

    #[test]
    fn two_frames_in_one_buffer_come_out_one_by_one() {
        let mut buffer = encoded(b"one");
        buffer.extend_from_slice(&encoded(b"two"));
        assert_eq!(FrameCodec.decode(&mut buffer).unwrap().unwrap(), "one");
        assert_eq!(FrameCodec.decode(&mut buffer).unwrap().unwrap(), "two");
        assert!(FrameCodec.decode(&mut buffer).unwrap().is_none());
    }

    #[test]
    fn a_split_header_or_payload_waits_for_the_rest() {
        let whole = encoded(b"hello");
        let mut buffer = BytesMut::new();
        for (at, byte) in whole.iter().enumerate() {
            assert!(FrameCodec.decode(&mut buffer).unwrap().is_none(), "{at}");
            buffer.extend_from_slice(&[*byte]);
        }
        assert_eq!(FrameCodec.decode(&mut buffer).unwrap().unwrap(), "hello");
    }

    #[test]
    fn wrong_lengths_are_refused_before_anything_is_allocated() {
        for header in [[0; 4], [0, 16, 0, 1], [255; 4]] {
            let mut buffer = BytesMut::from(&header[..]);
            let before = buffer.capacity();
            assert!(FrameCodec.decode(&mut buffer).is_err(), "{header:?}");
            assert!(FrameCodec.pending(&buffer).is_err(), "{header:?}");
            assert_eq!(buffer.capacity(), before);
        }
    }

    #[test]
    fn the_largest_frame_passes_and_one_more_byte_does_not() {
        let mut buffer = encoded(&vec![7; MAX_FRAME]);
        let frame = FrameCodec.decode(&mut buffer).unwrap().unwrap();
        assert_eq!(frame.len(), MAX_FRAME);
        let refused = FrameCodec.encode(Bytes::from(vec![7; MAX_FRAME + 1]), &mut buffer);
        assert!(matches!(refused, Err(FrameError::TooLarge { .. })));
        let refused = FrameCodec.encode(Bytes::new(), &mut buffer);
        assert!(matches!(refused, Err(FrameError::Zero)));
    }

    #[test]
    fn room_is_made_for_exactly_the_rest() {
        let mut buffer = BytesMut::from(&[0, 15, 0, 0, 1][..]);
        assert!(FrameCodec.decode(&mut buffer).unwrap().is_none());
        assert_eq!(buffer.capacity(), HEADER + 0x000f_0000);
    }

    #[test]
    fn pending_counts_begun_and_incomplete_frames_only() {
        let mut buffer = encoded(b"abcd");
        assert_eq!(FrameCodec.pending(&buffer).unwrap(), None);
        buffer.truncate(7);
        assert_eq!(FrameCodec.pending(&buffer).unwrap(), Some(4));
        buffer.truncate(4);
        assert_eq!(FrameCodec.pending(&buffer).unwrap(), Some(4));
        buffer.truncate(3);
        assert_eq!(FrameCodec.pending(&buffer).unwrap(), None);
    }
}
