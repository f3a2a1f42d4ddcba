//! Each limit of the table in PROTOCOL.md, crossed by one client and as configured.

use std::time::{Duration, Instant};

use comenq_proto::{ErrorCode, JobGet, Ping};
use harness::connection::{Connection, hello};
use harness::daemon::Daemon;
use harness::github::GithubStandin;
use harness::needs;
use harness::setup::Setup;
use harness::wait;

use crate::arena::{MALLORY, play, setup, standin};

fn world(change: impl FnOnce(Setup) -> Setup) -> (GithubStandin, Daemon) {
    let standin = standin();
    let daemon = change(setup(&standin)).start();
    (standin, daemon)
}

/// How long until the daemon closes it.
fn closes_after(connection: &mut Connection) -> f64 {
    let start = Instant::now();
    assert!(connection.is_closed(), "another frame came");
    start.elapsed().as_secs_f64()
}

#[test]
fn a_greeting_comes_within_two_seconds() {
    let (_standin, daemon) = world(|setup| setup);
    let mut silent = Connection::open(&daemon.socket()).unwrap();
    let start = Instant::now();
    let refusal = silent.frame().unwrap().expect("a refusal");
    let took = start.elapsed().as_secs_f64();
    assert!((1.9..6.0).contains(&took), "{took}");
    assert!(refusal.windows(2).any(|bytes| bytes == [0x18, 107]));
}

#[test]
fn a_frame_that_has_begun_is_whole_within_ten_seconds() {
    let (_standin, daemon) = world(|setup| setup);
    let mut connection = daemon.connect();
    connection.send_bytes(&[0, 0, 0, 9, 0xa4]).unwrap();
    let took = closes_after(&mut connection);
    assert!((9.9..15.0).contains(&took), "{took}");
}

#[test]
fn silence_ends_a_connection_as_configured() {
    let (_standin, daemon) = world(|setup| setup.number("idle_timeout_seconds", 2));
    let mut connection = daemon.connect();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(900));
        connection.call(&Ping {}).unwrap().unwrap();
    }
    let took = closes_after(&mut connection);
    assert!((1.9..6.0).contains(&took), "{took}");
}

#[test]
fn more_than_sixteen_requests_ahead_are_answered_in_order() {
    let (_standin, daemon) = world(|setup| setup);
    let mut connection = daemon.connect();
    for _ in 0..100 {
        connection.send(&Ping {}).unwrap();
    }
    for id in 1..=100 {
        assert_eq!(connection.response().unwrap().request_id, id);
    }
}

#[test]
fn who_does_not_read_an_answer_is_dropped_after_ten_seconds() {
    let (_standin, daemon) = world(|setup| setup);
    let id = daemon
        .submit("octo/demo#1", &"\u{1f980}".repeat(60_000))
        .job
        .id;
    let mut deaf = daemon.connect();
    let start = Instant::now();
    for _ in 0..8 {
        deaf.send(&JobGet { id }).unwrap();
    }
    wait::until("the daemon to give up", Duration::from_secs(30), || {
        let log = daemon.log();
        log.contains("did not read its reply in time").then_some(())
    });
    assert!(start.elapsed() >= Duration::from_secs(9));
    daemon.connect().call(&Ping {}).unwrap().unwrap();
}

/// What a connection may take at most, as `server/limits.rs` and comenqd.toml(5) state it; and a tenth
/// more, for this build is not optimised.
const MOST_PER_CONNECTION_KB: u64 = 20;

#[test]
fn a_connection_costs_no_more_than_is_stated() {
    let (_standin, daemon) = world(|setup| setup);
    daemon.connect().call(&Ping {}).unwrap().unwrap();
    let before = daemon.rss_kb();
    let mut held: Vec<_> = (0..500).map(|_| daemon.connect()).collect();
    let half = [&8_000_u32.to_be_bytes()[..], &[0; 7_000]].concat();
    for connection in &mut held {
        connection.call(&Ping {}).unwrap().unwrap();
        connection.send_bytes(&half).unwrap();
    }
    // The answer to another proves that all of that was read.
    daemon.connect().call(&Ping {}).unwrap().unwrap();
    let each = daemon.rss_kb().saturating_sub(before) / 500;
    assert!(each <= MOST_PER_CONNECTION_KB, "{each} kB a connection");
    assert!(each >= 5, "{each} kB: were the halves read?");
}

#[test]
fn half_frames_of_several_users_share_one_budget() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = world(|setup| setup);
    let before = daemon.rss_kb();
    let users = [0, 1, 2, 3, 4, 5].map(|more| play(&daemon, MALLORY + more, 3.0, "half_frames"));
    let start = Instant::now();
    let mut most = 0;
    while start.elapsed() < Duration::from_secs(3) {
        most = most.max(daemon.rss_kb());
        daemon.connect().call(&Ping {}).unwrap().unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    for user in users {
        assert!(user.tally()["sent"] > 100);
    }
    let grown = most.saturating_sub(before);
    assert!(grown < 24 * 1024, "{grown} kB for half-received frames");
}

#[test]
fn all_places_but_roots_are_taken() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = world(|setup| setup.number("max_connections", 32));
    // One user gets half of them at most, and the next what is left but for root's eight.
    let mallory = play(&daemon, MALLORY, 6.0, "crowd");
    std::thread::sleep(Duration::from_secs(2));
    let trudy = play(&daemon, MALLORY + 1, 2.0, "crowd").tally();
    let mallory = mallory.tally();
    assert_eq!((mallory["held"], mallory["code"]), (16, 102));
    assert_eq!((trudy["held"], trudy["code"]), (8, 102));
}

#[test]
fn root_is_served_while_all_other_places_are_taken() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = world(|setup| setup.number("max_connections", 32));
    let crowds = [0, 1].map(|more| play(&daemon, MALLORY + more, 4.0, "crowd"));
    let mut held = Vec::new();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        // What another test's process does with the scheduler is no matter: root always gets in.
        held.push(daemon.connect());
        held.last_mut().unwrap().call(&Ping {}).unwrap().unwrap();
        held.truncate(4);
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(held);
    for crowd in crowds {
        assert!(crowd.tally()["held"] > 0);
    }
}

#[test]
fn the_pace_of_requests_is_as_configured() {
    let (_standin, daemon) = world(|setup| setup.number("max_requests_per_second", 5));
    let mut connection = daemon.connect();
    let refused = (0..30).find_map(|_| connection.call(&Ping {}).unwrap().err());
    let error = refused.expect("thirty requests at once are more than two seconds' worth");
    assert_eq!(error.code, ErrorCode::RateLimited);
    assert!(
        error.retryable && error.retry_after_s == Some(1),
        "{error:?}"
    );
    std::thread::sleep(Duration::from_millis(1100));
    connection.call(&Ping {}).unwrap().unwrap();
}

#[test]
fn a_reload_changes_the_limits() {
    let (_standin, mut daemon) = world(|setup| setup);
    let mut connection = daemon.connect();
    daemon.setup.set("max_requests_per_second", "1");
    daemon.reload();
    let refused = wait::until("the new limit", Duration::from_secs(20), || {
        connection.call(&Ping {}).unwrap().err()
    });
    assert_eq!(refused.code, ErrorCode::RateLimited);
}

#[test]
fn root_is_never_refused_for_broken_rules() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = world(|setup| setup.number("max_violations_per_minute", 1));
    for _ in 0..10 {
        let mut connection = daemon.connect();
        connection.send_bytes(&[0; 4]).unwrap();
        assert!(connection.is_closed());
    }
    let mut connection = Connection::open(&daemon.socket()).unwrap();
    assert!(connection.hello(&hello()).unwrap().err.is_none());
}

#[test]
fn a_refusal_ends_after_its_time() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = world(|setup| {
        setup
            .number("max_violations_per_minute", 1)
            .number("refusal_seconds", 2)
    });
    let came = play(&daemon, MALLORY, 1.0, "violate").tally();
    assert_eq!(came["code"], 105, "{came:?}");
    std::thread::sleep(Duration::from_millis(2_500));
    let came = play(&daemon, MALLORY, 0.5, "violate").tally();
    assert!(came["broken"] > 0, "let in again: {came:?}");
}
