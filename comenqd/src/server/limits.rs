//! How much one peer, one user, and all of them together may take of this process.
//!
//! Decides nothing that the protocol or the configuration has not: the numbers are
//! `comenq_proto::limits`, what an operator changed of them, and both cut down to the descriptors at
//! hand; besides them the few that only the server knows. Made by `app`; the server's tests make
//! shorter ones.
//!
//! **Memory.** What a connection costs at most:
//!
//! | | |
//! |---|---|
//! | a connection that is silent | about 2 KiB, and up to [`READ_ROOM`] of buffer |
//! | a frame that has begun | [`SMALL_FRAME`]; what is larger has its share of the frame budget first |
//! | a reply | [`SMALL_REPLY`]; what may be larger has its share of the reply budget first |
//! | all of them | connections × 18 KiB, the two budgets and root's quarter beside each, and 64 KiB for each that carries events and is not read |

use std::time::Duration;

use comenq_proto::limits as proto;
use nix::sys::resource::{Resource, getrlimit};

/// Descriptors left for the store (about ten), for HTTP (one each account, and DNS), for what the
/// runtime needs and for refusing peers. Where there are few, half of them.
const RESERVED_DESCRIPTORS: usize = 64;

/// Room made for reading when nothing is known of what comes: several requests of usual size.
pub(super) const READ_ROOM: usize = 4096;
/// Below this much room it is made anew, so that a request is seldom read in two steps.
pub(super) const LEAST_ROOM: usize = 2048;
/// A frame up to this size needs no share of the budget: nearly every request is smaller, and all
/// connections at once hold as much as the budget.
pub(super) const SMALL_FRAME: usize = 8 * 1024;
/// The same for a reply.
pub(super) const SMALL_REPLY: usize = 8 * 1024;

/// Connections that wait to be accepted; further ones wait in their own `connect`. They are accepted
/// in the order they came, so behind a flood of them everybody waits for so many at most.
pub(super) const BACKLOG: i32 = 128;

/// Peers that are being told at the same time why they are not served. Beyond them the connection
/// is just closed: a crowd of refused ones must not become a crowd of served ones.
pub(super) const REFUSALS: usize = 16;
/// Pause after an accept error, such as no descriptor left: until some are free again.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a connection is not read after a request of it came too fast. Its user was told to wait
/// for longer; who does not heed that costs the daemon ten refusals a second and connection at most.
pub(super) const RATE_PAUSE: Duration = Duration::from_millis(100);

/// The bounds of a server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections served at once.
    pub connections: usize,
    /// Of those, how many only root may take.
    pub root_reserve: usize,
    /// Connections of one user at once; root's are not limited.
    pub user_connections: usize,
    /// Requests of one user in a second; [`comenq_proto::BURST_SECONDS`] times as many at once.
    pub requests_per_second: u32,
    /// How often one user may break the protocol within a minute.
    pub violations_per_minute: u32,
    /// How long a user is refused who did so more often.
    pub refusal: Duration,
    /// From accept to the end of the first frame.
    pub hello_timeout: Duration,
    /// From a frame's first byte to its last.
    pub frame_timeout: Duration,
    /// Without a frame in either direction.
    pub idle_timeout: Duration,
    /// For one reply to a peer that reads slowly.
    pub write_timeout: Duration,
    /// Unreadable requests in a row before the connection ends.
    pub unreadable: usize,
    /// Bytes that all half-received large frames together may have, but for root's.
    pub frame_budget_bytes: usize,
    /// Bytes that all large replies together may have, but for root's, until they are sent.
    pub reply_budget_bytes: usize,
}

impl Limits {
    /// The protocol's limits for a process that may open `descriptors` files.
    #[must_use]
    pub fn new(descriptors: usize) -> Self {
        let defaults = Self {
            connections: proto::MAX_CONNECTIONS,
            root_reserve: proto::ROOT_RESERVE,
            user_connections: proto::MAX_USER_CONNECTIONS,
            requests_per_second: proto::MAX_USER_REQUESTS_PER_SECOND,
            violations_per_minute: proto::MAX_VIOLATIONS_PER_MINUTE,
            refusal: proto::REFUSAL,
            hello_timeout: proto::HELLO_TIMEOUT,
            frame_timeout: proto::FRAME_TIMEOUT,
            idle_timeout: proto::IDLE_TIMEOUT,
            write_timeout: proto::WRITE_TIMEOUT,
            unreadable: proto::MAX_UNREADABLE,
            frame_budget_bytes: proto::FRAME_BUDGET_BYTES,
            reply_budget_bytes: proto::REPLY_BUDGET_BYTES,
        };
        defaults.within(descriptors)
    }

    /// These limits, cut down to a process that may open `descriptors` files.
    #[must_use]
    pub fn within(mut self, descriptors: usize) -> Self {
        let reserved = RESERVED_DESCRIPTORS.min(descriptors / 2);
        let most = descriptors.saturating_sub(reserved).max(1);
        self.connections = self.connections.clamp(1, most);
        self.root_reserve = self.root_reserve.min(self.connections / 2);
        // However few there are, one user never has them all.
        self.user_connections = self.user_connections.min(self.connections / 2).max(1);
        self
    }

    /// How long one request of a user drains, and how many may come at once.
    pub(super) fn request_pace(&self) -> (Duration, u32) {
        let rate = self.requests_per_second.max(1);
        let burst = rate.saturating_mul(proto::BURST_SECONDS);
        (Duration::from_secs(1) / rate, burst)
    }

    /// The same for violations.
    pub(super) fn violation_pace(&self) -> (Duration, u32) {
        let most = self.violations_per_minute.max(1);
        (Duration::from_secs(60) / most, most)
    }
}

/// How many files this process may have open (`RLIMIT_NOFILE`).
#[must_use]
pub fn descriptors() -> usize {
    let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    usize::try_from(soft).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_kept_in_reserve() {
        assert_eq!(Limits::new(1024).connections, 960);
        assert_eq!(Limits::new(usize::MAX).connections, proto::MAX_CONNECTIONS);
        let few = Limits::new(64);
        assert_eq!((few.connections, few.root_reserve), (32, 8));
        assert_eq!(few.user_connections, 16, "others have places too");
        let hardly_any = Limits::new(1);
        assert_eq!((hardly_any.connections, hardly_any.root_reserve), (1, 0));
    }

    #[test]
    fn more_descriptors_give_no_more_than_is_allowed() {
        let own = Limits {
            connections: 20,
            ..Limits::new(usize::MAX)
        };
        let cut = own.within(1024);
        assert_eq!((cut.connections, cut.root_reserve), (20, 8));
    }
}
