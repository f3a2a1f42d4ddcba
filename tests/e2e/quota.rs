//! What one user may have in the queue: each limit, how it is said, when it frees, and for whom it
//! is another one.

use comenq_proto::ErrorCode;
use harness::cli::Done;
use harness::daemon::{Daemon, submission};
use harness::github::GithubStandin;
use harness::needs;

use crate::world::{
    ANN, BEN, ISSUE, OTHER, assert_refused, post, post_as, run_as, world, world_with,
};

fn limited(key: &str, most: u64) -> (GithubStandin, Daemon) {
    world_with(|setup| setup.number(&format!("policy.{key}"), most))
}

fn held(daemon: &Daemon, body: &str) -> Done {
    let words = ["post", "--json", "--hold", ISSUE, body];
    daemon.cli(&words).run()
}

/// The refusal names the key, the limit and the use, and nothing was stored.
fn assert_over(daemon: &Daemon, done: &Done, key: &str, limit: u64, used: u64) {
    assert_refused(done, 4, ErrorCode::QuotaExceeded);
    let message = done.json_error()["message"].as_str().unwrap().to_owned();
    for part in [
        key.to_owned(),
        format!("the limit is {limit}"),
        format!("{used} are used"),
    ] {
        assert!(message.contains(&part), "{part}: {message}");
    }
    assert_eq!(done.json_error()["retryable"], true);
    let jobs: u64 = daemon.status().counts.values().sum();
    assert_eq!(jobs, 2, "something was stored");
}

/// In how many seconds one more would be let in, as the daemon says.
fn frees_in(daemon: &Daemon) -> Option<u64> {
    let asked = daemon.connect().call(&submission(ISSUE, "one more", None));
    asked.unwrap().unwrap_err().retry_after_s
}

#[test]
fn unfinished_jobs_are_limited_and_room_comes_when_one_is_over() {
    let (_standin, daemon) = limited("max_queued_jobs", 2);
    for text in ["one", "two"] {
        assert_eq!(held(&daemon, text).code, 0);
    }
    let done = held(&daemon, "three");
    assert_over(&daemon, &done, "max_queued_jobs", 2, 2);
    assert_eq!(frees_in(&daemon), None);
    daemon.cli(&["cancel", "1"]).ok();
    assert_eq!(held(&daemon, "three").code, 0);
    daemon.cli(&["release", "2"]).ok();
    daemon.wait_posted(2);
    assert_eq!(held(&daemon, "four").code, 0);
}

#[test]
fn bytes_are_limited() {
    let (_standin, daemon) = limited("max_queued_bytes", 30);
    for text in ["ten bytes.", "and ten mo"] {
        assert_eq!(held(&daemon, text).code, 0);
    }
    let done = held(&daemon, "eleven byte");
    assert_over(&daemon, &done, "max_queued_bytes", 30, 20);
    assert_eq!(held(&daemon, "just ten b").code, 0);
    // A shorter text makes room, a longer one takes it.
    daemon.cli(&["edit", "1", "ten"]).ok();
    assert_eq!(daemon.status().own.unwrap().queued_bytes, 23);
    assert_eq!(held(&daemon, "seven b").code, 0);
}

#[test]
fn an_edit_cannot_get_round_the_limit_of_bytes() {
    let (_standin, daemon) = limited("max_queued_bytes", 30);
    for text in ["ten bytes.", "and ten mo"] {
        assert_eq!(held(&daemon, text).code, 0);
    }
    let words = ["edit", "--json", "1", "twenty-one bytes text"];
    let done = daemon.cli(&words).run();
    assert_over(&daemon, &done, "max_queued_bytes", 30, 20);
    assert_eq!(daemon.job(1).body.as_deref(), Some("ten bytes."));
}

#[test]
fn submissions_within_a_minute_are_limited_and_the_end_is_said() {
    let (_standin, daemon) = limited("max_submits_per_minute", 2);
    for text in ["one", "two"] {
        assert_eq!(held(&daemon, text).code, 0);
    }
    let done = held(&daemon, "three");
    assert_over(&daemon, &done, "max_submits_per_minute", 2, 2);
    let seconds = done.json_error()["retry_after_s"].as_u64().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let frees = frees_in(&daemon).unwrap();
    assert!((1..=60).contains(&frees), "{frees} s");
}

#[test]
fn posts_within_a_day_are_limited_over_restarts() {
    let (_standin, mut daemon) = limited("max_posts_per_day", 2);
    for text in ["one", "two"] {
        assert_eq!(held(&daemon, text).code, 0);
    }
    daemon.kill9();
    daemon.start_again();
    let done = held(&daemon, "three");
    assert_over(&daemon, &done, "max_posts_per_day", 2, 2);
    let frees = frees_in(&daemon).unwrap();
    assert!((22 * 3_600..=24 * 3_600).contains(&frees), "{frees} s");
}

#[test]
fn a_repeated_submission_finds_its_job_though_all_is_used() {
    for key in [
        "max_queued_jobs",
        "max_submits_per_minute",
        "max_posts_per_day",
    ] {
        let (_standin, daemon) = limited(key, 1);
        let words = ["post", "--json", "--hold", "--key", "k", ISSUE, "x"];
        let first = daemon.cli(&words).ok().json();
        let again = daemon.cli(&words).ok().json();
        assert_eq!(first["job"]["id"], again["job"]["id"], "{key}");
        assert_eq!(again["duplicate"], true);
        assert_eq!(held(&daemon, "another").code, 4, "{key}");
    }
}

#[test]
fn limits_are_each_users_own() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = world_with(|setup| {
        setup
            .number("cooldown_period_seconds", 600)
            .number("policy.max_queued_jobs", 1)
            .number(&format!("policy.users.{BEN}.max_queued_jobs"), 3)
    });
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    post_as(&daemon, ANN, ISSUE, "ann");
    let over = ["post", "--json", ISSUE, "one too many"];
    assert_refused(&run_as(&daemon, ANN, &over), 4, ErrorCode::QuotaExceeded);
    for text in ["1", "2", "3"] {
        post_as(&daemon, BEN, ISSUE, text);
    }
    assert_refused(&run_as(&daemon, BEN, &over), 4, ErrorCode::QuotaExceeded);
    let own = run_as(&daemon, BEN, &["status", "--json"]).json()["status"]["own"].clone();
    assert_eq!(
        (&own["queued_jobs"], &own["max_queued_jobs"]),
        (&3.into(), &3.into())
    );
}

#[test]
fn status_shows_ones_own_use() {
    let (_standin, daemon) = world();
    daemon.wait_posted(post(&daemon, ISSUE, "posted", &[]));
    post(&daemon, ISSUE, "held!", &["--hold"]);
    let own = daemon.status().own.unwrap();
    assert_eq!((own.queued_jobs, own.queued_bytes), (1, 5));
    assert_eq!((own.submits_last_minute, own.posts_last_day), (2, 2));
    assert_eq!(
        (own.max_queued_jobs, own.max_submits_per_minute),
        (1_000, 600)
    );
    assert_eq!(
        (own.max_queued_bytes, own.max_posts_per_day),
        (64 << 20, None)
    );
    assert_eq!(own.accounts, ["default"]);
    let text = daemon.cli(&["status"]).ok().stdout;
    assert!(text.contains("of 1000"), "{text}");
}
