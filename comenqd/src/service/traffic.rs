//! Counts of the server's traffic, for health and metrics.
//!
//! Decides the names that are counted: endpoints that exist and codes of the protocol, so that no
//! peer can make the counts grow by what it makes up. Written as the server notes its
//! [`Traffic`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use comenq_proto::ErrorCode;

use super::authorize;
use crate::server::Traffic;

/// An endpoint and what its requests came to: `ok`, or an error's name.
pub(super) type Kind = (&'static str, &'static str);

/// What all requests to endpoints that there are not count as.
const UNKNOWN: &str = "unknown";

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    opened: AtomicU64,
    closed: AtomicU64,
    refused: AtomicU64,
    violations: AtomicU64,
    requests: Mutex<BTreeMap<Kind, u64>>,
}

impl Counters {
    pub(super) fn count(&self, traffic: Traffic<'_>) {
        let counter = match traffic {
            Traffic::Opened => &self.opened,
            Traffic::Closed => &self.closed,
            Traffic::Refused => &self.refused,
            Traffic::Violation => &self.violations,
            Traffic::Answered { endpoint, code } => {
                let endpoint = authorize::known(endpoint).unwrap_or(UNKNOWN);
                let result = code.map_or("ok", ErrorCode::name);
                let requests = self.requests.lock();
                let mut requests = requests.unwrap_or_else(PoisonError::into_inner);
                *requests.entry((endpoint, result)).or_default() += 1;
                return;
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Connections that are open now.
    pub(super) fn open(&self) -> u64 {
        let closed = self.closed.load(Ordering::Relaxed);
        self.opened.load(Ordering::Relaxed).saturating_sub(closed)
    }

    /// Connections that got a place.
    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Connections that got none.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Rules of the protocol that were broken.
    pub(super) fn violations(&self) -> u64 {
        self.violations.load(Ordering::Relaxed)
    }

    /// Requests, by endpoint and result.
    pub(super) fn requests(&self) -> BTreeMap<Kind, u64> {
        let requests = self.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_peers_make_up_counts_as_one() {
        let counters = Counters::default();
        for endpoint in ["ping", "x1", "x2", ""] {
            let code = (endpoint != "ping").then_some(ErrorCode::UnknownEndpoint);
            counters.count(Traffic::Answered { endpoint, code });
        }
        counters.count(Traffic::Answered {
            endpoint: "ping",
            code: Some(ErrorCode::Unknown(999)),
        });
        let counted = [
            (("ping", "ok"), 1),
            (("ping", "unknown"), 1),
            (("unknown", "unknown_endpoint"), 3),
        ];
        assert_eq!(counters.requests(), counted.into());
    }

    #[test]
    fn open_connections_are_those_that_did_not_close() {
        let counters = Counters::default();
        for traffic in [Traffic::Opened, Traffic::Opened, Traffic::Closed] {
            counters.count(traffic);
        }
        counters.count(Traffic::Refused);
        counters.count(Traffic::Violation);
        assert_eq!((counters.open(), counters.opened()), (1, 2));
        assert_eq!((counters.refused(), counters.violations()), (1, 1));
    }
}
