//! What the service asks of the store: insert, get, list, cancel, counts.
//!
//! Decides what each of these changes, inside one transaction. Run on the commit thread through
//! `Store`; knows nothing of the wire.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use comenq_proto::{CommentBody, JobId, SubmitKey, Target};
use sha2::{Digest, Sha256};

use super::record::{self, BodyHead, Job, KeyRecord};
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

/// Where a page of a list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// Unfinished jobs up to this id were listed.
    Unfinished(JobId),
    /// All unfinished ones, and finished ones back to this.
    Finished(UnixMs, JobId),
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished(id) => write!(f, "u{id}"),
            Self::Finished(at, id) => write!(f, "f{}.{id}", at.0),
        }
    }
}

/// A text that no list reply ever held as its cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of a list reply")]
pub struct BadCursor;

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let id = |text: &str| {
            text.parse()
                .ok()
                .and_then(|id| JobId::new(id).ok())
                .ok_or(BadCursor)
        };
        if let Some(rest) = text.strip_prefix('u') {
            return Ok(Self::Unfinished(id(rest)?));
        }
        let (at, rest) = text
            .strip_prefix('f')
            .and_then(|t| t.split_once('.'))
            .ok_or(BadCursor)?;
        Ok(Self::Finished(
            UnixMs(at.parse().map_err(|_| BadCursor)?),
            id(rest)?,
        ))
    }
}

/// What to list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// At most so many jobs.
    pub limit: usize,
    /// Read the texts too.
    pub with_body: bool,
    /// The page ends once its texts reach so many bytes.
    pub max_bytes: usize,
    /// Leave out jobs that finished before.
    pub finished_since: UnixMs,
}

/// A page of jobs.
#[derive(Clone, Default)]
pub struct Page {
    /// The jobs, with their texts where asked for.
    pub jobs: Vec<(Job, Option<String>)>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
    /// Jobs of this page that could not be read.
    pub damaged: Vec<(JobId, String)>,
}

impl fmt::Debug for Page {
    /// Without the texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.jobs.iter().map(|(job, _)| job.id).collect();
        f.debug_struct("Page")
            .field("jobs", &ids)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// Unfinished jobs by id, then finished ones, newest first.
pub(super) fn list(txn: &Txn<'_>, query: &ListQuery) -> Result<Page, StoreError> {
    let mut page = Page::default();
    let mut bytes = 0;
    let mut position = query.after;
    while let Some(next) = step(txn, position, query.finished_since)? {
        if page.jobs.len() >= query.limit || bytes >= query.max_bytes {
            page.next = position;
            return Ok(page);
        }
        position = Some(next);
        let (Cursor::Unfinished(id) | Cursor::Finished(_, id)) = next;
        let read = if query.with_body {
            get(txn, id).map(|(job, body)| (job, Some(body)))
        } else {
            index::load(txn, id).map(|job| (job, None))
        };
        match read {
            Ok((job, body)) => {
                bytes += body.as_ref().map_or(0, String::len);
                page.jobs.push((job, body));
            }
            Err(StoreError::Damaged(why)) => page.damaged.push((id, why)),
            Err(StoreError::NoSuchJob(_)) => {
                page.damaged.push((id, "its record is missing".to_owned()));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(page)
}

fn step(
    txn: &Txn<'_>,
    after: Option<Cursor>,
    finished_since: UnixMs,
) -> Result<Option<Cursor>, StoreError> {
    let after_finished = match after {
        Some(Cursor::Finished(at, id)) => Some(keys::finished(at, id)),
        Some(Cursor::Unfinished(id)) => match txn.next(keys::ACTIVE, Some(&keys::active(id)))? {
            Some((key, _)) => return Ok(parse_active(&key)),
            None => None,
        },
        None => match txn.next(keys::ACTIVE, None)? {
            Some((key, _)) => return Ok(parse_active(&key)),
            None => None,
        },
    };
    let found = txn.next(keys::FINISHED, after_finished.as_deref())?;
    Ok(found
        .and_then(|(key, _)| keys::parse_finished(&key))
        .filter(|(at, _)| *at >= finished_since)
        .map(|(at, id)| Cursor::Finished(at, id)))
}

fn parse_active(key: &[u8]) -> Option<Cursor> {
    keys::tail_id(key).map(Cursor::Unfinished)
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

/// Every unfinished job, in steps: at most `limit` after `after`.
pub(super) fn unfinished(
    txn: &Txn<'_>,
    after: Option<JobId>,
    limit: usize,
) -> Result<Vec<JobId>, StoreError> {
    let mut ids = Vec::new();
    let mut after = after.map(keys::active);
    while ids.len() < limit
        && let Some((key, _)) = txn.next(keys::ACTIVE, after.as_deref())?
    {
        ids.extend(keys::tail_id(&key));
        after = Some(key);
    }
    Ok(ids)
}

/// Puts an unfinished job on hold because its store came from elsewhere.
pub(super) fn hold_restored(txn: &mut Txn<'_>, id: JobId) -> Result<(), StoreError> {
    let old = index::load(txn, id)?;
    let mut job = old.clone();
    job.state = State::Held;
    job.next_attempt_at = None;
    job.look_sequence = None;
    job.last_error = Some(
        "restored: this queue was last used on another host, which may have posted it".to_owned(),
    );
    index::save(txn, Some(&old), &job)
}

/// Reads a checksummed record that may be absent.
pub(super) fn read_or_default<T>(txn: &Txn<'_>, key: &[u8]) -> Result<T, StoreError>
where
    T: serde::de::DeserializeOwned + Default,
{
    Ok(txn
        .get(key)?
        .map(|bytes| record::decode(key, &bytes))
        .transpose()?
        .unwrap_or_default())
}
