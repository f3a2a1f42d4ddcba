//! What is told of a job: why it failed, what its attempts and looks came to.
//!
//! Decides the names of all that, which are on disk and on the wire.

use serde::{Deserialize, Serialize};

use crate::clock::UnixMs;

/// Why a job is a dead letter. The names are on disk and on the wire: they are only ever added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// No such issue, or out of the account's sight.
    NotFound,
    /// The issue was deleted, or issues are switched off.
    Gone,
    /// The conversation is locked.
    Locked,
    /// The repository is archived.
    Archived,
    /// The token lacks a permission.
    NoPermission,
    /// The account may not comment there.
    NotWelcome,
    /// GitHub rejects the comment.
    Rejected,
    /// GitHub forbids it, for a reason we do not know, again and again.
    Denied,
    /// It has moved to where it cannot or may not be followed.
    Moved,
    /// Nobody knows whether it was posted.
    OutcomeUnknown,
    /// Too many attempts came to nothing.
    TooManyAttempts,
    /// Too long since the first attempt.
    TooOld,
    /// Its record or text cannot be read.
    Damaged,
}

impl Failure {
    /// Every one.
    pub const ALL: [Self; 13] = [
        Self::NotFound,
        Self::Gone,
        Self::Locked,
        Self::Archived,
        Self::NoPermission,
        Self::NotWelcome,
        Self::Rejected,
        Self::Denied,
        Self::Moved,
        Self::OutcomeUnknown,
        Self::TooManyAttempts,
        Self::TooOld,
        Self::Damaged,
    ];

    /// The name on the wire and on disk.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Gone => "gone",
            Self::Locked => "locked",
            Self::Archived => "archived",
            Self::NoPermission => "no_permission",
            Self::NotWelcome => "not_welcome",
            Self::Rejected => "rejected",
            Self::Denied => "denied",
            Self::Moved => "moved",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::TooManyAttempts => "too_many_attempts",
            Self::TooOld => "too_old",
            Self::Damaged => "damaged",
        }
    }
}

/// One line of a job's story: an attempt, or a look for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When it ended, for people.
    pub at_ms: UnixMs,
    /// Attempt or look.
    pub kind: LogKind,
    /// Which attempt; of looks, how many complete ones there were.
    pub number: u32,
    /// What it came to.
    pub outcome: Outcome,
    /// GitHub's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Under which GitHub's support finds the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github_request_id: Option<String>,
    /// What was decided to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What a line of a job's story is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    /// A POST.
    Attempt,
    /// A listing.
    Look,
}

/// What an attempt or a look came to. The names are on disk and on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The comment exists.
    Posted,
    /// The request surely never left.
    NotSent,
    /// Nobody knows.
    Unknown,
    /// Refused for good.
    Refused,
    /// The target has moved.
    Moved,
    /// A rate limit.
    Limited,
    /// Forbidden, for a reason we do not know.
    Denied,
    /// The account is barred until somebody acts.
    Blocked,
    /// No way to GitHub.
    Offline,
    /// The owner bars the account.
    OwnerBlocked,
    /// What it was to be posted under does not hold.
    Precondition,
    /// A look found the comment.
    Found,
    /// A look found what may be the comment.
    Ambiguous,
    /// A complete look found nothing.
    Nothing,
    /// A look could not be completed.
    Incomplete,
    /// The issue is out of sight.
    Gone,
}

impl Outcome {
    /// The name on the wire and on disk.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Posted => "posted",
            Self::NotSent => "not_sent",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Moved => "moved",
            Self::Limited => "limited",
            Self::Denied => "denied",
            Self::Blocked => "blocked",
            Self::Offline => "offline",
            Self::OwnerBlocked => "owner_blocked",
            Self::Precondition => "precondition",
            Self::Found => "found",
            Self::Ambiguous => "ambiguous",
            Self::Nothing => "nothing",
            Self::Incomplete => "incomplete",
            Self::Gone => "gone",
        }
    }
}
