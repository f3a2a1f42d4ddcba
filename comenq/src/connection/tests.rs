//! What a connection makes of what comes.

use std::{io::Write as _, time::Duration};

use bytes::Bytes;
use comenq_proto::{FrameCodec, ProtocolVersion, to_bytes};
use tokio_util::codec::Encoder as _;

use super::*;

#[test]
fn what_a_peer_said_before_it_closed_is_read_though_writing_fails() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"\0\0\0\x01x").unwrap();
    drop(theirs);
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut wire = Wire {
        stream: &ours,
        buffer: BytesMut::new(),
        stop: Stop::default(),
    };
    assert!(wire.write(&0, deadline).is_err());
    assert_eq!(wire.exchange(&0, deadline).unwrap(), "x");
    let ended = wire.exchange(&0, deadline);
    assert!(
        matches!(ended, Err(ConnectionError::Broken(error)) if error.kind() == io::ErrorKind::BrokenPipe)
    );
}

#[test]
fn a_response_of_a_kind_that_nobody_knows_yet_is_passed_over() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let answer = ResponseEnvelope::ok(ProtocolVersion::CURRENT, 7, &1).unwrap();
    let known = to_bytes(&answer).unwrap();
    let mut newer = known.clone();
    let at = newer.windows(2).position(|pair| pair == b"ok").unwrap();
    newer[at..at + 2].copy_from_slice(b"hi");
    let mut frames = BytesMut::new();
    for payload in [&newer, &known] {
        let payload = Bytes::copy_from_slice(payload);
        FrameCodec::new().encode(payload, &mut frames).unwrap();
    }
    theirs.write_all(&frames).unwrap();
    let mut wire = Wire {
        stream: &ours,
        buffer: BytesMut::new(),
        stop: Stop::default(),
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    assert_eq!(wire.known(&newer, deadline).unwrap(), answer);
}
