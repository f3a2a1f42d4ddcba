//! The first frame of each side.

use comenq_proto::{Hello, HelloReply, VersionRange, from_slice, negotiate, to_bytes};

/// What was read is what would be sent, and the version that is chosen is one that both speak.
pub(super) fn hello(data: &[u8]) -> bool {
    let mut taken = false;
    if let Ok(hello) = from_slice::<Hello>(data) {
        taken = true;
        let bytes = to_bytes(&hello).unwrap_or_default();
        assert_eq!(from_slice::<Hello>(&bytes).as_ref(), Ok(&hello));
        if let Ok(version) = negotiate(VersionRange::SUPPORTED, hello.range()) {
            assert!(VersionRange::SUPPORTED.contains(version));
            assert!(hello.range().contains(version));
        }
    }
    if let Ok(reply) = from_slice::<HelloReply>(data) {
        taken = true;
        let bytes = to_bytes(&reply).unwrap_or_default();
        assert_eq!(from_slice::<HelloReply>(&bytes), Ok(reply));
    }
    taken
}
