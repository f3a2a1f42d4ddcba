//! Whose socket is spoken to at all.
//!
//! Decides it by who listens, which the kernel tells: a program that put a
//! socket where comenqd's should be, in a place it can write to, must not get a
//! single comment. Asked by [`Connection`](crate::connection::Connection)
//! before the first byte.

use std::{io, os::unix::net::UnixStream};

use nix::sys::socket::{getsockopt, sockopt};

/// The user that the packaged daemon runs as.
const SERVICE_USER: &str = "comenq";

/// How a user appears whom the kernel cannot name in our user namespace.
pub(crate) const UNMAPPED_UID: u32 = 65_534;

/// Who may listen on the daemon's socket: root (under socket activation it is
/// systemd that listens), the service's user, and oneself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trust {
    /// Whoever it is; somebody said so.
    pub(crate) anybody: bool,
    /// The user of this process.
    pub(crate) own_uid: u32,
    /// How a user's name becomes a number; asked only for a stranger.
    pub(crate) lookup_user: fn(&str) -> Option<u32>,
}

impl Trust {
    /// Whether a socket of that user's is spoken to.
    pub(crate) fn accepts(&self, uid: u32) -> bool {
        self.anybody
            || uid == 0
            || uid == self.own_uid
            || (self.lookup_user)(SERVICE_USER) == Some(uid)
    }
}

/// Who listens on the other end.
pub(crate) fn listener(stream: &UnixStream) -> io::Result<u32> {
    let credentials = getsockopt(stream, sockopt::PeerCredentials)?;
    Ok(credentials.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_the_service_and_oneself_are_trusted_and_nobody_else() {
        let trust = Trust {
            anybody: false,
            own_uid: 1000,
            lookup_user: |name| (name == "comenq").then_some(990),
        };
        for uid in [0, 990, 1000] {
            assert!(trust.accepts(uid), "{uid}");
        }
        for uid in [1, 1001, UNMAPPED_UID] {
            assert!(!trust.accepts(uid), "{uid}");
        }
        let without_service = Trust {
            lookup_user: |_| None,
            ..trust
        };
        assert!(!without_service.accepts(990));
        let anybody = Trust {
            anybody: true,
            ..trust
        };
        assert!(anybody.accepts(1001));
    }

    #[test]
    fn the_kernel_says_who_listens() {
        let (one, _other) = UnixStream::pair().unwrap();
        let uid = nix::unistd::geteuid().as_raw();
        assert_eq!(listener(&one).unwrap(), uid);
    }
}
