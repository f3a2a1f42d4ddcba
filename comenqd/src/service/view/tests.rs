//! What a peer gets to see, and what is said of what a job waits for.

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
fn a_user_s_own_daemon_wants_its_token_in_that_user_s_home() {
    let lane = LaneReport {
        manager: Manager::User,
        ..lane(Phase::NoToken, None, None)
    };
    assert_eq!(
        trouble(&lane).unwrap(),
        "account default has no GitHub token: its jobs are stored, but nothing of it is posted; put \
         a token into ~/.config/comenqd/github-token (mode 0600), then run `systemctl --user restart \
         comenqd`; or name a github_token_file in the daemon's configuration, then run `systemctl \
         --user reload comenqd`"
    );
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
