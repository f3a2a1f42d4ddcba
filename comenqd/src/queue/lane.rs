//! What the worker last said of its lane.
//!
//! Decides only when a place in line is expected to be served. Written by the worker, read by the
//! service and by whoever shows the daemon's state.

use std::time::Duration;

use crate::clock::UnixMs;

/// What a lane does just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing to do.
    Idle,
    /// The next job waits for its slot.
    WaitingForPace,
    /// A POST is running.
    Posting,
    /// A listing is being read.
    Looking,
    /// GitHub limits or forbids.
    Limited,
    /// A person must act.
    Blocked,
    /// No way to GitHub.
    Offline,
    /// There is no token.
    NoToken,
}

impl Phase {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::WaitingForPace => "waiting_for_pace",
            Self::Posting => "posting",
            Self::Looking => "looking",
            Self::Limited => "limited",
            Self::Blocked => "blocked",
            Self::Offline => "offline",
            Self::NoToken => "no_token",
        }
    }
}

/// A lane as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneReport {
    /// The account.
    pub account: String,
    /// The API's host.
    pub host: String,
    /// Who posts, once GitHub said so.
    pub login: Option<String>,
    /// Where the token comes from; `None`: there is none.
    pub token_source: Option<String>,
    /// The time between two posts.
    pub cooldown: Duration,
    /// What it does just now.
    pub phase: Phase,
    /// Why it waits.
    pub reason: Option<String>,
    /// When the next post, or the next try after a trouble, may go out.
    pub next_post_at: Option<UnixMs>,
}

impl LaneReport {
    /// When a job at `position` is expected to be posted.
    #[must_use]
    pub fn expected_at(&self, position: u64, now: UnixMs) -> Option<UnixMs> {
        if matches!(self.phase, Phase::NoToken | Phase::Blocked) {
            return None;
        }
        let next = self.next_post_at.filter(|at| *at > now).unwrap_or(now);
        let before = u32::try_from(position.saturating_sub(1)).unwrap_or(u32::MAX);
        Some(next.plus(self.cooldown.saturating_mul(before)))
    }
}
