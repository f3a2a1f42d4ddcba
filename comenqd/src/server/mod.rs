//! Takes connections and gives each its own task.
//!
//! Decides who gets one of the limited places, and that no accept error ends the loop. Run by
//! `app` with whatever [`Handler`] answers: the daemon's service, or a test's few lines. Must not
//! know what any request means.

mod connection;
mod handler;
mod handshake;
mod limits;
pub mod listener;
mod stream;
mod subscription;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use comenq_proto::{ErrorCode, WireError};
use nix::sys::socket::{getsockopt, sockopt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use connection::Shared;
pub use handler::{Bodies, EventSource, Handler, Peer, Reply, Traffic};
pub use limits::Limits;
use limits::Places;
pub use listener::Listener;

use crate::notify::Pulse;

/// How a user appears whom the kernel cannot name in our user namespace.
const UNMAPPED_UID: u32 = 65_534;
/// Peers that are being told at the same time why they are not served. Beyond them the
/// connection is just closed.
const REFUSALS: usize = 16;
/// Pause after an accept error: until some descriptor is free again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Accept errors and crowds come in floods.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Accepts and serves until `stop`, then lets each connection finish its current request.
/// Returns when the last one is gone; a socket file of our own is removed.
///
/// # Errors
/// Where the listener cannot be used in this runtime. Nothing later ends it but `stop`.
pub async fn run<H: Handler>(
    listener: Listener,
    handler: Arc<H>,
    limits: Limits,
    pulse: Pulse,
    stop: CancellationToken,
) -> io::Result<()> {
    let Listener { socket, file } = listener;
    let socket = UnixListener::from_std(socket)?;
    let server = Server {
        places: Places::default(),
        refusals: Places::default(),
        tasks: TaskTracker::new(),
        accept_errors: Seldom::default(),
        crowds: Seldom::default(),
        shared: Arc::new(Shared {
            handler,
            budget: Arc::new(Semaphore::new(limits.frame_budget_bytes)),
            limits,
            stop,
        }),
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
    /// Taken by connections that are served.
    places: Places,
    /// Taken by peers that are being refused.
    refusals: Places,
    tasks: TaskTracker,
    accept_errors: Seldom,
    crowds: Seldom,
    shared: Arc<Shared<H>>,
}

/// Something that is logged at most once in [`LOG_EVERY`].
#[derive(Debug, Default)]
struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|at| at.elapsed() >= LOG_EVERY);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

impl<H: Handler> Server<H> {
    async fn accept_until_stopped(&self, socket: &UnixListener, pulse: &Pulse) {
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
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => self.admit(stream),
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
    fn admit(&self, stream: UnixStream) {
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
            return self.refuse(stream, peer, unmapped());
        }
        let limits = &self.shared.limits;
        let reserved = if peer.uid == 0 {
            0
        } else {
            limits.root_reserve
        };
        let Some(place) = self
            .places
            .take(limits.connections.saturating_sub(reserved))
        else {
            return self.refuse(stream, peer, crowded(limits.connections));
        };
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let handler = Arc::clone(&shared.handler);
            handler.note(Traffic::Opened);
            connection::serve(stream, peer, shared).await;
            handler.note(Traffic::Closed);
            drop(place);
        });
    }

    fn refuse(&self, stream: UnixStream, peer: Peer, error: WireError) {
        self.shared.handler.note(Traffic::Refused);
        if error.code != ErrorCode::TooManyConnections || self.crowds.is_due() {
            tracing::warn!(
                peer_uid = peer.uid,
                peer_pid = peer.pid,
                result_code = error.code.number(),
                "connection refused: {error}"
            );
        }
        if let Some(place) = self.refusals.take(REFUSALS) {
            let shared = Arc::clone(&self.shared);
            self.tasks.spawn(async move {
                connection::refuse(stream, shared, error).await;
                drop(place);
            });
        }
    }
}

fn unmapped() -> WireError {
    let text = format!(
        "the daemon cannot tell who you are: your user id appears as {UNMAPPED_UID}, because it \
         has no counterpart in the daemon's user namespace"
    );
    WireError::new(ErrorCode::UnmappedPeer, text).with_detail(
        "run the client outside of the container or user namespace, and the daemon without \
         PrivateUsers=; the user nobody cannot use comenq",
    )
}

fn crowded(connections: usize) -> WireError {
    let text = format!("all {connections} places for connections are taken");
    WireError::new(ErrorCode::TooManyConnections, text)
        .with_detail("try again in a moment")
        .with_retry_after(Duration::from_secs(1))
}
