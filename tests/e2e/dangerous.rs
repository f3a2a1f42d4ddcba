//! What only administrators may do where the configuration allows it: post one job before its time,
//! and remove one for good.

use std::time::{Duration, Instant};

use comenq_proto::{ErrorCode, JobState};
use harness::daemon::Daemon;
use harness::github::{Answer, Fault, GithubStandin, Refusal, Scope};

use crate::world::{
    ISSUE, OTHER, assert_posted_once, assert_quiet, assert_refused, assert_spaced, bodies, lane_in,
    ours, posts, world_with,
};

fn dangerous(cooldown: u64) -> (GithubStandin, Daemon) {
    world_with(|setup| {
        setup
            .raw("allow_dangerous", "true")
            .number("cooldown_period_seconds", cooldown)
    })
}

#[test]
fn one_job_skips_the_cooldown_but_not_the_floor_and_the_pace_goes_on_from_it() {
    let (standin, mut daemon) = dangerous(600);
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    let second = daemon.submit(ISSUE, "second").job.id;
    let third = daemon.submit(ISSUE, "third").job.id;
    let start = Instant::now();
    let done = daemon.cli(&["post-now", &third.to_string()]).ok();
    assert!(done.stdout.contains("goes next"), "{done:?}");
    daemon.wait_posted(third);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(bodies(&standin), ["first", "third"]);
    assert_spaced(&standin, Duration::from_secs(1));
    // The pace counts from it, over a restart too.
    daemon.restart();
    let again = daemon.submit("octo/demo#3", "fourth");
    let expected = again.expected_at_ms.unwrap() - again.job.created_at_ms;
    assert!(expected > 900_000, "two cooldowns, {expected} ms");
    assert_quiet(&standin);
    assert_eq!(daemon.job(second).state, JobState::Queued);
}

#[test]
fn several_keep_the_floor_between_them() {
    let (standin, daemon) = dangerous(600);
    for number in 1..=3 {
        daemon.submit(&format!("octo/demo#{number}"), "x");
    }
    for id in ["3", "2"] {
        // The first may be posted by itself before it is asked for.
        daemon.cli(&["post-now", id]).ok();
    }
    for id in 1..=3 {
        daemon.wait_posted(id);
    }
    assert_eq!(posts(&standin).len(), 3);
    assert_spaced(&standin, Duration::from_secs(1));
}

#[test]
fn a_wait_of_the_account_is_not_shortened() {
    let (standin, daemon) = dangerous(1);
    let limited = Refusal::RateLimited {
        reset_in_seconds: 10,
        status: 403,
    };
    standin.refuse(Scope::Everything, limited);
    let id = daemon.submit(ISSUE, "patience").job.id;
    lane_in(&daemon, "default", "limited");
    let done = daemon.cli(&["post-now", "--json", &id.to_string()]).run();
    assert_refused(&done, 5, ErrorCode::LaneWaiting);
    daemon.cli(&["pause"]).ok();
    standin.allow(&Scope::Everything);
    lane_in(&daemon, "default", "paused");
    let done = daemon.cli(&["post-now", "--json", &id.to_string()]).run();
    assert_refused(&done, 5, ErrorCode::LaneWaiting);
    assert_eq!(ours(&standin).len(), 0);
}

#[test]
fn nothing_is_posted_where_something_is_not_known() {
    let (standin, daemon) = world_with(|setup| {
        setup
            .raw("allow_dangerous", "true")
            .number("look_delay_seconds", 600)
    });
    standin.fault(Fault::on_post().answer(Answer::Close));
    let lost = daemon.submit(ISSUE, "lost").job.id;
    daemon.wait_for(lost, &[JobState::Uncertain]);
    let next = daemon.submit(ISSUE, "next").job.id.to_string();
    let done = daemon.cli(&["post-now", "--json", &next]).run();
    assert_refused(&done, 5, ErrorCode::Unresolved);
    let done = daemon.cli(&["post-now", "--json", &lost.to_string()]).run();
    assert_refused(&done, 5, ErrorCode::Unresolved);
    assert_quiet(&standin);
}

#[test]
fn what_is_not_queued_cannot_be_posted_now() {
    let (_standin, daemon) = dangerous(1);
    daemon.cli(&["post", "--hold", ISSUE, "held"]).ok();
    let done = daemon.cli(&["post-now", "--json", "1"]).run();
    assert_refused(&done, 5, ErrorCode::WrongState);
    daemon.wait_posted(daemon.submit(ISSUE, "x").job.id);
    let done = daemon.cli(&["post-now", "--json", "2"]).run();
    assert_refused(&done, 5, ErrorCode::WrongState);
    let words = ["post", "--not-before", "2h", OTHER, "later"];
    daemon.cli(&words).ok();
    let done = daemon.cli(&["post-now", "--json", "3"]).run();
    assert_refused(&done, 5, ErrorCode::LaneWaiting);
}

#[test]
fn a_purged_job_is_gone_and_its_submission_is_still_no_second_comment() {
    let (standin, mut daemon) = dangerous(1);
    let words = ["post", "--json", "--key", "k", ISSUE, "between us"];
    daemon.cli(&words).ok();
    let job = daemon.wait_posted(1);
    let done = daemon.cli(&["purge", "1"]).ok();
    assert_eq!(done.stdout, "#1 is gone\n");
    for words in [&["show", "--json", "1"][..], &["cancel", "--json", "1"]] {
        assert_refused(&daemon.cli(words).run(), 5, ErrorCode::NoSuchJob);
    }
    assert!(
        !daemon
            .cli(&["list", "--json", "--history"])
            .ok()
            .stdout
            .contains("octo")
    );
    let again = daemon.cli(&words).ok().json();
    assert_eq!(
        (&again["duplicate"], &again["job"]["id"]),
        (&true.into(), &1.into())
    );
    assert_posted_once(&standin, &job, "between us");
    let done = daemon.cli(&["purge", "1"]).ok();
    assert!(done.stderr.contains("it was gone already"), "{done:?}");
    daemon.restart();
    let export = daemon.cli(&["export"]).ok().stdout;
    assert!(!export.contains("between us"), "{export}");
    assert_eq!(daemon.cli(&words).ok().json()["duplicate"], true);
    daemon.term();
    let check = daemon.setup.command(&["check"]).output().unwrap();
    assert!(check.status.success(), "{check:?}");
}

#[test]
fn what_is_unfinished_is_not_purged() {
    let (standin, daemon) = world_with(|setup| {
        setup
            .raw("allow_dangerous", "true")
            .number("look_delay_seconds", 600)
    });
    daemon.cli(&["post", "--hold", OTHER, "held"]).ok();
    let done = daemon.cli(&["purge", "--json", "1"]).run();
    assert_refused(&done, 5, ErrorCode::WrongState);
    standin.fault(Fault::on_post().answer(Answer::Close));
    let lost = daemon.submit(ISSUE, "lost").job.id;
    daemon.wait_for(lost, &[JobState::Uncertain]);
    let done = daemon.cli(&["purge", "--json", &lost.to_string()]).run();
    assert_refused(&done, 5, ErrorCode::Unresolved);
}
