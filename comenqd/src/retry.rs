//! What follows from an outcome: outcome × attempts → decision.
//!
//! Decides whether a job is done, dead, looked for or posted again, and how long a lane in trouble
//! waits. Called by the worker after every POST and every complete look. Pure: no clock, no I/O, no
//! dice; it knows neither the pace nor what the store does with its word.
//!
//! Two rules stand above the rest. What may have been posted is never posted again before two
//! complete looks found nothing; and what is the account's trouble is never counted against a job.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

use crate::github::look::Finding;
use crate::github::{MAX_WAIT, Moved, Outcome, OwnerTrouble, RefusalKind, Trouble, TroubleKind};
use crate::store::Failure;

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
    /// Attempts of a job that count before it is given up.
    pub max_attempts: u32,
    /// How long after the first of them it is given up.
    pub max_age: Duration,
}

/// What is known of a job, and of who posts it, when its POST has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tried {
    /// Attempts that count, this one included.
    pub attempts: u32,
    /// Troubles of the lane of the same kind in a row before this one.
    pub strikes: u32,
    /// The same of the owner.
    pub owner_strikes: u32,
    /// How often this job itself was denied before.
    pub denied: u32,
    /// What chance adds to a backoff is drawn from this.
    pub seed: u64,
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
        /// The lane waits too: whatever it asks is answered by something in between.
        wait: Option<LaneWait>,
    },
    /// Dead letter.
    Dead {
        /// What kind.
        failure: Failure,
        /// Why.
        reason: String,
    },
    /// The account is in trouble: the job is queued again and the attempt does not count, but the
    /// request did reach GitHub, so the pace stays. The lane waits.
    Defer {
        /// What the lane waits for.
        wait: LaneWait,
    },
    /// The owner bars the account: the same, but only that owner's jobs wait.
    BarOwner {
        /// What they wait for.
        bar: OwnerBar,
    },
    /// The target lives elsewhere: find out where, then attempt it there.
    Follow {
        /// Where GitHub points.
        moved: Moved,
    },
}

/// A wait of the whole lane; one request probes after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneWait {
    /// What kind of trouble. What somebody must mend ends when it is mended, not by time.
    pub kind: TroubleKind,
    /// What happened, for people.
    pub reason: String,
    /// How long from now.
    pub wait: Duration,
}

/// A wait of one owner's jobs; one of them tries after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerBar {
    /// What happened, for people.
    pub reason: String,
    /// Where somebody mends it.
    pub url: Option<String>,
    /// How long from now.
    pub wait: Duration,
}

/// What a POST leads to.
#[must_use]
pub fn decide(outcome: &Outcome, tried: &Tried, policy: &Policy) -> Decision {
    match outcome {
        Outcome::Posted { comment_id, url } => Decision::Posted {
            comment_id: *comment_id,
            url: url.clone(),
        },
        Outcome::NotSent(trouble) => Decision::PutBack {
            wait: lane_wait(trouble, tried.strikes, tried.seed, policy),
        },
        // Even the last attempt that is allowed: whether it was one too many is told by the looks.
        Outcome::Unknown { reason } => Decision::LookFirst {
            reason: format!("attempt {} ended with {reason}", tried.attempts),
            wait: None,
        },
        // What keeps the answer from us may have let the comment through.
        Outcome::Foreign(trouble) => Decision::LookFirst {
            reason: format!("attempt {} ended with {}", tried.attempts, trouble.reason),
            wait: Some(lane_wait(trouble, tried.strikes, tried.seed, policy)),
        },
        Outcome::Refused { kind, reason } => Decision::Dead {
            failure: failure_of(*kind),
            reason: reason.clone(),
        },
        Outcome::Moved(moved) if tried.attempts >= policy.max_attempts => Decision::Dead {
            failure: Failure::TooManyAttempts,
            reason: format!("{} ({} attempts were made)", moved.reason, tried.attempts),
        },
        Outcome::Moved(moved) => Decision::Follow {
            moved: moved.clone(),
        },
        Outcome::Owner(trouble) => Decision::BarOwner {
            bar: owner_bar(trouble, tried.owner_strikes, tried.seed, policy),
        },
        Outcome::Account(trouble)
            if trouble.kind == TroubleKind::Denied
                && tried.denied.saturating_add(1) >= MAX_DENIED =>
        {
            Decision::Dead {
                failure: Failure::Denied,
                reason: format!("{} (it was denied {MAX_DENIED} times)", trouble.reason),
            }
        }
        Outcome::Account(trouble) => Decision::Defer {
            wait: lane_wait(trouble, tried.strikes, tried.seed, policy),
        },
    }
}

fn failure_of(kind: RefusalKind) -> Failure {
    match kind {
        RefusalKind::NotFound => Failure::NotFound,
        RefusalKind::Gone => Failure::Gone,
        RefusalKind::Locked => Failure::Locked,
        RefusalKind::Archived => Failure::Archived,
        RefusalKind::NoPermission => Failure::NoPermission,
        RefusalKind::NotWelcome => Failure::NotWelcome,
        RefusalKind::Rejected => Failure::Rejected,
        RefusalKind::Moved => Failure::Moved,
    }
}

/// How long a lane waits for a trouble, met by whatever request: what GitHub said, at most an hour
/// and a second; else a backoff that doubles with every trouble in a row. A limit is never waited
/// for less than the shortest backoff, whatever GitHub says: who comes back too early is banned.
#[must_use]
pub fn lane_wait(trouble: &Trouble, strikes: u32, seed: u64, policy: &Policy) -> LaneWait {
    let least = match trouble.kind {
        TroubleKind::Limited => policy.backoff_min,
        TroubleKind::Blocked | TroubleKind::Offline | TroubleKind::Denied => Duration::ZERO,
    };
    LaneWait {
        kind: trouble.kind,
        reason: trouble.reason.clone(),
        wait: wait(trouble.wait, least, strikes, seed, policy),
    }
}

/// How long an owner's jobs wait: the same, for nobody else.
#[must_use]
pub fn owner_bar(trouble: &OwnerTrouble, strikes: u32, seed: u64, policy: &Policy) -> OwnerBar {
    OwnerBar {
        reason: trouble.reason.clone(),
        url: trouble.url.clone(),
        wait: wait(trouble.wait, policy.backoff_min, strikes, seed, policy),
    }
}

fn wait(
    said: Option<Duration>,
    least: Duration,
    strikes: u32,
    seed: u64,
    policy: &Policy,
) -> Duration {
    match said {
        Some(said) => (said.min(MAX_WAIT) + MARGIN).max(least),
        None => backoff(strikes, seed, policy),
    }
}

/// The longest wait that [`lane_wait`] can come to.
#[must_use]
pub fn longest_wait(backoff_max: Duration) -> Duration {
    backoff_max.max(MAX_WAIT + MARGIN)
}

/// A backoff that doubles with each trouble in a row, and to which chance adds up to as much again:
/// many hosts that met the same outage must not come back together.
#[must_use]
pub fn backoff(strikes: u32, seed: u64, policy: &Policy) -> Duration {
    let least = policy.backoff_min.min(policy.backoff_max);
    let nth = usize::try_from(strikes.min(MAX_DOUBLINGS)).unwrap_or_default();
    ExponentialBuilder::new()
        .with_min_delay(least)
        .with_max_delay(policy.backoff_max)
        .with_jitter()
        .with_jitter_seed(seed)
        .without_max_times()
        .build()
        .nth(nth)
        .map_or(policy.backoff_max, |wait| wait.min(policy.backoff_max))
}

/// Where a job stands when a complete look has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Complete looks since its last attempt, this one included.
    pub looks: u32,
    /// Attempts that were or may have been sent, since it was last revived.
    pub attempts: u32,
    /// The first of them is longer ago than is allowed.
    pub is_too_old: bool,
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
    /// Dead letter: surely not there, but tried for too long.
    TooOld {
        /// Why.
        reason: String,
    },
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
        Finding::Nothing if looked.attempts >= policy.max_attempts => Verdict::GiveUp {
            reason: format!(
                "outcome unknown: {} attempts ended without an answer, and no comment was found; \
                 look at the issue before posting it again",
                looked.attempts
            ),
        },
        Finding::Nothing if looked.is_too_old => Verdict::TooOld {
            reason: format!(
                "it could not be posted within {} h of its first attempt",
                policy.max_age.as_secs().div_ceil(3600)
            ),
        },
        Finding::Nothing => Verdict::Requeue,
    }
}

#[cfg(test)]
mod tests;
