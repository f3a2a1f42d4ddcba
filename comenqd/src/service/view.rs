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
        Phase::NoToken => return Some(no_token(account)),
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
        Phase::Idle | Phase::WaitingForPace | Phase::Posting | Phase::Looking => return None,
    };
    let reason = lane.reason.as_deref().unwrap_or("no reason was given");
    Some(format!("account {account} {what}: {reason}"))
}

/// What an account without a token is missing: the one place that words it, for replies to
/// `post`, for `show` and for `status`.
fn no_token(account: &str) -> String {
    let missing = format!(
        "account {account} has no GitHub token: its jobs are stored, but nothing of it is posted; "
    );
    let advice = if account == account::DEFAULT {
        "put a token into /etc/comenqd/github-token (root, mode 0600), then run `systemctl restart \
         comenqd`; or name a github_token_file in the daemon's configuration, then run `systemctl \
         reload comenqd`"
            .to_owned()
    } else {
        format!(
            "name a github_token_file in [accounts.{account}] of the daemon's configuration, then \
             run `systemctl reload comenqd`; or give the unit the credential \
             github-token-{account}, then run `systemctl restart comenqd`"
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
mod tests {
    use std::sync::Arc;

    use comenq_proto::Target;

    use super::*;
    use crate::clock::tests::Hands;
    use crate::queue::{Failure, OwnerReport, sample_lane};
    use crate::store::tests::sample_job;
    use crate::store::{Hold, Outcome};

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
            reason: reason.map(str::to_owned),
            next_post_at: next.map(UnixMs),
            ..sample_lane(phase)
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
        let waits = |job: &Job, lane: &LaneReport| waiting_for(job, lane, None, now);
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
        let reason = "GitHub limits this account: secondary rate limit";
        let limited = lane(Phase::Limited, Some(reason), Some(60_000));
        assert_eq!(
            waiting_for(&stored(State::Queued), &limited, None, now).unwrap(),
            "account default must wait: GitHub limits this account: secondary rate limit; the next \
             try is in 1 min 0 s"
        );
        let none = lane(Phase::NoToken, None, None);
        assert!(
            trouble(&none)
                .unwrap()
                .starts_with("account default has no GitHub token")
        );
        assert_eq!(trouble(&lane(Phase::Posting, None, None)), None);
    }

    #[test]
    fn a_missing_token_is_put_where_that_account_looks_for_it() {
        let told = |account: &str| {
            let lane = LaneReport {
                account: account.to_owned(),
                ..lane(Phase::NoToken, None, None)
            };
            trouble(&lane).unwrap()
        };
        let default = told("default");
        assert!(default.contains("into /etc/comenqd/github-token (root"));
        let bot = told("bot");
        assert!(!bot.contains("/etc/comenqd/github-token"), "{bot}");
        for part in [
            "account bot has no GitHub token",
            "github_token_file in [accounts.bot] of the daemon's configuration, then run \
             `systemctl reload comenqd`",
            "the credential github-token-bot, then run `systemctl restart comenqd`",
        ] {
            assert!(bot.contains(part), "{part}: {bot}");
        }
    }

    #[test]
    fn finished_and_posting_jobs_wait_for_nothing() {
        let pace = lane(Phase::WaitingForPace, None, None);
        for state in [State::Posted, State::Failed, State::Posting] {
            assert_eq!(waiting_for(&stored(state), &pace, None, UnixMs(0)), None);
        }
        assert!(waiting_for(&stored(State::Uncertain), &pace, None, UnixMs(0)).is_some());
    }

    #[test]
    fn a_held_job_says_what_releasing_it_does() {
        let idle = lane(Phase::Idle, None, None);
        let waits = |job: &Job| waiting_for(job, &idle, None, UnixMs(0)).unwrap();
        let by_user = Job {
            hold: Some(Hold::User),
            ..stored(State::Held)
        };
        assert_eq!(waits(&by_user), "somebody to release it");
        let restored = Job {
            hold: Some(Hold::Restored),
            ..stored(State::Held)
        };
        assert!(waits(&restored).contains("another host may have posted it"));
        assert!(job(restored, None, true).may_have_been_posted);
        assert!(!job(by_user, None, true).may_have_been_posted);
    }

    #[test]
    fn an_uncertain_job_says_when_it_is_looked_for() {
        let idle = lane(Phase::Idle, None, None);
        let hands = Hands::new(1, Duration::from_secs(1000));
        let clock = Clock::new(Arc::clone(&hands) as Arc<_>);
        let uncertain = Job {
            look_from: Some(clock.mark()),
            look_sequence: Some(1),
            ..stored(State::Uncertain)
        };
        hands.pass(Duration::from_secs(18));
        let at = next_look(&uncertain, &idle, &clock);
        assert_eq!(at, Some(clock.wall().plus(Duration::from_secs(42))));
        let waits = waiting_for(&uncertain, &idle, at, clock.wall());
        assert_eq!(waits.unwrap(), "a look whether it reached GitHub, in 42 s");
        assert_eq!(next_look(&stored(State::Queued), &idle, &clock), None);
    }

    #[test]
    fn a_job_whose_owner_bars_the_account_names_owner_reason_and_address() {
        let barred = LaneReport {
            owners: vec![OwnerReport {
                owner: "strict".to_owned(),
                reason: "single sign-on".to_owned(),
                url: Some("https://sso".to_owned()),
                next_try_at: UnixMs(90_000),
            }],
            ..lane(Phase::Idle, None, None)
        };
        let waits = |job: &Job| waiting_for(job, &barred, None, UnixMs(0));
        assert_eq!(waits(&stored(State::Queued)), None, "another owner");
        let moved = Job {
            moved_to: Some(Target::parse("Strict", "repo", 1).unwrap()),
            ..stored(State::Queued)
        };
        assert_eq!(
            waits(&moved).unwrap(),
            "Strict to let the account in: single sign-on (https://sso); the next try is in 1 min \
             30 s"
        );
        assert_eq!(
            job(moved, None, false).moved_to.as_deref(),
            Some("Strict/repo#1")
        );
    }

    #[test]
    fn a_blocked_account_names_both_ways_out() {
        let blocked = lane(Phase::Blocked, Some("401 Bad credentials"), None);
        let words = trouble(&blocked).unwrap();
        for part in [
            "401 Bad credentials",
            "`systemctl restart comenqd`",
            "`comenq resume default`",
        ] {
            assert!(words.contains(part), "{words}");
        }
    }

    #[test]
    fn each_failure_and_outcome_has_its_word_on_the_wire() {
        for failure in Failure::ALL {
            let dead = Job {
                failure: Some(failure),
                ..stored(State::Failed)
            };
            let code = job(dead, None, true).failure.unwrap();
            assert_eq!(code.as_str(), failure.as_str());
            assert_ne!(code, FailureCode::Unknown, "{failure:?}");
        }
    }

    #[test]
    fn a_line_of_the_story_travels_whole() {
        let line = log_entry(LogEntry {
            at_ms: UnixMs(5),
            kind: LogKind::Look,
            number: 2,
            outcome: Outcome::Ambiguous,
            status: Some(200),
            github_request_id: Some("REQ".to_owned()),
            wait_ms: None,
            detail: Some("secret".to_owned()),
        });
        assert_eq!((line.outcome.as_str(), line.number), ("ambiguous", 2));
        assert_eq!(line.detail.as_deref(), Some("secret"));
    }

    #[test]
    fn a_job_whose_account_is_gone_says_so() {
        assert!(
            unserved(&stored(State::Queued))
                .unwrap()
                .contains("account default")
        );
        assert_eq!(unserved(&stored(State::Posted)), None);
    }
}
