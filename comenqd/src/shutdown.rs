//! How the process is asked to stop or to reload, and with which code it exits after a stop.
//!
//! Decides what each signal means. Installed once, by `app`; every part watches the token, and
//! whoever loads the configuration the count of reloads. Knows nothing of what either takes.

use std::io;
use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
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
}

impl Signal {
    /// What the process exits with after this signal. Under systemd (it named a notify socket) it
    /// asks to be started again: only an end without a signal, with 0, is one of which nothing is
    /// left to do.
    #[must_use]
    pub fn exit_code(self, under_systemd: bool) -> u8 {
        match self {
            Self::Terminate | Self::Interrupt if under_systemd => EXIT_RESTART,
            Self::Terminate | Self::Interrupt => 0,
        }
    }
}

/// The wish to stop (a token for the parts, and what caused it) and the wishes to reload.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    cause: Arc<OnceLock<Signal>>,
    reloads: watch::Sender<u64>,
}

impl Shutdown {
    /// Takes over SIGTERM and SIGINT, which stop, and SIGHUP, which asks for a reload. Must be called inside the runtime.
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
                tokio::select! {
                    Some(()) = terminate.recv() => handle.begin(Signal::Terminate),
                    Some(()) = interrupt.recv() => handle.begin(Signal::Interrupt),
                    Some(()) = hangup.recv() => handle.reload(),
                    else => return,
                }
            }
        });
        Ok(shutdown)
    }

    /// Cancelled as soon as the daemon should stop.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// How often a reload was asked for. Wishes that come while one is carried out become one: wait
    /// with `changed`, which also sees what came before it was called, and read the configuration
    /// after it.
    #[must_use]
    pub fn reload_requested(&self) -> watch::Receiver<u64> {
        self.reloads.subscribe()
    }

    /// The signal that began it; `None` where a part's failure did, or nothing yet.
    #[must_use]
    pub fn cause(&self) -> Option<Signal> {
        self.cause.get().copied()
    }

    /// Once it stops nothing is reloaded any more.
    fn reload(&self) {
        if self.token.is_cancelled() {
            tracing::info!("already stopping; the configuration is not read again");
        } else {
            self.reloads
                .send_modify(|count| *count = count.wrapping_add(1));
        }
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
    fn only_under_systemd_a_signal_asks_for_a_restart() {
        assert_eq!(Signal::Terminate.exit_code(true), 75);
        assert_eq!(Signal::Interrupt.exit_code(true), 75);
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

    #[test]
    fn nothing_is_reloaded_once_it_stops() {
        let shutdown = Shutdown::default();
        let reloads = shutdown.reload_requested();
        shutdown.reload();
        shutdown.begin(Signal::Terminate);
        shutdown.reload();
        assert_eq!(*reloads.borrow(), 1);
    }

    /// In one test, for a signal reaches every handler of the process.
    #[tokio::test]
    async fn a_hangup_asks_for_a_reload_and_a_kill_for_a_stop() {
        let raise = |signal| nix::sys::signal::raise(signal).unwrap();
        let shutdown = Shutdown::install().unwrap();
        let mut reloads = shutdown.reload_requested();
        for count in 1..=2 {
            raise(nix::sys::signal::Signal::SIGHUP);
            reloads.changed().await.unwrap();
            assert_eq!(*reloads.borrow_and_update(), count);
        }
        assert!(!shutdown.token().is_cancelled());
        raise(nix::sys::signal::Signal::SIGTERM);
        shutdown.token().cancelled().await;
        assert_eq!(shutdown.cause(), Some(Signal::Terminate));
    }
}
