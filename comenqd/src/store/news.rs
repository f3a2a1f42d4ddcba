//! What a change of a job means to whoever watches the queue.
//!
//! Decides the news of a change as a pure function of a job before and after it. `index::save`,
//! through which every change goes, collects them, so no operation can forget one; the commit
//! thread hands them on once they are durable, to an [`Observer`] that `Options` names.

use std::fmt;
use std::time::Duration;

use comenq_proto::JobId;

use super::record::{self, Failure, Job, Outcome};
use super::transition::State;
use super::txn::Txn;
use crate::clock::UnixMs;

/// What happened to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It is new, or was revived, and waits for its turn.
    Queued,
    /// It has another text.
    Edited,
    /// It goes before its user's others.
    Bumped,
    /// It waits for a person.
    Held,
    /// It is held no longer.
    Released,
    /// It is being posted.
    Claimed,
    /// Its comment exists.
    Posted,
    /// Where the comment of a posted job is, which was missing, is known now.
    Located,
    /// It waits for another attempt.
    Deferred,
    /// Whether its comment exists is being looked up.
    Uncertain,
    /// It is a dead letter.
    Failed,
    /// It will not be posted, or not again.
    Cancelled,
    /// Its time has passed.
    Expired,
}

/// What happened to which job, and how it stands since. Without its text; a thousand of them are
/// kept, so they are small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What.
    pub happened: Happened,
    /// It is new: it was not in the store before.
    pub is_new: bool,
    /// The job.
    pub id: JobId,
    /// Who submitted it.
    pub uid: u32,
    /// Who posts it.
    pub account: Box<str>,
    /// Where it goes: `owner/repo#123`.
    pub target: Box<str>,
    /// Where it stands.
    pub state: State,
    /// The comment's address.
    pub comment_url: Option<Box<str>>,
    /// Deferred until then; `None` too where it waits for a person.
    pub next_attempt_at: Option<UnixMs>,
    /// Why, for people.
    pub reason: Option<Box<str>>,
    /// Why it is a dead letter.
    pub failure: Option<Failure>,
    /// The job that took its place.
    pub superseded_by: Option<JobId>,
}

/// What one group of operations came to, now that it is durable.
#[derive(Debug, Clone, Default)]
pub struct Committed {
    /// In the order in which it happened.
    pub news: Vec<News>,
    /// What attempts to post came to.
    pub attempts: Vec<Outcome>,
    /// How long the group took; `None`: it wrote nothing, or the store was being opened.
    pub took: Option<Duration>,
}

/// Hears what is durable, on the commit thread: it must be quick, and never wait for anybody.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A group is durable, and whoever asked for it has been answered.
    fn committed(&self, committed: Committed);
}

/// The news of a change; `None` where it is nobody's business.
pub(super) fn of(old: Option<&Job>, new: &Job) -> Option<News> {
    let happened = happened(old, new)?;
    let why = new.last_error.as_deref().filter(|_| has_reason(happened));
    Some(News {
        happened,
        is_new: old.is_none(),
        id: new.id,
        uid: new.uid,
        account: new.account.as_str().into(),
        target: new.target.to_string().into(),
        state: new.state,
        comment_url: new.comment_url.as_deref().map(Into::into),
        next_attempt_at: new
            .next_attempt_at
            .filter(|_| happened == Happened::Deferred),
        // As it is on disk: GitHub's words may be long.
        reason: why.map(|why| record::clip(why).into()),
        failure: new.failure,
        superseded_by: new.superseded_by,
    })
}

/// A job that was deferred waits with its account or owner, whose wait its record does not have.
pub(super) fn waits_until(txn: &mut Txn<'_>, id: JobId, until: UnixMs) {
    let of_it = |news: &&mut News| news.id == id && news.happened == Happened::Deferred;
    if let Some(news) = txn.news.last_mut().filter(of_it) {
        news.next_attempt_at = news.next_attempt_at.or(Some(until));
    }
}

/// Whether what went wrong last is why it happened; else it is an old story.
fn has_reason(happened: Happened) -> bool {
    match happened {
        Happened::Queued
        | Happened::Edited
        | Happened::Bumped
        | Happened::Released
        | Happened::Claimed
        | Happened::Posted
        | Happened::Located => false,
        Happened::Held
        | Happened::Deferred
        | Happened::Uncertain
        | Happened::Failed
        | Happened::Cancelled
        | Happened::Expired => true,
    }
}

fn happened(old: Option<&Job>, new: &Job) -> Option<Happened> {
    let before = old.map(|old| old.state);
    Some(match (before, new.state) {
        (Some(before), now) if before == now => return in_place(old?, new),
        (None | Some(State::Failed), State::Queued) => Happened::Queued,
        (Some(State::Held), State::Queued) => Happened::Released,
        (Some(_), State::Queued) => Happened::Deferred,
        (_, State::Held) => Happened::Held,
        (_, State::Posting) => Happened::Claimed,
        (_, State::Posted) => Happened::Posted,
        (_, State::Uncertain) => Happened::Uncertain,
        (_, State::Failed) => Happened::Failed,
        (_, State::Cancelled) => Happened::Cancelled,
        (_, State::Expired) => Happened::Expired,
    })
}

/// What happened without another state.
fn in_place(old: &Job, new: &Job) -> Option<Happened> {
    let text = |job: &Job| (job.body_bytes, job.body_crc32);
    if text(old) != text(new) || old.body_head != new.body_head {
        return Some(Happened::Edited);
    }
    if old.order != new.order {
        return Some(Happened::Bumped);
    }
    let is_put_off = new.state == State::Queued
        && new.next_attempt_at.is_some()
        && new.next_attempt_at != old.next_attempt_at;
    if is_put_off {
        return Some(Happened::Deferred);
    }
    // Posted without its address, which was found since.
    (new.state == State::Posted && old.comment_url.is_none() && new.comment_url.is_some())
        .then_some(Happened::Located)
}
