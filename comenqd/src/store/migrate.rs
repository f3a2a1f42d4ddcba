//! What older formats of the store lack.
//!
//! Decides what is added. Run on a copy of the store that is not in use yet, which `compact` makes
//! in today's layout: after a crash the next start begins again.
//!
//! - 1 → 2: a job did not name its submit key; what each user has in the queue, and how many jobs
//!   there are, was not counted.
//! - 2 → 3: entries lay in sled one by one (see `blocks`); the copy is all there is to it.

use std::collections::BTreeMap;

use comenq_proto::JobId;

use super::record::{self, KeyRecord, UsageRecord};
use super::txn::Txn;
use super::{StoreError, index, keys};

/// Submit keys written to their jobs in one transaction at most.
const STEP: usize = 256;

/// Writes some submit keys into the records of their jobs. Returns where to go on.
pub(super) fn name_keys(
    txn: &mut Txn<'_>,
    after: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut after = after.map(<[u8]>::to_vec);
    for _ in 0..STEP {
        let Some((key, value)) = txn.next(keys::SUBMIT_KEYS, after.as_deref())? else {
            return Ok(None);
        };
        if let Ok(KeyRecord { job, .. }) = record::decode(&key, &value)
            && let Some(submit_key) = keys::parse_submit_key(&key)
            && let Ok(id) = JobId::new(job)
            && let Ok(old) = index::load(txn, id)
        {
            let mut job = old.clone();
            job.submit_key = Some(submit_key);
            index::rewrite(txn, &job)?;
        }
        after = Some(key);
    }
    Ok(after)
}

/// Counts what was not counted.
pub(super) fn count(txn: &mut Txn<'_>) -> Result<(), StoreError> {
    let mut users: BTreeMap<u32, UsageRecord> = BTreeMap::new();
    let (mut jobs, mut finished, mut body_bytes) = (0, 0, 0);
    for (kind, is_finished) in [(keys::ACTIVE, false), (keys::DONE, true)] {
        let mut after = None;
        while let Some((key, value)) = txn.next(kind, after.as_deref())? {
            if let Some(id) = keys::tail_id(&key)
                && let Ok(job) = record::decode_job(&key, id, &value)
            {
                jobs += 1;
                finished += u64::from(is_finished);
                body_bytes += u64::from(job.body_bytes);
                if !is_finished {
                    let usage = users.entry(job.uid).or_default();
                    usage.jobs += 1;
                    usage.body_bytes += u64::from(job.body_bytes);
                }
            }
            after = Some(key);
        }
    }
    for (uid, usage) in users {
        txn.write(keys::usage(uid), &usage)?;
    }
    let meta = &mut txn.meta;
    (meta.jobs, meta.finished, meta.body_bytes) = (jobs, finished, body_bytes);
    let meta = meta.clone();
    txn.write(keys::META.to_vec(), &meta)
}
