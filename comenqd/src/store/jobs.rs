//! What the service asks of the store: insert, get, cancel, counts.
//!
//! Decides what each of these changes, inside one transaction. Run on the commit thread through
//! `Store`; knows nothing of the wire.

use std::collections::BTreeMap;

use comenq_proto::{CommentBody, JobId, SubmitKey, Target};
use sha2::{Digest, Sha256};

use super::record::{BodyHead, Job, KeyRecord};
use super::transition::State;
use super::txn::Txn;
use super::{StoreError, index, keys};
use crate::clock::UnixMs;

/// A job to store: validated and authorised.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Who submits it.
    pub uid: u32,
    /// Which account is to post it.
    pub account: String,
    /// Where it goes.
    pub target: Target,
    /// The text.
    pub body: CommentBody,
    /// Makes a retried submission find this job instead of storing another.
    pub key: Option<SubmitKey>,
    /// Higher goes first among this user's jobs.
    pub priority: i8,
    /// Not to be posted before.
    pub not_before: Option<UnixMs>,
    /// When it was submitted.
    pub created_at: UnixMs,
}

/// What became of a submission.
#[derive(Debug, Clone)]
pub struct Inserted {
    /// The job, new or found by its key.
    pub job: Job,
    /// It was there already, by its key.
    pub duplicate: bool,
    /// Its place in line, 1 is next: an estimate from kept counts. `None` once it has left the
    /// line.
    pub position: Option<u64>,
}

/// Stores a job, or finds the one its key stands for.
pub(super) fn insert(txn: &mut Txn<'_>, new: &NewJob) -> Result<Inserted, StoreError> {
    let digest = digest(new);
    if let Some(key) = &new.key
        && let Some(found) = txn.read::<KeyRecord>(&keys::submit_key(new.uid, key.as_str()))?
    {
        let id = known_id(found.job)?;
        if found.digest != digest {
            return Err(StoreError::KeyReused {
                key: key.to_string(),
                job: id,
            });
        }
        let job = index::load(txn, id)?;
        let position = position(txn, &job)?;
        return Ok(Inserted {
            job,
            duplicate: true,
            position,
        });
    }
    let id = known_id(txn.meta.last_job + 1)?;
    txn.meta.last_job = id.get();
    let job = new_job(id, new);
    let (_, rest) = split_body(&new.body);
    for (number, chunk) in (0..).zip(rest.chunks(keys::CHUNK_BYTES)) {
        txn.put(keys::body(id, number), chunk);
    }
    if let Some(key) = &new.key {
        let record = KeyRecord {
            job: id.get(),
            digest,
        };
        txn.write(keys::submit_key(new.uid, key.as_str()), &record)?;
    }
    index::know_user(txn, &job.account, job.uid)?;
    index::save(txn, None, &job)?;
    let position = position(txn, &job)?;
    Ok(Inserted {
        job,
        duplicate: false,
        position,
    })
}

fn known_id(number: u64) -> Result<JobId, StoreError> {
    JobId::new(number).map_err(|_| StoreError::Damaged("a job id of 0".to_owned()))
}

/// What of a body its job's record holds, and what lies beside it.
fn split_body(body: &CommentBody) -> (&[u8], &[u8]) {
    let bytes = body.as_str().as_bytes();
    bytes.split_at(bytes.len().min(keys::HEAD_BYTES))
}

pub(super) fn new_job(id: JobId, new: &NewJob) -> Job {
    let body = new.body.as_str().as_bytes();
    Job {
        id,
        state: State::Queued,
        uid: new.uid,
        account: new.account.clone(),
        target: new.target.clone(),
        body_head: BodyHead(split_body(&new.body).0.to_vec()),
        // A comment body is at most 256 KiB.
        body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
        body_crc32: crc32fast::hash(body),
        priority: new.priority,
        order: i64::try_from(id.get()).unwrap_or(i64::MAX),
        created_at: new.created_at,
        not_before: new.not_before,
        due_passed: false,
        attempts: 0,
        denied: 0,
        next_attempt_at: None,
        finished_at: None,
        comment_id: None,
        comment_url: None,
        last_error: None,
        cancel_requested: false,
        unresolved: Vec::new(),
        empty_looks: 0,
        look_from: None,
        look_sequence: None,
    }
}

/// What makes two submissions under one key the same: account, target, body.
fn digest(new: &NewJob) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in [new.account.as_str(), &new.target.lower(), new.body.as_str()] {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// An estimate of a queued job's place: own rank, and from every other user as many as take turns
/// with it. Counts everything that this user has queued as ahead of it.
fn position(txn: &Txn<'_>, job: &Job) -> Result<Option<u64>, StoreError> {
    if job.state != State::Queued {
        return Ok(None);
    }
    let queued = |uid| txn.number(&keys::count(&job.account, uid, State::Queued.code()));
    let own = queued(job.uid)?;
    let mut position = own;
    for uid in index::users(txn, &job.account)? {
        if uid != job.uid {
            position += queued(uid)?.min(own);
        }
    }
    Ok(Some(position))
}

/// Reads a job and its text.
pub(super) fn get(txn: &Txn<'_>, id: JobId) -> Result<(Job, String), StoreError> {
    let job = index::load(txn, id)?;
    let body = body(txn, &job)?;
    Ok((job, body))
}

/// Reads a job's text and checks that it is the one that was stored.
pub(super) fn body(txn: &Txn<'_>, job: &Job) -> Result<String, StoreError> {
    let damaged = |why: &str| StoreError::Damaged(format!("the body of job #{}: {why}", job.id));
    let prefix = keys::bodies(job.id);
    let mut text = job.body_head.0.clone();
    let mut after = None;
    while text.len() < usize::try_from(job.body_bytes).unwrap_or(usize::MAX)
        && let Some((key, chunk)) = txn.next(&prefix, after.as_deref())?
    {
        text.extend_from_slice(&chunk);
        after = Some(key);
    }
    if crc32fast::hash(&text) != job.body_crc32 {
        return Err(damaged("its checksum does not match"));
    }
    String::from_utf8(text).map_err(|_| damaged("it is not UTF-8"))
}

/// What a cancellation came to.
#[derive(Debug, Clone)]
pub struct Cancelled {
    /// The job as it stands now.
    pub job: Job,
    /// An attempt was made whose outcome is not known.
    pub may_have_been_posted: bool,
}

/// Cancels a job: at once, or for an uncertain one "never repost, still look". Idempotent.
pub(super) fn cancel(txn: &mut Txn<'_>, id: JobId, now: UnixMs) -> Result<Cancelled, StoreError> {
    let old = index::load(txn, id)?;
    let mut job = old.clone();
    match old.state {
        State::Queued | State::Held => {
            job.state = State::Cancelled;
            job.finished_at = Some(now);
            job.next_attempt_at = None;
        }
        State::Uncertain => job.cancel_requested = true,
        State::Cancelled => {}
        State::Posting => return Err(StoreError::Busy(id)),
        State::Posted | State::Failed | State::Expired => {
            return Err(StoreError::WrongState {
                id,
                state: old.state.as_str(),
            });
        }
    }
    if job != old {
        index::save(txn, Some(&old), &job)?;
    }
    let may_have_been_posted = !job.unresolved.is_empty();
    Ok(Cancelled {
        job,
        may_have_been_posted,
    })
}

/// How many jobs there are in each state; from kept counts.
pub(super) fn counts(txn: &Txn<'_>) -> Result<BTreeMap<State, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    let prefix = keys::counts();
    let mut after = None;
    while let Some((key, _)) = txn.next(&prefix, after.as_deref())? {
        let state = key
            .last()
            .copied()
            .and_then(State::from_code)
            .ok_or_else(|| {
                StoreError::Damaged("a count of a state that this comenqd does not know".to_owned())
            })?;
        *counts.entry(state).or_insert(0) += txn.number(&key)?;
        after = Some(key);
    }
    Ok(counts)
}
