//! Who is connected, for whoever wants to end the daemon when nobody is.
//!
//! Decides when the accept loop may end without anybody noticing: nobody is connected, nobody has
//! been since the one who asks looked, and nobody waits in the socket's queue. Who connects after
//! that is never accepted here; systemd, which holds the same socket, starts the daemon for it.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::{mpsc, oneshot, watch};

/// How many connections there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Present {
    /// Ever.
    came: u64,
    /// Now.
    here: u64,
}

/// A moment at which nobody was connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    came: u64,
}

/// The accept loop's end.
#[derive(Debug)]
pub struct Presence {
    present: watch::Sender<Present>,
    wishes: mpsc::Receiver<Wish>,
}

/// The end of whoever wants to end it.
#[derive(Debug)]
pub struct Leave {
    present: watch::Receiver<Present>,
    wishes: mpsc::Sender<Wish>,
}

/// To end, if nobody has come since; the answer says whether that is so.
#[derive(Debug)]
pub(super) struct Wish {
    since: Quiet,
    granted: oneshot::Sender<bool>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Visit(watch::Sender<Present>);

/// Both ends.
#[must_use]
pub fn presence() -> (Presence, Leave) {
    let (present, seen) = watch::channel(Present::default());
    let (wish, wishes) = mpsc::channel(1);
    let leave = Leave {
        present: seen,
        wishes: wish,
    };
    (Presence { present, wishes }, leave)
}

impl Presence {
    /// Somebody has come, whether or not they are served.
    pub(super) fn enter(&self) -> Visit {
        self.present.send_modify(|present| {
            present.came = present.came.wrapping_add(1);
            present.here = present.here.saturating_add(1);
        });
        Visit(self.present.clone())
    }

    /// The next wish; never, once nobody can have one.
    pub(super) async fn wish(&mut self) -> Wish {
        match self.wishes.recv().await {
            Some(wish) => wish,
            None => std::future::pending().await,
        }
    }

    /// Whether nobody has come since then, waits at the socket or is here.
    pub(super) fn allows(&self, wish: &Wish, socket: &impl AsFd) -> bool {
        let present = *self.present.borrow();
        present.here == 0 && present.came == wish.since.came && !is_awaited(socket)
    }
}

impl Wish {
    pub(super) fn answer(self, granted: bool) {
        // Whoever asked may be gone.
        let _nobody_listens = self.granted.send(granted);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.0
            .send_modify(|present| present.here = present.here.saturating_sub(1));
    }
}

impl Leave {
    /// Ready when nobody is connected; cancel-safe.
    pub async fn quiet(&mut self) -> Quiet {
        let present = self.present.wait_for(|present| present.here == 0).await;
        let came = present.map(|it| it.came);
        match came {
            Ok(came) => Quiet { came },
            // The accept loop is over, and with it every reason to end it.
            Err(_) => std::future::pending().await,
        }
    }

    /// Whether nobody has come since then for so long; returns as soon as somebody has.
    /// Cancel-safe.
    pub async fn lasts(&mut self, since: Quiet, span: Duration) -> bool {
        let came = self.present.wait_for(|present| present.came != since.came);
        tokio::time::timeout(span, came).await.is_err()
    }

    /// Ends the accept loop, and tells the daemon to stop, unless somebody has come since then or
    /// waits at the socket. Whether it did.
    pub async fn leave(&self, since: Quiet) -> bool {
        let (granted, answer) = oneshot::channel();
        let wish = Wish { since, granted };
        self.wishes.send(wish).await.is_ok() && answer.await.unwrap_or(false)
    }
}

/// Whether somebody has connected who is not accepted yet; also where the kernel cannot tell.
fn is_awaited(socket: &impl AsFd) -> bool {
    let mut sockets = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut sockets, PollTimeout::ZERO) != Ok(0)
}
