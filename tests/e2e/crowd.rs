//! More clients than there are places, more connections than descriptors: some
//! are told so, none hurts the others, and comments still go out.

use std::time::{Duration, Instant};

use comenq_proto::{ErrorCode, Ping};
use harness::connection::{Connection, hello};
use harness::daemon::Daemon;
use harness::github::GithubStandin;
use harness::setup::Setup;
use harness::wait;

use crate::world::{ISSUE, SOON, assert_posted_once, standin};

/// A daemon that may have only so many descriptors.
fn with_descriptors(count: u32) -> (GithubStandin, Daemon) {
    let standin = standin();
    let mut setup = Setup::for_standin(&standin);
    setup.wrap(&["prlimit", &format!("--nofile={count}:{count}")]);
    (standin, setup.start())
}

/// Connections after the handshake, until one is refused; and the refusal.
fn fill(daemon: &Daemon) -> (Vec<Connection>, ErrorCode) {
    let mut held = Vec::new();
    loop {
        let mut connection = Connection::open(&daemon.socket()).unwrap();
        let reply = connection.hello(&hello()).unwrap();
        if let Some(error) = reply.err {
            assert!(error.retryable);
            assert!(connection.is_closed());
            return (held, error.code);
        }
        held.push(connection);
        assert!(held.len() < 2_000, "no end of places");
    }
}

#[test]
fn one_too_many_is_told_so_and_finds_room_later() {
    for descriptors in [100, 4_096] {
        let (standin, daemon) = with_descriptors(descriptors);
        let (mut held, code) = fill(&daemon);
        assert_eq!(code, ErrorCode::TooManyConnections);
        assert!(held.len() >= 10, "only {} of {descriptors}", held.len());
        assert!(held.len() <= 1_024, "{}", held.len());

        // Those who are in are served, and the rest of the daemon has what it needs.
        let mut inside = held.pop().unwrap();
        let request = harness::daemon::submission(ISSUE, "from the crowd", None);
        let id = inside.call(&request).unwrap().unwrap().job.id;
        wait::until("the comment", SOON, || standin.comments().pop());

        drop(held);
        let room = wait::until("room", SOON, || Connection::ready(&daemon.socket()).ok());
        drop(room);
        let job = daemon.wait_posted(id);
        assert_posted_once(&standin, &job, "from the crowd");
    }
}

#[test]
fn connections_that_say_nothing_are_not_kept() {
    let (_standin, mut daemon) = with_descriptors(100);
    let silent: Vec<_> = (0..90)
        .filter_map(|_| Connection::open(&daemon.socket()).ok())
        .collect();
    let start = Instant::now();
    let mut connection = wait::until("a place", SOON, || Connection::ready(&daemon.socket()).ok());
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    connection.call(&Ping {}).unwrap().unwrap();
    assert!(daemon.exited().is_none());
    drop(silent);
}
