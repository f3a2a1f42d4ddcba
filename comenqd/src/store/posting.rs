//! What the worker asks of the store: what is to do, claim, conclude, look, wait.
//!
//! Decides what each of these changes, inside one transaction, so that a crash between any two of
//! them leaves a state from which start-up goes on (see [`recover`]). Run on the commit thread.

use comenq_proto::JobId;

use super::index::{self, LOOK_STAGES};
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

/// What there is to do on an account.
#[derive(Debug, Clone, Default)]
pub struct Agenda {
    /// Who the account last was.
    pub identity: Option<KnownIdentity>,
    /// The pace and wait of its lane.
    pub lane: Lane,
    /// A job may go as far as the queue is concerned.
    pub ready: bool,
    /// When the next job that waits for a time joins its line.
    pub next_due: Option<UnixMs>,
    /// Jobs to look for: the first of each stage.
    pub looks: Vec<Job>,
    /// Jobs that cannot be looked for because they cannot be read, and why. Their targets go on
    /// waiting.
    pub damaged: Vec<(JobId, String)>,
}

/// Jobs brought into line in one transaction at most.
const PROMOTE_LIMIT: usize = 256;

/// Brings jobs into line whose time has come, and tells what there is to do. `host` is the
/// account's API host; the lane is that of the identity last seen there.
pub(super) fn agenda(
    txn: &mut Txn<'_>,
    account: &str,
    host: &str,
    now: UnixMs,
) -> Result<Agenda, StoreError> {
    let next_due = promote_due(txn, account, now)?;
    let identity = txn
        .read::<KnownIdentity>(&keys::identity(account))?
        .filter(|identity| identity.host == host);
    let user_id = identity.as_ref().map_or(0, |identity| identity.user_id);
    let lane = jobs::read_or_default(txn, &keys::lane(host, user_id))?;
    let ready = index::choose(txn, account)?.is_some();
    let mut agenda = Agenda {
        identity,
        lane,
        ready,
        next_due,
        ..Agenda::default()
    };
    for stage in LOOK_STAGES {
        first_look(txn, &keys::looks(account, stage), &mut agenda)?;
    }
    Ok(agenda)
}

/// The first job of a stage that can be read.
fn first_look(txn: &mut Txn<'_>, stage: &[u8], agenda: &mut Agenda) -> Result<(), StoreError> {
    while let Some((key, _)) = txn.next(stage, None)? {
        let id = keys::tail_id(&key)
            .ok_or_else(|| StoreError::Damaged("a look without a job".to_owned()))?;
        match index::load(txn, id) {
            Ok(job) => {
                agenda.looks.push(job);
                break;
            }
            Err(error @ (StoreError::Damaged(_) | StoreError::NoSuchJob(_))) => {
                txn.remove(key);
                agenda.damaged.push((id, error.to_string()));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

fn promote_due(
    txn: &mut Txn<'_>,
    account: &str,
    now: UnixMs,
) -> Result<Option<UnixMs>, StoreError> {
    let prefix = keys::waiting(account);
    for _ in 0..PROMOTE_LIMIT {
        let Some((key, _)) = txn.next(&prefix, None)? else {
            return Ok(None);
        };
        let (due, id) = keys::parse_due(&key)
            .ok_or_else(|| StoreError::Damaged("a waiting job without a time".to_owned()))?;
        if due > now {
            return Ok(Some(due));
        }
        match index::load(txn, id) {
            Ok(old) => {
                let mut job = old.clone();
                job.due_passed = job.not_before.is_some_and(|at| at <= now) || job.due_passed;
                job.next_attempt_at = job.next_attempt_at.filter(|at| *at > now);
                index::save(txn, Some(&old), &job)?;
            }
            Err(StoreError::Damaged(_) | StoreError::NoSuchJob(_)) => txn.remove(key),
            Err(other) => return Err(other),
        }
    }
    Ok(Some(now))
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
                set_aside(txn, &claim.account, &head, id, &error)?;
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
    account: &str,
    head: &index::Head,
    id: JobId,
    error: &StoreError,
) -> Result<(), StoreError> {
    let Ok(old) = index::load(txn, id) else {
        return index::set_aside(txn, account, head);
    };
    let mut job = old.clone();
    job.state = State::Failed;
    job.finished_at = Some(job.created_at);
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
    let mut lane: Lane = jobs::read_or_default(txn, &key)?;
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
    let mut lane: Lane = jobs::read_or_default(txn, &key)?;
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

fn posted(
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

fn look_later(txn: &mut Txn<'_>, job: &mut Job, now: Mark) {
    job.look_from = Some(now);
    job.look_sequence = Some(txn.meta.sequence);
}

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

/// Makes a whole lane wait, outside of any attempt.
pub(super) fn set_wait(txn: &mut Txn<'_>, lane: &LaneKey, wait: Wait) -> Result<(), StoreError> {
    let key = keys::lane(&lane.host, lane.user_id);
    let mut state: Lane = jobs::read_or_default(txn, &key)?;
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
    jobs::read_or_default(txn, &keys::lane(&identity.host, identity.user_id))
}

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
    let (Some(identity), Some(attempt)) = (identity, job.unresolved.last()) else {
        return Ok(());
    };
    let key = keys::lane(&identity.host, attempt.user_id);
    let mut lane: Lane = jobs::read_or_default(txn, &key)?;
    lane.pace = Some(started);
    txn.write(key, &lane)
}
