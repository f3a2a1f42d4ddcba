//! Counts the unfinished jobs when a store is opened.
//!
//! Decides whether those that are there are those that were counted. sled does not notice damage:
//! it loses pages, or finds older ones again. A job that vanished, or one that was posted and waits
//! once more, shows in the numbers, and then the store is refused. Called by the commit thread; a
//! record that is there but cannot be read is not its matter.

use std::ops::Bound;

use super::record::{self, Job, Meta};
use super::tree::Tree;
use super::{StoreError, keys};

/// Longer queues are not counted at every start: that takes about 10 ms and 1.5 MB of memory for
/// each thousand. `comenqd check` counts them.
const LIMIT: u64 = 4000;

/// What is there.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    keys: u64,
    readable: u64,
}

/// Compares the unfinished jobs with what the store says of itself.
pub(super) fn take(tree: &Tree, meta: &Meta) -> Result<(), StoreError> {
    let counted = meta.jobs.saturating_sub(meta.finished);
    if counted > LIMIT {
        tracing::debug!("{counted} unfinished jobs: they are not counted at the start");
        return Ok(());
    }
    let found = count(tree)?;
    // A record that could not be read when its store came to this format was not counted.
    if (found.readable..=found.keys).contains(&counted) {
        return Ok(());
    }
    Err(damaged(&format!(
        "{counted} unfinished jobs are counted, but {} are there",
        found.keys
    )))
}

fn count(tree: &Tree) -> Result<Found, StoreError> {
    let mut found = Found::default();
    for stored in tree.stored(Bound::Included(keys::ACTIVE.to_vec())) {
        let (fence, block) = stored?;
        if !fence.starts_with(keys::ACTIVE) {
            break;
        }
        for (key, value) in tree.open(&fence, &block)? {
            found.keys += 1;
            let Some(id) = keys::tail_id(&key) else {
                continue;
            };
            if tree.get(&keys::done(id))?.is_some() {
                return Err(damaged(&format!(
                    "job #{id} is there both as finished and not"
                )));
            }
            let job: Result<Job, _> = record::decode_job(&key, id, &value);
            found.readable += u64::from(job.is_ok());
        }
    }
    Ok(found)
}

fn damaged(why: &str) -> StoreError {
    StoreError::Unavailable(format!(
        "the queue is damaged: {why}. Restore it from a backup; `comenqd check` says what else is \
         wrong with it"
    ))
}
