//! The daemon as a whole: how it is, its accounts, and its store as a backup.
//!
//! Decides what is told of it and what an administrator can ask of it.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    admin::{Halt, QueueStatus},
    body::Hidden,
    cbor,
    limits::{MAX_ENTRIES, MAX_PAGE_LEN},
};

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {}

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReply {
    /// Its version.
    pub daemon_version: String,
    /// When it started.
    pub started_at_ms: i64,
    /// Whether the queue can be read and written.
    pub store: StoreStatus,
    /// Jobs per state, by the state's text.
    #[serde(default, deserialize_with = "cbor::counts")]
    pub counts: BTreeMap<String, u64>,
    /// One per account.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub lanes: Vec<LaneStatus>,
    /// What does not work, in words; empty when all is well.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub degraded: Vec<String>,
    /// What the asking user uses of what they may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnUsage>,
    /// Which configuration is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigStatus>,
    /// What an administrator has stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueStatus>,
}

/// What a user uses of what they may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnUsage {
    /// Their unfinished jobs.
    pub queued_jobs: u64,
    /// How many those may be.
    pub max_queued_jobs: u64,
    /// The bytes of the comments of those.
    pub queued_bytes: u64,
    /// How many those may be.
    pub max_queued_bytes: u64,
    /// Their submissions of the last minute.
    pub submits_last_minute: u32,
    /// How many those may be.
    pub max_submits_per_minute: u32,
    /// Their comments posted within a day.
    pub posts_last_day: u64,
    /// How many those may be; absent when there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_posts_per_day: Option<u64>,
    /// The accounts they may post with.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub accounts: Vec<String>,
}

/// Which configuration is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigStatus {
    /// When the one in force was read.
    pub loaded_at_ms: i64,
    /// Why a newer one was not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Whether the queue can be read and written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStatus {
    /// It can.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is free on its file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// What its own files occupy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// Too little is free: jobs are posted, but no more are taken.
    #[serde(default, skip_serializing_if = "cbor::is_default")]
    pub low_space: bool,
}

/// One account and its pace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// The account's name.
    pub account: String,
    /// The host it posts to.
    pub host: String,
    /// Its login there, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Where its token came from; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_source: Option<String>,
    /// The pause between two posts.
    pub cooldown_ms: u64,
    /// `idle`, `waiting_for_pace`, `posting`, `looking`, `limited`, `blocked`,
    /// `offline`, `no_token` or `paused`; a newer daemon may know more.
    pub phase: String,
    /// Why it waits, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the next post may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_post_at_ms: Option<i64>,
    /// How much longer than `cooldown_ms` a pause may be, at random.
    #[serde(
        default,
        deserialize_with = "cbor::null_is_default",
        skip_serializing_if = "cbor::is_default"
    )]
    pub jitter_ms: u64,
    /// The command that mends it, for an administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What GitHub warns of, such as a token that expires soon.
    #[serde(
        default,
        deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>",
        skip_serializing_if = "cbor::is_default"
    )]
    pub warnings: Vec<String>,
    /// The owners that bar the account; only their jobs wait.
    #[serde(
        default,
        deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>",
        skip_serializing_if = "cbor::is_default"
    )]
    pub owners: Vec<OwnerStatus>,
    /// An administrator has paused it; boxed, for few are and many lanes fit in a frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Box<Halt>>,
    /// When its token expires, once GitHub has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expires_at_ms: Option<i64>,
}

/// An owner of repositories that bars an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerStatus {
    /// The owner.
    pub owner: String,
    /// Why, in words.
    pub reason: String,
    /// Where somebody can change that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When the account next tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try_at_ms: Option<i64>,
}

/// Are you there?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {}

/// Yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {}

/// Let this account try again: it was blocked, barred or paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountResume {
    /// Its name.
    pub account: String,
}

/// It tries again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountResumeReply {
    /// What the user should know.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub notes: Vec<String>,
}

/// Everything in the store, in pages: a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreExport {
    /// Where the page before ended; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One page.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreExportReply {
    /// JSON objects, each one line of the backup, without its line end.
    #[serde(deserialize_with = "cbor::list::<_, _, MAX_PAGE_LEN>")]
    pub lines: Vec<String>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl fmt::Debug for StoreExportReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The lines hold comments.
        let lines = self.lines.iter().map(|line| Hidden(line.len()));
        f.debug_struct("StoreExportReply")
            .field("lines", &lines.collect::<Vec<_>>())
            .field("next_cursor", &self.next_cursor)
            .finish()
    }
}
