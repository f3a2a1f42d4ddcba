//! The forecast: which jobs go next, and when.
//!
//! Decides what is told of whose turn it is. How turns are found is the daemon's matter; of others'
//! jobs it tells what a list does, and never a body.

use serde::{Deserialize, Serialize};

use crate::{
    cbor,
    limits::{MAX_ENTRIES, MAX_FORECAST_LEN},
};

/// Which jobs go next?
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Of this account alone; absent: of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Most posts for each account, up to [`MAX_FORECAST`](crate::MAX_FORECAST); absent means
    /// [`DEFAULT_FORECAST`](crate::DEFAULT_FORECAST). The daemon may tell fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// These.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastReply {
    /// One per account.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub lanes: Vec<LaneForecast>,
}

/// What one account posts next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneForecast {
    /// The account.
    pub account: String,
    /// As in `status`.
    pub phase: String,
    /// Why it waits, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The pause between two posts.
    pub cooldown_ms: u64,
    /// When the next post may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_post_at_ms: Option<i64>,
    /// Its jobs that are `queued`, in line or not.
    pub queued: u64,
    /// The next posts, in their order.
    #[serde(
        default,
        deserialize_with = "cbor::list::<_, _, MAX_FORECAST_LEN>",
        skip_serializing_if = "cbor::is_default"
    )]
    pub posts: Vec<ForecastPost>,
}

/// One post to come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastPost {
    /// The job.
    pub job_id: u64,
    /// The user who submitted it.
    pub uid: u32,
    /// `owner/repo#123`.
    pub target: String,
    /// When it will probably be posted; absent where nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_at_ms: Option<i64>,
}
