//! Socket activation as systemd does it, without systemd: a listening socket
//! first, and a daemon that is handed it when somebody connects.
//!
//! Used by the demo and the benchmarks; tests of the units themselves run under
//! a real systemd.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::setup::Setup;

/// The listener arrives as stdin, because that needs no unsafe code here, and
/// the shell moves it to where systemd puts it. `LISTEN_PID` must name the
/// process that reads it, so only that process can set it.
const HAND_OVER: &str =
    "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=comenq; exec \"$@\"";

/// A socket that listens whether a daemon runs or not.
#[derive(Debug)]
pub struct Activation {
    listener: UnixListener,
}

impl Activation {
    /// Listens on the set-up's socket.
    ///
    /// # Errors
    /// When the path cannot be bound.
    pub fn listen(setup: &Setup) -> io::Result<Self> {
        let listener = UnixListener::bind(setup.socket())?;
        Ok(Self { listener })
    }

    /// Whether somebody has connected, or does so `within` this time, whom
    /// nobody serves yet.
    ///
    /// # Errors
    /// When the kernel cannot say.
    pub fn has_client(&self, within: Duration) -> io::Result<bool> {
        let timeout = PollTimeout::try_from(within).map_err(io::Error::other)?;
        let mut watched = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        Ok(poll(&mut watched, timeout)? > 0)
    }

    /// Starts the set-up's daemon with the socket.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, setup: &Setup) -> io::Result<Child> {
        let daemon = setup.command(&[]);
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", HAND_OVER, "sh"])
            .arg(daemon.get_program())
            .args(daemon.get_args());
        for (name, value) in daemon.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell
            .stdin(Stdio::from(OwnedFd::from(self.listener.try_clone()?)))
            .stdout(Stdio::null())
            .stderr(setup.log_file())
            .spawn()
    }
}
