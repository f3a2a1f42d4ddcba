//! How much one peer, and all of them together, may take of this process.
//!
//! Decides nothing that the protocol has not: the numbers are `comenq_proto::limits`, cut down to
//! the descriptors at hand. Made by `app`; the server's tests make shorter ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use comenq_proto::limits as proto;
use nix::sys::resource::{Resource, getrlimit};

/// Descriptors left for the store, for HTTP and for refusing peers.
const RESERVED_DESCRIPTORS: usize = 64;

/// The bounds of a server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections served at once.
    pub connections: usize,
    /// Of those, how many only root may take.
    pub root_reserve: usize,
    /// From accept to the end of the first frame.
    pub hello_timeout: Duration,
    /// From a frame's first byte to its last.
    pub frame_timeout: Duration,
    /// Between two requests.
    pub idle_timeout: Duration,
    /// For one reply to a peer that reads slowly.
    pub write_timeout: Duration,
    /// Unreadable requests in a row before the connection ends.
    pub unreadable: usize,
    /// Bytes that all half-received large frames together may have.
    pub frame_budget_bytes: usize,
}

impl Limits {
    /// The protocol's limits for a process that may open `descriptors` files.
    #[must_use]
    pub fn new(descriptors: usize) -> Self {
        let connections = descriptors
            .saturating_sub(RESERVED_DESCRIPTORS)
            .clamp(1, proto::MAX_CONNECTIONS);
        Self {
            connections,
            root_reserve: proto::ROOT_RESERVE.min(connections / 2),
            hello_timeout: proto::HELLO_TIMEOUT,
            frame_timeout: proto::FRAME_TIMEOUT,
            idle_timeout: proto::IDLE_TIMEOUT,
            write_timeout: proto::WRITE_TIMEOUT,
            unreadable: proto::MAX_UNREADABLE,
            frame_budget_bytes: proto::FRAME_BUDGET_BYTES,
        }
    }

    /// The protocol's limits for this process (`RLIMIT_NOFILE`).
    #[must_use]
    pub fn of_process() -> Self {
        let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
        Self::new(usize::try_from(soft).unwrap_or(usize::MAX))
    }
}

/// Counts places that are taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(Arc<AtomicUsize>);

/// One taken place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Places {
    /// A place, if fewer than `most` are taken.
    pub(super) fn take(&self, most: usize) -> Option<Place> {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < most).then_some(taken.saturating_add(1))
            })
            .ok()
            .map(|_| Place(Arc::clone(&self.0)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_kept_in_reserve() {
        assert_eq!(Limits::new(1024).connections, 960);
        assert_eq!(Limits::new(usize::MAX).connections, proto::MAX_CONNECTIONS);
        let few = Limits::new(10);
        assert_eq!((few.connections, few.root_reserve), (1, 0));
    }

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone() {
        let places = Places::default();
        let first = places.take(1).unwrap();
        assert!(places.take(1).is_none());
        assert!(places.take(2).is_some());
        drop(first);
        assert!(places.take(1).is_some());
    }
}
