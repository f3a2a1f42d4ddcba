//! The record of a job, and what is logged of its attempts.
//!
//! Decides which of a job's fields are on disk and under which names.

use comenq_proto::{IssueNumber, JobId, Owner, Repo, Target};
use serde::{Deserialize, Serialize};

use super::super::StoreError;
use super::super::transition::State;
use super::{Failure, clip, decode, encode};
use crate::clock::{Mark, UnixMs};

/// The first bytes of a body: most bodies whole. Its `Debug` hides the text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct BodyHead(#[serde(with = "serde_bytes")] pub(in crate::store) Vec<u8>);

impl std::fmt::Debug for BodyHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// A job as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The job's number.
    pub id: JobId,
    /// Where it stands.
    pub state: State,
    /// Who submitted it.
    pub uid: u32,
    /// Which account posts it.
    pub account: String,
    /// Where it goes.
    pub target: Target,
    /// The first bytes of the body; the rest lies beside the record.
    pub(crate) body_head: BodyHead,
    /// Length of the whole body in bytes.
    pub body_bytes: u32,
    /// CRC-32 of the body.
    pub body_crc32: u32,
    /// The key it was submitted under: kept so that the key outlives the record.
    pub submit_key: Option<String>,
    /// Higher goes first among one user's jobs.
    pub priority: i8,
    /// Place among jobs of equal priority; the id unless it was bumped.
    pub order: i64,
    /// When it was accepted.
    pub created_at: UnixMs,
    /// Not to be posted before this time, which a person chose.
    pub not_before: Option<UnixMs>,
    /// It was given as this length of time; `None` once that is a date by GitHub's time.
    pub not_before_span_ms: Option<u64>,
    /// `not_before` has passed: the job has joined its line.
    pub due_passed: bool,
    /// When it was accepted, by the clocks that do not jump; spans count from here.
    pub accepted: Option<Mark>,
    /// When it is no longer wanted.
    pub expiry: Option<Expiry>,
    /// A newer job with the same key, user and target replaces it.
    pub replace_key: Option<String>,
    /// To be posted only while the issue is open.
    pub if_open: bool,
    /// Why it is held, if it is.
    pub hold: Option<Hold>,
    /// Attempts that count.
    pub attempts: u32,
    /// Those of them that were made before it was revived: they count toward no bound.
    pub attempts_forgiven: u32,
    /// When the first attempt that counts was made: its age counts from here.
    pub first_attempt: Option<Mark>,
    /// The API's host that the last attempt went to.
    pub host: Option<String>,
    /// Where GitHub says that its target has moved.
    pub moved_to: Option<Target>,
    /// How often GitHub forbade it for a reason that we do not know.
    pub denied: u32,
    /// An administrator wants it posted without waiting for the cooldown; its place among those.
    pub now: Option<u64>,
    /// Deferred until then.
    pub next_attempt_at: Option<UnixMs>,
    /// When it reached a final state.
    pub finished_at: Option<UnixMs>,
    /// GitHub's id of the comment.
    pub comment_id: Option<u64>,
    /// The comment's address.
    pub comment_url: Option<String>,
    /// What went wrong last, for people.
    pub last_error: Option<String>,
    /// Why it is a dead letter.
    pub failure: Option<Failure>,
    /// The job that took its place.
    pub superseded_by: Option<JobId>,
    /// Entries that its log ever had.
    pub log_entries: u32,
    /// Cancelled while its outcome was unknown: never repost, still look.
    pub cancel_requested: bool,
    /// Attempts whose outcome was unknown when they ended, oldest first.
    pub unresolved: Vec<Attempt>,
    /// Complete looks since the last attempt that found nothing.
    pub empty_looks: u32,
    /// When the last complete look was, or when the attempt to look after ended.
    pub look_from: Option<Mark>,
    /// The sequence under which its next look stands in line.
    pub look_sequence: Option<u64>,
}

impl Job {
    /// Where it is posted: its target, or where that has moved.
    #[must_use]
    pub fn destination(&self) -> &Target {
        self.moved_to.as_ref().unwrap_or(&self.target)
    }

    /// An attempt may have reached GitHub of which nobody knows what it came to.
    #[must_use]
    pub fn may_have_been_posted(&self) -> bool {
        self.state != State::Posted
            && (!self.unresolved.is_empty() || self.hold == Some(Hold::Restored))
    }

    /// Attempts that count toward the most allowed.
    #[must_use]
    pub fn attempts_now(&self) -> u32 {
        self.attempts.saturating_sub(self.attempts_forgiven)
    }

    /// Something of this job is not known: whether it was posted, or as which comment. Its target
    /// waits, lest another job's look takes its comment for its own.
    #[must_use]
    pub fn is_unresolved(&self) -> bool {
        matches!(self.state, State::Posting | State::Uncertain) || self.look_sequence.is_some()
    }
}

/// One POST whose outcome is, or was, unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// GitHub's time when it was claimed.
    pub started_github: UnixMs,
    /// GitHub's numeric id of who posts.
    pub user_id: u64,
    /// When it ended; `None` while it runs.
    pub ended: Option<Mark>,
    /// It was sent with the invisible marker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub marker: bool,
}

/// Until when a job is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// The time: chosen by a person, or when it was accepted and `span_ms`.
    pub at_ms: UnixMs,
    /// How long after it was accepted; then `at_ms` is only as good as the clock was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span_ms: Option<u64>,
}

/// Why a job is held. The names are on disk: they are only ever added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Somebody wants it so.
    User,
    /// Its store came from elsewhere, where it may have been posted: we look before we post.
    Restored,
}

/// A target where it is not a job's own.
#[derive(Serialize, Deserialize)]
struct DiskTarget {
    owner: String,
    repo: String,
    number: u64,
}

impl From<&Target> for DiskTarget {
    fn from(target: &Target) -> Self {
        Self {
            owner: target.owner.as_str().to_owned(),
            repo: target.repo.as_str().to_owned(),
            number: target.number.get(),
        }
    }
}

impl DiskTarget {
    fn check(&self) -> Result<Target, String> {
        Ok(Target {
            owner: Owner::parse(&self.owner).map_err(|error| error.to_string())?,
            repo: Repo::parse(&self.repo).map_err(|error| error.to_string())?,
            number: IssueNumber::new(self.number).map_err(|error| error.to_string())?,
        })
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands a reference to what it may skip"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize)]
struct DiskJob {
    id: u64,
    state: State,
    uid: u32,
    account: String,
    owner: String,
    repo: String,
    number: u64,
    body_head: BodyHead,
    body_bytes: u32,
    body_crc32: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    submit_key: Option<String>,
    priority: i8,
    order: i64,
    created_at_ms: UnixMs,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before_ms: Option<UnixMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before_span_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    due_passed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accepted: Option<Mark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiry: Option<Expiry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replace_key: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    if_open: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    attempts: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    attempts_forgiven: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_attempt: Option<Mark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_to: Option<DiskTarget>,
    #[serde(default, skip_serializing_if = "is_zero")]
    denied: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    now: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_attempt_at_ms: Option<UnixMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finished_at_ms: Option<UnixMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment_id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    superseded_by: Option<u64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    log_entries: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cancel_requested: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unresolved: Vec<Attempt>,
    #[serde(default, skip_serializing_if = "is_zero")]
    empty_looks: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    look_from: Option<Mark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    look_sequence: Option<u64>,
}

/// Encodes a job for its key.
pub(in crate::store) fn encode_job(key: &[u8], job: &Job) -> Result<Vec<u8>, StoreError> {
    let disk = DiskJob {
        id: job.id.get(),
        state: job.state,
        uid: job.uid,
        account: job.account.clone(),
        owner: job.target.owner.as_str().to_owned(),
        repo: job.target.repo.as_str().to_owned(),
        number: job.target.number.get(),
        body_head: job.body_head.clone(),
        body_bytes: job.body_bytes,
        body_crc32: job.body_crc32,
        submit_key: job.submit_key.clone(),
        priority: job.priority,
        order: job.order,
        created_at_ms: job.created_at,
        not_before_ms: job.not_before,
        not_before_span_ms: job.not_before_span_ms,
        due_passed: job.due_passed,
        accepted: job.accepted,
        expiry: job.expiry,
        replace_key: job.replace_key.clone(),
        if_open: job.if_open,
        hold: job.hold,
        attempts: job.attempts,
        attempts_forgiven: job.attempts_forgiven,
        first_attempt: job.first_attempt,
        host: job.host.clone(),
        moved_to: job.moved_to.as_ref().map(DiskTarget::from),
        denied: job.denied,
        now: job.now,
        next_attempt_at_ms: job.next_attempt_at,
        finished_at_ms: job.finished_at,
        comment_id: job.comment_id,
        comment_url: job.comment_url.clone(),
        last_error: job.last_error.as_deref().map(clip),
        failure: job.failure,
        superseded_by: job.superseded_by.map(JobId::get),
        log_entries: job.log_entries,
        cancel_requested: job.cancel_requested,
        unresolved: job.unresolved.clone(),
        empty_looks: job.empty_looks,
        look_from: job.look_from,
        look_sequence: job.look_sequence,
    };
    encode(key, &disk)
}

/// Decodes a job and checks that it is the one its key names.
pub(in crate::store) fn decode_job(key: &[u8], id: JobId, bytes: &[u8]) -> Result<Job, StoreError> {
    let damaged = |why: &str| StoreError::Damaged(format!("job #{id}: {why}"));
    let disk: DiskJob = decode(key, bytes).map_err(|error| match error {
        StoreError::Damaged(why) => damaged(&why),
        other => other,
    })?;
    if disk.id != id.get() {
        return Err(damaged("another job's record is in its place"));
    }
    let target = DiskTarget {
        owner: disk.owner,
        repo: disk.repo,
        number: disk.number,
    };
    let target = target.check().map_err(|why| damaged(&why))?;
    let moved_to = disk.moved_to.map(|target| target.check()).transpose();
    let superseded_by = disk.superseded_by.map(JobId::new).transpose();
    // Format 1 knew no other hold.
    let restored = (disk.state == State::Held).then_some(Hold::Restored);
    Ok(Job {
        id,
        state: disk.state,
        uid: disk.uid,
        account: disk.account,
        target,
        body_head: disk.body_head,
        body_bytes: disk.body_bytes,
        body_crc32: disk.body_crc32,
        submit_key: disk.submit_key,
        priority: disk.priority,
        order: disk.order,
        created_at: disk.created_at_ms,
        not_before: disk.not_before_ms,
        not_before_span_ms: disk.not_before_span_ms,
        due_passed: disk.due_passed,
        accepted: disk.accepted,
        expiry: disk.expiry,
        replace_key: disk.replace_key,
        if_open: disk.if_open,
        hold: disk.hold.or(restored),
        attempts: disk.attempts,
        attempts_forgiven: disk.attempts_forgiven,
        first_attempt: disk.first_attempt,
        host: disk.host,
        moved_to: moved_to.map_err(|why| damaged(&why))?,
        denied: disk.denied,
        now: disk.now,
        next_attempt_at: disk.next_attempt_at_ms,
        finished_at: disk.finished_at_ms,
        comment_id: disk.comment_id,
        comment_url: disk.comment_url,
        last_error: disk.last_error,
        failure: disk.failure,
        superseded_by: superseded_by.map_err(|error| damaged(&error.to_string()))?,
        log_entries: disk.log_entries,
        cancel_requested: disk.cancel_requested,
        unresolved: disk.unresolved,
        empty_looks: disk.empty_looks,
        look_from: disk.look_from,
        look_sequence: disk.look_sequence,
    })
}
