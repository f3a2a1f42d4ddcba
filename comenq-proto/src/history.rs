//! What happened to a job: the entries of its attempt log, and why it failed.
//!
//! Decides the words for outcomes and failures that programs branch on; the
//! words for people stand in `detail` and in the job's `last_error`. The daemon
//! tells these, the client prints them.

use serde::{Deserialize, Serialize};

use crate::text::text_enum;

text_enum! {
    /// Why a job failed.
    FailureCode {
        /// GitHub knows no such issue, or shows it not to this account.
        NotFound = "not_found",
        /// The issue was deleted, or the repository has issues turned off.
        Gone = "gone",
        /// The conversation is locked.
        Locked = "locked",
        /// The repository is archived.
        Archived = "archived",
        /// The account's credential may not write there.
        NoPermission = "no_permission",
        /// The account is blocked there.
        NotWelcome = "not_welcome",
        /// GitHub does not take this comment.
        Rejected = "rejected",
        /// GitHub refused several times and did not say why.
        Denied = "denied",
        /// The target has moved to where it may not be posted.
        Moved = "moved",
        /// Whether the comment exists could not be found out.
        OutcomeUnknown = "outcome_unknown",
        /// As many attempts were made as are allowed.
        TooManyAttempts = "too_many_attempts",
        /// Its first attempt is longer ago than is allowed.
        TooOld = "too_old",
        /// Its stored text is damaged.
        Damaged = "damaged",
    }
}

text_enum! {
    /// What an entry of the attempt log tells of.
    LogKind {
        /// The comment was sent, or was to be.
        Attempt = "attempt",
        /// GitHub was asked whether the comment exists.
        Look = "look",
    }
}

/// One attempt to post a job, or one look whether its comment exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When it ended.
    pub at_ms: i64,
    /// Which of the two it was.
    pub kind: LogKind,
    /// Which one of its kind, from 1.
    pub number: u32,
    /// Of an attempt `posted`, `not_sent`, `unknown`, `refused`, `moved`,
    /// `limited`, `denied`, `blocked`, `offline`, `owner_blocked` or
    /// `precondition`; of a look `found`, `ambiguous`, `nothing`, `incomplete`
    /// or `gone`; a newer daemon may know more. Plain text, because here
    /// `unknown` is an outcome and not a word that the reader lacks.
    pub outcome: String,
    /// The status of GitHub's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// GitHub's `x-github-request-id`, for asking its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github_request_id: Option<String>,
    /// How long to wait was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// What was said or found, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_kinds_keep_their_text() {
        for failure in FailureCode::ALL {
            assert_eq!(FailureCode::from_text(failure.as_str()), *failure);
        }
        for kind in LogKind::ALL {
            assert_eq!(LogKind::from_text(kind.as_str()), *kind);
        }
        assert_eq!(FailureCode::from_text("eclipse"), FailureCode::Unknown);
    }
}
