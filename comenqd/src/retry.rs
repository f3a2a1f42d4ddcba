//! What follows from an outcome: outcome × attempts → decision.
//!
//! Decides whether a job is done, dead, looked for or posted again, and how long a lane in trouble
//! waits. Called by the worker after every POST and every complete look. Pure: no clock, no I/O, and
//! it knows neither the store nor the pace.
//!
//! Two rules stand above the rest. What may have been posted is never posted again before two
//! complete looks found nothing; and what is the account's trouble is never counted against a job.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

use crate::github::look::Finding;
use crate::github::{MAX_WAIT, Outcome, Trouble, TroubleKind};

/// GitHub's times have whole seconds: one more, so that a wait never ends a moment early.
const MARGIN: Duration = Duration::from_secs(1);

/// Complete looks that must find nothing before a job is posted again.
const LOOKS: u32 = 2;

/// How often GitHub may forbid a job for a reason we do not know, before it counts as the job's own
/// fault: a job that can never be posted must not hold up the others for good.
pub const MAX_DENIED: u32 = 5;

/// The backoff doubles; after this many doublings any first wait has long met its maximum.
const MAX_DOUBLINGS: u32 = 64;

/// The limits of patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// First wait after a trouble for which GitHub named no time; the least after any limit.
    pub backoff_min: Duration,
    /// Longest wait of our own making.
    pub backoff_max: Duration,
    /// Attempts of a job with an unknown outcome before it is given up.
    pub max_unknown_attempts: u32,
}

/// What becomes of a job after its POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Done.
    Posted {
        /// GitHub's id of the comment, where the answer told it.
        comment_id: Option<u64>,
        /// Its address, where the answer told it.
        url: Option<String>,
    },
    /// Nothing was sent: the job is queued as if it had never been claimed, the pace is what it
    /// was before, the attempt does not count. The lane waits.
    PutBack {
        /// What the lane waits for.
        wait: LaneWait,
    },
    /// The comment may exist: uncertain, look before anything else.
    LookFirst {
        /// What happened.
        reason: String,
    },
    /// Dead letter.
    Dead {
        /// Why.
        reason: String,
    },
    /// The account is in trouble: the job is queued again and the attempt does not count, but the
    /// request did reach GitHub, so the pace stays. The lane waits.
    Defer {
        /// What the lane waits for.
        wait: LaneWait,
    },
}

/// A wait of the whole lane; one request probes after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneWait {
    /// What kind of trouble.
    pub kind: TroubleKind,
    /// What happened, for people.
    pub reason: String,
    /// How long from now.
    pub wait: Duration,
}

/// What a POST leads to. `attempt` is its number, from 1. `strikes` counts the lane's troubles of
/// the same kind in a row before this one: the worker sets it to 0 where the kind changes, and at
/// every decision but `PutBack` and `Defer`. `denied` counts this job's own denials before.
#[must_use]
pub fn decide(
    outcome: &Outcome,
    attempt: u32,
    strikes: u32,
    denied: u32,
    policy: &Policy,
) -> Decision {
    match outcome {
        Outcome::Posted { comment_id, url } => Decision::Posted {
            comment_id: *comment_id,
            url: url.clone(),
        },
        Outcome::NotSent(trouble) => Decision::PutBack {
            wait: lane_wait(trouble, strikes, policy),
        },
        // Even the last attempt that is allowed: whether it was one too many is told by the looks.
        Outcome::Unknown { reason } => Decision::LookFirst {
            reason: format!("attempt {attempt} ended with {reason}"),
        },
        Outcome::Refused { reason } => Decision::Dead {
            reason: reason.clone(),
        },
        Outcome::Account(trouble)
            if trouble.kind == TroubleKind::Denied && denied.saturating_add(1) >= MAX_DENIED =>
        {
            Decision::Dead {
                reason: format!("{} (it was denied {MAX_DENIED} times)", trouble.reason),
            }
        }
        Outcome::Account(trouble) => Decision::Defer {
            wait: lane_wait(trouble, strikes, policy),
        },
    }
}

/// How long a lane waits for a trouble, met by whatever request: what GitHub said, at most an hour
/// and a second; else a backoff that doubles with every trouble in a row. A limit is never waited
/// for less than the shortest backoff, whatever GitHub says: who comes back too early is banned.
#[must_use]
pub fn lane_wait(trouble: &Trouble, strikes: u32, policy: &Policy) -> LaneWait {
    let wait = match trouble.wait {
        Some(said) => {
            let least = match trouble.kind {
                TroubleKind::Limited => policy.backoff_min,
                TroubleKind::Blocked | TroubleKind::Offline | TroubleKind::Denied => Duration::ZERO,
            };
            (said.min(MAX_WAIT) + MARGIN).max(least)
        }
        None => backoff(strikes, policy),
    };
    LaneWait {
        kind: trouble.kind,
        reason: trouble.reason.clone(),
        wait,
    }
}

/// The longest wait that [`lane_wait`] can come to.
#[must_use]
pub fn longest_wait(backoff_max: Duration) -> Duration {
    backoff_max.max(MAX_WAIT + MARGIN)
}

fn backoff(strikes: u32, policy: &Policy) -> Duration {
    let least = policy.backoff_min.min(policy.backoff_max);
    let nth = usize::try_from(strikes.min(MAX_DOUBLINGS)).unwrap_or_default();
    ExponentialBuilder::new()
        .with_min_delay(least)
        .with_max_delay(policy.backoff_max)
        .without_max_times()
        .build()
        .nth(nth)
        .unwrap_or(policy.backoff_max)
}

/// Where a job stands when a complete look has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Complete looks since its last attempt, this one included.
    pub looks: u32,
    /// Attempts that were or may have been sent.
    pub attempts: u32,
    /// Somebody wants it cancelled: never posted again, but still looked for.
    pub cancel_requested: bool,
    /// The lane's interval between posts.
    pub cooldown: Duration,
    /// How long GitHub may take to list a comment.
    pub look_delay: Duration,
}

/// What becomes of an uncertain job after a complete look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Done: it was found.
    Posted {
        /// GitHub's id of the comment.
        comment_id: u64,
        /// Its address; empty where GitHub named none.
        url: String,
    },
    /// Dead letter: a person must see whether a certain comment is it.
    Ambiguous {
        /// Why, with the address to look at.
        reason: String,
    },
    /// Not found yet: look once more.
    LookAgain {
        /// How long from now.
        wait: Duration,
    },
    /// Surely not there: queued, to be posted at its next turn. The looks were its backoff.
    Requeue,
    /// Surely not there, and nobody wants it any more.
    Cancelled,
    /// Dead letter: too many attempts came to nothing that can be known.
    GiveUp {
        /// Why.
        reason: String,
    },
}

/// What a complete look leads to. A listing that is not complete comes to nothing: wait as
/// [`lane_wait`] says and look again.
#[must_use]
pub fn after_look(finding: &Finding, looked: &Looked, policy: &Policy) -> Verdict {
    match finding {
        Finding::Posted { id, url } => Verdict::Posted {
            comment_id: *id,
            url: url.clone(),
        },
        // Also where it is to be cancelled: "cancelled" would say that nothing was posted.
        Finding::Ambiguous { url } => Verdict::Ambiguous {
            reason: format!(
                "outcome unknown: {url} may be this comment with a changed text; look there before \
                 posting it again"
            ),
        },
        Finding::Nothing if looked.looks < LOOKS => Verdict::LookAgain {
            wait: looked.cooldown.max(looked.look_delay),
        },
        Finding::Nothing if looked.cancel_requested => Verdict::Cancelled,
        Finding::Nothing if looked.attempts >= policy.max_unknown_attempts => Verdict::GiveUp {
            reason: format!(
                "outcome unknown: {} attempts ended without an answer, and no comment was found; \
                 look at the issue before posting it again",
                looked.attempts
            ),
        },
        Finding::Nothing => Verdict::Requeue,
    }
}

#[cfg(test)]
mod tests;
