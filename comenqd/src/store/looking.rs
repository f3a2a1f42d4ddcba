//! What a look came to.
//!
//! Decides what each conclusion changes, inside one transaction. Run on the commit thread, for the
//! worker; what a listing shows is `github::look`'s to say, how often to look `retry`'s.

use comenq_proto::{JobId, Target};

use super::posting::{LaneKey, Moment, Note, look_later, posted};
use super::record::{Failure, Hold, Job, LogEntry, LogKind, Outcome};
use super::transition::State;
use super::txn::Txn;
use super::{StoreError, index, keys, log};

/// Which of these comments belong to jobs other than `id`.
pub(super) fn owned_by_others(
    txn: &Txn<'_>,
    host: &str,
    comments: &[u64],
    id: JobId,
) -> Result<Vec<u64>, StoreError> {
    let mut owned = Vec::new();
    for comment in comments {
        let job = txn.number(&keys::comment(host, *comment))?;
        if job != 0 && job != id.get() {
            owned.push(*comment);
        }
    }
    Ok(owned)
}

/// What a look came to, as the retry policy judged it.
#[derive(Debug, Clone)]
pub enum LookConclusion {
    /// The comment is there.
    Found {
        /// GitHub's id.
        comment_id: u64,
        /// The address.
        url: String,
    },
    /// A complete listing without it: look once more, later.
    LookAgain,
    /// The listing could not be completed: it counts for nothing, look again later.
    Postponed {
        /// For people.
        reason: String,
    },
    /// The target has moved: look there.
    Moved {
        /// Where to.
        to: Target,
    },
    /// Looked often enough: it was not posted, post it at its next turn.
    Requeue,
    /// Looked often enough: it was not posted, and is not wanted any more.
    Cancelled,
    /// Looked often enough: it was not posted, and was tried often or long enough.
    Dead {
        /// What kind.
        failure: Failure,
        /// For people.
        reason: String,
    },
    /// It will never be known; or, of a posted job, its id will never be known.
    GiveUp {
        /// For people.
        reason: String,
        /// A comment that may be it.
        url: Option<String>,
        /// What the look came to.
        outcome: Outcome,
    },
}

/// Concludes a look for a job that is `uncertain`, or `posted` without its comment's id.
pub(super) fn conclude_look(
    txn: &mut Txn<'_>,
    id: JobId,
    lane: &LaneKey,
    conclusion: LookConclusion,
    note: Note,
    at: Moment,
) -> Result<Job, StoreError> {
    let old = index::load(txn, id)?;
    if old.look_sequence.is_none() {
        return Err(StoreError::WrongState {
            id,
            state: old.state.as_str(),
        });
    }
    let mut job = old.clone();
    job.look_sequence = None;
    log::append(txn, &mut job, entry(&old, &conclusion, note, at))?;
    match conclusion {
        LookConclusion::Found { comment_id, url } => {
            posted(
                txn,
                &mut job,
                lane,
                Some(comment_id),
                Some(url),
                at.now,
                at.wall,
            )?;
        }
        LookConclusion::LookAgain => {
            job.empty_looks += 1;
            job.last_error = Some("a first look did not find the comment".to_owned());
            look_later(txn, &mut job, at.now);
        }
        LookConclusion::Postponed { reason } => {
            job.last_error = Some(reason);
            look_later(txn, &mut job, at.now);
        }
        LookConclusion::Moved { to } => {
            job.last_error = Some(format!("it has moved to {to}, where it is looked for"));
            job.moved_to = (to.lower() != job.target.lower()).then_some(to);
            job.empty_looks = 0;
            look_later(txn, &mut job, at.now);
        }
        _ if old.state == State::Posted => job.unresolved.clear(),
        // Somebody may have cancelled it while the listing was read.
        LookConclusion::Requeue | LookConclusion::Dead { .. } | LookConclusion::Cancelled
            if job.cancel_requested =>
        {
            job.unresolved.clear();
            job.hold = None;
            job.state = State::Cancelled;
            job.finished_at = Some(at.wall);
        }
        LookConclusion::Requeue | LookConclusion::Cancelled => {
            job.state = State::Queued;
            job.last_error = Some(requeued(&job).to_owned());
            job.hold = None;
        }
        LookConclusion::Dead { failure, reason } => {
            fail(&mut job, failure, reason, at);
        }
        LookConclusion::GiveUp { reason, url, .. } => {
            fail(&mut job, Failure::OutcomeUnknown, reason, at);
            job.comment_url = url;
        }
    }
    index::save(txn, Some(&old), &job)?;
    Ok(job)
}

fn requeued(job: &Job) -> &'static str {
    if job.hold == Some(Hold::Restored) && job.unresolved.is_empty() {
        "released: it was not found on GitHub, so it is posted"
    } else {
        "not found in two looks, so it is posted again"
    }
}

fn fail(job: &mut Job, failure: Failure, reason: String, at: Moment) {
    job.state = State::Failed;
    job.finished_at = Some(at.wall);
    job.failure = Some(failure);
    job.last_error = Some(reason);
}

fn entry(job: &Job, conclusion: &LookConclusion, note: Note, at: Moment) -> LogEntry {
    let (outcome, detail) = match conclusion {
        LookConclusion::Found { url, .. } => (Outcome::Found, Some(url.clone())),
        LookConclusion::Postponed { reason } => (Outcome::Incomplete, Some(reason.clone())),
        LookConclusion::Moved { to } => (Outcome::Moved, Some(to.to_string())),
        LookConclusion::GiveUp {
            reason, outcome, ..
        } => (*outcome, Some(reason.clone())),
        LookConclusion::Dead { reason, .. } => (Outcome::Nothing, Some(reason.clone())),
        LookConclusion::LookAgain | LookConclusion::Requeue | LookConclusion::Cancelled => {
            (Outcome::Nothing, None)
        }
    };
    LogEntry {
        at_ms: at.wall,
        kind: LogKind::Look,
        number: job.empty_looks.saturating_add(1),
        outcome,
        status: note.status,
        github_request_id: note.github_request_id,
        wait_ms: None,
        detail,
    }
}
