//! What a peer gets to see of a job.
//!
//! Decides what is left out of somebody else's, and words what a job waits for. Called by the
//! verbs; asks nothing of the queue itself.

use std::time::Duration;

use comenq_proto::{
    FailureCode, Job as WireJob, JobState, LogEntry as WireLogEntry, LogKind as WireLogKind,
};

use super::account;
use crate::clock::{Clock, UnixMs};
use crate::manager::Manager;
use crate::pacer;
use crate::queue::{Job, LaneReport, LogEntry, LogKind, Phase, State};

/// The job as it travels. Of somebody else's, text, errors and replace key stay here.
pub(super) fn job(job: Job, body: Option<String>, is_own: bool) -> WireJob {
    let ms = |time: Option<UnixMs>| time.map(|time| time.0);
    let may_have_been_posted = job.may_have_been_posted();
    WireJob {
        id: job.id.get(),
        state: wire_state(job.state),
        owner: job.target.owner.as_str().to_owned(),
        repo: job.target.repo.as_str().to_owned(),
        number: job.target.number.get(),
        body: body.filter(|_| is_own),
        account: job.account,
        uid: job.uid,
        priority: job.priority,
        created_at_ms: job.created_at.0,
        not_before_ms: ms(job.not_before),
        attempts: job.attempts,
        next_attempt_at_ms: ms(job.next_attempt_at),
        finished_at_ms: ms(job.finished_at),
        comment_id: job.comment_id,
        comment_url: job.comment_url.map(String::into_boxed_str),
        last_error: job.last_error.filter(|_| is_own),
        cancel_requested: job.cancel_requested,
        expires_at_ms: job.expiry.map(|expiry| expiry.at_ms.0),
        replace_key: job
            .replace_key
            .filter(|_| is_own)
            .map(String::into_boxed_str),
        if_open: job.if_open,
        superseded_by: job.superseded_by,
        moved_to: job
            .moved_to
            .map(|target| target.to_string().into_boxed_str()),
        failure: job
            .failure
            .map(|failure| FailureCode::from_text(failure.as_str())),
        next_look_at_ms: None,
        may_have_been_posted,
    }
}

/// One line of a job's story, which somebody else never gets to see.
pub(super) fn log_entry(entry: LogEntry) -> WireLogEntry {
    WireLogEntry {
        at_ms: entry.at_ms.0,
        kind: match entry.kind {
            LogKind::Attempt => WireLogKind::Attempt,
            LogKind::Look => WireLogKind::Look,
        },
        number: entry.number,
        outcome: entry.outcome.as_str().to_owned(),
        status: entry.status,
        github_request_id: entry.github_request_id,
        wait_ms: entry.wait_ms,
        detail: entry.detail,
    }
}

/// When a job is looked for next.
pub(super) fn next_look(job: &Job, lane: &LaneReport, clock: &Clock) -> Option<UnixMs> {
    job.look_sequence?;
    let left = clock.remaining(job.look_from?, pacer::look_wait(job, &lane.pace));
    Some(clock.wall().plus(left))
}

/// What a job waits for whose account nobody serves.
pub(super) fn unserved(job: &Job) -> Option<String> {
    let account = &job.account;
    (!job.state.is_finished())
        .then(|| format!("account {account}, which is not in the daemon's configuration"))
}

/// A state as it travels.
pub(super) fn wire_state(state: State) -> JobState {
    match state {
        State::Queued => JobState::Queued,
        State::Posting => JobState::Posting,
        State::Posted => JobState::Posted,
        State::Uncertain => JobState::Uncertain,
        State::Failed => JobState::Failed,
        State::Held => JobState::Held,
        State::Cancelled => JobState::Cancelled,
        State::Expired => JobState::Expired,
    }
}

/// What an unfinished job waits for; `None` where it is simply its turn.
pub(super) fn waiting_for(
    job: &Job,
    lane: &LaneReport,
    next_look: Option<UnixMs>,
    now: UnixMs,
) -> Option<String> {
    let until = |time: Option<UnixMs>| time.map(|at| at.since(now)).filter(|wait| !wait.is_zero());
    match job.state {
        State::Uncertain => Some(match until(next_look) {
            Some(wait) => format!("a look whether it reached GitHub, in {}", span(wait)),
            None => "a look whether it reached GitHub".to_owned(),
        }),
        State::Held if job.may_have_been_posted() => Some(
            "a decision: another host may have posted it; `comenq release` looks first and posts it \
             only if it is not there, `comenq cancel` drops it"
                .to_owned(),
        ),
        State::Held => Some("somebody to release it".to_owned()),
        State::Queued => {
            if let Some(wait) = until(job.not_before) {
                return Some(format!("its time, in {}", span(wait)));
            }
            if let Some(wait) = until(job.next_attempt_at) {
                return Some(format!("its next attempt, in {}", span(wait)));
            }
            barred(job, lane, now).or_else(|| lane_wait(lane, now))
        }
        _ => None,
    }
}

/// What keeps the owner's jobs from being posted.
fn barred(job: &Job, lane: &LaneReport, now: UnixMs) -> Option<String> {
    let owner = job.destination().owner.as_str();
    let barred = lane
        .owners
        .iter()
        .find(|barred| barred.owner.eq_ignore_ascii_case(owner))?;
    let url = barred.url.as_deref().map(|url| format!(" ({url})"));
    Some(format!(
        "{owner} to let the account in: {}{}; the next try is in {}",
        barred.reason,
        url.unwrap_or_default(),
        span(barred.next_try_at.since(now))
    ))
}

/// What keeps the lane from posting anything just now.
fn lane_wait(lane: &LaneReport, now: UnixMs) -> Option<String> {
    let wait = lane.next_post_at.map(|at| at.since(now));
    let wait = wait.filter(|wait| !wait.is_zero());
    match lane.phase {
        Phase::Idle => None,
        Phase::WaitingForPace => Some(wait.map_or_else(
            || "the pace between two comments".to_owned(),
            |wait| format!("the pace: the next comment may go out in {}", span(wait)),
        )),
        Phase::Posting => Some("another comment that is being posted".to_owned()),
        Phase::Looking => {
            Some("a look whether another comment, of unknown outcome, reached GitHub".to_owned())
        }
        Phase::Limited | Phase::Blocked | Phase::Offline | Phase::NoToken | Phase::Paused => {
            let trouble = trouble(lane)?;
            Some(wait.map_or(trouble.clone(), |wait| {
                format!("{trouble}; the next try is in {}", span(wait))
            }))
        }
    }
}

/// What is wrong with a lane, in words; `None` if nothing is.
pub(super) fn trouble(lane: &LaneReport) -> Option<String> {
    let account = &lane.account;
    let what = match lane.phase {
        Phase::NoToken => {
            return Some(match &lane.reason {
                Some(reason) => format!(
                    "account {account} has no usable credential, nothing of it is posted: \
                     {reason}; then run `{}`",
                    lane.remedy
                ),
                None => no_token(account, lane.manager),
            });
        }
        // The reason says that it is GitHub that limits it.
        Phase::Limited => "must wait",
        Phase::Blocked => {
            let reason = lane.reason.as_deref().unwrap_or("no reason was given");
            return Some(format!(
                "account {account} is blocked, nothing is posted until somebody acts: {reason}; {}",
                lane.how_to_mend()
            ));
        }
        Phase::Offline => "cannot reach GitHub",
        Phase::Paused => "posts nothing",
        Phase::Idle | Phase::WaitingForPace | Phase::Posting | Phase::Looking => return None,
    };
    let reason = lane.reason.as_deref().unwrap_or("no reason was given");
    Some(format!("account {account} {what}: {reason}"))
}

/// What an account without a token is missing: the one place that words it, for replies to
/// `post`, for `show` and for `status`.
fn no_token(account: &str, manager: Manager) -> String {
    let missing = format!(
        "account {account} has no GitHub token: its jobs are stored, but nothing of it is posted; "
    );
    let (restart, reload) = (manager.restart(), manager.reload());
    let advice = if account == account::DEFAULT {
        format!(
            "put a token into {}, then run `{restart}`; or name a github_token_file in the daemon's \
             configuration, then run `{reload}`",
            manager.token_file()
        )
    } else {
        format!(
            "name a github_token_file in [accounts.{account}] of the daemon's configuration, then \
             run `{reload}`; or give the unit the credential github-token-{account}, then run \
             `{restart}`"
        )
    };
    missing + &advice
}

/// A wait for people: its two largest units.
fn span(wait: Duration) -> String {
    let seconds = wait.as_millis().div_ceil(1000);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{hours} h {} min", minutes % 60),
    }
}

#[cfg(test)]
mod tests;
