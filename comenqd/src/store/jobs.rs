//! A job's way in, and what can be asked of it: insert, get, counts, usage.
//!
//! Decides what a submission changes, inside one transaction. Run on the commit thread through
//! `Store`; knows nothing of the wire.

use std::collections::{BTreeMap, BTreeSet};

use comenq_proto::{CommentBody, JobId, SubmitKey, Target};
use sha2::{Digest, Sha256};

use super::quota::{self, Quota};
use super::record::{BodyHead, Expiry, Hold, Job, KeyRecord, PrunedJob};
use super::transition::State;
use super::txn::{Txn, as_number};
use super::{StoreError, halts, index, keys, texts, turns};
use crate::clock::{Mark, UnixMs};

/// For how long a posted comment counts when somebody posts the same text again.
const SAME_TEXT_MS: i64 = 24 * 3600 * 1000;

/// A job to store: validated and authorised.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Who submits it.
    pub uid: u32,
    /// Which account is to post it.
    pub account: String,
    /// Which account was asked for: part of what a key stands for, whatever the rules choose.
    pub asked_account: String,
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
    /// The length of time that was asked for, where it was one.
    pub not_before_span_ms: Option<u64>,
    /// Not to be posted after.
    pub expiry: Option<Expiry>,
    /// Queued jobs of this user for this target with the same one are replaced.
    pub replace_key: Option<SubmitKey>,
    /// To be posted only while the issue is open.
    pub if_open: bool,
    /// To be held until somebody releases it.
    pub hold: bool,
    /// When it was submitted.
    pub created_at: UnixMs,
    /// The same by the clocks that do not jump.
    pub accepted: Mark,
    /// What its user may have in the queue.
    pub quota: Quota,
}

impl NewJob {
    /// A job without any wishes or limits, accepted at `created_at` and `accepted`.
    #[must_use]
    pub fn plain(
        uid: u32,
        account: &str,
        target: Target,
        body: CommentBody,
        created_at: UnixMs,
        accepted: Mark,
    ) -> Self {
        Self {
            uid,
            account: account.to_owned(),
            asked_account: account.to_owned(),
            target,
            body,
            key: None,
            priority: 0,
            not_before: None,
            not_before_span_ms: None,
            expiry: None,
            replace_key: None,
            if_open: false,
            hold: false,
            created_at,
            accepted,
            quota: Quota::NONE,
        }
    }
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
    /// Jobs that it replaced.
    pub superseded: Vec<JobId>,
    /// A job with the same text for the same target, queued or posted within a day.
    pub same_text_as: Option<JobId>,
}

/// The job that a submission's key stands for, if it was stored before.
pub(super) fn find(txn: &Txn<'_>, new: &NewJob) -> Result<Option<Inserted>, StoreError> {
    find_by_key(txn, new, &digest(new))
}

/// The unfinished job with the lowest id, if it can be read.
pub(super) fn oldest(txn: &Txn<'_>) -> Result<Option<Job>, StoreError> {
    let first = txn.next(keys::ACTIVE, None)?;
    let id = first.and_then(|(key, _)| keys::tail_id(&key));
    id.map(|id| index::load(txn, id)).transpose()
}

/// Stores jobs, all or none.
pub(super) fn insert_all(txn: &mut Txn<'_>, new: &[NewJob]) -> Result<Vec<Inserted>, StoreError> {
    let mut inserted = Vec::with_capacity(new.len());
    let mut others = Others::default();
    for (index, new) in new.iter().enumerate() {
        let done = insert(txn, new, &mut others).map_err(|source| StoreError::InBatch {
            index,
            source: Box::new(source),
        })?;
        inserted.push(done);
    }
    // What is told is what is stored, once all of them are: a later one may have replaced an earlier.
    let replaced: BTreeSet<JobId> = inserted
        .iter()
        .flat_map(|done| done.superseded.iter().copied())
        .collect();
    for done in &mut inserted {
        if replaced.contains(&done.job.id) {
            done.job = index::load(txn, done.job.id)?;
            done.position = None;
        }
    }
    Ok(inserted)
}

/// What a submission would give.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    /// As if it had been made.
    pub inserted: Vec<Inserted>,
    /// The last job that there is. Any with a higher number was only imagined.
    pub last_job: u64,
}

/// Does what a submission does, for a transaction that is taken back.
pub(super) fn rehearse(txn: &mut Txn<'_>, new: &[NewJob]) -> Result<Rehearsed, StoreError> {
    let last_job = txn.meta.last_job;
    Ok(Rehearsed {
        inserted: insert_all(txn, new)?,
        last_job,
    })
}

/// How many jobs each other user has queued, for the account and the user asked about last: the
/// same for all of a batch, and read once.
#[derive(Default)]
struct Others {
    account: String,
    uid: Option<u32>,
    queued: Vec<u64>,
}

impl Others {
    fn of(&mut self, txn: &Txn<'_>, account: &str, uid: u32) -> Result<&[u64], StoreError> {
        if self.uid == Some(uid) && self.account == account {
            return Ok(&self.queued);
        }
        let own_key = keys::count(account, uid, State::Queued.code());
        self.queued.clear();
        for entry in txn.scan(&keys::counts_of(account)) {
            let (key, value) = entry?;
            if key != own_key && key.last() == Some(&State::Queued.code()) {
                self.queued.push(as_number(&value)?);
            }
        }
        (self.account, self.uid) = (account.to_owned(), Some(uid));
        Ok(&self.queued)
    }
}

/// Stores a job, or finds the one its key stands for.
fn insert(txn: &mut Txn<'_>, new: &NewJob, others: &mut Others) -> Result<Inserted, StoreError> {
    let digest = digest(new);
    if let Some(found) = find_by_key(txn, new, &digest)? {
        return Ok(found);
    }
    halts::admit(txn)?;
    txn.room.admit()?;
    let id = known_id(txn.meta.last_job + 1)?;
    txn.meta.last_job = id.get();
    // First: what it replaces makes room for it.
    let superseded = supersede(txn, new, id)?;
    quota::admit(txn, new)?;
    let same_text_as = note_text(txn, new, id)?;
    let job = new_job(id, new);
    put_rest(txn, id, &new.body);
    if let Some(key) = &new.key {
        let record = KeyRecord {
            job: id.get(),
            digest,
            pruned: None,
        };
        txn.write(keys::submit_key(new.uid, key.as_str()), &record)?;
    }
    turns::know_user(txn, &job.account, job.uid)?;
    index::save(txn, None, &job)?;
    let position = position(txn, &job, others)?;
    Ok(Inserted {
        job,
        duplicate: false,
        position,
        superseded,
        same_text_as,
    })
}

fn find_by_key(
    txn: &Txn<'_>,
    new: &NewJob,
    digest: &[u8; 32],
) -> Result<Option<Inserted>, StoreError> {
    let Some(key) = &new.key else { return Ok(None) };
    let Some(found) = txn.read::<KeyRecord>(&keys::submit_key(new.uid, key.as_str()))? else {
        return Ok(None);
    };
    let id = known_id(found.job)?;
    if found.digest != *digest {
        return Err(StoreError::KeyReused {
            key: key.to_string(),
            job: id,
        });
    }
    let job = match found.pruned {
        Some(pruned) => pruned_job(id, new, pruned),
        None => index::load(txn, id)?,
    };
    let position = position(txn, &job, &mut Others::default())?;
    Ok(Some(Inserted {
        job,
        duplicate: true,
        position,
        superseded: Vec::new(),
        same_text_as: None,
    }))
}

/// What is still known of a job whose record is gone: its content is that of the submission.
fn pruned_job(id: JobId, new: &NewJob, pruned: PrunedJob) -> Job {
    Job {
        state: pruned.state,
        created_at: pruned.created_at_ms,
        finished_at: Some(pruned.finished_at_ms),
        comment_id: pruned.comment_id,
        comment_url: pruned.comment_url,
        hold: None,
        ..new_job(id, new)
    }
}

/// Cancels this user's queued jobs for this target that carry the same replace key. One that is
/// being posted, or may have been, is left alone.
fn supersede(txn: &mut Txn<'_>, new: &NewJob, by: JobId) -> Result<Vec<JobId>, StoreError> {
    let Some(replace_key) = &new.replace_key else {
        return Ok(Vec::new());
    };
    let target = new.target.lower();
    let line = keys::replaceable(&new.account, new.uid, &target, replace_key.as_str());
    let (mut superseded, mut after) = (Vec::new(), None);
    while let Some((key, _)) = txn.next(&line, after.as_deref())? {
        let id = keys::tail_id(&key)
            .ok_or_else(|| StoreError::Damaged("a replace key without a job".to_owned()))?;
        after = Some(key.clone());
        let old = match index::load(txn, id) {
            Ok(old) if old.may_have_been_posted() => continue,
            Ok(old) => old,
            Err(StoreError::Damaged(_) | StoreError::NoSuchJob(_)) => {
                txn.remove(key);
                continue;
            }
            Err(other) => return Err(other),
        };
        let mut job = old.clone();
        job.state = State::Cancelled;
        job.finished_at = Some(new.created_at);
        job.next_attempt_at = None;
        job.superseded_by = Some(by);
        job.last_error = Some(format!("superseded by #{by}"));
        index::save(txn, Some(&old), &job)?;
        superseded.push(id);
    }
    Ok(superseded)
}

/// Remembers who has this text for this target; finds who had it before.
fn note_text(txn: &mut Txn<'_>, new: &NewJob, id: JobId) -> Result<Option<JobId>, StoreError> {
    for before in texts::note(txn, &new.account, &new.target, new.body.as_str(), id)? {
        match index::load(txn, before) {
            Ok(job) if is_same_comment(txn, &job, new) => return Ok(Some(before)),
            Ok(_) | Err(StoreError::Damaged(_) | StoreError::NoSuchJob(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(None)
}

/// Whether a job is worth a warning: what another user has not posted yet is nobody else's to know.
fn is_same_comment(txn: &Txn<'_>, job: &Job, new: &NewJob) -> bool {
    let since = new.created_at.0.saturating_sub(SAME_TEXT_MS);
    let counts = match job.state {
        State::Posted => job.finished_at.is_some_and(|at| at.0 >= since),
        state => !state.is_finished() && job.uid == new.uid,
    };
    let goes_there = job.account == new.account && job.target.lower() == new.target.lower();
    // Its text may have been edited since, or only begin alike in its digest.
    let is_same = |text: String| text.trim_end() == new.body.as_str().trim_end();
    counts && goes_there && body(txn, job).is_ok_and(is_same)
}

fn known_id(number: u64) -> Result<JobId, StoreError> {
    JobId::new(number).map_err(|_| StoreError::Damaged("a job id of 0".to_owned()))
}

/// What of a body its job's record holds, and what lies beside it.
pub(super) fn split_body(body: &CommentBody) -> (&[u8], &[u8]) {
    let bytes = body.as_str().as_bytes();
    bytes.split_at(bytes.len().min(keys::HEAD_BYTES))
}

pub(super) fn put_rest(txn: &mut Txn<'_>, id: JobId, body: &CommentBody) {
    let (_, rest) = split_body(body);
    for (number, chunk) in (0..).zip(rest.chunks(keys::CHUNK_BYTES)) {
        txn.put(keys::body(id, number), chunk);
    }
}

/// Puts another text in the place of a job's.
pub(super) fn replace_body(
    txn: &mut Txn<'_>,
    job: &mut Job,
    body: &CommentBody,
) -> Result<(), StoreError> {
    remove_rest(txn, job.id)?;
    put_rest(txn, job.id, body);
    set_body(job, body);
    texts::note(txn, &job.account, &job.target, body.as_str(), job.id)?;
    Ok(())
}

/// Removes what of a job's text lies beside its record.
pub(super) fn remove_rest(txn: &mut Txn<'_>, id: JobId) -> Result<(), StoreError> {
    let prefix = keys::bodies(id);
    while let Some((key, _)) = txn.next(&prefix, None)? {
        txn.remove(key);
    }
    Ok(())
}

fn set_body(job: &mut Job, body: &CommentBody) {
    let bytes = body.as_str().as_bytes();
    job.body_head = BodyHead(split_body(body).0.to_vec());
    // A comment body is at most 256 KiB.
    job.body_bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    job.body_crc32 = crc32fast::hash(bytes);
}

pub(super) fn new_job(id: JobId, new: &NewJob) -> Job {
    let mut job = Job {
        id,
        state: if new.hold { State::Held } else { State::Queued },
        uid: new.uid,
        account: new.account.clone(),
        target: new.target.clone(),
        body_head: BodyHead(Vec::new()),
        body_bytes: 0,
        body_crc32: 0,
        submit_key: new.key.as_ref().map(ToString::to_string),
        priority: new.priority,
        order: i64::try_from(id.get()).unwrap_or(i64::MAX),
        created_at: new.created_at,
        not_before: new.not_before,
        not_before_span_ms: new.not_before_span_ms,
        due_passed: false,
        accepted: Some(new.accepted),
        expiry: new.expiry,
        replace_key: new.replace_key.as_ref().map(ToString::to_string),
        if_open: new.if_open,
        hold: new.hold.then_some(Hold::User),
        attempts: 0,
        attempts_forgiven: 0,
        first_attempt: None,
        host: None,
        moved_to: None,
        denied: 0,
        now: None,
        next_attempt_at: None,
        finished_at: None,
        comment_id: None,
        comment_url: None,
        last_error: None,
        failure: None,
        superseded_by: None,
        log_entries: 0,
        cancel_requested: false,
        unresolved: Vec::new(),
        empty_looks: 0,
        look_from: None,
        look_sequence: None,
    };
    set_body(&mut job, &new.body);
    job
}

/// What makes two submissions under one key the same: account, target, body.
fn digest(new: &NewJob) -> [u8; 32] {
    hash(&[&new.asked_account, &new.target.lower(), new.body.as_str()])
}

/// SHA-256 over the parts, each with its length.
pub(super) fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// An estimate of a queued job's place: own rank, and from every other user as many as take turns
/// with it. Counts everything that this user has queued as ahead of it.
fn position(txn: &Txn<'_>, job: &Job, others: &mut Others) -> Result<Option<u64>, StoreError> {
    if job.state != State::Queued {
        return Ok(None);
    }
    let own = txn.number(&keys::count(&job.account, job.uid, State::Queued.code()))?;
    let others = others.of(txn, &job.account, job.uid)?;
    let before: u64 = others.iter().map(|queued| (*queued).min(own)).sum();
    Ok(Some(own.saturating_add(before)))
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

/// How many jobs there are in each state; from kept counts.
pub(super) fn counts(txn: &Txn<'_>) -> Result<BTreeMap<State, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    for entry in txn.scan(&keys::counts()) {
        let (key, value) = entry?;
        let state = key
            .last()
            .copied()
            .and_then(State::from_code)
            .ok_or_else(|| {
                StoreError::Damaged("a count of a state that this comenqd does not know".to_owned())
            })?;
        *counts.entry(state).or_insert(0) += as_number(&value)?;
    }
    Ok(counts)
}

/// Unfinished jobs of each account; from kept counts.
pub(super) fn unfinished_by_account(txn: &Txn<'_>) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut accounts = BTreeMap::new();
    for entry in txn.scan(&keys::counts()) {
        let (key, value) = entry?;
        let state = key.last().copied().and_then(State::from_code);
        if let Some(account) = keys::parse_count_account(&key)
            && state.is_some_and(|state| !state.is_finished())
        {
            *accounts.entry(account).or_insert(0) += as_number(&value)?;
        }
    }
    Ok(accounts)
}
