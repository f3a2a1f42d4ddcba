//! A job's story: what each attempt and each look came to.
//!
//! Decides how much of it is kept: the last [`KEPT`] entries, each in an entry of its own beside
//! the job's record, which stays small. Of the same trouble again and again only the last stays.

use comenq_proto::JobId;

use super::record::{self, Job, LogEntry, LogKind, Outcome};
use super::txn::Txn;
use super::{StoreError, keys};

/// Entries kept of a job.
const KEPT: u32 = 20;

/// Bytes of a detail that are kept.
const DETAIL_BYTES: usize = 300;

/// Adds an entry to the log of a job that is about to be saved.
pub(super) fn append(
    txn: &mut Txn<'_>,
    job: &mut Job,
    mut entry: LogEntry,
) -> Result<(), StoreError> {
    if entry.kind == LogKind::Attempt {
        txn.attempts.push(entry.outcome);
    }
    entry.detail = entry
        .detail
        .map(|detail| record::clip_to(&detail, DETAIL_BYTES));
    if !repeats(txn, job, &entry)? {
        job.log_entries = job.log_entries.saturating_add(1);
        if let Some(old) = job.log_entries.checked_sub(KEPT + 1) {
            txn.remove(keys::log_entry(job.id, old));
        }
    }
    let number = job.log_entries.saturating_sub(1);
    txn.write(keys::log_entry(job.id, number), &entry)
}

/// Troubles that say nothing of the job and can go on for days.
fn repeats(txn: &Txn<'_>, job: &Job, entry: &LogEntry) -> Result<bool, StoreError> {
    let Some(last) = job.log_entries.checked_sub(1) else {
        return Ok(false);
    };
    let tells_little = matches!(
        entry.outcome,
        Outcome::NotSent
            | Outcome::Limited
            | Outcome::Blocked
            | Outcome::Offline
            | Outcome::OwnerBlocked
            | Outcome::Incomplete
    );
    // What is only for people must not keep an outcome from being stored.
    let last = match txn.read::<LogEntry>(&keys::log_entry(job.id, last)) {
        Err(StoreError::Damaged(_)) => None,
        read => read?,
    };
    Ok(tells_little
        && last.is_some_and(|last| last.outcome == entry.outcome && last.kind == entry.kind))
}

/// All that is kept, the oldest first.
pub(super) fn read(txn: &Txn<'_>, id: JobId) -> Result<Vec<LogEntry>, StoreError> {
    let prefix = keys::log(id);
    let mut entries = Vec::new();
    let mut after = None;
    while let Some((key, value)) = txn.next(&prefix, after.as_deref())? {
        entries.push(record::decode(&key, &value)?);
        after = Some(key);
    }
    Ok(entries)
}

/// Removes a job's log.
pub(super) fn remove(txn: &mut Txn<'_>, id: JobId) -> Result<(), StoreError> {
    let prefix = keys::log(id);
    while let Some((key, _)) = txn.next(&prefix, None)? {
        txn.remove(key);
    }
    Ok(())
}
