//! Takes connections and gives each its own task.
//!
//! Decides who gets one of the limited places, and that no accept error ends the loop. Run by
//! `app` with whatever [`Handler`] answers: the daemon's service, or a test's few lines. Must not
//! know what any request means.

mod admission;
mod connection;
mod handler;
mod handshake;
mod limits;
pub mod listener;
mod memory;
pub mod presence;
mod refusals;
mod stream;
mod subscription;
#[cfg(test)]
mod tests;
mod users;

use std::io;
use std::sync::Arc;

use comenq_proto::WireError;
use nix::sys::socket::{getsockopt, sockopt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use connection::Shared;
pub use handler::{Bodies, EventSource, Handler, Peer, Reply, Traffic};
use limits::{ACCEPT_PAUSE, REFUSALS};
pub use limits::{Limits, descriptors};
pub use listener::Listener;
use presence::{Presence, Visit};
use refusals::{Seldom, UNMAPPED_UID, not_admitted, unmapped};
use users::Refusal;

use crate::notify::Pulse;

/// Accepts and serves until `stop`, then lets each connection finish its current request.
/// Returns when the last one is gone; a socket file of our own is removed. `limits` may change
/// meanwhile, but for the two budgets of memory. Who wishes it through `presence` can have `stop`
/// cancelled here at a moment at which nobody is connected or waits to be.
///
/// # Errors
/// Where the listener cannot be used in this runtime. Nothing later ends it but `stop`.
pub async fn run<H: Handler>(
    listener: Listener,
    handler: Arc<H>,
    limits: watch::Receiver<Limits>,
    presence: Presence,
    pulse: Pulse,
    stop: CancellationToken,
) -> io::Result<()> {
    let Listener { socket, file } = listener;
    let socket = UnixListener::from_std(socket)?;
    let mut server = Server {
        presence,
        refusals: Arc::new(Semaphore::new(REFUSALS)),
        tasks: TaskTracker::new(),
        accept_errors: Seldom::default(),
        refused: RefusedSeldom::default(),
        shared: Arc::new(Shared::new(handler, limits, stop)),
    };
    server.accept_until_stopped(&socket, &pulse).await;
    // Those who come now find no socket, or wait at systemd's for our successor.
    drop(socket);
    if let Some(file) = file {
        file.remove();
    }
    drop(pulse);
    server.tasks.close();
    server.tasks.wait().await;
    Ok(())
}

/// The accept loop's own things.
struct Server<H> {
    presence: Presence,
    /// Taken by peers that are being refused.
    refusals: Arc<Semaphore>,
    tasks: TaskTracker,
    accept_errors: Seldom,
    refused: RefusedSeldom,
    shared: Arc<Shared<H>>,
}

/// Refusals are logged seldom, but each kind for itself: one must not hide another.
#[derive(Debug, Default)]
struct RefusedSeldom {
    unmapped: Seldom,
    crowded: Seldom,
    too_many: Seldom,
    too_fast: Seldom,
    violator: Seldom,
}

impl RefusedSeldom {
    fn of(&self, refusal: Refusal) -> &Seldom {
        match refusal {
            Refusal::Crowded => &self.crowded,
            Refusal::TooMany => &self.too_many,
            Refusal::TooFast(_) => &self.too_fast,
            Refusal::Violator(_) => &self.violator,
        }
    }
}

impl<H: Handler> Server<H> {
    async fn accept_until_stopped(&mut self, socket: &UnixListener, pulse: &Pulse) {
        let mut beat = tokio::time::interval(pulse.period());
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return,
                _ = beat.tick() => {
                    pulse.beat();
                    continue;
                }
                wish = self.presence.wish() => {
                    let granted = self.presence.allows(&wish, socket);
                    if granted {
                        self.shared.stop.cancel();
                    }
                    wish.answer(granted);
                    continue;
                }
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => self.admit(stream, self.presence.enter()),
                Err(error) => {
                    if self.accept_errors.is_due() {
                        tracing::warn!(%error, "cannot accept connections; trying on");
                    }
                    tokio::select! {
                        () = self.shared.stop.cancelled() => return,
                        () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Serves the peer, or tells it why not.
    fn admit(&self, stream: UnixStream, visit: Visit) {
        let credentials = match getsockopt(&stream, sockopt::PeerCredentials) {
            Ok(credentials) => credentials,
            Err(error) => {
                tracing::warn!(%error, "cannot tell who connected; closed");
                return;
            }
        };
        let peer = Peer {
            uid: credentials.uid(),
            gid: credentials.gid(),
            pid: credentials.pid(),
        };
        if peer.uid == UNMAPPED_UID {
            return self.refuse(stream, peer, visit, unmapped(), &self.refused.unmapped);
        }
        let place = match self.shared.admission.admit(peer.uid) {
            Ok(place) => place,
            Err(refusal) => {
                let error = not_admitted(refusal, &self.shared.admission.limits());
                return self.refuse(stream, peer, visit, error, self.refused.of(refusal));
            }
        };
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let handler = Arc::clone(&shared.handler);
            handler.note(Traffic::Opened);
            connection::serve(stream, peer, shared, place).await;
            handler.note(Traffic::Closed);
            drop(visit);
        });
    }

    fn refuse(
        &self,
        stream: UnixStream,
        peer: Peer,
        visit: Visit,
        error: WireError,
        seldom: &Seldom,
    ) {
        self.shared.handler.note(Traffic::Refused);
        if seldom.is_due() {
            tracing::warn!(
                peer_uid = peer.uid,
                peer_pid = peer.pid,
                result_code = error.code.number(),
                "connection refused: {error}"
            );
        }
        if let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() {
            let shared = Arc::clone(&self.shared);
            self.tasks.spawn(async move {
                connection::refuse(stream, peer, shared, error).await;
                drop((place, visit));
            });
        }
    }
}
