//! One post in the store: what its attempt came to.
//!
//! Decides what a conclusion changes, inside one transaction, so that a crash before or after it
//! leaves a state from which start-up goes on (see `recovery`). How a job is taken is `claiming`'s.
//! Run on the commit thread.

use std::time::Duration;

use comenq_proto::{JobId, Target};

use super::record::{Failure, Job, Lane, LogEntry, LogKind, Outcome, OwnerWait, Wait, WaitKind};
use super::transition::State;
use super::txn::Txn;
use super::waits::keep_wait;
use super::{StoreError, index, keys, log, news, owners};
use crate::clock::{Mark, UnixMs};

/// Who posts: what a pace and a wait belong to. Two accounts with one login share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LaneKey {
    /// The API's host, lower case, with a port that is not the scheme's own.
    pub host: String,
    /// GitHub's numeric id; 0 while it is not known yet.
    pub user_id: u64,
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
    let entry = entry(&old, &conclusion, note, at.wall);
    let wait = entry.wait_ms;
    log::append(txn, &mut job, entry)?;
    apply(txn, &mut job, &mut lane, lane_key, conclusion, at)?;
    index::save(txn, Some(&old), &job)?;
    if let Some(wait) = wait {
        news::waits_until(txn, id, at.wall.plus(Duration::from_millis(wait)));
    }
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
