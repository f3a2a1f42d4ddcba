//! The place of one job that is further back than a forecast reaches.
//!
//! Decides it from kept counts: as many of its user's as go before it, and of each other user at
//! most as many. Called by the queue's `place`.

use super::super::record::Job;
use super::super::transition::State;
use super::super::txn::{Txn, as_number};
use super::super::{StoreError, index, keys};
use super::{ForecastQuery, Foreseen, foresee};
use comenq_proto::JobId;

/// Entries of a user's lines that are counted; of more it is taken that they are like these.
const COUNTED: u64 = 2000;

/// Where a job stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its place among those of its account that will go; 1 is next.
    pub position: Option<u64>,
    /// As it is foreseen, where it is near enough.
    pub foreseen: Option<Foreseen>,
}

/// Where a queued job stands: in the forecast, or behind it by an estimate.
pub(in crate::store) fn place(
    txn: &Txn<'_>,
    id: JobId,
    query: &ForecastQuery,
) -> Result<Standing, StoreError> {
    let job = index::load(txn, id)?;
    if job.state != State::Queued {
        return Ok(Standing::default());
    }
    let is_early = job.not_before.is_some() && !job.due_passed;
    let foresight = foresee(txn, query, Some(id))?;
    let mut posts = foresight.posts.iter();
    if let Some(at) = posts.position(|post| post.id == id) {
        let position = u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1);
        return Ok(Standing {
            position: (!is_early).then_some(position),
            foreseen: foresight.posts.into_iter().nth(at),
        });
    }
    let is_waiting = is_early || job.next_attempt_at.is_some();
    if foresight.is_all || is_waiting {
        return Ok(Standing::default());
    }
    // Nobody can tell how long its target is held back, however long the queue is.
    if txn.exists_under(&keys::unresolved(&job.account, &job.target.lower()))? {
        return Ok(Standing::default());
    }
    let behind = u64::try_from(foresight.posts.len()).unwrap_or(u64::MAX);
    let position = estimate(txn, &job)?.max(behind.saturating_add(1));
    Ok(Standing {
        position: Some(position),
        foreseen: None,
    })
}

/// How many jobs of an account are queued.
pub(super) fn queued(txn: &Txn<'_>, account: &str) -> Result<u64, StoreError> {
    let mut queued = 0;
    for entry in txn.scan(&keys::counts_of(account)) {
        let (key, value) = entry?;
        if key.last() == Some(&State::Queued.code()) {
            queued += as_number(&value)?;
        }
    }
    Ok(queued)
}

fn estimate(txn: &Txn<'_>, job: &Job) -> Result<u64, StoreError> {
    let own_key = keys::count(&job.account, job.uid, State::Queued.code());
    let own = rank_among_own(txn, job, txn.number(&own_key)?)?;
    let mut position = own;
    for entry in txn.scan(&keys::counts_of(&job.account)) {
        let (key, value) = entry?;
        if key != own_key && key.last() == Some(&State::Queued.code()) {
            position += as_number(&value)?.min(own);
        }
    }
    Ok(position)
}

/// Its place among the queued jobs of its user, of which there are so many.
fn rank_among_own(txn: &Txn<'_>, job: &Job, queued: u64) -> Result<u64, StoreError> {
    let own = index::rank(job);
    let (mut before, mut counted) = (0_u64, 0_u64);
    let prefix = keys::lines_of(&job.account, job.uid);
    for entry in txn
        .scan(&prefix)
        .take(usize::try_from(COUNTED).unwrap_or(0))
    {
        let (key, _) = entry?;
        counted += 1;
        if keys::Rank::tail(&key).is_some_and(|rank| rank < own) {
            before += 1;
        }
    }
    if counted == COUNTED {
        before = before.saturating_mul(queued) / COUNTED;
    }
    Ok(before.saturating_add(1))
}
