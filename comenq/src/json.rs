//! The JSON that `--json` prints: its shapes, apart from the wire's.
//!
//! Decides field names and that every field is always there, `null` when it has
//! no value, so that a script need not guess. `schema` rises only when a script
//! would misread; new fields may come at any time.

use std::collections::BTreeMap;

use comenq_proto::{Job, JobState, LaneStatus, StatusReply};
use serde::Serialize;

use crate::{failure::Failure, times::rfc3339};

/// What every object says first.
#[derive(Serialize)]
pub(crate) struct Document<T> {
    schema: u8,
    #[serde(flatten)]
    content: T,
}

impl<T> Document<T> {
    pub(crate) const fn new(content: T) -> Self {
        Self { schema: 1, content }
    }
}

#[derive(Serialize)]
pub(crate) struct JobJson<'a> {
    id: u64,
    state: JobState,
    owner: &'a str,
    repo: &'a str,
    number: u64,
    body: Option<&'a str>,
    account: &'a str,
    uid: u32,
    priority: i8,
    created_at: Option<String>,
    not_before: Option<String>,
    attempts: u32,
    next_attempt_at: Option<String>,
    finished_at: Option<String>,
    comment_id: Option<u64>,
    comment_url: Option<&'a str>,
    last_error: Option<&'a str>,
    cancel_requested: bool,
}

impl<'a> From<&'a Job> for JobJson<'a> {
    fn from(job: &'a Job) -> Self {
        Self {
            id: job.id,
            state: job.state,
            owner: &job.owner,
            repo: &job.repo,
            number: job.number,
            body: job.body.as_deref(),
            account: &job.account,
            uid: job.uid,
            priority: job.priority,
            created_at: rfc3339(job.created_at_ms),
            not_before: job.not_before_ms.and_then(rfc3339),
            attempts: job.attempts,
            next_attempt_at: job.next_attempt_at_ms.and_then(rfc3339),
            finished_at: job.finished_at_ms.and_then(rfc3339),
            comment_id: job.comment_id,
            comment_url: job.comment_url.as_deref(),
            last_error: job.last_error.as_deref(),
            cancel_requested: job.cancel_requested,
        }
    }
}

/// `post`.
#[derive(Serialize)]
pub(crate) struct PostJson<'a> {
    pub(crate) job: JobJson<'a>,
    pub(crate) key: &'a str,
    pub(crate) duplicate: bool,
    pub(crate) position: Option<u64>,
    pub(crate) expected_at: Option<String>,
    pub(crate) notes: &'a [String],
}

/// `show`.
#[derive(Serialize)]
pub(crate) struct ShowJson<'a> {
    pub(crate) job: JobJson<'a>,
    pub(crate) waiting_for: Option<&'a str>,
}

/// `list`.
#[derive(Serialize)]
pub(crate) struct ListJson<'a> {
    pub(crate) jobs: Vec<JobJson<'a>>,
    pub(crate) next_cursor: Option<&'a str>,
}

/// `cancel`.
#[derive(Serialize)]
pub(crate) struct CancelJson<'a> {
    pub(crate) jobs: Vec<CancelledJson<'a>>,
}

/// One job of `cancel`.
#[derive(Serialize)]
pub(crate) struct CancelledJson<'a> {
    #[serde(flatten)]
    pub(crate) job: JobJson<'a>,
    pub(crate) may_have_been_posted: bool,
}

/// `ping`.
#[derive(Serialize)]
pub(crate) struct PingJson<'a> {
    pub(crate) daemon_version: &'a str,
    pub(crate) protocol_version: u16,
    pub(crate) role: &'static str,
}

/// `status`.
#[derive(Serialize)]
pub(crate) struct StatusDocument<'a> {
    status: StatusJson<'a>,
}

#[derive(Serialize)]
struct StatusJson<'a> {
    daemon_version: &'a str,
    started_at: Option<String>,
    store: StoreJson<'a>,
    counts: &'a BTreeMap<String, u64>,
    lanes: Vec<LaneJson<'a>>,
    degraded: &'a [String],
}

#[derive(Serialize)]
struct StoreJson<'a> {
    ok: bool,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct LaneJson<'a> {
    account: &'a str,
    host: &'a str,
    login: Option<&'a str>,
    token_source: Option<&'a str>,
    cooldown_ms: u64,
    phase: &'a str,
    reason: Option<&'a str>,
    next_post_at: Option<String>,
}

impl<'a> From<&'a StatusReply> for StatusDocument<'a> {
    fn from(reply: &'a StatusReply) -> Self {
        Self {
            status: StatusJson {
                daemon_version: &reply.daemon_version,
                started_at: rfc3339(reply.started_at_ms),
                store: StoreJson {
                    ok: reply.store.ok,
                    reason: reply.store.reason.as_deref(),
                },
                counts: &reply.counts,
                lanes: reply.lanes.iter().map(LaneJson::from).collect(),
                degraded: &reply.degraded,
            },
        }
    }
}

impl<'a> From<&'a LaneStatus> for LaneJson<'a> {
    fn from(lane: &'a LaneStatus) -> Self {
        Self {
            account: &lane.account,
            host: &lane.host,
            login: lane.login.as_deref(),
            token_source: lane.token_source.as_deref(),
            cooldown_ms: lane.cooldown_ms,
            phase: &lane.phase,
            reason: lane.reason.as_deref(),
            next_post_at: lane.next_post_at_ms.and_then(rfc3339),
        }
    }
}

/// Any error, on standard error.
#[derive(Serialize)]
pub(crate) struct ErrorDocument<'a> {
    error: ErrorJson<'a>,
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    code: &'a str,
    message: &'a str,
    detail: Option<&'a str>,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

impl<'a> From<&'a Failure> for ErrorDocument<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            error: ErrorJson {
                code: failure.code,
                message: &failure.message,
                detail: failure.detail.as_deref(),
                retryable: failure.retryable,
                key: failure.key.as_ref().map(comenq_proto::SubmitKey::as_str),
            },
        }
    }
}
