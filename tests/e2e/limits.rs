//! The account's own troubles: limits, bad credentials, refusals nobody knows.
//! The lane waits as long as GitHub says, also over a restart, and the job pays
//! nothing for it.

use std::time::Duration;

use comenq_proto::{JobState, LaneStatus};
use harness::daemon::Daemon;
use harness::github::{Answer, Fault, GithubStandin, Kind, LOGIN, Refusal, Scope, Wording};
use harness::wait;

use crate::world::{
    ISSUE, OTHER, SOON, arrived, assert_posted_once, assert_quiet, bodies, gaps, posts,
    with_default_waits, world, world_with,
};

/// The lane once it waits for something other than its pace.
fn waiting_lane(daemon: &Daemon) -> LaneStatus {
    wait::until("the lane to wait", SOON, || {
        let lane = daemon.status().lanes.remove(0);
        (lane.reason.is_some() && lane.phase != "posting").then_some(lane)
    })
}

fn limited(refusal: Refusal) -> (GithubStandin, Daemon, u64) {
    limited_by(world(), refusal)
}

/// The same with the waits of a real configuration.
fn really_limited(refusal: Refusal) -> (GithubStandin, Daemon, u64) {
    limited_by(world_with(with_default_waits), refusal)
}

fn limited_by(
    (standin, daemon): (GithubStandin, Daemon),
    refusal: Refusal,
) -> (GithubStandin, Daemon, u64) {
    standin.fault(
        Fault::on_post()
            .without_creating()
            .answer(Answer::Refuse(refusal)),
    );
    let id = daemon.submit(ISSUE, "slow down").job.id;
    arrived(&standin, Kind::Post, 1);
    (standin, daemon, id)
}

/// How far off the lane's next post is.
fn wait_of(lane: &LaneStatus) -> Duration {
    let now = jiff::Timestamp::now().as_millisecond();
    let next = lane
        .next_post_at_ms
        .expect("a lane that waits says until when");
    Duration::from_millis(u64::try_from(next - now).unwrap_or(0))
}

#[test]
fn the_hourly_limit_is_waited_out_to_its_reset() {
    for status in [403, 429] {
        let refusal = Refusal::RateLimited {
            reset_in_seconds: 4,
            status,
        };
        let (standin, daemon, id) = limited(refusal);
        let next = daemon.submit(OTHER, "also later").job.id;
        let job = daemon.wait_posted(id);
        daemon.wait_posted(next);
        assert_posted_once(&standin, &job, "slow down");
        let gap = gaps(&standin)[0];
        assert!(
            (3.9..9.0).contains(&gap.as_secs_f64()),
            "waited {gap:?} for 4 s"
        );
    }
}

#[test]
fn no_requests_left_by_the_hourly_count() {
    let (standin, daemon) = world();
    // One for GET /user; the POST finds nothing left.
    standin.set_rate(LOGIN, 1, 5);
    let job = daemon.wait_posted(daemon.submit(ISSUE, "the next hour").job.id);
    assert_posted_once(&standin, &job, "the next hour");
    assert!(posts(&standin).len() <= 2, "one POST met the limit at most");
}

#[test]
fn retry_after_is_obeyed() {
    for wording in [Wording::Secondary, Wording::ContentCreation, Wording::Abuse] {
        let refusal = Refusal::Secondary {
            retry_after_seconds: Some(4),
            status: 403,
            wording,
        };
        let (standin, daemon, id) = limited(refusal);
        let job = daemon.wait_posted(id);
        assert_posted_once(&standin, &job, "slow down");
        let gap = gaps(&standin)[0];
        assert!(
            (3.9..9.0).contains(&gap.as_secs_f64()),
            "{wording:?}: {gap:?} for 4 s"
        );
    }
}

#[test]
fn a_limit_costs_the_job_nothing() {
    let (standin, daemon, id) = limited(Refusal::secondary(Some(2)));
    let lane = waiting_lane(&daemon);
    assert_eq!(lane.phase, "limited");
    assert_eq!(
        daemon.job(id).attempts,
        0,
        "an attempt that GitHub did not look at"
    );
    let job = daemon.wait_posted(id);
    assert_eq!((job.attempts, posts(&standin).len()), (1, 2));
}

#[test]
fn without_retry_after_at_least_a_minute() {
    let (standin, daemon, id) = really_limited(Refusal::secondary(None));
    let lane = waiting_lane(&daemon);
    let wait = wait_of(&lane);
    assert!((50..=130).contains(&wait.as_secs()), "{wait:?}");
    assert_quiet(&standin);
    assert_eq!(daemon.job(id).state, JobState::Queued);
}

#[test]
fn a_limit_outlives_the_daemon() {
    for crash in [false, true] {
        let (standin, mut daemon, id) = limited(Refusal::secondary(Some(8)));
        waiting_lane(&daemon);
        if crash {
            daemon.kill9();
        } else {
            daemon.term();
        }
        daemon.start_again();
        daemon.wait_posted(id);
        let gap = gaps(&standin)[0];
        assert!(
            (7.9..20.0).contains(&gap.as_secs_f64()),
            "waited {gap:?} for 8 s"
        );
    }
}

#[test]
fn a_limit_stops_everything_and_is_probed_once() {
    let (standin, daemon) = world();
    standin.refuse_only(Kind::Post, Scope::Everything, Refusal::secondary(Some(3)));
    for target in [ISSUE, OTHER, "octo/demo#3"] {
        daemon.submit(target, "x");
    }
    arrived(&standin, Kind::Post, 3);
    standin.allow(&Scope::Everything);
    for gap in gaps(&standin) {
        assert!(
            gap >= Duration::from_millis(2_900),
            "a limited account sent after {gap:?}"
        );
    }
    daemon.wait_posted(3);
    assert_eq!(bodies(&standin).len(), 3);
}

#[test]
fn a_limit_met_while_looking_delays_the_look() {
    let (standin, daemon) = world();
    let refusal = Refusal::RateLimited {
        reset_in_seconds: 3,
        status: 403,
    };
    standin.fault(Fault::on(Kind::Listing).answer(Answer::Refuse(refusal)));
    standin.fault(Fault::on_post().answer(Answer::Close));
    let job = daemon.wait_posted(daemon.submit(ISSUE, "found later").job.id);
    assert_posted_once(&standin, &job, "found later");
    let looks = standin.requests_of(Kind::Listing);
    assert!(looks[1].at.duration_since(looks[0].at) >= Duration::from_millis(2_900));
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn a_403_nobody_knows_waits_and_kills_nothing() {
    for refusal in [Refusal::OtherForbidden, Refusal::ApiVersionRetired] {
        let (standin, daemon, id) = really_limited(refusal.clone());
        waiting_lane(&daemon);
        assert_quiet(&standin);
        let job = daemon.job(id);
        assert!(!job.state.is_finished(), "{refusal:?}: {job:?}");
    }
}

#[test]
fn a_403_that_never_ends_is_the_jobs_in_the_end() {
    let (standin, daemon) = world();
    let target: harness::github::Target = ISSUE.parse().unwrap();
    standin.refuse(Scope::Issue(target), Refusal::OtherForbidden);
    let dead = daemon.submit(ISSUE, "forbidden").job.id;
    let fine = daemon.submit(OTHER, "allowed").job.id;
    let job = daemon.wait_for(dead, &[JobState::Failed]);
    assert!(job.last_error.unwrap().contains("Forbidden"));
    let tries = posts(&standin).len();
    assert!((2..=10).contains(&tries), "{tries} tries");
    daemon.wait_posted(fine);
}

#[test]
fn waits_double_from_limit_to_limit() {
    let (standin, daemon) = world_with(|setup| setup.number("backoff_max_seconds", 8));
    standin.refuse_only(Kind::Post, Scope::Everything, Refusal::secondary(None));
    daemon.submit(ISSUE, "slower and slower");
    arrived(&standin, Kind::Post, 4);
    let gaps = gaps(&standin);
    for (gap, least) in gaps.iter().zip([1.0, 2.0, 4.0]) {
        let seconds = gap.as_secs_f64();
        // Chance adds up to as much again, and a probe and a POST take their time.
        assert!(
            (least - 0.1..least * 2.0 + 0.8).contains(&seconds),
            "{gaps:?}"
        );
    }
}

#[test]
fn a_retry_after_of_a_year_is_capped() {
    let (_standin, daemon, id) = limited(Refusal::secondary(Some(31_536_000)));
    let wait = wait_of(&waiting_lane(&daemon));
    assert!((60..25 * 3_600).contains(&wait.as_secs()), "{wait:?}");
    assert!(!daemon.job(id).state.is_finished());
}
