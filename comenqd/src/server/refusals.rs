//! What peers are told who are not served.
//!
//! Decides the words, and that the log is not filled with them. Used by the accept loop of
//! [`super`] and by [`super::connection`].

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use comenq_proto::{ErrorCode, WireError};
use tokio::time::Instant;

use super::Limits;
use super::users::Refusal;

/// How a user appears whom the kernel cannot name in our user namespace.
pub(super) const UNMAPPED_UID: u32 = 65_534;

/// Accept errors and crowds come in floods.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Something that is logged at most once in [`LOG_EVERY`].
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    pub(super) fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|at| at.elapsed() >= LOG_EVERY);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

/// The peer's user has no number here.
pub(super) fn unmapped() -> WireError {
    let text = format!(
        "the daemon cannot tell who you are: your user id appears as {UNMAPPED_UID}, because it \
         has no counterpart in the daemon's user namespace"
    );
    WireError::new(ErrorCode::UnmappedPeer, text).with_detail(
        "run the client outside of the container or user namespace, and the daemon without \
         PrivateUsers=; the user nobody cannot use comenq",
    )
}

/// There is no place for this connection.
pub(super) fn not_admitted(refusal: Refusal, limits: &Limits) -> WireError {
    match refusal {
        Refusal::Crowded => {
            let text = format!(
                "all {} places for connections are taken",
                limits.connections
            );
            WireError::new(ErrorCode::TooManyConnections, text)
                .with_detail("try again in a moment")
                .with_retry_after(Duration::from_secs(1))
        }
        Refusal::TooMany => {
            let text = format!(
                "you have {} connections, and one user may have no more (max_connections_per_user)",
                limits.user_connections
            );
            WireError::new(ErrorCode::TooManyConnections, text)
                .with_detail("close some, or try again in a moment")
                .with_retry_after(Duration::from_secs(1))
        }
        Refusal::TooFast(wait) => too_fast(wait, limits),
        Refusal::Violator(wait) => {
            let text = format!(
                "a client of yours broke the protocol more than {} times within a minute \
                 (max_violations_per_minute); comenqd does not serve you for a while",
                limits.violations_per_minute
            );
            WireError::new(ErrorCode::PeerRefused, text)
                .with_detail(
                    "stop or mend that client, and try again then; the log of comenqd says what it \
                     did",
                )
                .with_retry_after(wait)
        }
    }
}

/// The peer's user asks too fast.
pub(super) fn too_fast(wait: Duration, limits: &Limits) -> WireError {
    let text = format!(
        "too many requests of yours: one user may make {} a second over all connections \
         (max_requests_per_second)",
        limits.requests_per_second
    );
    WireError::new(ErrorCode::RateLimited, text)
        .with_detail("nothing was done; wait, then send it again")
        .with_retry_after(wait)
}
