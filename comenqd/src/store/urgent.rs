//! Jobs that an administrator wants posted without waiting for the cooldown.
//!
//! Decides whether a job can be one, and which is first. Such a job stands in a line of its own as
//! well (`index`), until it is claimed or leaves the queue. The pacer says when it may go, and a claim
//! takes that one and no other. Run on the commit thread.

use comenq_proto::JobId;

use super::record::Job;
use super::transition::State;
use super::turns::{Field, Head};
use super::txn::Txn;
use super::verbs::{Changed, save, wrong};
use super::{StoreError, halts, index, keys};
use crate::clock::UnixMs;

/// Of one account so many are looked at in one transaction: those that must wait stand in front.
const EXAMINED: usize = 64;

/// Lets a job be posted next, whatever the cooldown. `accounts` are those whose unresolved jobs
/// could be mixed up with it. Idempotent.
pub(super) fn post_now(
    txn: &mut Txn<'_>,
    id: JobId,
    accounts: &[String],
    now: UnixMs,
) -> Result<Changed, StoreError> {
    let old = index::load(txn, id)?;
    if old.state != State::Queued {
        return Err(wrong(&old));
    }
    let waits = |what: &str| StoreError::Waits {
        id,
        what: what.to_owned(),
    };
    if any_unresolved(txn, accounts.iter().chain([&old.account]), &old)? {
        return Err(StoreError::Unresolved(id));
    }
    if old.not_before.is_some_and(|at| at > now && !old.due_passed) {
        return Err(waits("its own time to be posted, which has not come"));
    }
    if old.next_attempt_at.is_some_and(|at| at > now) {
        return Err(waits("its next attempt, which was put off"));
    }
    if is_barred(txn, &old, None)? {
        return Err(waits("its owner, who bars the account"));
    }
    if halts::of_account(txn, &old.account)?.is_some() {
        return Err(waits("the end of a pause"));
    }
    let mut job = old.clone();
    if job.now.is_none() {
        txn.meta.bumps += 1;
        job.now = Some(txn.meta.bumps);
    }
    save(txn, &old, job)
}

/// Whether something of where a job goes is not known on one of these accounts.
fn any_unresolved<'a>(
    txn: &Txn<'_>,
    accounts: impl IntoIterator<Item = &'a String>,
    job: &Job,
) -> Result<bool, StoreError> {
    for account in accounts {
        for place in [&job.target, job.destination()] {
            if txn.exists_under(&keys::unresolved(account, &place.lower()))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The first such job of an account that may go as far as the queue is concerned.
pub(super) fn first(
    txn: &Txn<'_>,
    field: &Field,
    account: &str,
) -> Result<Option<JobId>, StoreError> {
    let prefix = keys::urgent(account);
    let mut after = None;
    for _ in 0..EXAMINED {
        let Some((key, _)) = txn.next(&prefix, after.as_deref())? else {
            break;
        };
        let id = keys::tail_id(&key);
        if let Some(id) = id
            && head(txn, field, account, id)?.is_some()
        {
            return Ok(Some(id));
        }
        after = Some(key);
    }
    Ok(None)
}

/// That job as the head of its line, if it may go.
pub(super) fn head(
    txn: &Txn<'_>,
    field: &Field,
    account: &str,
    id: JobId,
) -> Result<Option<Head>, StoreError> {
    let job = match index::load(txn, id) {
        Ok(job) => job,
        Err(StoreError::Damaged(_) | StoreError::NoSuchJob(_)) => return Ok(None),
        Err(other) => return Err(other),
    };
    let stands = job.state == State::Queued
        && job.account == account
        && job.now.is_some()
        && (job.not_before.is_none() || job.due_passed)
        && job.next_attempt_at.is_none();
    let sharing = field.accounts.iter().map(|(account, _)| account);
    if !stands || any_unresolved(txn, sharing, &job)? || is_barred(txn, &job, Some(field))? {
        return Ok(None);
    }
    Ok(Some(Head {
        account: job.account.clone(),
        uid: job.uid,
        rank: index::rank(&job),
        target: job.target.lower(),
    }))
}

/// Whether the owner bars the account, and is not to be tried again.
fn is_barred(txn: &Txn<'_>, job: &Job, field: Option<&Field>) -> Result<bool, StoreError> {
    let owner = job.destination().owner.as_str().to_ascii_lowercase();
    let open = field
        .into_iter()
        .flat_map(|field| &field.accounts)
        .any(|(account, open)| *account == job.account && open.contains(&owner));
    let bar = keys::barred_owner(&job.account, &owner);
    Ok(!open && txn.get(&bar)?.is_some())
}
