//! What the store's values look like: versioned, checksummed, and no wire type among them.
//!
//! Decides how a value becomes bytes and when bytes are refused. Called by the store only.
//!
//! A value is: version (u8), CRC-32 over key and payload (u32 big-endian), payload (CBOR map).
//! The key takes part in the checksum, so a value in the wrong place is damage too. An unknown
//! version, field value or checksum is refused, never skipped.

use comenq_proto::{IssueNumber, JobId, Owner, Repo, Target};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::transition::State;
use crate::clock::{Mark, UnixMs};

/// Version of every value written now.
const VERSION: u8 = 1;

/// Longest `last_error` and other reasons kept: with them a record stays under 4 KiB.
const REASON_BYTES: usize = 600;

/// The first bytes of a body: most bodies whole. Its `Debug` hides the text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct BodyHead(#[serde(with = "serde_bytes")] pub(super) Vec<u8>);

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
    /// Higher goes first among one user's jobs.
    pub priority: i8,
    /// Place among jobs of equal priority; the id unless it was bumped.
    pub order: i64,
    /// When it was accepted.
    pub created_at: UnixMs,
    /// Not to be posted before this time, which a person chose.
    pub not_before: Option<UnixMs>,
    /// `not_before` has passed: the job has joined its line.
    pub due_passed: bool,
    /// Attempts that count.
    pub attempts: u32,
    /// How often GitHub forbade it for a reason that we do not know.
    pub denied: u32,
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
    priority: i8,
    order: i64,
    created_at_ms: UnixMs,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before_ms: Option<UnixMs>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    due_passed: bool,
    attempts: u32,
    #[serde(default)]
    denied: u32,
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
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cancel_requested: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unresolved: Vec<Attempt>,
    #[serde(default)]
    empty_looks: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    look_from: Option<Mark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    look_sequence: Option<u64>,
}

/// Encodes a job for its key.
pub(super) fn encode_job(key: &[u8], job: &Job) -> Result<Vec<u8>, StoreError> {
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
        priority: job.priority,
        order: job.order,
        created_at_ms: job.created_at,
        not_before_ms: job.not_before,
        due_passed: job.due_passed,
        attempts: job.attempts,
        denied: job.denied,
        next_attempt_at_ms: job.next_attempt_at,
        finished_at_ms: job.finished_at,
        comment_id: job.comment_id,
        comment_url: job.comment_url.clone(),
        last_error: job.last_error.as_deref().map(clip),
        cancel_requested: job.cancel_requested,
        unresolved: job.unresolved.clone(),
        empty_looks: job.empty_looks,
        look_from: job.look_from,
        look_sequence: job.look_sequence,
    };
    encode(key, &disk)
}

/// Decodes a job and checks that it is the one its key names.
pub(super) fn decode_job(key: &[u8], id: JobId, bytes: &[u8]) -> Result<Job, StoreError> {
    let damaged = |why: &str| StoreError::Damaged(format!("job #{id}: {why}"));
    let disk: DiskJob = decode(key, bytes).map_err(|error| match error {
        StoreError::Damaged(why) => damaged(&why),
        other => other,
    })?;
    if disk.id != id.get() {
        return Err(damaged("another job's record is in its place"));
    }
    let target = Target {
        owner: Owner::parse(&disk.owner).map_err(|error| damaged(&error.to_string()))?,
        repo: Repo::parse(&disk.repo).map_err(|error| damaged(&error.to_string()))?,
        number: IssueNumber::new(disk.number).map_err(|error| damaged(&error.to_string()))?,
    };
    Ok(Job {
        id,
        state: disk.state,
        uid: disk.uid,
        account: disk.account,
        target,
        body_head: disk.body_head,
        body_bytes: disk.body_bytes,
        body_crc32: disk.body_crc32,
        priority: disk.priority,
        order: disk.order,
        created_at: disk.created_at_ms,
        not_before: disk.not_before_ms,
        due_passed: disk.due_passed,
        attempts: disk.attempts,
        denied: disk.denied,
        next_attempt_at: disk.next_attempt_at_ms,
        finished_at: disk.finished_at_ms,
        comment_id: disk.comment_id,
        comment_url: disk.comment_url,
        last_error: disk.last_error,
        cancel_requested: disk.cancel_requested,
        unresolved: disk.unresolved,
        empty_looks: disk.empty_looks,
        look_from: disk.look_from,
        look_sequence: disk.look_sequence,
    })
}

/// What the store knows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    /// Version of the layout in `keys`.
    pub(super) format: u32,
    /// Which store this is; the witness names it too.
    pub(super) store: u128,
    /// The host it was last used on, where the host says.
    pub(super) machine: Option<String>,
    /// The last job id given out.
    pub(super) last_job: u64,
    /// Operations committed so far.
    pub(super) sequence: u64,
    /// Turns given so far; orders the users of an account.
    pub(super) turns: u64,
}

/// What a submit key stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyRecord {
    pub(super) job: u64,
    /// SHA-256 over account, target and body.
    #[serde(with = "serde_bytes")]
    pub(super) digest: [u8; 32],
}

/// The durable state of a lane: who posts, as (api host, user id).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// When the last POST ended, or was claimed if it has not.
    pub pace: Option<Mark>,
    /// The last wait of the whole lane; it may be over.
    pub wait: Option<Wait>,
    /// Waits of that kind in a row, without a post or a refusal in between.
    pub strikes: u32,
}

impl Lane {
    /// How often in a row the lane was in this kind of trouble.
    #[must_use]
    pub fn strikes_of(&self, kind: WaitKind) -> u32 {
        match &self.wait {
            Some(wait) if wait.kind == kind => self.strikes,
            _ => 0,
        }
    }

    pub(super) fn strike(&mut self, mut wait: Wait) {
        self.strikes = self.strikes_of(wait.kind).saturating_add(1);
        wait.reason = clip(&wait.reason);
        self.wait = Some(wait);
    }
}

/// Why a whole lane waits, and how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// What kind of trouble, as the worker names it.
    pub kind: WaitKind,
    /// For people.
    pub reason: String,
    /// When it began.
    pub since: Mark,
    /// How long it lasts.
    pub wait_ms: u64,
    /// Which token was in use: another one may try at once.
    pub token_tag: u64,
}

/// Kinds of waits of a lane. The names are on disk: they are only ever added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitKind {
    /// A rate limit.
    Limited,
    /// GitHub forbids, for a reason of its own.
    Denied,
    /// A person must act.
    Blocked,
    /// No way to GitHub.
    Offline,
}

/// Who an account last was, so that a lane's wait is known before GitHub is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownIdentity {
    /// The API's host.
    pub host: String,
    /// GitHub's numeric id.
    pub user_id: u64,
    /// GitHub's login.
    pub login: String,
}

/// Encodes any value for its key.
pub(super) fn encode<T: Serialize>(key: &[u8], value: &T) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(512);
    bytes.push(VERSION);
    bytes.extend_from_slice(&[0; 4]);
    ciborium::into_writer(value, &mut bytes)
        .map_err(|error| StoreError::Damaged(format!("cannot be encoded: {error}")))?;
    let crc = checksum(key, bytes.get(5..).unwrap_or_default());
    if let Some(place) = bytes.get_mut(1..5) {
        place.copy_from_slice(&crc.to_be_bytes());
    }
    Ok(bytes)
}

/// Decodes any value of its key.
pub(super) fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    let damaged = |why: String| StoreError::Damaged(why);
    let Some((&[version, a, b, c, d], payload)) = bytes.split_first_chunk::<5>() else {
        return Err(damaged(format!("a record of only {} bytes", bytes.len())));
    };
    if version != VERSION {
        return Err(damaged(format!(
            "a record of version {version}, this comenqd reads {VERSION}"
        )));
    }
    if u32::from_be_bytes([a, b, c, d]) != checksum(key, payload) {
        return Err(damaged("its checksum does not match".to_owned()));
    }
    comenq_proto::from_slice(payload).map_err(|error| damaged(error.to_string()))
}

fn checksum(key: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(payload);
    hasher.finalize()
}

/// Cut to [`REASON_BYTES`] at a character's end.
fn clip(reason: &str) -> String {
    if reason.len() <= REASON_BYTES {
        return reason.to_owned();
    }
    let end = (0..=REASON_BYTES)
        .rev()
        .find(|end| reason.is_char_boundary(*end));
    format!(
        "{}…",
        end.and_then(|end| reason.get(..end)).unwrap_or_default()
    )
}
