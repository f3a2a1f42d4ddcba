//! Events: what happens in the daemon, on a connection of its own.
//!
//! Decides what can be subscribed to and what one event tells. A subscription is
//! a request like any other; what follows its reply are [`Event`]s in responses
//! of the kind `event`.

use serde::{Deserialize, Serialize};

use crate::{cbor, history::FailureCode, job::JobState, limits::MAX_ENTRIES, text::text_enum};

/// Tell me what happens, from here on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribe {
    /// Of these jobs only.
    #[serde(
        default,
        deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>",
        skip_serializing_if = "cbor::is_default"
    )]
    pub ids: Vec<u64>,
    /// Of the asking user's jobs, and of lanes and the queue.
    #[serde(default, skip_serializing_if = "cbor::is_default")]
    pub mine: bool,
    /// What came after this, first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Position>,
}

/// From now on this connection carries events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribeReply {
    /// Where the stream begins: its events come after this.
    pub position: Position,
    /// Whatever happens, an event comes within this time: without one the daemon
    /// is gone.
    pub heartbeat_ms: u64,
}

/// A place in the stream of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Which run of the daemon counts: random, another after each start, below
    /// 2^53 so that JSON can hold it.
    pub epoch: u64,
    /// Rises by one with each event of that run.
    pub seq: u64,
}

text_enum! {
    /// What happened.
    EventKind {
        /// The job waits for its turn: it is new, or was revived.
        Queued = "queued",
        /// The job has another text.
        Edited = "edited",
        /// The job was brought to the front of its user's.
        Bumped = "bumped",
        /// The job waits until somebody releases it.
        Held = "held",
        /// The job is held no longer.
        Released = "released",
        /// The job is being posted.
        Claimed = "claimed",
        /// The job's comment exists; its address may follow in a second one.
        Posted = "posted",
        /// The job waits for another attempt.
        Deferred = "deferred",
        /// Whether the job's comment exists is being looked up.
        Uncertain = "uncertain",
        /// The job is a dead letter.
        Failed = "failed",
        /// The job will not be posted, or not again.
        Cancelled = "cancelled",
        /// The job's time has passed.
        Expired = "expired",
        /// An account waits because GitHub limits it.
        LaneLimited = "lane_limited",
        /// An account waits for a person, or has no token.
        LaneBlocked = "lane_blocked",
        /// An account cannot reach GitHub.
        LaneOffline = "lane_offline",
        /// An account's trouble is over.
        LaneOk = "lane_ok",
        /// Nothing is posted until somebody resumes the queue, or that account.
        QueuePaused = "queue_paused",
        /// Posting goes on.
        QueueResumed = "queue_resumed",
        /// Nothing happened: the daemon is there.
        Heartbeat = "heartbeat",
        /// What happened before is not known: ask for the list.
        Snapshot = "snapshot",
        /// The reader was too slow: events before this one are lost.
        Lagged = "lagged",
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Where in the stream; what to subscribe after when the connection broke.
    pub position: Position,
    /// When it was made known, which is after it was durable.
    pub at_ms: i64,
    /// The job it is about; absent where it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<u64>,
    /// The job's state after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// Where the job goes: `owner/repo#123`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Who posts the job, or which account waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Who submitted the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The comment's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment_url: Option<String>,
    /// When the next attempt may be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at_ms: Option<i64>,
    /// Why, in words; absent when the peer may not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the job failed, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureCode>,
    /// The job that took this one's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<u64>,
    /// How many events are lost, of any job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<u64>,
}

impl Event {
    /// An event that tells nothing but that.
    #[must_use]
    pub const fn new(kind: EventKind, position: Position, at_ms: i64) -> Self {
        Self {
            kind,
            position,
            at_ms,
            job_id: None,
            state: None,
            target: None,
            account: None,
            uid: None,
            comment_url: None,
            next_attempt_at_ms: None,
            reason: None,
            failure: None,
            superseded_by: None,
            missed: None,
        }
    }
}
