//! What a peer gets to see of a job.
//!
//! Decides what is left out of somebody else's, and words what a job waits for. Called by the
//! verbs; asks nothing of the queue itself.

use std::time::Duration;

use comenq_proto::{Job as WireJob, JobState};

use crate::clock::UnixMs;
use crate::queue::{Job, LaneReport, Phase, State};

/// The job as it travels. Of somebody else's, body and errors stay here.
pub(super) fn job(job: Job, body: Option<String>, is_own: bool) -> WireJob {
    let ms = |time: Option<UnixMs>| time.map(|time| time.0);
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
        comment_url: job.comment_url,
        last_error: job.last_error.filter(|_| is_own),
        cancel_requested: job.cancel_requested,
    }
}

fn wire_state(state: State) -> JobState {
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
pub(super) fn waiting_for(job: &Job, lane: &LaneReport, now: UnixMs) -> Option<String> {
    let until = |time: Option<UnixMs>| time.map(|at| at.since(now)).filter(|wait| !wait.is_zero());
    match job.state {
        State::Uncertain => Some(match until(job.next_attempt_at) {
            Some(wait) => format!(
                "a look whether its last attempt reached GitHub, in {}",
                span(wait)
            ),
            None => "a look whether its last attempt reached GitHub".to_owned(),
        }),
        State::Held => Some(
            "a decision: another host may have posted it; look there, then post it anew or cancel \
             it"
            .to_owned(),
        ),
        State::Queued => {
            if let Some(wait) = until(job.not_before) {
                return Some(format!("its time, in {}", span(wait)));
            }
            if let Some(wait) = until(job.next_attempt_at) {
                return Some(format!("its next attempt, in {}", span(wait)));
            }
            lane_wait(lane, now)
        }
        _ => None,
    }
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
        Phase::Limited | Phase::Blocked | Phase::Offline | Phase::NoToken => {
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
            return Some(
                "no GitHub token is configured: jobs are stored, but nothing is posted; put a token \
                 into /etc/comenqd/github-token (root, mode 0600), or name a github_token_file, \
                 then restart comenqd"
                    .to_owned(),
            );
        }
        Phase::Limited => "is limited by GitHub",
        Phase::Blocked => "is blocked until somebody acts",
        Phase::Offline => "cannot reach GitHub",
        Phase::Idle | Phase::WaitingForPace | Phase::Posting | Phase::Looking => return None,
    };
    let reason = lane.reason.as_deref().unwrap_or("no reason was given");
    Some(format!("account {account} {what}: {reason}"))
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
mod tests {
    use super::*;
    use crate::store::tests::sample_job;

    fn stored(state: State) -> Job {
        Job {
            state,
            uid: 1000,
            attempts: 1,
            comment_id: Some(5),
            comment_url: Some("https://x".to_owned()),
            last_error: Some("secret error".to_owned()),
            ..sample_job(7)
        }
    }

    fn lane(phase: Phase, reason: Option<&str>, next: Option<i64>) -> LaneReport {
        LaneReport {
            account: "default".to_owned(),
            host: "api.github.com".to_owned(),
            login: None,
            token_source: None,
            cooldown: Duration::from_secs(960),
            phase,
            reason: reason.map(str::to_owned),
            next_post_at: next.map(UnixMs),
        }
    }

    #[test]
    fn of_somebody_elses_job_body_and_errors_are_left_out() {
        let own = job(stored(State::Failed), Some("text".to_owned()), true);
        assert_eq!(own.body.as_deref(), Some("text"));
        assert_eq!(own.last_error.as_deref(), Some("secret error"));
        assert_eq!((own.owner.as_str(), own.number), ("owner", 1));
        let other = job(stored(State::Failed), Some("text".to_owned()), false);
        assert_eq!((other.body, other.last_error), (None, None));
        assert_eq!(other.comment_url.as_deref(), Some("https://x"));
    }

    #[test]
    fn a_queued_job_waits_for_its_own_time_before_the_lanes() {
        let now = UnixMs(1_000_000);
        let pace = lane(Phase::WaitingForPace, None, Some(1_000_000 + 805_000));
        let mut job = stored(State::Queued);
        let waits = |job: &Job, lane: &LaneReport| waiting_for(job, lane, now);
        assert_eq!(
            waits(&job, &pace).unwrap(),
            "the pace: the next comment may go out in 13 min 25 s"
        );
        assert_eq!(waits(&job, &lane(Phase::Idle, None, None)), None);
        job.next_attempt_at = Some(now.plus(Duration::from_millis(59_001)));
        assert_eq!(
            waits(&job, &pace).unwrap(),
            "its next attempt, in 1 min 0 s"
        );
        job.not_before = Some(now.plus(Duration::from_secs(7300)));
        assert_eq!(waits(&job, &pace).unwrap(), "its time, in 2 h 1 min");
        job.not_before = Some(UnixMs(0));
        job.next_attempt_at = Some(UnixMs(0));
        assert!(waits(&job, &pace).unwrap().starts_with("the pace"));
    }

    #[test]
    fn the_lanes_trouble_is_named_with_its_reason_and_end() {
        let now = UnixMs(0);
        let limited = lane(Phase::Limited, Some("secondary rate limit"), Some(60_000));
        assert_eq!(
            waiting_for(&stored(State::Queued), &limited, now).unwrap(),
            "account default is limited by GitHub: secondary rate limit; the next try is in \
             1 min 0 s"
        );
        let none = lane(Phase::NoToken, None, None);
        assert!(
            trouble(&none)
                .unwrap()
                .starts_with("no GitHub token is configured")
        );
        assert_eq!(trouble(&lane(Phase::Posting, None, None)), None);
    }

    #[test]
    fn finished_and_posting_jobs_wait_for_nothing() {
        let pace = lane(Phase::WaitingForPace, None, None);
        for state in [State::Posted, State::Failed, State::Posting] {
            assert_eq!(waiting_for(&stored(state), &pace, UnixMs(0)), None);
        }
        assert!(waiting_for(&stored(State::Uncertain), &pace, UnixMs(0)).is_some());
    }
}
