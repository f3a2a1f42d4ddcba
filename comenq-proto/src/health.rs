//! Health and metrics: the daemon for programs that watch it.
//!
//! Decides what a probe learns, cheaply enough for one each second, and the
//! stable codes of what can be wrong.

use serde::{Deserialize, Serialize};

use crate::{cbor, job::JobState, limits::MAX_ENTRIES, text::text_enum};

/// Is all well?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {}

/// How well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReply {
    /// Nothing is degraded.
    pub healthy: bool,
    /// What is wrong; empty when all is well.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub degraded: Vec<Degraded>,
    /// The store.
    pub store: StoreHealth,
    /// The parts of the daemon that are watched.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub parts: Vec<PartHealth>,
    /// One per account.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub lanes: Vec<LaneHealth>,
    /// GitHub told this process the time.
    pub clock_confirmed: bool,
    /// The oldest job that is not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<OldestJob>,
    /// Connections that are open now.
    pub connections: u64,
    /// Those of them that carry events.
    pub subscribers: u64,
    /// How long the daemon has been running.
    pub uptime_ms: u64,
    /// The host's wall clock minus GitHub's; absent until GitHub told this process the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
}

text_enum! {
    /// What can be wrong. The texts never change.
    DegradedCode {
        /// The store cannot be opened, read or written.
        StoreUnavailable = "store_unavailable",
        /// The store does not answer in time.
        StoreStalled = "store_stalled",
        /// The disk is nearly full: no job is taken.
        LowSpace = "low_space",
        /// A part of the daemon does not answer.
        PartStalled = "part_stalled",
        /// The newest configuration was not taken.
        ConfigRefused = "config_refused",
        /// A part of the configuration waits for a restart.
        RestartNeeded = "restart_needed",
        /// Jobs wait for an account that is not in the configuration.
        JobsStranded = "jobs_stranded",
        /// An account has no token.
        NoToken = "no_token",
        /// An account waits until somebody acts.
        AccountBlocked = "account_blocked",
        /// GitHub limits an account.
        AccountLimited = "account_limited",
        /// An account cannot reach GitHub.
        AccountOffline = "account_offline",
        /// An administrator lets an account post nothing.
        Paused = "paused",
        /// An administrator lets no jobs be taken.
        Draining = "draining",
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Degraded {
    /// What kind; programs should look at this alone.
    pub code: DegradedCode,
    /// The account it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What, why and what to do, for people.
    pub message: String,
}

/// How the store is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreHealth {
    /// Jobs can be stored and read.
    pub writable: bool,
    /// Groups committed since the start.
    pub commits: u64,
    /// Half of the last 1024 groups took at most this long, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_p50_us: Option<u64>,
    /// 99 of 100 of them took at most this long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_p99_us: Option<u64>,
    /// What is free on its file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// What its own files occupy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
}

/// A part of the daemon that must answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartHealth {
    /// `accept`, `commit` or `worker`; a newer daemon may have more.
    pub part: String,
    /// The account it works for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// It answered a tick in time, or is inside a deadline it declared.
    pub alive: bool,
}

/// What an account's worker waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneHealth {
    /// The account.
    pub account: String,
    /// As in `status`.
    pub phase: String,
    /// Why it waits, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the next post may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_post_at_ms: Option<i64>,
}

/// The unfinished job with the lowest number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldestJob {
    /// Its number.
    pub id: u64,
    /// Its state: it may be held, or wait for a time somebody chose.
    pub state: JobState,
    /// How long ago it was submitted, by the daemon's wall clock.
    pub age_ms: u64,
}

/// Everything countable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {}

/// As text that monitoring reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsReply {
    /// `OpenMetrics` 1.0, with its `# EOF`.
    pub text: String,
}
