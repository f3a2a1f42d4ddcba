//! What a look came to.
//!
//! Decides what each conclusion changes, inside one transaction. Run on the commit thread, for the
//! worker; what a listing shows is `github::look`'s to say, how often to look `retry`'s.

use comenq_proto::JobId;

use super::posting::{LaneKey, look_later, posted};
use super::record::Job;
use super::transition::State;
use super::txn::Txn;
use super::{StoreError, index, keys};
use crate::clock::{Mark, UnixMs};

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
    /// Looked often enough: it was not posted, post it at its next turn.
    Requeue,
    /// Looked often enough: it was not posted, and is not wanted any more.
    Cancelled,
    /// It will never be known; or, of a posted job, its id will never be known.
    GiveUp {
        /// For people.
        reason: String,
        /// A comment that may be it.
        url: Option<String>,
    },
}

/// Concludes a look for a job that is `uncertain`, or `posted` without its comment's id.
pub(super) fn conclude_look(
    txn: &mut Txn<'_>,
    id: JobId,
    lane: &LaneKey,
    conclusion: LookConclusion,
    now: Mark,
    wall: UnixMs,
) -> Result<Job, StoreError> {
    let old = index::load(txn, id)?;
    let mut job = old.clone();
    job.look_sequence = None;
    match conclusion {
        LookConclusion::Found { comment_id, url } => {
            posted(txn, &mut job, lane, Some(comment_id), Some(url), now, wall)?;
        }
        LookConclusion::LookAgain => {
            job.empty_looks += 1;
            job.last_error = Some("a first look did not find the comment".to_owned());
            look_later(txn, &mut job, now);
        }
        LookConclusion::Postponed { reason } => {
            job.last_error = Some(reason);
            look_later(txn, &mut job, now);
        }
        _ if old.state == State::Posted => job.unresolved.clear(),
        // Somebody may have cancelled it while the listing was read.
        LookConclusion::Requeue if !job.cancel_requested => {
            job.state = State::Queued;
            job.last_error = Some("not found in two looks, so it is posted again".to_owned());
        }
        LookConclusion::Requeue | LookConclusion::Cancelled => {
            job.unresolved.clear();
            job.state = State::Cancelled;
            job.finished_at = Some(wall);
        }
        LookConclusion::GiveUp { reason, url } => {
            job.state = State::Failed;
            job.finished_at = Some(wall);
            job.last_error = Some(reason);
            job.comment_url = url;
        }
    }
    index::save(txn, Some(&old), &job)?;
    Ok(job)
}
