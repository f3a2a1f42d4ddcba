//! A job as clients see it, and the small types that name one.
//!
//! The record on disk is a type of its own in the daemon's store: what is here
//! may change with the protocol without touching a stored queue.

use std::{fmt, num::NonZeroU64, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::{NoContext, Timestamp, Uuid};

use crate::{body::Hidden, cbor, history::FailureCode, limits::MAX_KEY_BYTES, text::text_enum};

/// Why a text or number is no job id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no job id; a job id is a whole number from 1, as `comenq list` shows it")]
pub struct JobIdError {
    given: String,
}

/// The number of a job: from 1, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(NonZeroU64);

impl JobId {
    /// The id of a number.
    ///
    /// # Errors
    /// The number is zero.
    pub fn new(id: u64) -> Result<Self, JobIdError> {
        NonZeroU64::new(id).map(Self).ok_or_else(|| JobIdError {
            given: id.to_string(),
        })
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.get())
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = JobIdError;

    /// Takes `7` and, as printed for people, `#7`.
    fn from_str(text: &str) -> Result<Self, JobIdError> {
        let wrong = || JobIdError {
            given: text.chars().take(40).collect(),
        };
        let digits = text.strip_prefix('#').unwrap_or(text);
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        digits.parse().map(Self).map_err(|_| wrong())
    }
}

/// Why a text is no submit key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitKeyError {
    /// No characters.
    #[error("key is empty; a key has 1 to {MAX_KEY_BYTES} printable ASCII characters")]
    Empty,
    /// Too many.
    #[error("key has {bytes} bytes; a key has 1 to {MAX_KEY_BYTES}")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// A space, a control character or one outside ASCII.
    #[error(
        "key has {character:?} at position {position}; \
         only printable ASCII characters without spaces are possible"
    )]
    BadCharacter {
        /// Which character.
        character: char,
        /// Where, counted from 1.
        position: usize,
    },
}

/// What makes a submission repeatable: the daemon gives the same key and the
/// same content the same job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmitKey(String);

impl SubmitKey {
    /// Checks a text.
    ///
    /// # Errors
    /// It is empty, too long or has other than printable ASCII characters.
    pub fn parse(text: impl Into<String>) -> Result<Self, SubmitKeyError> {
        let text = text.into();
        if text.is_empty() {
            return Err(SubmitKeyError::Empty);
        }
        if text.len() > MAX_KEY_BYTES {
            return Err(SubmitKeyError::TooLong { bytes: text.len() });
        }
        match text
            .chars()
            .enumerate()
            .find(|(_, c)| !c.is_ascii_graphic())
        {
            Some((at, character)) => Err(SubmitKeyError::BadCharacter {
                character,
                position: at + 1,
            }),
            None => Ok(Self(text)),
        }
    }

    /// A key nobody else has: a UUID of version 7, which is random behind the time it begins with.
    /// So the keys of one user lie in the store in the order in which they were made, and looking
    /// one up costs no more however many there are. `unix_ms` need not be exact.
    #[must_use]
    pub fn unique(unix_ms: i64) -> Self {
        let unix_ms = u64::try_from(unix_ms).unwrap_or(0);
        let nanos = u32::try_from(unix_ms % 1000 * 1_000_000).unwrap_or(0);
        let time = Timestamp::from_unix(NoContext, unix_ms / 1000, nanos);
        Self(Uuid::new_v7(time).to_string())
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubmitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for SubmitKey {
    type Err = SubmitKeyError;

    fn from_str(text: &str) -> Result<Self, SubmitKeyError> {
        Self::parse(text)
    }
}

text_enum! {
    /// Where a job stands.
    JobState {
        /// Waits for its turn.
        Queued = "queued",
        /// Is being sent to GitHub now.
        Posting = "posting",
        /// Its comment exists.
        Posted = "posted",
        /// Was sent, and whether the comment exists is being looked up.
        Uncertain = "uncertain",
        /// Given up; the reason is in `last_error`.
        Failed = "failed",
        /// Waits until somebody releases it.
        Held = "held",
        /// Cancelled before it was posted.
        Cancelled = "cancelled",
        /// Its time to be posted has passed.
        Expired = "expired",
    }
}

impl JobState {
    /// Whether nothing more happens to such a job by itself.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(
            self,
            Self::Posted | Self::Failed | Self::Cancelled | Self::Expired
        )
    }
}

/// A job as the daemon tells it. Times are milliseconds since 1970 (UTC).
///
/// Small, for a page of hundreds may come in few bytes: hence `Box<str>` where
/// a text is seldom there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// Where it stands.
    pub state: JobState,
    /// The owner of the repository.
    pub owner: String,
    /// The repository.
    pub repo: String,
    /// The issue or pull request.
    pub number: u64,
    /// The comment; absent when the reader may not see it or did not ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The account that posts it.
    pub account: String,
    /// The user who submitted it.
    pub uid: u32,
    /// Higher goes first among one user's jobs.
    pub priority: i8,
    /// When it was submitted.
    pub created_at_ms: i64,
    /// Not posted before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_ms: Option<i64>,
    /// How many attempts to post it were made.
    pub attempts: u32,
    /// When the next attempt may be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at_ms: Option<i64>,
    /// When it was finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at_ms: Option<i64>,
    /// GitHub's number of the comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment_id: Option<u64>,
    /// Where the comment is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment_url: Option<Box<str>>,
    /// Why the last attempt did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Somebody asked to cancel it while its outcome was open.
    pub cancel_requested: bool,
    /// Never posted after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
    /// A newer job with the same one and the same target supersedes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_key: Option<Box<str>>,
    /// Posted only while the issue is open.
    #[serde(default, skip_serializing_if = "cbor::is_default")]
    pub if_open: bool,
    /// The job that superseded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<JobId>,
    /// `owner/repo#123`, where GitHub says its target has moved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<Box<str>>,
    /// Why it failed, for programs; `last_error` says it in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureCode>,
    /// When GitHub is next asked whether its comment exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_look_at_ms: Option<i64>,
    /// Its comment may exist, though that was never found out.
    #[serde(default, skip_serializing_if = "cbor::is_default")]
    pub may_have_been_posted: bool,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("owner", &self.owner)
            .field("repo", &self.repo)
            .field("number", &self.number)
            .field("body", &self.body.as_ref().map(|body| Hidden(body.len())))
            .field("account", &self.account)
            .field("uid", &self.uid)
            .field("priority", &self.priority)
            .field("created_at_ms", &self.created_at_ms)
            .field("not_before_ms", &self.not_before_ms)
            .field("attempts", &self.attempts)
            .field("next_attempt_at_ms", &self.next_attempt_at_ms)
            .field("finished_at_ms", &self.finished_at_ms)
            .field("comment_id", &self.comment_id)
            .field("comment_url", &self.comment_url)
            .field("last_error", &self.last_error)
            .field("cancel_requested", &self.cancel_requested)
            .field("expires_at_ms", &self.expires_at_ms)
            .field("replace_key", &self.replace_key)
            .field("if_open", &self.if_open)
            .field("superseded_by", &self.superseded_by)
            .field("moved_to", &self.moved_to)
            .field("failure", &self.failure)
            .field("next_look_at_ms", &self.next_look_at_ms)
            .field("may_have_been_posted", &self.may_have_been_posted)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_whole_numbers_from_one() {
        assert_eq!("7".parse::<JobId>().unwrap().get(), 7);
        assert_eq!("#7".parse::<JobId>().unwrap().to_string(), "7");
        assert!(JobId::new(0).is_err());
        for wrong in ["", "#", "0", "-1", "+1", "1.5", "x", "18446744073709551616"] {
            assert!(wrong.parse::<JobId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_are_printable_ascii() {
        assert_eq!(SubmitKey::parse("ci-7/!~").unwrap().as_str(), "ci-7/!~");
        assert_eq!(SubmitKey::parse(""), Err(SubmitKeyError::Empty));
        assert!(SubmitKey::parse("k".repeat(MAX_KEY_BYTES)).is_ok());
        assert!(matches!(
            SubmitKey::parse("k".repeat(MAX_KEY_BYTES + 1)),
            Err(SubmitKeyError::TooLong { bytes: 129 })
        ));
        for (wrong, at) in [("a b", 2), ("aä", 2), ("\tk", 1), ("k\u{7f}", 2)] {
            let error = SubmitKey::parse(wrong).unwrap_err();
            assert!(
                matches!(error, SubmitKeyError::BadCharacter { position, .. } if position == at),
                "{error}"
            );
        }
    }

    #[test]
    fn unique_keys_differ_are_valid_and_lie_in_the_order_of_time() {
        let now = 1_795_176_000_000;
        let (one, two) = (SubmitKey::unique(now), SubmitKey::unique(now));
        assert_ne!(one, two);
        assert_eq!(SubmitKey::parse(one.as_str()).unwrap(), one);
        assert!(one.as_str() < SubmitKey::unique(now + 1).as_str());
        assert!(SubmitKey::unique(-1).as_str() < one.as_str());
    }

    #[test]
    fn states_keep_their_text() {
        for state in JobState::ALL {
            assert_eq!(JobState::from_text(state.as_str()), *state);
        }
        assert_eq!(JobState::from_text("paused"), JobState::Unknown);
        assert!(!JobState::Unknown.is_finished());
        assert!(!JobState::Uncertain.is_finished());
        assert!(JobState::Failed.is_finished());
    }
}
