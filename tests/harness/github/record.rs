//! What the stand-in remembers of each request: enough to assert what was
//! sent, when, by whom and what it got; never a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::target::{Kind, Target};

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Its place among all requests, from 0.
    pub seq: usize,
    /// When it had arrived whole, on the monotonic clock.
    #[serde(skip)]
    pub at: Instant,
    /// The same, counted from the stand-in's start.
    pub received_ms: u64,
    /// When its answer was ready, counted from the stand-in's start.
    pub answered_ms: Option<u64>,
    /// The method.
    pub method: String,
    /// The path, without the configured prefix.
    pub path: String,
    /// The query.
    pub query: Option<String>,
    /// What was asked for.
    pub kind: Kind,
    /// The issue it was about.
    pub target: Option<Target>,
    /// Whose token came with it.
    pub login: Option<String>,
    /// The status of the answer; none yet, or none at all.
    pub status: Option<u16>,
    /// The body as text.
    pub body: String,
    /// Every header but `authorization`.
    pub headers: Vec<(String, String)>,
    /// How many bytes of an endless answer went out.
    #[serde(skip)]
    pub(super) streamed: Arc<AtomicU64>,
}

impl Record {
    /// How many bytes of an endless answer went out.
    #[must_use]
    pub fn streamed_bytes(&self) -> u64 {
        self.streamed.load(Ordering::SeqCst)
    }

    /// The values of a header, in the order sent.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

/// Milliseconds from `start` to `at`.
pub(super) fn since_start(start: Instant, at: Instant) -> u64 {
    let gap: Duration = at.saturating_duration_since(start);
    u64::try_from(gap.as_millis()).unwrap_or(u64::MAX)
}
