//! What people do to a job after it was accepted: cancel, edit, hold, release, retry, bump.
//!
//! Decides in which state each is possible and what it changes, inside one transaction. Whether a
//! state may follow another is `transition`'s. Run on the commit thread through `Store`. All are
//! idempotent: what is so already stays so.

use comenq_proto::{CommentBody, JobId};

use super::posting::{Moment, look_later};
use super::record::{Failure, Hold, Job};
use super::transition::State;
use super::txn::Txn;
use super::{StoreError, index, jobs, keys, quota};
use crate::clock::{Mark, UnixMs};

/// A job after a verb.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The job as it stands now.
    pub job: Job,
    /// Something is different from before.
    pub changed: bool,
}

/// Writes what became of a job, if it is anything new.
pub(super) fn save(txn: &mut Txn<'_>, old: &Job, job: Job) -> Result<Changed, StoreError> {
    let changed = job != *old;
    if changed {
        index::save(txn, Some(old), &job)?;
    }
    Ok(Changed { job, changed })
}

/// Why a job's state forbids what was asked for.
pub(super) fn wrong(job: &Job) -> StoreError {
    match job.state {
        State::Posting => StoreError::Busy(job.id),
        State::Uncertain => StoreError::Unresolved(job.id),
        state => StoreError::WrongState {
            id: job.id,
            state: state.as_str(),
        },
    }
}

/// Cancels a job: at once, or for an uncertain one "never repost, still look".
pub(super) fn cancel(txn: &mut Txn<'_>, id: JobId, now: Moment) -> Result<Changed, StoreError> {
    let old = index::load(txn, id)?;
    let mut job = old.clone();
    match old.state {
        // Nobody has looked for its attempts since it came from elsewhere.
        State::Held if !old.unresolved.is_empty() && old.hold == Some(Hold::Restored) => {
            look_first(txn, &mut job, now.now);
            job.cancel_requested = true;
        }
        State::Queued | State::Held => {
            job.state = State::Cancelled;
            job.finished_at = Some(now.wall);
            job.next_attempt_at = None;
        }
        State::Uncertain => job.cancel_requested = true,
        State::Cancelled => {}
        State::Posting | State::Posted | State::Failed | State::Expired => return Err(wrong(&old)),
    }
    save(txn, &old, job)
}

/// Replaces the text of a job that waits. One of which an attempt may be at GitHub keeps its text:
/// that is what is looked for. The new text may not break its user's limit of bytes.
pub(super) fn edit(
    txn: &mut Txn<'_>,
    id: JobId,
    body: &CommentBody,
    max_body_bytes: u64,
) -> Result<Changed, StoreError> {
    let old = index::load(txn, id)?;
    if !matches!(old.state, State::Queued | State::Held) {
        return Err(wrong(&old));
    }
    if old.may_have_been_posted() {
        return Err(StoreError::Unresolved(id));
    }
    let mut job = old.clone();
    if jobs::body(txn, &old).is_ok_and(|text| text == body.as_str()) {
        return Ok(Changed {
            job,
            changed: false,
        });
    }
    quota::admit_text(txn, &old, body, max_body_bytes)?;
    jobs::replace_body(txn, &mut job, body)?;
    save(txn, &old, job)
}

/// Keeps a queued job from going out until it is released.
pub(super) fn hold(txn: &mut Txn<'_>, id: JobId) -> Result<Changed, StoreError> {
    let old = index::load(txn, id)?;
    let mut job = old.clone();
    match old.state {
        State::Queued => {
            job.state = State::Held;
            job.hold = Some(Hold::User);
            job.now = None;
            job.next_attempt_at = None;
        }
        State::Held => {}
        _ => return Err(wrong(&old)),
    }
    save(txn, &old, job)
}

/// Lets a held job go on: into its line, or, where it may have been posted, to a look.
pub(super) fn release(txn: &mut Txn<'_>, id: JobId, now: Mark) -> Result<Changed, StoreError> {
    let old = index::load(txn, id)?;
    let mut job = old.clone();
    match old.state {
        State::Held if old.may_have_been_posted() => {
            look_first(txn, &mut job, now);
            job.last_error = Some("released: looking whether it was posted already".to_owned());
        }
        State::Held => {
            job.state = State::Queued;
            job.hold = None;
        }
        State::Queued => {}
        _ => return Err(wrong(&old)),
    }
    save(txn, &old, job)
}

/// Revives a dead letter: into its line, or, where it may have been posted, to a look.
pub(super) fn retry(txn: &mut Txn<'_>, id: JobId, now: Mark) -> Result<Changed, StoreError> {
    let old = index::load(txn, id)?;
    let mut job = old.clone();
    match old.state {
        State::Failed => revive(txn, &mut job, now),
        // It is on its way already, and wanted.
        State::Queued | State::Posting | State::Uncertain => job.cancel_requested = false,
        _ => return Err(wrong(&old)),
    }
    save(txn, &old, job)
}

fn revive(txn: &mut Txn<'_>, job: &mut Job, now: Mark) {
    job.finished_at = None;
    job.failure = None;
    job.denied = 0;
    job.now = None;
    job.attempts_forgiven = job.attempts;
    job.first_attempt = None;
    // Whoever revives it wants it posted.
    job.cancel_requested = false;
    // What it may have been taken for was not it, says whoever revives it.
    job.comment_url = None;
    // Where its store came from, it may have been revived and posted since.
    if job.id.get() <= txn.meta.restored_up_to {
        job.hold = Some(Hold::Restored);
    }
    if job.unresolved.is_empty() && job.hold != Some(Hold::Restored) {
        job.state = State::Queued;
    } else {
        look_first(txn, job, now);
    }
}

/// Nobody knows whether it was posted: look before it may be posted.
fn look_first(txn: &mut Txn<'_>, job: &mut Job, now: Mark) {
    job.state = State::Uncertain;
    job.empty_looks = 0;
    look_later(txn, job, now);
}

/// Brings a job to the front of its user's.
pub(super) fn bump(txn: &mut Txn<'_>, id: JobId) -> Result<Changed, StoreError> {
    let old = index::load(txn, id)?;
    if old.state != State::Queued {
        return Err(wrong(&old));
    }
    let mut job = old.clone();
    txn.meta.bumps += 1;
    job.order = i64::try_from(txn.meta.bumps).map_or(i64::MIN, i64::wrapping_neg);
    save(txn, &old, job)
}

/// Dead letters that were revived, and where to go on.
#[derive(Debug, Clone, Default)]
pub struct Retried {
    /// The jobs.
    pub jobs: Vec<JobId>,
    /// Where to go on; `None` at the end.
    pub next: Option<(UnixMs, JobId)>,
}

/// Finished jobs examined in one transaction.
const EXAMINED: usize = 500;

/// Revives the dead letters of one reason, the newest first: those of `uid`, or everybody's.
pub(super) fn retry_failed(
    txn: &mut Txn<'_>,
    reason: Failure,
    uid: Option<u32>,
    after: Option<(UnixMs, JobId)>,
    now: Mark,
) -> Result<Retried, StoreError> {
    let mut retried = Retried::default();
    let mut after = after.map(|(at, id)| keys::finished(at, id));
    for _ in 0..EXAMINED {
        let Some((key, _)) = txn.next(keys::FINISHED, after.as_deref())? else {
            retried.next = None;
            return Ok(retried);
        };
        retried.next = keys::parse_finished(&key);
        after = Some(key);
        let Some((_, id)) = retried.next else {
            continue;
        };
        let job = match index::load(txn, id) {
            Ok(job) => job,
            Err(StoreError::Damaged(_) | StoreError::NoSuchJob(_)) => continue,
            Err(other) => return Err(other),
        };
        let wanted = job.state == State::Failed
            && job.failure == Some(reason)
            && uid.is_none_or(|uid| uid == job.uid);
        if wanted {
            retry(txn, id, now)?;
            retried.jobs.push(id);
        }
    }
    Ok(retried)
}
