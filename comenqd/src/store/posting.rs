//! One post in the store: claim, conclude; and what its lane remembers.
//!
//! Decides what each of these changes, inside one transaction, so that a crash between any two of
//! them leaves a state from which start-up goes on (see `recovery`). Run on the commit thread.

use comenq_proto::JobId;

use super::index;
use super::jobs;
use super::record::{Attempt, Job, KnownIdentity, Lane, Wait, WaitKind};
use super::transition::State;
use super::txn::Txn;
use super::{StoreError, keys};
use crate::clock::{Mark, UnixMs};

/// Who posts: what a pace and a wait belong to. Two accounts with one login share it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Who posts.
    pub lane: LaneKey,
    /// This moment.
    pub now: Mark,
    /// GitHub's time of this moment.
    pub started_github: UnixMs,
    /// The wall clock's, for people.
    pub wall: UnixMs,
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
    /// Jobs taken out of line because they cannot be read, and why.
    pub set_aside: Vec<(JobId, String)>,
}

/// Takes the next job: it becomes `posting`, the pace is advanced, its user has had a turn.
/// Jobs that cannot be read are taken out of their lines on the way, and named.
pub(super) fn claim(txn: &mut Txn<'_>, claim: &Claim) -> Result<ClaimOutcome, StoreError> {
    let mut outcome = ClaimOutcome::default();
    while let Some(head) = index::choose(txn, &claim.account)? {
        let Some(id) = head.rank.id() else { break };
        match jobs::get(txn, id) {
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

/// A job whose text cannot be read fails; of one whose record cannot be read only the place in
/// line goes, so that a person can still find it.
fn set_aside(
    txn: &mut Txn<'_>,
    claim: &Claim,
    head: &index::Head,
    id: JobId,
    error: &StoreError,
) -> Result<(), StoreError> {
    let Ok(old) = index::load(txn, id) else {
        return index::set_aside(txn, &claim.account, head);
    };
    let mut job = old.clone();
    job.state = State::Failed;
    job.finished_at = Some(claim.wall);
    job.last_error = Some(error.to_string());
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
    });
    index::save(txn, Some(old), &job)?;
    index::serve(txn, &claim.account, job.uid)?;
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
    /// The account's trouble: the attempt does not count, the lane waits.
    Deferred {
        /// The lane's wait.
        wait: Wait,
    },
    /// Nobody knows: look first.
    LookFirst {
        /// For people.
        reason: String,
    },
    /// Refused for good.
    Dead {
        /// For people.
        reason: String,
    },
}

/// Concludes the running attempt of a job.
pub(super) fn conclude(
    txn: &mut Txn<'_>,
    id: JobId,
    lane_key: &LaneKey,
    conclusion: Conclusion,
    now: Mark,
    wall: UnixMs,
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
    lane.pace = Some(now);
    match conclusion {
        Conclusion::Posted { comment_id, url } => {
            (lane.wait, lane.strikes) = (None, 0);
            posted(txn, &mut job, lane_key, comment_id, url, now, wall)?;
        }
        Conclusion::PutBack {
            previous_pace,
            wait,
        } => {
            lane.pace = previous_pace;
            uncount(&mut job, &mut lane, wait);
        }
        Conclusion::Deferred { wait } => uncount(&mut job, &mut lane, wait),
        Conclusion::LookFirst { reason } => {
            job.state = State::Uncertain;
            job.last_error = Some(reason);
            if let Some(attempt) = job.unresolved.last_mut() {
                attempt.ended = Some(now);
            }
            look_later(txn, &mut job, now);
        }
        Conclusion::Dead { reason } => {
            job.unresolved.pop();
            job.state = State::Failed;
            job.finished_at = Some(wall);
            job.last_error = Some(reason);
            (lane.wait, lane.strikes) = (None, 0);
        }
    }
    index::save(txn, Some(&old), &job)?;
    txn.write(key, &lane)?;
    Ok(job)
}

/// An attempt that tells nothing about the job: it keeps its turn, the lane waits.
fn uncount(job: &mut Job, lane: &mut Lane, wait: Wait) {
    job.unresolved.pop();
    job.attempts = job.attempts.saturating_sub(1);
    job.state = State::Queued;
    job.last_error = Some(wait.reason.clone());
    if wait.kind == WaitKind::Denied {
        job.denied = job.denied.saturating_add(1);
    }
    lane.strike(wait);
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

/// Makes a whole lane wait, outside of any attempt.
pub(super) fn set_wait(txn: &mut Txn<'_>, lane: &LaneKey, wait: Wait) -> Result<(), StoreError> {
    let key = keys::lane(&lane.host, lane.user_id);
    let mut state: Lane = txn.read_or_default(&key)?;
    state.strike(wait);
    txn.write(key, &state)
}

/// Remembers who an account is, and returns that lane. What a lane that was not known waited for
/// is over: somebody answered.
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
    txn.read_or_default(&keys::lane(&identity.host, identity.user_id))
}
