//! What only administrators ask for: stopping and draining the queue, posting
//! one job at once, removing one for good.
//!
//! Decides what each takes and gives, and how a stop is told in `status`.

use serde::{Deserialize, Serialize};

use crate::{cbor, limits::MAX_ENTRIES};

/// Post this queued job next, without waiting for the cooldown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostNow {
    /// Its number.
    pub id: u64,
}

/// Remove this finished job, its text and its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPurge {
    /// Its number.
    pub id: u64,
}

/// It is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPurgeReply {
    /// The job that is gone.
    pub id: u64,
    /// What the user should know.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub notes: Vec<String>,
}

/// Post nothing more until somebody resumes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePause {
    /// Only this account; absent means all of the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Why, for those who wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Post again after a pause.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueResume {
    /// Only this account's pause; absent means that of the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// Take no new jobs; post those that are queued.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDrain {
    /// Take jobs again.
    #[serde(default, skip_serializing_if = "cbor::is_default")]
    pub off: bool,
    /// Why, for those who are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// After [`QueuePause`], [`QueueResume`] or [`QueueDrain`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueChangeReply {
    /// What the user should know.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub notes: Vec<String>,
}

/// What an administrator has stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// Nothing is posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Halt>,
    /// No jobs are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draining: Option<Halt>,
}

/// Since when something is stopped, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// Since when.
    pub at_ms: i64,
    /// The user who asked for it.
    pub uid: u32,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
