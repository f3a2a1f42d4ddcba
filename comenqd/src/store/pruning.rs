//! Finished jobs are kept for a while, not for ever.
//!
//! Decides which go: beyond a number and beyond an age, the oldest first, some at a time. Called
//! now and then by whoever keeps house, once GitHub's time of this boot is known: by a clock that
//! is wrong by years everything would seem old. A job of which something is not known stays.

use std::time::Duration;

use super::record::{Job, KeyRecord, PrunedJob};
use super::txn::Txn;
use super::{StoreError, index, jobs, keys, log};
use crate::clock::UnixMs;

/// Jobs and keys removed in one transaction at most.
const STEP: usize = 64;

/// Finished jobs examined for that: those of which something is not known stay in front.
const EXAMINED: usize = 512;

/// A comment made so long ago is nobody else's: looks begin five seconds before an attempt.
const SETTLED: Duration = Duration::from_secs(10);

/// How long a submit key is known after its job's record is gone.
const KEYS_LONGER: Duration = Duration::from_secs(7 * 24 * 3600);

/// How many finished jobs are kept, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// At most so many.
    pub jobs: u64,
    /// At most so long.
    pub age: Duration,
}

/// What one step removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Jobs.
    pub jobs: usize,
    /// Submit keys.
    pub keys: usize,
    /// There may be more to remove at once.
    pub more: bool,
}

/// Removes some of what is no longer kept. `now` is GitHub's time.
pub(super) fn prune(txn: &mut Txn<'_>, keep: Keep, now: UnixMs) -> Result<Pruned, StoreError> {
    let mut pruned = Pruned {
        keys: forget_keys(txn, now)?,
        ..Pruned::default()
    };
    let since = now.minus(keep.age);
    let settled = now.minus(SETTLED);
    let mut before = None;
    for _ in 0..EXAMINED {
        if pruned.jobs == STEP {
            break;
        }
        let Some((key, _)) = txn.previous(keys::FINISHED, before.as_deref())? else {
            break;
        };
        let (at, id) = keys::parse_finished(&key)
            .ok_or_else(|| StoreError::Damaged("a finished job without a time".to_owned()))?;
        let is_kept = at >= since && txn.meta.finished <= keep.jobs;
        if is_kept || at > settled {
            break;
        }
        before = Some(key.clone());
        match index::load(txn, id) {
            Ok(job) if job.is_unresolved() => {}
            Ok(job) => {
                remove(txn, &job, now)?;
                pruned.jobs += 1;
            }
            // Its record stays for a person to look at, and in `check`.
            Err(StoreError::Damaged(_) | StoreError::NoSuchJob(_)) => txn.remove(key),
            Err(other) => return Err(other),
        }
    }
    pruned.more = pruned.jobs == STEP || pruned.keys == STEP;
    Ok(pruned)
}

fn remove(txn: &mut Txn<'_>, job: &Job, now: UnixMs) -> Result<(), StoreError> {
    if let (Some(host), Some(comment)) = (host(txn, job)?, job.comment_id) {
        let key = keys::comment(&host, comment);
        if txn.number(&key)? == job.id.get() {
            txn.remove(key);
        }
    }
    keep_key(txn, job, now)?;
    take_out(txn, job)
}

/// Its record, its text, its log and its places in the indexes.
pub(super) fn take_out(txn: &mut Txn<'_>, job: &Job) -> Result<(), StoreError> {
    jobs::remove_rest(txn, job.id)?;
    log::remove(txn, job.id)?;
    index::erase(txn, job)
}

/// Where it was posted; a record of format 1 does not say.
pub(super) fn host(txn: &Txn<'_>, job: &Job) -> Result<Option<String>, StoreError> {
    if job.host.is_some() {
        return Ok(job.host.clone());
    }
    let identity = txn.read::<super::KnownIdentity>(&keys::identity(&job.account))?;
    Ok(identity.map(|identity| identity.host))
}

/// A submission that is repeated after its job is gone must not be posted again.
pub(super) fn keep_key(txn: &mut Txn<'_>, job: &Job, now: UnixMs) -> Result<(), StoreError> {
    let Some(submit_key) = &job.submit_key else {
        return Ok(());
    };
    let key = keys::submit_key(job.uid, submit_key);
    let Some(mut record) = txn.read::<KeyRecord>(&key)? else {
        return Ok(());
    };
    record.pruned = Some(PrunedJob {
        state: job.state,
        created_at_ms: job.created_at,
        finished_at_ms: job.finished_at.unwrap_or(job.created_at),
        comment_id: job.comment_id,
        comment_url: job.comment_url.clone(),
    });
    txn.write(key, &record)?;
    let until = now.plus(KEYS_LONGER);
    txn.put(keys::forgotten(until, job.uid, submit_key), Vec::new());
    Ok(())
}

fn forget_keys(txn: &mut Txn<'_>, now: UnixMs) -> Result<usize, StoreError> {
    let mut forgotten = 0;
    while forgotten < STEP
        && let Some((key, _)) = txn.next(keys::FORGOTTEN, None)?
    {
        let (until, submit_key) = keys::parse_forgotten(&key)
            .ok_or_else(|| StoreError::Damaged("a submit key without a time".to_owned()))?;
        if until > now {
            break;
        }
        txn.remove(submit_key);
        txn.remove(key);
        forgotten += 1;
    }
    Ok(forgotten)
}
