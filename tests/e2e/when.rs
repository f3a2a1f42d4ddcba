//! Times that people choose, also where the daemon's wall clock is wrong by years: what is to wait
//! waits, what is to expire expires, and nothing does either by mistake. They count by GitHub's clock,
//! which shows whole seconds.

use std::time::{Duration, Instant};

use comenq_proto::{ErrorCode, JobGet, JobState};
use harness::daemon::Daemon;
use harness::github::GithubStandin;
use harness::setup::Setup;
use harness::wait;

use crate::world::{ISSUE, OTHER, assert_refused, bodies, post, posts, standin, world, world_with};

/// What a wrong clock may be off by.
const OFFSETS: [&str; 2] = ["-20y", "+10y"];

fn wrong(offset: &str) -> (GithubStandin, Daemon) {
    world_with(|setup| setup.wall_clock(offset))
}

/// A moment so far from now, as the client takes it.
fn at(seconds: i64) -> String {
    let now = jiff::Timestamp::now();
    (now + jiff::SignedDuration::from_secs(seconds)).to_string()
}

#[test]
fn not_before_is_waited_for_and_others_pass() {
    let (standin, daemon) = world();
    let start = Instant::now();
    let late = post(&daemon, ISSUE, "late", &["--not-before", "4s"]);
    let other = post(&daemon, ISSUE, "now", &[]);
    daemon.wait_posted(other);
    let told = daemon.cli(&["show", &late.to_string()]).ok().stdout;
    assert!(told.contains("waits for: its time"), "{told}");
    daemon.wait_posted(late);
    assert_eq!(bodies(&standin), ["now", "late"]);
    let waited = posts(&standin)[1].at.duration_since(start);
    assert!((3.0..15.0).contains(&waited.as_secs_f64()), "{waited:?}");
}

#[test]
fn not_before_a_time_of_the_calendar() {
    let (standin, daemon) = world();
    let start = Instant::now();
    let id = post(&daemon, ISSUE, "at that time", &["--not-before", &at(4)]);
    daemon.wait_posted(id);
    let waited = posts(&standin)[0].at.duration_since(start);
    assert!((2.0..15.0).contains(&waited.as_secs_f64()), "{waited:?}");
}

#[test]
fn what_expires_is_never_posted_late() {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    let date = at(4);
    let jobs = [
        post(&daemon, ISSUE, "span", &["--expires", "3s"]),
        post(&daemon, ISSUE, "date", &["--expires", &date]),
        post(&daemon, ISSUE, "held", &["--expires", "3s", "--hold"]),
    ];
    for id in jobs {
        let job = daemon.wait_for(id, &[JobState::Expired]);
        assert!(job.finished_at_ms.is_some());
    }
    assert_eq!(bodies(&standin), ["first"]);
    let shown = daemon.cli(&["show", "2"]).ok().stdout;
    assert!(
        shown.contains("expired") && shown.contains("without being posted"),
        "{shown}"
    );
}

#[test]
fn what_may_have_been_posted_does_not_expire() {
    let (standin, daemon) = world();
    let lost = harness::github::Fault::on_post().answer(harness::github::Answer::Close);
    standin.fault(lost);
    let id = post(&daemon, ISSUE, "lost", &["--expires", "1s"]);
    daemon.wait_posted(id);
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn times_that_make_no_sense_are_refused() {
    let (_standin, daemon) = world();
    for (options, code) in [
        (
            vec!["--expires", "2s", "--not-before", "3s"],
            Some(ErrorCode::InvalidValue),
        ),
        (
            vec!["--expires", "2001-01-01T00:00:00Z"],
            Some(ErrorCode::InvalidValue),
        ),
        (
            vec!["--not-before", "2090-01-01T00:00:00Z"],
            Some(ErrorCode::InvalidValue),
        ),
        (vec!["--not-before", "one day"], None),
        (
            vec!["--at", "yesterday 9:00"],
            Some(ErrorCode::InvalidValue),
        ),
        (vec!["--in", "tomorrow"], None),
        (vec!["--expires", "-3s"], None),
        (vec!["--priority", "101"], None),
    ] {
        let words = [&["post", "--json", ISSUE, "x"], &options[..]].concat();
        let done = daemon.cli(&words).run();
        match code {
            Some(code) => assert_refused(&done, 2, code),
            None => assert_eq!(done.code, 2, "{done:?}"),
        }
    }
}

#[test]
fn a_length_of_time_before_githubs_time_is_known() {
    for offset in OFFSETS {
        let (standin, daemon) = wrong(offset);
        let start = Instant::now();
        let late = post(&daemon, ISSUE, "late", &["--not-before", "4s"]);
        // Whoever posts now learns GitHub's time, by which ours is years off.
        daemon.wait_posted(post(&daemon, OTHER, "now", &[]));
        assert_eq!(bodies(&standin), ["now"], "{offset}");
        daemon.wait_posted(late);
        let waited = posts(&standin)[1].at.duration_since(start);
        assert!(
            (3.0..15.0).contains(&waited.as_secs_f64()),
            "{offset}: {waited:?}"
        );
    }
}

#[test]
fn a_length_of_time_after_githubs_time_is_known() {
    for offset in OFFSETS {
        let (standin, daemon) = wrong(offset);
        daemon.wait_posted(post(&daemon, OTHER, "now", &[]));
        let start = Instant::now();
        let late = post(&daemon, ISSUE, "late", &["--not-before", "3s"]);
        daemon.wait_posted(late);
        let waited = posts(&standin)[1].at.duration_since(start);
        assert!(
            (2.0..15.0).contains(&waited.as_secs_f64()),
            "{offset}: {waited:?}"
        );
    }
}

#[test]
fn a_time_of_the_calendar_is_githubs() {
    for offset in OFFSETS {
        let (standin, daemon) = wrong(offset);
        daemon.wait_posted(post(&daemon, OTHER, "now", &[]));
        let start = Instant::now();
        let late = post(&daemon, ISSUE, "late", &["--not-before", &at(4)]);
        daemon.wait_posted(late);
        let waited = posts(&standin)[1].at.duration_since(start);
        assert!(
            (2.0..15.0).contains(&waited.as_secs_f64()),
            "{offset}: {waited:?}"
        );
    }
}

#[test]
fn nothing_expires_by_a_wrong_clock() {
    for offset in OFFSETS {
        let standin = standin();
        let setup = Setup::for_standin(&standin).number("cooldown_period_seconds", 5);
        let mut daemon = setup.start();
        daemon.wait_posted(post(&daemon, OTHER, "now", &[]));
        let span = post(&daemon, ISSUE, "within an hour", &["--expires", "1h"]);
        let date = post(&daemon, OTHER, "today", &["--expires", &at(3_600)]);
        daemon.term();
        daemon.setup.set_wall_clock(offset);
        daemon.start_again();
        daemon.wait_posted(span);
        daemon.wait_posted(date);
        assert_eq!(bodies(&standin).len(), 3, "{offset}");
    }
}

#[test]
fn what_expires_does_so_by_a_wrong_clock_too() {
    for offset in OFFSETS {
        let standin = standin();
        let setup = Setup::for_standin(&standin).wall_clock(offset);
        let daemon = setup.number("cooldown_period_seconds", 600).start();
        let held = post(
            &daemon,
            ISSUE,
            "short-lived",
            &["--hold", "--expires", "3s"],
        );
        daemon.wait_posted(post(&daemon, OTHER, "now", &[]));
        let job = daemon.wait_for(held, &[JobState::Expired]);
        assert_eq!(job.attempts, 0, "{offset}");
    }
}

/// The house is kept every ten seconds: once before and once after GitHub's time is known.
fn kept(offset: &str) {
    let standin = standin();
    let setup = Setup::for_standin(&standin).number("keep_finished_days", 1);
    let mut daemon = setup.start();
    daemon.wait_posted(post(&daemon, OTHER, "kept", &[]));
    daemon.term();
    daemon.setup.set_wall_clock(offset);
    daemon.start_again();
    let a_while = Duration::from_secs(11);
    let mut connection = daemon.connect();
    let mut is_gone = || connection.call(&JobGet { id: 1 }).unwrap().is_err();
    wait::never("the job pruned", a_while, &mut is_gone);
    daemon.wait_posted(post(&daemon, ISSUE, "now", &[]));
    wait::never("the job pruned", a_while, &mut is_gone);
}

#[test]
fn nothing_is_pruned_by_a_clock_that_is_behind() {
    kept("-20y");
}

#[test]
fn nothing_is_pruned_by_a_clock_that_is_ahead() {
    kept("+10y");
}
