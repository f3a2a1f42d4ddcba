//! Jobs whose time passes before they are posted.
//!
//! Decides when that is so. Our own wall clock has no say: a span counts by the clock that never
//! jumps, a time that people chose by GitHub's, and without it nothing expires. A job of which an
//! attempt may be at GitHub never expires.

use std::time::Duration;

use comenq_proto::JobId;

use super::keys;
use super::record::{Expiry, Job};
use super::transition::State;
use super::txn::Txn;
use super::{StoreError, dating, index};
use crate::clock::{Clock, UnixMs};

/// Jobs that expire in one transaction at most.
const STEP_LIMIT: usize = 256;

/// Whether a job's time has passed.
pub(super) fn is_over(job: &Job, clock: &Clock) -> bool {
    left(job, clock).is_some_and(|left| left.is_zero())
}

/// How much longer it is wanted; `None`: for ever, or nobody can tell yet.
fn left(job: &Job, clock: &Clock) -> Option<Duration> {
    let Expiry { at_ms, span_ms } = job.expiry?;
    dating::left(span_ms, job.accepted, clock)
        .or_else(|| clock.github_now().map(|now| at_ms.since(now)))
}

/// Ends a job whose time has passed.
pub(super) fn expire(txn: &mut Txn<'_>, old: &Job, wall: UnixMs) -> Result<(), StoreError> {
    let mut job = old.clone();
    job.state = State::Expired;
    job.finished_at = Some(wall);
    job.next_attempt_at = None;
    job.last_error = Some("its time passed before it could be posted".to_owned());
    index::save(txn, Some(old), &job)
}

/// Lets every job of an account expire whose time has passed; returns them. Does nothing until
/// GitHub's time is known.
pub(super) fn sweep(
    txn: &mut Txn<'_>,
    account: &str,
    clock: &Clock,
) -> Result<Vec<JobId>, StoreError> {
    let Some(now) = clock.github_now() else {
        return Ok(Vec::new());
    };
    let prefix = keys::expiries(account);
    let mut expired = Vec::new();
    let mut after = None;
    for _ in 0..STEP_LIMIT {
        let Some((key, _)) = txn.next(&prefix, after.as_deref())? else {
            break;
        };
        let (at, id) = keys::parse_due(&key)
            .ok_or_else(|| StoreError::Damaged("an expiry without a time".to_owned()))?;
        if at > now {
            break;
        }
        after = Some(key.clone());
        match index::load(txn, id) {
            Ok(job) => match left(&job, clock) {
                Some(Duration::ZERO) => {
                    expire(txn, &job, clock.wall())?;
                    expired.push(id);
                }
                // GitHub's time was not known when it was accepted.
                Some(left) => date(txn, &job, now.plus(left))?,
                None => {}
            },
            Err(StoreError::Damaged(_) | StoreError::NoSuchJob(_)) => txn.remove(key),
            Err(other) => return Err(other),
        }
    }
    Ok(expired)
}

/// From here on it has a date, by GitHub's time.
fn date(txn: &mut Txn<'_>, old: &Job, at: UnixMs) -> Result<(), StoreError> {
    let mut job = old.clone();
    if let Some(expiry) = &mut job.expiry {
        expiry.at_ms = at;
        expiry.span_ms = None;
    }
    index::save(txn, Some(old), &job)
}

/// Puts a job out of its line again that joined it while our clock was wrong.
pub(super) fn wait_again(txn: &mut Txn<'_>, old: &Job) -> Result<(), StoreError> {
    let mut job = old.clone();
    job.due_passed = false;
    index::save(txn, Some(old), &job)
}
