//! Keeps every index in step with the jobs.
//!
//! Decides which entries a job has, as a pure function of its record: [`save`] writes the
//! difference, so no operation can forget one. Called by the store's operations; whose turn it is
//! is `turns`' matter.

use comenq_proto::JobId;

use super::keys::{self, Rank};
use super::record::{self, Hold, Job, UsageRecord};
use super::transition::State;
use super::txn::{Entry, Txn};
use super::{StoreError, dating, news, quota, turns};

/// Reads a job that must exist.
pub(super) fn load(txn: &Txn<'_>, id: JobId) -> Result<Job, StoreError> {
    let (active, done) = (keys::active(id), keys::done(id));
    match (txn.get(&active)?, txn.get(&done)?) {
        (Some(bytes), None) => record::decode_job(&active, id, &bytes),
        (None, Some(bytes)) => record::decode_job(&done, id, &bytes),
        (None, None) => Err(StoreError::NoSuchJob(id)),
        // sled found an old page again: what was posted must not be posted once more.
        (Some(_), Some(_)) => Err(StoreError::Damaged(format!(
            "job #{id}: it is there both as finished and as unfinished"
        ))),
    }
}

/// Writes `new` in place of `old` with all that follows from the change.
pub(super) fn save(txn: &mut Txn<'_>, old: Option<&Job>, new: &Job) -> Result<(), StoreError> {
    if let Some(old) = old
        && old.state != new.state
        && !old.state.may_become(new.state)
    {
        return Err(StoreError::WrongState {
            id: old.id,
            state: old.state.as_str(),
        });
    }
    txn.news.extend(news::of(old, new));
    let before = old.map(entries).transpose()?.unwrap_or_default();
    let after = entries(new)?;
    for (key, _) in &before {
        if !after.iter().any(|(kept, _)| kept == key) {
            txn.remove(key.clone());
        }
    }
    for entry in after {
        if !before.contains(&entry) {
            txn.put(entry.0, entry.1);
        }
    }
    count(txn, old, Some(new))?;
    let moved = [old, Some(new)].into_iter().flatten();
    for place in moved.filter_map(|job| job.moved_to.as_ref()) {
        turns::set_heads_of_all(txn, &new.account, &place.lower())?;
    }
    let target = new.target.lower();
    if old.is_some_and(Job::is_unresolved) == new.is_unresolved() {
        turns::set_head(txn, &new.account, new.uid, &target)
    } else {
        turns::hold_or_release(txn, &new.account, new.uid, &target)
    }
}

/// Writes a record anew whose places in the indexes stay what they are.
pub(super) fn rewrite(txn: &mut Txn<'_>, job: &Job) -> Result<(), StoreError> {
    for (key, value) in entries(job)?.into_iter().take(1) {
        txn.put(key, value);
    }
    Ok(())
}

/// Takes a finished job out, with all its entries. What lies beside them (text, log, key, comment)
/// is the caller's.
pub(super) fn erase(txn: &mut Txn<'_>, job: &Job) -> Result<(), StoreError> {
    for (key, _) in entries(job)? {
        txn.remove(key);
    }
    count(txn, Some(job), None)
}

/// Keeps the counts that are asked for without reading the jobs.
fn count(txn: &mut Txn<'_>, old: Option<&Job>, new: Option<&Job>) -> Result<(), StoreError> {
    if old.map(|job| job.state) != new.map(|job| job.state) {
        for (job, delta) in [(old, -1), (new, 1)] {
            if let Some(job) = job {
                let key = keys::count(&job.account, job.uid, job.state.code());
                txn.add(key, delta)?;
            }
        }
    }
    let finished = |job: Option<&Job>| job.is_some_and(|job| job.state.is_finished());
    let bytes = |job: Option<&Job>| job.map_or(0, |job| u64::from(job.body_bytes));
    let meta = &mut txn.meta;
    shift(&mut meta.jobs, old.is_some().into(), new.is_some().into());
    shift(
        &mut meta.finished,
        finished(old).into(),
        finished(new).into(),
    );
    shift(&mut meta.body_bytes, bytes(old), bytes(new));
    let unfinished = |job: Option<&Job>| {
        let job = job.filter(|job| !job.state.is_finished());
        (u64::from(job.is_some()), bytes(job))
    };
    let (before, after) = (unfinished(old), unfinished(new));
    match new.or(old) {
        Some(job) if before != after => use_more(txn, job, before, after),
        _ => Ok(()),
    }
}

/// It ended, and no request of it was ever sent.
fn came_to_nothing(job: &Job) -> bool {
    matches!(job.state, State::Cancelled | State::Expired)
        && job.attempts == 0
        && job.unresolved.is_empty()
}

fn use_more(
    txn: &mut Txn<'_>,
    job: &Job,
    before: (u64, u64),
    after: (u64, u64),
) -> Result<(), StoreError> {
    let key = keys::usage(job.uid);
    let mut usage: UsageRecord = txn.read_or_default(&key)?;
    shift(&mut usage.jobs, before.0, after.0);
    shift(&mut usage.body_bytes, before.1, after.1);
    if before.0 > after.0 && came_to_nothing(job) {
        quota::give_back(&mut usage, job);
    }
    if usage == UsageRecord::default() {
        txn.remove(key);
        return Ok(());
    }
    txn.write(key, &usage)
}

/// A number with `before` of it replaced by `after`.
fn shift(number: &mut u64, before: u64, after: u64) {
    *number = number.saturating_add(after).saturating_sub(before);
}

/// Every entry that a job has by itself: its record first, then its places in the indexes.
pub(super) fn entries(job: &Job) -> Result<Vec<Entry>, StoreError> {
    let (account, uid, target) = (&job.account, job.uid, &job.target.lower());
    let mut entries = Vec::with_capacity(4);
    let finished = job.state.is_finished();
    let key = if finished {
        keys::done(job.id)
    } else {
        keys::active(job.id)
    };
    let record = record::encode_job(&key, job)?;
    entries.push((key, record));
    if finished {
        let at = job.finished_at.unwrap_or(job.created_at);
        entries.push((keys::finished(at, job.id), Vec::new()));
    }
    if job.state == State::Queued {
        let early = job.not_before.filter(|_| !job.due_passed);
        if let Some(due) = early.or(job.next_attempt_at) {
            let span = early.and(job.not_before_span_ms);
            let due = dating::place(due, span, job.accepted);
            entries.push((keys::due(account, due, job.id), Vec::new()));
        }
        // A job whose time has not come holds back nobody; a deferred one holds back its line.
        if early.is_none() {
            let key = keys::in_line(account, uid, target, rank(job));
            entries.push((key, turns::line_entry(job)));
        }
        let may_go = early.is_none() && job.next_attempt_at.is_none();
        if let Some(number) = job.now.filter(|_| may_go) {
            entries.push((keys::urgent_job(account, number, job.id), Vec::new()));
        }
        if let Some(replace_key) = &job.replace_key {
            let line = keys::replaceable(account, uid, target, replace_key);
            entries.push((keys::replaceable_job(&line, job.id), Vec::new()));
        }
    }
    // Nobody knows of a restored job whether it was posted: it does not expire.
    if matches!(job.state, State::Queued | State::Held)
        && job.hold != Some(Hold::Restored)
        && let Some(expiry) = job.expiry
    {
        let at = dating::place(expiry.at_ms, expiry.span_ms, job.accepted);
        entries.push((keys::expiry(account, at, job.id), Vec::new()));
    }
    if job.is_unresolved() {
        entries.push((keys::unresolved_job(account, target, job.id), Vec::new()));
        // Its comment may be where it has moved: nobody else's is to be taken for it there.
        let place = job.destination().lower();
        if place != *target {
            entries.push((keys::unresolved_job(account, &place, job.id), Vec::new()));
        }
    }
    if let Some(sequence) = job.look_sequence {
        entries.push((
            keys::look(account, look_stage(job), sequence, job.id),
            Vec::new(),
        ));
    }
    Ok(entries)
}

/// Looks of one stage wait equally long, so each stage is a plain queue.
pub(super) const LOOK_STAGES: [u8; 2] = [0, 1];

fn look_stage(job: &Job) -> u8 {
    u8::from(job.empty_looks > 0)
}

/// A job that was brought to the front has an order below zero.
pub(super) fn rank(job: &Job) -> Rank {
    let priority = if job.order < 0 {
        Rank::FIRST
    } else {
        job.priority
    };
    Rank::new(priority, job.order, job.id)
}
