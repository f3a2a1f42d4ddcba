//! Moments chosen by the stand-in: a request is held, the daemon dies.

use std::time::{Duration, Instant};

use comenq_proto::JobState;
use harness::daemon::Daemon;
use harness::github::{Answer, Config, Fault, GithubStandin, Kind, Pause};
use harness::setup::Setup;
use harness::wait;

use crate::ledger::{Entry, arrival, judge};

const COOLDOWN: Duration = Duration::from_secs(1);

fn world() -> (GithubStandin, Daemon) {
    let standin = GithubStandin::start(Config::example()).unwrap();
    let daemon = Setup::for_standin(&standin).start();
    (standin, daemon)
}

/// One submission, acknowledged.
fn entry(daemon: &Daemon) -> Vec<Entry> {
    let mut entry = Entry::new("octo/demo#1", "survivor");
    entry.submit(&daemon.socket());
    assert!(entry.id.is_some());
    vec![entry]
}

/// Kills the daemon while a request of this kind is held.
fn killed_at(kind: Kind, fault: Fault) -> (GithubStandin, Daemon, Vec<Entry>) {
    let (standin, mut daemon) = world();
    standin.fault(fault);
    let entries = entry(&daemon);
    arrival(&standin, kind, 0);
    daemon.kill9();
    (standin, daemon, entries)
}

fn posts(standin: &GithubStandin) -> usize {
    standin.requests_of(Kind::Post).len()
}

#[test]
fn between_ack_and_claim() {
    let hold = Fault::on(Kind::User).hold_before(Pause::UntilReleased);
    let (standin, mut daemon, entries) = killed_at(Kind::User, hold);
    standin.release();
    daemon.start_again();
    judge(&standin, &daemon, entries, COOLDOWN);
    assert_eq!(posts(&standin), 1, "nothing had been sent");
}

#[test]
fn during_the_post_that_creates_afterwards() {
    let hold = Fault::on_post().hold_before(Pause::UntilReleased);
    let (standin, mut daemon, entries) = killed_at(Kind::Post, hold);
    assert!(standin.comments().is_empty());
    // GitHub goes on with a request whose client is dead.
    standin.release();
    daemon.start_again();
    judge(&standin, &daemon, entries, COOLDOWN);
    assert_eq!(posts(&standin), 1);
}

#[test]
fn during_the_post_that_creates_while_the_daemon_starts() {
    let hold = Fault::on_post().hold_before(Pause::UntilReleased);
    let (standin, mut daemon, entries) = killed_at(Kind::Post, hold);
    daemon.start_again();
    standin.release();
    judge(&standin, &daemon, entries, COOLDOWN);
    assert_eq!(posts(&standin), 1);
}

#[test]
fn during_the_post_that_never_creates() {
    let hold = Fault::on_post()
        .without_creating()
        .hold_before(Pause::UntilReleased);
    let (standin, mut daemon, entries) = killed_at(Kind::Post, hold.answer(Answer::Close));
    standin.release();
    daemon.start_again();
    judge(&standin, &daemon, entries, COOLDOWN);
    assert_eq!(posts(&standin), 2);
}

#[test]
fn after_the_comment_exists_and_before_the_answer() {
    let hold = Fault::on_post().hold_after(Pause::UntilReleased);
    let (standin, mut daemon, entries) = killed_at(Kind::Post, hold);
    assert_eq!(standin.comments().len(), 1);
    daemon.start_again();
    judge(&standin, &daemon, entries, COOLDOWN);
    assert_eq!(posts(&standin), 1);
}

#[test]
fn during_each_look() {
    for looks_before in [0, 1] {
        let (standin, mut daemon) = world();
        standin.fault(Fault::on_post().without_creating().answer(Answer::Close));
        let held = Fault::on(Kind::Listing).skip(looks_before);
        standin.fault(held.hold_before(Pause::UntilReleased));
        let entries = entry(&daemon);
        arrival(&standin, Kind::Listing, looks_before as usize);
        daemon.kill9();
        standin.release();
        daemon.start_again();
        judge(&standin, &daemon, entries, COOLDOWN);
        assert_eq!(posts(&standin), 2);
    }
}

#[test]
fn again_and_again_during_the_same_post() {
    let (standin, mut daemon) = world();
    standin.fault(Fault::on_post().hold_after(Pause::UntilReleased));
    let entries = entry(&daemon);
    arrival(&standin, Kind::Post, 0);
    for _ in 0..5 {
        daemon.kill9();
        daemon.start_again();
    }
    judge(&standin, &daemon, entries, COOLDOWN);
    assert_eq!(posts(&standin), 1);
}

#[test]
fn while_it_starts() {
    let (standin, mut daemon) = world();
    standin.go_offline().unwrap();
    let mut entries: Vec<Entry> = (0..6)
        .map(|n| Entry::new(&format!("octo/demo#{}", n + 1), &format!("left-over-{n}")))
        .collect();
    for entry in &mut entries {
        entry.submit(&daemon.socket());
        assert!(entry.id.is_some());
    }
    for step in 0..12 {
        daemon.kill9();
        daemon.spawn();
        std::thread::sleep(Duration::from_millis(4 * step));
    }
    daemon.kill9();
    daemon.start_again();
    standin.go_online().unwrap();
    judge(&standin, &daemon, entries, COOLDOWN);
}

#[test]
fn in_the_cooldown_the_next_one_is_not_early() {
    let cooldown = Duration::from_secs(3);
    let standin = GithubStandin::start(Config::example()).unwrap();
    let setup = Setup::for_standin(&standin).number("cooldown_period_seconds", 3);
    let mut daemon = setup.start();
    let mut entries: Vec<Entry> = (0..3)
        .map(|n| Entry::new("octo/demo#1", &format!("paced-{n}")))
        .collect();
    for entry in &mut entries {
        entry.submit(&daemon.socket());
    }
    for entry in entries.iter().take(2) {
        daemon.wait_for(entry.id.unwrap(), &[JobState::Posted]);
        daemon.kill9();
        daemon.start_again();
    }
    judge(&standin, &daemon, entries, cooldown);
}

#[test]
fn the_interval_counts_from_what_may_have_been_sent_last() {
    let cooldown = Duration::from_secs(3);
    let standin = GithubStandin::start(Config::example()).unwrap();
    let mut daemon = Setup::for_standin(&standin)
        .number("cooldown_period_seconds", 3)
        .start();
    standin.fault(Fault::on_post().hold_before(Pause::UntilReleased));
    let mut entries = vec![
        Entry::new("octo/demo#1", "slow"),
        Entry::new("octo/demo#2", "next"),
    ];
    for entry in &mut entries {
        entry.submit(&daemon.socket());
    }
    arrival(&standin, Kind::Post, 0);
    // The request is under way for most of an interval when the daemon dies.
    let posted = || standin.requests_of(Kind::Post).len() > 1;
    wait::never("a second POST", Duration::from_millis(2_500), posted);
    daemon.kill9();
    standin.release();
    let created = Instant::now();
    daemon.start_again();
    judge(&standin, &daemon, entries, cooldown);
    let second = &standin.requests_of(Kind::Post)[1];
    let gap = second.at.duration_since(created);
    assert!(gap >= cooldown, "{gap:?} after the first comment");
}
