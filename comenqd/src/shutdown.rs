//! How the process is asked to stop, and with which code it then exits.
//!
//! Decides what each signal means. Installed once, by `app`; every part watches the token. Knows
//! nothing of what stopping takes.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code that makes systemd start us again after a plain `kill PID`, so that a filled
/// queue does not fall asleep (`SuccessExitStatus=75`, `RestartForceExitStatus=75`). A
/// `systemctl stop` stays stopped whatever the code.
pub const EXIT_RESTART: u8 = 75;

/// A signal that stops the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: systemd, or somebody's `kill`.
    Terminate,
    /// SIGINT: control-C in a terminal.
    Interrupt,
    /// SIGHUP: the terminal went away; under systemd somebody wants a reload, and a restart is
    /// the way the configuration is read again.
    Hangup,
}

impl Signal {
    /// What the process exits with after this signal. Under systemd (it named a notify socket)
    /// all but control-C ask to be started again; the shipped unit restarts after either.
    #[must_use]
    pub fn exit_code(self, under_systemd: bool) -> u8 {
        match self {
            Self::Terminate | Self::Hangup if under_systemd => EXIT_RESTART,
            Self::Terminate | Self::Hangup | Self::Interrupt => 0,
        }
    }
}

/// The wish to stop: a token for the parts, and what caused it.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    cause: Arc<OnceLock<Signal>>,
}

impl Shutdown {
    /// Takes over SIGTERM, SIGINT and SIGHUP. Must be called inside the runtime.
    ///
    /// # Errors
    /// Where the kernel refuses a handler.
    pub fn install() -> io::Result<Self> {
        let shutdown = Self::default();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let handle = shutdown.clone();
        tokio::spawn(async move {
            loop {
                let received = tokio::select! {
                    Some(()) = terminate.recv() => Signal::Terminate,
                    Some(()) = interrupt.recv() => Signal::Interrupt,
                    Some(()) = hangup.recv() => Signal::Hangup,
                    else => return,
                };
                handle.begin(received);
            }
        });
        Ok(shutdown)
    }

    /// Cancelled as soon as the daemon should stop.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// The signal that began it; `None` where a part's failure did, or nothing yet.
    #[must_use]
    pub fn cause(&self) -> Option<Signal> {
        self.cause.get().copied()
    }

    /// The first signal counts. A second one changes nothing: a POST under way is never cut off.
    fn begin(&self, signal: Signal) {
        if self.cause.set(signal).is_ok() {
            tracing::info!(?signal, "stopping");
        } else {
            tracing::info!(?signal, "already stopping; a post under way is let finish");
        }
        self.token.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_kill_under_systemd_asks_for_a_restart() {
        assert_eq!(Signal::Terminate.exit_code(true), 75);
        assert_eq!(Signal::Hangup.exit_code(true), 75);
        assert_eq!(Signal::Interrupt.exit_code(true), 0);
        assert_eq!(Signal::Terminate.exit_code(false), 0);
    }

    #[test]
    fn the_first_signal_is_the_cause() {
        let shutdown = Shutdown::default();
        let token = shutdown.token();
        assert_eq!(shutdown.cause(), None);
        shutdown.begin(Signal::Interrupt);
        shutdown.begin(Signal::Terminate);
        assert!(token.is_cancelled());
        assert_eq!(shutdown.cause(), Some(Signal::Interrupt));
    }

    #[tokio::test]
    async fn a_real_signal_arrives() {
        let shutdown = Shutdown::install().unwrap();
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGTERM).unwrap();
        shutdown.token().cancelled().await;
        assert_eq!(shutdown.cause(), Some(Signal::Terminate));
    }
}
