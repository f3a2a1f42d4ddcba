//! What start-up repairs.
//!
//! Decides what becomes of jobs that a crash left in `posting`, and of a queue that was last used
//! on another host. Run on the commit thread before anything is answered.

use comenq_proto::JobId;

use super::posting::look_later;
use super::record::{Hold, Job, KnownIdentity, Lane};
use super::transition::State;
use super::txn::Txn;
use super::{StoreError, index, keys};
use crate::clock::Mark;

/// What start-up found.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// Jobs whose POST may have been on the way.
    pub uncertain: Vec<JobId>,
    /// Unresolved jobs that cannot be read, and why.
    pub damaged: Vec<(JobId, String)>,
}

/// What a crash left in `posting` becomes `uncertain`: its attempt ended, at the latest, when this
/// process started. A job that cannot be read stays as it is: its target goes on waiting.
pub(super) fn recover(txn: &mut Txn<'_>, started: Mark) -> Result<Recovered, StoreError> {
    let mut recovered = Recovered::default();
    let mut after = None;
    while let Some((key, _)) = txn.next(keys::ALL_UNRESOLVED, after.as_deref())? {
        let id = keys::tail_id(&key);
        after = Some(key);
        let Some(id) = id else { continue };
        let old = match index::load(txn, id) {
            Ok(old) => old,
            Err(error @ (StoreError::Damaged(_) | StoreError::NoSuchJob(_))) => {
                recovered.damaged.push((id, error.to_string()));
                continue;
            }
            Err(other) => return Err(other),
        };
        if old.state != State::Posting {
            continue;
        }
        defer_pace(txn, &old, started)?;
        let mut job = old.clone();
        job.state = State::Uncertain;
        job.last_error = Some("comenqd ended while the comment was being posted".to_owned());
        if let Some(attempt) = job.unresolved.last_mut() {
            attempt.ended = Some(started);
        }
        look_later(txn, &mut job, started);
        index::save(txn, Some(&old), &job)?;
        recovered.uncertain.push(id);
    }
    Ok(recovered)
}

/// A request of the process that ended may have left as late as this one started: the interval
/// counts from here.
fn defer_pace(txn: &mut Txn<'_>, job: &Job, started: Mark) -> Result<(), StoreError> {
    let identity = txn.read::<KnownIdentity>(&keys::identity(&job.account))?;
    // A record of format 1 does not name the host.
    let host = job.host.clone().or(identity.map(|identity| identity.host));
    let (Some(host), Some(attempt)) = (host, job.unresolved.last()) else {
        return Ok(());
    };
    let key = keys::lane(&host, attempt.user_id);
    let mut lane: Lane = txn.read_or_default(&key)?;
    lane.pace = Some(started);
    txn.write(key, &lane)
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
    job.hold = Some(Hold::Restored);
    job.now = None;
    job.next_attempt_at = None;
    job.look_sequence = None;
    job.last_error = Some(
        "restored: this queue was last used on another host, which may have posted it".to_owned(),
    );
    index::save(txn, Some(&old), &job)
}
