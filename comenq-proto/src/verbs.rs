//! The verbs of jobs that exist: look at them, list them, change them.
//!
//! Decides what each takes and gives. What a verb does to a job in which state
//! is the daemon's transition table, told in `PROTOCOL.md`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    body::Hidden,
    cbor,
    history::LogEntry,
    job::Job,
    limits::{MAX_ENTRIES, MAX_PAGE_LEN},
};

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobGet {
    /// Its number.
    pub id: u64,
}

/// The job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobGetReply {
    /// The job, with its body when the reader may see it.
    pub job: Job,
    /// What an unfinished job waits for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// What was tried and looked at, oldest first, the last
    /// [`MAX_ATTEMPT_LOG`](crate::MAX_ATTEMPT_LOG) of it; empty when the reader
    /// may not see it.
    #[serde(
        default,
        deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>",
        skip_serializing_if = "cbor::is_default"
    )]
    pub attempt_log: Vec<LogEntry>,
    /// Its place among those of its account that wait, 1 for the next; only while it is queued
    /// and in line. As in the forecast where it is within
    /// [`MAX_FORECAST`](crate::MAX_FORECAST), else an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// When it will probably be posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_at_ms: Option<i64>,
}

/// Jobs in pages: unfinished ones by id, then those finished within a day,
/// newest first; or the history. Of these all, or those that every field below chooses: then the
/// daemon looks at a bounded number of jobs for each page, so that a page may hold fewer than asked
/// for, or none, and still have a `next_cursor`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobList {
    /// Where the page before ended; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Most jobs on the page, up to [`MAX_PAGE`](crate::MAX_PAGE); the daemon may give fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Whether to send bodies.
    #[serde(default)]
    pub include_body: bool,
    /// Finished jobs only, of any age, newest first.
    #[serde(default, skip_serializing_if = "cbor::is_default")]
    pub history: bool,
    /// Only jobs of the user who asks.
    #[serde(default, skip_serializing_if = "cbor::is_default")]
    pub mine: bool,
    /// Only jobs in one of these states, by the text of a [`JobState`](crate::JobState); empty:
    /// in any.
    #[serde(
        default,
        deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>",
        skip_serializing_if = "cbor::is_default"
    )]
    pub states: Vec<String>,
    /// Only jobs of this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only jobs for repositories of this owner, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Only jobs for this repository, in any case; only beside `owner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// Only jobs submitted at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<i64>,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobListReply {
    /// The jobs.
    #[serde(deserialize_with = "cbor::list::<_, _, MAX_PAGE_LEN>")]
    pub jobs: Vec<Job>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Never post this job (again).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCancel {
    /// Its number.
    pub id: u64,
}

/// The job after cancelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCancelReply {
    /// The job.
    pub job: Job,
    /// Its outcome is open: it will not be posted again, but may be already.
    pub may_have_been_posted: bool,
}

/// Give this job another text, while it is queued or held.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEdit {
    /// Its number.
    pub id: u64,
    /// The new comment.
    pub body: String,
}

impl fmt::Debug for JobEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobEdit")
            .field("id", &self.id)
            .field("body", &Hidden(self.body.len()))
            .finish()
    }
}

/// Keep this job from being posted until it is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobHold {
    /// Its number.
    pub id: u64,
}

/// Let this held job go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRelease {
    /// Its number.
    pub id: u64,
}

/// Revive this failed job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRetry {
    /// Its number.
    pub id: u64,
}

/// Put this job before all others of its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobBump {
    /// Its number.
    pub id: u64,
}

/// The job after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobChangeReply {
    /// The job.
    pub job: Job,
    /// What the user should know.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub notes: Vec<String>,
}

/// Revive the jobs that failed for one reason, in pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRetryFailed {
    /// The text of a [`FailureCode`](crate::FailureCode).
    pub reason: String,
    /// Where the page before ended; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRetryFailedReply {
    /// The jobs that were revived.
    #[serde(deserialize_with = "cbor::list::<_, _, MAX_PAGE_LEN>")]
    pub retried: Vec<u64>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
