//! The next job is taken, or ends before anything is sent.
//!
//! Decides what of a queued job changes when its turn has come: it is claimed, put off, or over
//! because its time has passed or its condition does not hold. Run on the commit thread, for the
//! worker.

use std::sync::Arc;
use std::time::Duration;

use comenq_proto::JobId;

use super::posting::{LaneKey, Note};
use super::record::{Attempt, Failure, Job, Lane, LogEntry, LogKind, Outcome};
use super::transition::State;
use super::turns::{Field, Head, STEP_LIMIT};
use super::txn::Txn;
use super::{StoreError, expiring, halts, index, jobs, keys, log, turns, urgent};
use crate::clock::{Clock, Mark, UnixMs};

/// How long a job that has moved waits for a place that another one holds back.
const PLACE_WAIT: Duration = Duration::from_secs(60);

/// A claim: who is about to post, and when.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The account whose queue is served.
    pub account: String,
    /// Among which jobs the turn goes round, as the agenda told.
    pub field: Field,
    /// All accounts that share the lane, those too that can take no turn.
    pub sharing: Vec<String>,
    /// Who posts.
    pub lane: LaneKey,
    /// This moment.
    pub now: Mark,
    /// GitHub's time of this moment.
    pub started_github: UnixMs,
    /// The wall clock's, for people.
    pub wall: UnixMs,
    /// The one job to take, which need not wait for the cooldown; else the one whose turn it is.
    pub urgent: Option<JobId>,
    /// The job whose issue was just found open.
    pub checked: Option<JobId>,
    /// The comment is sent with the invisible marker.
    pub marker: bool,
    /// Tells what has expired.
    pub clock: Arc<Clock>,
}

/// A claimed job: durable as `posting`, its pace slot taken.
#[derive(Clone)]
pub struct Claimed {
    /// The job, in state `posting`.
    pub job: Job,
    /// Its text.
    pub body: String,
    /// When the slot before this one was taken: given back if nothing is sent.
    pub previous_pace: Option<Mark>,
}

impl std::fmt::Debug for Claimed {
    /// Without the text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claimed")
            .field("job", &self.job)
            .finish_non_exhaustive()
    }
}

/// What a claim found.
#[derive(Debug, Clone, Default)]
pub struct ClaimOutcome {
    /// The job, if one may go.
    pub claimed: Option<Claimed>,
    /// The job whose turn it is, if its issue must be looked at first: nothing was claimed.
    pub to_check: Option<Job>,
    /// Jobs taken out of line because they cannot be read, and why.
    pub set_aside: Vec<(JobId, String)>,
    /// Jobs whose time had passed.
    pub expired: Vec<JobId>,
}

/// Takes the next job: it becomes `posting`, the pace is advanced, its user has had a turn.
/// Jobs that cannot be read or whose time has passed are taken out of their lines on the way, and
/// named; of many, only some at once.
pub(super) fn claim(txn: &mut Txn<'_>, claim: &Claim) -> Result<ClaimOutcome, StoreError> {
    let mut outcome = ClaimOutcome::default();
    // Ordered since the agenda was made.
    if halts::of_account(txn, &claim.account)?.is_some() {
        return Ok(outcome);
    }
    for _ in 0..STEP_LIMIT {
        let head = match claim.urgent {
            Some(id) => urgent::head(txn, &claim.field, &claim.account, id)?,
            None => turns::choose(txn, &claim.field)?,
        };
        let Some(head) = head else {
            break;
        };
        let Some(id) = head.rank.id() else { break };
        if head.account != claim.account {
            break;
        }
        match jobs::get(txn, id) {
            // First: what damage put in line must not be taken for anything else.
            Ok((job, _)) if job.state != State::Queued => {
                turns::set_aside(txn, &head)?;
                let why = format!("it stood in line but is {}", job.state.as_str());
                outcome.set_aside.push((id, why));
            }
            Ok((job, _)) if expiring::is_over(&job, &claim.clock) => {
                expiring::expire(txn, &job, claim.wall)?;
                outcome.expired.push(id);
            }
            Ok((job, _)) if job.not_before.is_some_and(|at| at > claim.started_github) => {
                expiring::wait_again(txn, &job)?;
            }
            Ok((job, _)) if waits_elsewhere(txn, claim, &job)? => {
                put_off_for_its_place(txn, &job, claim.started_github)?;
            }
            Ok((job, _)) if job.if_open && claim.checked != Some(id) => {
                outcome.to_check = Some(job);
                break;
            }
            Ok((job, body)) => {
                outcome.claimed = Some(take(txn, claim, &job, body)?);
                break;
            }
            Err(error @ (StoreError::Damaged(_) | StoreError::NoSuchJob(_))) => {
                set_aside(txn, claim, &head, id, &error)?;
                outcome.set_aside.push((id, error.to_string()));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(outcome)
}

/// Whether something of where it would be posted is not known: on this account, where it moved, or
/// on another account of the same user, whose look would take this comment for its own.
fn waits_elsewhere(txn: &Txn<'_>, claim: &Claim, job: &Job) -> Result<bool, StoreError> {
    let place = job.destination().lower();
    for account in &claim.sharing {
        if txn.exists_under(&keys::unresolved(account, &place))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn put_off_for_its_place(txn: &mut Txn<'_>, old: &Job, now: UnixMs) -> Result<(), StoreError> {
    let mut job = old.clone();
    job.next_attempt_at = Some(now.plus(PLACE_WAIT));
    index::save(txn, Some(old), &job)
}

/// A job whose text cannot be read fails; of one whose record cannot be read only the place in
/// line goes, so that a person can still find it.
fn set_aside(
    txn: &mut Txn<'_>,
    claim: &Claim,
    head: &Head,
    id: JobId,
    error: &StoreError,
) -> Result<(), StoreError> {
    let Ok(old) = index::load(txn, id) else {
        return turns::set_aside(txn, head);
    };
    let mut job = old.clone();
    job.state = State::Failed;
    job.finished_at = Some(claim.wall);
    job.last_error = Some(error.to_string());
    job.failure = Some(Failure::Damaged);
    index::save(txn, Some(&old), &job)
}

fn take(txn: &mut Txn<'_>, claim: &Claim, old: &Job, body: String) -> Result<Claimed, StoreError> {
    let mut job = old.clone();
    job.state = State::Posting;
    job.attempts += 1;
    job.now = None;
    job.empty_looks = 0;
    job.look_from = None;
    // Before the running one is added: whatever it comes to, it can be taken back alone.
    merge_attempts(&mut job.unresolved);
    job.unresolved.push(Attempt {
        number: job.attempts,
        started_github: claim.started_github,
        user_id: claim.lane.user_id,
        ended: None,
        marker: claim.marker,
    });
    job.host = Some(claim.lane.host.clone());
    job.first_attempt = job.first_attempt.or(Some(claim.now));
    index::save(txn, Some(old), &job)?;
    turns::serve(txn, &claim.sharing, job.uid)?;
    let key = keys::lane(&claim.lane.host, claim.lane.user_id);
    let mut lane: Lane = txn.read_or_default(&key)?;
    let previous_pace = lane.pace.replace(claim.now);
    txn.write(key, &lane)?;
    Ok(Claimed {
        job,
        body,
        previous_pace,
    })
}

/// Unknown attempts that a record holds; older ones share a window.
const MAX_UNRESOLVED: usize = 12;

/// Makes room for one more: sled never syncs what outgrows its pages. The first attempt stays, from
/// which looks begin; of the others the oldest become one, as long as one user made them.
fn merge_attempts(attempts: &mut Vec<Attempt>) {
    while attempts.len() >= MAX_UNRESOLVED {
        let is_same = |pair: &[Attempt]| {
            matches!(pair, [one, other]
                if (one.user_id, one.marker) == (other.user_id, other.marker))
        };
        let Some(at) = attempts.windows(2).skip(1).position(is_same) else {
            return;
        };
        let older = attempts.remove(at + 1);
        if let Some(merged) = attempts.get_mut(at + 1) {
            merged.started_github = merged.started_github.min(older.started_github);
        }
    }
}

/// Ends a job whose condition does not hold: nothing was sent, no slot was taken.
pub(super) fn fail_precondition(
    txn: &mut Txn<'_>,
    id: JobId,
    reason: &str,
    note: Note,
    wall: UnixMs,
) -> Result<Job, StoreError> {
    let old = index::load(txn, id)?;
    let mut job = old.clone();
    if old.state == State::Queued {
        job.state = State::Cancelled;
        job.finished_at = Some(wall);
        job.next_attempt_at = None;
        job.last_error = Some(reason.to_owned());
        let entry = LogEntry {
            at_ms: wall,
            kind: LogKind::Look,
            number: 0,
            outcome: Outcome::Precondition,
            status: note.status,
            github_request_id: note.github_request_id,
            wait_ms: None,
            detail: Some(reason.to_owned()),
        };
        log::append(txn, &mut job, entry)?;
        index::save(txn, Some(&old), &job)?;
    }
    Ok(job)
}

/// Ends a queued job for good.
pub(super) fn fail(
    txn: &mut Txn<'_>,
    id: JobId,
    failure: Failure,
    reason: &str,
    wall: UnixMs,
) -> Result<Job, StoreError> {
    let old = index::load(txn, id)?;
    let mut job = old.clone();
    if old.state == State::Queued {
        job.state = State::Failed;
        job.finished_at = Some(wall);
        job.next_attempt_at = None;
        job.failure = Some(failure);
        job.last_error = Some(reason.to_owned());
        index::save(txn, Some(&old), &job)?;
    }
    Ok(job)
}

/// Puts a job off until a time: its own trouble, which nobody else is to wait for.
pub(super) fn put_off(
    txn: &mut Txn<'_>,
    id: JobId,
    until: UnixMs,
    reason: &str,
) -> Result<Job, StoreError> {
    let old = index::load(txn, id)?;
    let mut job = old.clone();
    if old.state == State::Queued {
        job.next_attempt_at = Some(until);
        job.denied = job.denied.saturating_add(1);
        job.last_error = Some(reason.to_owned());
        index::save(txn, Some(&old), &job)?;
    }
    Ok(job)
}
