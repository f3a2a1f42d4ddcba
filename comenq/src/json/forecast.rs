//! The JSON of `list --timeline`.

use comenq_proto::{ForecastPost, ForecastReply, LaneForecast};
use serde::Serialize;

use crate::times::rfc3339;

/// `list --timeline`.
#[derive(Serialize)]
pub(crate) struct ForecastDocument<'a> {
    timeline: Vec<LaneJson<'a>>,
}

#[derive(Serialize)]
struct LaneJson<'a> {
    account: &'a str,
    phase: &'a str,
    reason: Option<&'a str>,
    cooldown_ms: u64,
    next_post_at: Option<String>,
    queued: u64,
    posts: Vec<PostJson<'a>>,
}

#[derive(Serialize)]
struct PostJson<'a> {
    job_id: u64,
    uid: u32,
    target: &'a str,
    expected_at: Option<String>,
}

impl<'a> From<&'a ForecastReply> for ForecastDocument<'a> {
    fn from(reply: &'a ForecastReply) -> Self {
        Self {
            timeline: reply.lanes.iter().map(LaneJson::from).collect(),
        }
    }
}

impl<'a> From<&'a LaneForecast> for LaneJson<'a> {
    fn from(lane: &'a LaneForecast) -> Self {
        Self {
            account: &lane.account,
            phase: &lane.phase,
            reason: lane.reason.as_deref(),
            cooldown_ms: lane.cooldown_ms,
            next_post_at: lane.next_post_at_ms.and_then(rfc3339),
            queued: lane.queued,
            posts: lane.posts.iter().map(PostJson::from).collect(),
        }
    }
}

impl<'a> From<&'a ForecastPost> for PostJson<'a> {
    fn from(post: &'a ForecastPost) -> Self {
        Self {
            job_id: post.job_id,
            uid: post.uid,
            target: &post.target,
            expected_at: post.expected_at_ms.and_then(rfc3339),
        }
    }
}
