//! The JSON that `--json` prints: its shapes, apart from the wire's.
//!
//! Decides field names and that every field is always there, `null` when it has
//! no value, so that a script need not guess. `schema` rises only when a script
//! would misread; new fields may come at any time.

mod check;
mod doctor;
mod event;
mod forecast;
mod health;
mod list;
mod status;

use comenq_proto::{
    FailureCode, Job, JobChangeReply, JobId, JobPurgeReply, JobState, JobSubmitReply, LogEntry,
    LogKind,
};
use serde::Serialize;

pub(crate) use self::{
    check::{CheckJson, CheckedJson},
    doctor::DoctorDocument,
    event::EventDocument,
    forecast::ForecastDocument,
    health::HealthDocument,
    list::JsonList,
    status::StatusDocument,
};
use crate::{failure::Failure, times::rfc3339};

/// The version of all shapes here; the contract is `schema.json` beside this crate's
/// manifest.
pub(crate) const SCHEMA: u8 = 1;

/// What every object says first.
#[derive(Serialize)]
pub(crate) struct Document<T> {
    schema: u8,
    #[serde(flatten)]
    content: T,
}

impl<T> Document<T> {
    pub(crate) const fn new(content: T) -> Self {
        Self {
            schema: SCHEMA,
            content,
        }
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
    expires_at: Option<String>,
    replace_key: Option<&'a str>,
    if_open: bool,
    superseded_by: Option<u64>,
    moved_to: Option<&'a str>,
    failure: Option<FailureCode>,
    next_look_at: Option<String>,
    may_have_been_posted: bool,
}

impl JobJson<'_> {
    /// The same job when something else than the job says so, too.
    pub(crate) const fn may_have_been_posted(mut self, may: bool) -> Self {
        self.may_have_been_posted |= may;
        self
    }
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
            expires_at: job.expires_at_ms.and_then(rfc3339),
            replace_key: job.replace_key.as_deref(),
            if_open: job.if_open,
            superseded_by: job.superseded_by.map(JobId::get),
            moved_to: job.moved_to.as_deref(),
            failure: job.failure,
            next_look_at: job.next_look_at_ms.and_then(rfc3339),
            may_have_been_posted: job.may_have_been_posted,
        }
    }
}

/// `post`, and one line of a batch.
#[derive(Serialize)]
pub(crate) struct PostJson<'a> {
    job: JobJson<'a>,
    key: &'a str,
    duplicate: bool,
    position: Option<u64>,
    expected_at: Option<String>,
    notes: &'a [String],
    same_text_as: Option<u64>,
    superseded: &'a [u64],
}

impl<'a> PostJson<'a> {
    pub(crate) fn new(reply: &'a JobSubmitReply, key: &'a str) -> Self {
        Self {
            job: (&reply.job).into(),
            key,
            duplicate: reply.duplicate,
            position: reply.position,
            expected_at: reply.expected_at_ms.and_then(rfc3339),
            notes: &reply.notes,
            same_text_as: reply.same_text_as,
            superseded: &reply.superseded,
        }
    }
}

/// `post --batch`.
#[derive(Serialize)]
pub(crate) struct BatchJson<'a> {
    pub(crate) jobs: Vec<PostJson<'a>>,
    pub(crate) key: &'a str,
    pub(crate) notes: &'a [String],
}

/// `show`.
#[derive(Serialize)]
pub(crate) struct ShowJson<'a> {
    pub(crate) job: JobJson<'a>,
    pub(crate) waiting_for: Option<&'a str>,
    pub(crate) position: Option<u64>,
    pub(crate) expected_at: Option<String>,
    pub(crate) attempt_log: Vec<LogEntryJson<'a>>,
}

#[derive(Serialize)]
pub(crate) struct LogEntryJson<'a> {
    at: Option<String>,
    kind: LogKind,
    number: u32,
    outcome: &'a str,
    status: Option<u16>,
    github_request_id: Option<&'a str>,
    wait_ms: Option<u64>,
    detail: Option<&'a str>,
}

impl<'a> From<&'a LogEntry> for LogEntryJson<'a> {
    fn from(entry: &'a LogEntry) -> Self {
        Self {
            at: rfc3339(entry.at_ms),
            kind: entry.kind,
            number: entry.number,
            outcome: &entry.outcome,
            status: entry.status,
            github_request_id: entry.github_request_id.as_deref(),
            wait_ms: entry.wait_ms,
            detail: entry.detail.as_deref(),
        }
    }
}

/// `cancel` and `wait`.
#[derive(Serialize)]
pub(crate) struct JobsJson<'a> {
    pub(crate) jobs: Vec<JobJson<'a>>,
}

/// `post --wait`.
#[derive(Serialize)]
pub(crate) struct OneJobJson<'a> {
    pub(crate) job: JobJson<'a>,
}

/// `hold`, `release`, `bump`, and `retry` of numbers.
#[derive(Serialize)]
pub(crate) struct ChangesJson<'a> {
    pub(crate) jobs: Vec<ChangeJson<'a>>,
}

/// `edit`, and one job of several.
#[derive(Serialize)]
pub(crate) struct ChangeJson<'a> {
    job: JobJson<'a>,
    notes: &'a [String],
}

impl<'a> From<&'a JobChangeReply> for ChangeJson<'a> {
    fn from(reply: &'a JobChangeReply) -> Self {
        Self {
            job: (&reply.job).into(),
            notes: &reply.notes,
        }
    }
}

/// `retry --reason`.
#[derive(Serialize)]
pub(crate) struct RetriedJson<'a> {
    pub(crate) reason: &'a str,
    pub(crate) retried: &'a [u64],
}

/// `resume` and `pause` of an account.
#[derive(Serialize)]
pub(crate) struct ResumeJson<'a> {
    pub(crate) account: &'a str,
    pub(crate) notes: &'a [String],
}

/// `metrics`.
#[derive(Serialize)]
pub(crate) struct MetricsJson<'a> {
    pub(crate) metrics: &'a str,
}

/// `resume` without an account, `pause` without one, `drain`.
#[derive(Serialize)]
pub(crate) struct NotesJson<'a> {
    pub(crate) notes: &'a [String],
}

/// `purge`.
#[derive(Serialize)]
pub(crate) struct PurgeJson<'a> {
    pub(crate) purged: Vec<PurgedJson<'a>>,
}

#[derive(Serialize)]
pub(crate) struct PurgedJson<'a> {
    id: u64,
    notes: &'a [String],
}

impl<'a> From<&'a JobPurgeReply> for PurgedJson<'a> {
    fn from(reply: &'a JobPurgeReply) -> Self {
        Self {
            id: reply.id,
            notes: &reply.notes,
        }
    }
}

/// `ping`.
#[derive(Serialize)]
pub(crate) struct PingJson<'a> {
    pub(crate) daemon_version: &'a str,
    pub(crate) protocol_version: u16,
    pub(crate) role: &'static str,
}

/// Something beside an answer, on standard error.
#[derive(Serialize)]
pub(crate) struct NoteJson<'a> {
    pub(crate) note: &'a str,
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
    retry_after_s: Option<u64>,
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
                retry_after_s: failure.retry_after_s,
                key: failure.key.as_ref().map(comenq_proto::SubmitKey::as_str),
            },
        }
    }
}
