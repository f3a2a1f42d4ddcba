//! A finished job is removed because an administrator says so.
//!
//! Decides what stays of it: its submit key, so that a submission that is repeated is no second
//! comment, and that its comment is somebody's, so that no look takes it for another job's. Text,
//! log and record go at once; in sled's file the bytes stay until their place is used again. Run on the commit thread.

use comenq_proto::JobId;

use super::txn::Txn;
use super::verbs::wrong;
use super::{StoreError, index, keys, pruning};
use crate::clock::UnixMs;

/// Removes a finished job. Says whether it was there still.
pub(super) fn purge(txn: &mut Txn<'_>, id: JobId, now: UnixMs) -> Result<bool, StoreError> {
    let job = match index::load(txn, id) {
        Ok(job) => job,
        // Removed before, by somebody or by age.
        Err(StoreError::NoSuchJob(_)) if id.get() <= txn.meta.last_job => return Ok(false),
        Err(other) => return Err(other),
    };
    if !job.state.is_finished() {
        return Err(wrong(&job));
    }
    // Posted, as nobody knows yet which comment.
    if job.is_unresolved() {
        return Err(StoreError::Unresolved(id));
    }
    if let (Some(host), Some(comment)) = (pruning::host(txn, &job)?, job.comment_id) {
        let key = keys::comment(&host, comment);
        if txn.number(&key)? == id.get() {
            txn.put(key, keys::PURGED.to_be_bytes());
        }
    }
    pruning::keep_key(txn, &job, now.max(job.finished_at.unwrap_or(now)))?;
    pruning::take_out(txn, &job)?;
    Ok(true)
}
