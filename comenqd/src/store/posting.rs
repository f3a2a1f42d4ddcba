//! One post in the store: claim, conclude; and what its lane remembers.
//!
//! Decides what each of these changes, inside one transaction, so that a crash between any two of
//! them leaves a state from which start-up goes on (see `recovery`). Run on the commit thread.

use std::sync::Arc;
use std::time::Duration;

use comenq_proto::{JobId, Target};

use super::record::{
    self, Attempt, Failure, Job, KnownIdentity, Lane, LogEntry, LogKind, Outcome, OwnerWait, Wait,
    WaitKind,
};
use super::transition::State;
use super::turns::{Field, Head, STEP_LIMIT};
use super::txn::Txn;
use super::{StoreError, expiring, index, jobs, keys, log, owners, turns};
use crate::clock::{Clock, Mark, UnixMs};

/// How long a job that has moved waits for a place that another one holds back.
const PLACE_WAIT: Duration = Duration::from_secs(60);

/// Who posts: what a pace and a wait belong to. Two accounts with one login share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LaneKey {
    /// The API's host, lower case, with a port that is not the scheme's own.
    pub host: String,
    /// GitHub's numeric id; 0 while it is not known yet.
    pub user_id: u64,
}

/// A claim: who is about to post, and when.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The account whose queue is served.
    pub account: String,
    /// Among which jobs the turn goes round, as the agenda told.
    pub field: Field,
    /// Who posts.
    pub lane: LaneKey,
    /// This moment.
    pub now: Mark,
    /// GitHub's time of this moment.
    pub started_github: UnixMs,
    /// The wall clock's, for people.
    pub wall: UnixMs,
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
    for _ in 0..STEP_LIMIT {
        let Some(head) = turns::choose(txn, &claim.field)? else {
            break;
        };
        let Some(id) = head.rank.id() else { break };
        if head.account != claim.account {
            break;
        }
        match jobs::get(txn, id) {
            Ok((job, _)) if expiring::is_over(&job, &claim.clock) => {
                expiring::expire(txn, &job, claim.wall)?;
                outcome.expired.push(id);
            }
            Ok((job, _)) if job.not_before.is_some_and(|at| at > claim.started_github) => {
                expiring::wait_again(txn, &job)?;
            }
            Ok((job, _)) if job.state != State::Queued => {
                turns::set_aside(txn, &head)?;
                let why = format!("it stood in line but is {}", job.state.as_str());
                outcome.set_aside.push((id, why));
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
    for (account, _) in &claim.field.accounts {
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
    job.empty_looks = 0;
    job.look_from = None;
    job.unresolved.push(Attempt {
        number: job.attempts,
        started_github: claim.started_github,
        user_id: claim.lane.user_id,
        ended: None,
        marker: claim.marker,
    });
    merge_attempts(&mut job.unresolved);
    job.host = Some(claim.lane.host.clone());
    job.first_attempt = job.first_attempt.or(Some(claim.now));
    index::save(txn, Some(old), &job)?;
    let accounts = claim.field.accounts.iter().map(|(account, _)| account);
    turns::serve(txn, accounts, job.uid)?;
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

/// Keeps the record small: sled never syncs what outgrows its pages. The first attempt stays, from
/// which looks begin; of the others the oldest become one, as long as one user made them.
fn merge_attempts(attempts: &mut Vec<Attempt>) {
    while attempts.len() > MAX_UNRESOLVED {
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

/// What an attempt came to, as the retry policy judged it.
#[derive(Debug, Clone)]
pub enum Conclusion {
    /// The comment exists; its id and URL where the answer gave them.
    Posted {
        /// GitHub's id.
        comment_id: Option<u64>,
        /// The address.
        url: Option<String>,
    },
    /// Surely nothing was sent: the slot is given back, the attempt does not count, the lane waits.
    PutBack {
        /// The pace before the claim.
        previous_pace: Option<Mark>,
        /// The lane's wait.
        wait: Wait,
    },
    /// The account's trouble: the attempt does not count, the lane waits; where somebody must act,
    /// the account.
    Deferred {
        /// The wait.
        wait: Wait,
    },
    /// An owner bars the account: the attempt does not count, the owner's jobs wait.
    OwnerBarred {
        /// The owner's wait.
        wait: OwnerWait,
    },
    /// The target has moved: the next attempt goes there.
    Moved {
        /// Where to.
        to: Target,
        /// For people.
        reason: String,
    },
    /// Nobody knows: look first.
    LookFirst {
        /// For people.
        reason: String,
        /// The lane waits too.
        wait: Option<Wait>,
    },
    /// Refused for good.
    Dead {
        /// What kind of refusal.
        failure: Failure,
        /// For people.
        reason: String,
    },
}

/// How an attempt or a look ended, for the job's log.
#[derive(Debug, Clone, Default)]
pub struct Note {
    /// GitHub's status.
    pub status: Option<u16>,
    /// GitHub's id of the request.
    pub github_request_id: Option<String>,
}

/// The moment of a conclusion, by the clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// By those that do not jump.
    pub now: Mark,
    /// The wall clock's, for people.
    pub wall: UnixMs,
    /// What chance adds to the interval that begins now.
    pub jitter: Duration,
}

/// Concludes the running attempt of a job.
pub(super) fn conclude(
    txn: &mut Txn<'_>,
    id: JobId,
    lane_key: &LaneKey,
    conclusion: Conclusion,
    note: Note,
    at: Moment,
) -> Result<Job, StoreError> {
    let old = index::load(txn, id)?;
    if old.state != State::Posting {
        return Err(StoreError::WrongState {
            id,
            state: old.state.as_str(),
        });
    }
    let mut job = old.clone();
    let key = keys::lane(&lane_key.host, lane_key.user_id);
    let mut lane: Lane = txn.read_or_default(&key)?;
    // The claim took the slot so that a crash cannot give it away; the interval counts from here,
    // for GitHub may have seen the request at any moment until now.
    lane.pace = Some(at.now);
    lane.jitter_ms = millis(at.jitter);
    log::append(txn, &mut job, entry(&old, &conclusion, note, at.wall))?;
    apply(txn, &mut job, &mut lane, lane_key, conclusion, at)?;
    index::save(txn, Some(&old), &job)?;
    txn.write(key, &lane)?;
    Ok(job)
}

fn apply(
    txn: &mut Txn<'_>,
    job: &mut Job,
    lane: &mut Lane,
    lane_key: &LaneKey,
    conclusion: Conclusion,
    at: Moment,
) -> Result<(), StoreError> {
    let owner = job.destination().owner.as_str().to_ascii_lowercase();
    match conclusion {
        Conclusion::Posted { comment_id, url } => {
            lane.answered();
            owners::let_in(txn, &job.account, &owner)?;
            posted(txn, job, lane_key, comment_id, url, at.now, at.wall)
        }
        Conclusion::PutBack {
            previous_pace,
            wait,
        } => {
            lane.pace = previous_pace;
            uncount(job, &wait.reason);
            lane.strike(wait);
            Ok(())
        }
        Conclusion::Deferred { wait } => {
            uncount(job, &wait.reason);
            if wait.kind == WaitKind::Denied {
                job.denied = job.denied.saturating_add(1);
            }
            keep_wait(txn, &job.account, lane, wait)
        }
        Conclusion::OwnerBarred { wait } => {
            uncount(job, &wait.reason);
            lane.answered();
            owners::bar(txn, &job.account, &owner, wait)
        }
        Conclusion::Moved { to, reason } => {
            lane.answered();
            owners::let_in(txn, &job.account, &owner)?;
            job.unresolved.pop();
            job.state = State::Queued;
            job.moved_to = (to.lower() != job.target.lower()).then_some(to);
            job.last_error = Some(reason);
            Ok(())
        }
        Conclusion::LookFirst { reason, wait } => {
            if let Some(wait) = wait {
                lane.strike(wait);
            }
            job.state = State::Uncertain;
            job.last_error = Some(reason);
            if let Some(attempt) = job.unresolved.last_mut() {
                attempt.ended = Some(at.now);
            }
            look_later(txn, job, at.now);
            Ok(())
        }
        Conclusion::Dead { failure, reason } => {
            lane.answered();
            owners::let_in(txn, &job.account, &owner)?;
            job.unresolved.pop();
            job.state = State::Failed;
            job.finished_at = Some(at.wall);
            job.failure = Some(failure);
            job.last_error = Some(reason);
            Ok(())
        }
    }
}

/// An attempt that tells nothing about the job: it keeps its turn.
fn uncount(job: &mut Job, reason: &str) {
    job.unresolved.pop();
    job.attempts = job.attempts.saturating_sub(1);
    if job.attempts_now() == 0 {
        job.first_attempt = None;
    }
    job.state = State::Queued;
    job.last_error = Some(reason.to_owned());
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn entry(job: &Job, conclusion: &Conclusion, note: Note, wall: UnixMs) -> LogEntry {
    let (outcome, wait_ms, detail) = match conclusion {
        Conclusion::Posted { .. } => (Outcome::Posted, None, None),
        Conclusion::PutBack { wait, .. } => {
            (Outcome::NotSent, Some(wait.wait_ms), Some(&wait.reason))
        }
        Conclusion::Deferred { wait } => {
            let outcome = match wait.kind {
                WaitKind::Limited => Outcome::Limited,
                WaitKind::Denied => Outcome::Denied,
                WaitKind::Blocked => Outcome::Blocked,
                WaitKind::Offline => Outcome::Offline,
            };
            let ends = wait.kind != WaitKind::Blocked;
            (outcome, ends.then_some(wait.wait_ms), Some(&wait.reason))
        }
        Conclusion::OwnerBarred { wait } => (
            Outcome::OwnerBlocked,
            Some(wait.wait_ms),
            Some(&wait.reason),
        ),
        Conclusion::Moved { reason, .. } => (Outcome::Moved, None, Some(reason)),
        Conclusion::LookFirst { reason, wait } => {
            let wait_ms = wait.as_ref().map(|wait| wait.wait_ms);
            (Outcome::Unknown, wait_ms, Some(reason))
        }
        Conclusion::Dead { failure, reason } => {
            let outcome = match failure {
                Failure::Denied => Outcome::Denied,
                Failure::Moved => Outcome::Moved,
                _ => Outcome::Refused,
            };
            (outcome, None, Some(reason))
        }
    };
    LogEntry {
        at_ms: wall,
        kind: LogKind::Attempt,
        number: job.attempts,
        outcome,
        status: note.status,
        github_request_id: note.github_request_id,
        wait_ms,
        detail: detail.cloned(),
    }
}

pub(super) fn posted(
    txn: &mut Txn<'_>,
    job: &mut Job,
    lane: &LaneKey,
    comment_id: Option<u64>,
    url: Option<String>,
    now: Mark,
    wall: UnixMs,
) -> Result<(), StoreError> {
    if job.state != State::Posted {
        job.finished_at = Some(wall);
    }
    job.state = State::Posted;
    job.comment_id = comment_id;
    job.comment_url = url;
    job.last_error = None;
    job.look_sequence = None;
    if let Some(comment) = comment_id {
        own_comment(txn, lane, comment, job.id)?;
        job.unresolved.clear();
    } else {
        // The status alone says that it exists; the id is looked up, never posted for again.
        if let Some(attempt) = job.unresolved.last_mut() {
            attempt.ended = Some(now);
        }
        look_later(txn, job, now);
    }
    Ok(())
}

fn own_comment(
    txn: &mut Txn<'_>,
    lane: &LaneKey,
    comment: u64,
    id: JobId,
) -> Result<(), StoreError> {
    let key = keys::comment(&lane.host, comment);
    match txn.number(&key)? {
        0 => txn.put(key, id.get().to_be_bytes()),
        owner if owner == id.get() => {}
        // GitHub's word that it exists stands: a server put back to a backup gives ids out again.
        owner => tracing::error!(
            job_id = id.get(),
            "job #{id}: {} says that it created comment {comment}, which is job #{owner}'s already",
            lane.host
        ),
    }
    Ok(())
}

/// Puts a job at the end of the line of looks.
pub(super) fn look_later(txn: &mut Txn<'_>, job: &mut Job, now: Mark) {
    job.look_from = Some(now);
    job.look_sequence = Some(txn.meta.sequence);
}

/// Keeps a wait where it belongs: what somebody must mend with the account, the rest with who
/// posts.
fn keep_wait(
    txn: &mut Txn<'_>,
    account: &str,
    lane: &mut Lane,
    mut wait: Wait,
) -> Result<(), StoreError> {
    if wait.kind != WaitKind::Blocked {
        lane.strike(wait);
        return Ok(());
    }
    wait.reason = record::clip(&wait.reason);
    txn.write(keys::blocked(account), &wait)
}

/// Makes a whole lane wait, or blocks its account, outside of any attempt.
pub(super) fn set_wait(
    txn: &mut Txn<'_>,
    account: &str,
    lane: &LaneKey,
    wait: Wait,
) -> Result<(), StoreError> {
    let key = keys::lane(&lane.host, lane.user_id);
    let mut state: Lane = txn.read_or_default(&key)?;
    keep_wait(txn, account, &mut state, wait)?;
    txn.write(key, &state)
}

/// Lets a blocked account, and owners that bar it, be tried again. Says whether any was waiting.
pub(super) fn resume(txn: &mut Txn<'_>, account: &str) -> Result<bool, StoreError> {
    let key = keys::blocked(account);
    let was_blocked = txn.get(&key)?.is_some();
    if was_blocked {
        txn.remove(key);
    }
    Ok(owners::let_all_in(txn, account)? || was_blocked)
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

/// Remembers who an account is, and returns that lane. What a lane that was not known waited for
/// is over: somebody answered. So is a block of an account that is answered again.
pub(super) fn set_identity(
    txn: &mut Txn<'_>,
    account: &str,
    identity: &KnownIdentity,
) -> Result<Lane, StoreError> {
    let key = keys::identity(account);
    if txn.read::<KnownIdentity>(&key)?.as_ref() != Some(identity) {
        txn.write(key, identity)?;
        txn.remove(keys::lane(&identity.host, 0));
    }
    if txn.get(&keys::blocked(account))?.is_some() {
        txn.remove(keys::blocked(account));
    }
    txn.read_or_default(&keys::lane(&identity.host, identity.user_id))
}
