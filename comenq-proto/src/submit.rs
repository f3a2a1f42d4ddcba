//! Submissions: one comment, several at once, or only the question what they would give.
//!
//! Decides what a submission can ask for. Everything but target and text is
//! optional and, when absent, means what it meant before it existed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    body::Hidden,
    cbor,
    job::Job,
    limits::{MAX_BATCH, MAX_ENTRIES},
};

/// Queue a comment.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSubmit {
    /// The owner of the repository.
    pub owner: String,
    /// The repository.
    pub repo: String,
    /// The issue or pull request.
    pub number: u64,
    /// The host of the URL the user gave, with its port, if one was given; the
    /// daemon refuses a host its account does not post to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The comment.
    pub body: String,
    /// Makes the submission repeatable: same user, key and content, same job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The account that is to post it; without it the daemon chooses the only
    /// one that may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Higher goes first among one user's jobs, from
    /// [`MIN_PRIORITY`](crate::MIN_PRIORITY) to
    /// [`MAX_PRIORITY`](crate::MAX_PRIORITY).
    #[serde(
        default,
        deserialize_with = "cbor::null_is_default",
        skip_serializing_if = "cbor::is_default"
    )]
    pub priority: i8,
    /// Not posted before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_ms: Option<i64>,
    /// The same, from when the daemon stores it; one of the two alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Never posted after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
    /// The same, from when the daemon stores it; one of the two alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// Supersedes the user's queued jobs with the same one for the same target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_key: Option<String>,
    /// Posted only while the issue is open; else the job is cancelled.
    #[serde(default, skip_serializing_if = "cbor::is_default")]
    pub if_open: bool,
    /// Waits until it is released.
    #[serde(default, skip_serializing_if = "cbor::is_default")]
    pub hold: bool,
}

impl fmt::Debug for JobSubmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobSubmit")
            .field("owner", &self.owner)
            .field("repo", &self.repo)
            .field("number", &self.number)
            .field("host", &self.host)
            .field("body", &Hidden(self.body.len()))
            .field("key", &self.key)
            .field("account", &self.account)
            .field("priority", &self.priority)
            .field("not_before_ms", &self.not_before_ms)
            .field("delay_ms", &self.delay_ms)
            .field("expires_at_ms", &self.expires_at_ms)
            .field("expires_in_ms", &self.expires_in_ms)
            .field("replace_key", &self.replace_key)
            .field("if_open", &self.if_open)
            .field("hold", &self.hold)
            .finish()
    }
}

/// The comment is durably queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSubmitReply {
    /// The job.
    pub job: Job,
    /// The key was known: this is the job of the earlier submission.
    pub duplicate: bool,
    /// Its place among those waiting, 1 for the next; an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// When it will probably be posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_at_ms: Option<i64>,
    /// What the user should know, such as that no token is configured.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub notes: Vec<String>,
    /// A job with the same text for the same target, which is queued or was
    /// posted within a day; `notes` says so in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_text_as: Option<u64>,
    /// The jobs that this one superseded; `notes` says so in words.
    #[serde(
        default,
        deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>",
        skip_serializing_if = "cbor::is_default"
    )]
    pub superseded: Vec<u64>,
}

/// Queue several comments: all of them, or none and an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSubmitBatch {
    /// 1 to [`MAX_BATCH`].
    #[serde(deserialize_with = "cbor::list::<_, _, MAX_BATCH>")]
    pub jobs: Vec<JobSubmit>,
}

/// All the comments are durably queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSubmitBatchReply {
    /// One for each, in their order; their own notes are empty.
    #[serde(deserialize_with = "cbor::list::<_, _, MAX_BATCH>")]
    pub jobs: Vec<JobSubmitReply>,
    /// What the user should know of the whole.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub notes: Vec<String>,
}

/// What would these submissions give? Nothing is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCheck {
    /// 1 to [`MAX_BATCH`], judged together, as a batch would be.
    #[serde(deserialize_with = "cbor::list::<_, _, MAX_BATCH>")]
    pub jobs: Vec<JobSubmit>,
}

/// They would be taken: whatever would refuse them refuses the check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCheckReply {
    /// One for each, in their order.
    #[serde(deserialize_with = "cbor::list::<_, _, MAX_BATCH>")]
    pub jobs: Vec<JobChecked>,
    /// What the user should know of the whole.
    #[serde(
        default,
        deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>",
        skip_serializing_if = "cbor::is_default"
    )]
    pub notes: Vec<String>,
}

/// What one submission would give.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobChecked {
    /// The account that would post it.
    pub account: String,
    /// The key is known: the job that the submission would find; 0 where the key came before in
    /// the same check, for then there is no job yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<u64>,
    /// Its place among those waiting, 1 for the next; an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// When it would probably be posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_at_ms: Option<i64>,
    /// Not posted before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_ms: Option<i64>,
    /// Never posted after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
    /// A job that there is with the same text for the same target, which is queued or was
    /// posted within a day; `notes` says so in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_text_as: Option<u64>,
    /// The jobs that it would supersede; `notes` says so in words.
    #[serde(
        default,
        deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>",
        skip_serializing_if = "cbor::is_default"
    )]
    pub superseded: Vec<u64>,
    /// What the user should know of it.
    #[serde(
        default,
        deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>",
        skip_serializing_if = "cbor::is_default"
    )]
    pub notes: Vec<String>,
}
