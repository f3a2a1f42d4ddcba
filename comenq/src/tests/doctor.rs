//! `doctor`: what is wrong, and what mends it.

use std::{fs, os::unix::net::UnixListener};

use comenq_proto::{Health, HealthReply, LaneStatus, Ping, Pong, Status, StatusReply};
use serde_json::Value;

use super::{NOW_MS, PIPED, against, alone, run_around, status};
use crate::{
    Exit,
    test_daemon::{Peer, TestDaemon, greeted},
};

fn of(status: StatusReply, health: HealthReply) -> (Exit, Value) {
    let asked = greeted(move |peer: &mut Peer| {
        peer.answer::<Ping>(&Pong {});
        peer.answer::<Status>(&status);
        peer.answer::<Health>(&health);
    });
    // The first visit only tries whether anybody listens.
    let daemon = TestDaemon::start(vec![Box::new(|_| {}), asked]);
    let ran = against(&daemon, &["doctor", "--json"], b"");
    (ran.exit, ran.json()["checks"].clone())
}

fn verdict(checks: &Value, name: &str) -> String {
    let mut found = checks
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["name"] == name);
    let check = found.next_back().unwrap();
    let mend = check["mend"].as_str().unwrap_or_default();
    format!(
        "{}: {}: {mend}",
        check["verdict"].as_str().unwrap(),
        check["what"].as_str().unwrap()
    )
}

fn lane(change: impl FnOnce(&mut LaneStatus)) -> StatusReply {
    let mut status = status::status();
    change(&mut status.lanes[0]);
    status
}

#[test]
fn warnings_are_exit_0_and_failures_exit_1() {
    // The versions differ: a warning.
    let (exit, checks) = of(status::status(), HealthReply::default());
    assert_eq!(exit, Exit::Done, "{checks}");
    assert!(verdict(&checks, "versions").starts_with("warning: comenq "));
    assert!(verdict(&checks, "account").starts_with("ok: default: waiting for pace"));
    let (exit, checks) = of(
        lane(|it| it.phase = "blocked".into()),
        HealthReply::default(),
    );
    assert_eq!(exit, Exit::Trouble, "{checks}");
}

#[test]
fn tokens_are_missed_and_their_end_is_told_in_time() {
    let mut status = lane(|it| (it.phase, it.token_source) = ("no_token".into(), None));
    status.degraded = vec!["account default has no GitHub token: put one into FILE".into()];
    let (_, checks) = of(status, HealthReply::default());
    let expected =
        "failed: default has no token: account default has no GitHub token: put one into FILE";
    assert_eq!(verdict(&checks, "account"), expected);
    let day = 24 * 3_600_000;
    for (days, begins) in [
        (-1, "failed: that of default expired"),
        (13, "warning: that of default expires"),
        (15, "ok: that of default expires"),
    ] {
        let status = lane(|it| it.token_expires_at_ms = Some(NOW_MS + days * day));
        let (_, checks) = of(status, HealthReply::default());
        let said = verdict(&checks, "token");
        assert!(said.starts_with(begins), "{days}: {said}");
    }
}

#[test]
fn the_clock_the_store_and_the_queue_are_looked_at() {
    let health = |offset| HealthReply {
        clock_offset_ms: Some(offset),
        ..HealthReply::default()
    };
    let (_, checks) = of(status::status(), health(-61_000));
    assert_eq!(
        verdict(&checks, "clock"),
        "warning: 61 s behind GitHub's: sudo timedatectl set-ntp true"
    );
    let (_, checks) = of(status::status(), health(1000));
    assert!(verdict(&checks, "clock").starts_with("ok: "));
    let mut low = status::status();
    low.store.low_space = true;
    assert!(
        verdict(&of(low, HealthReply::default()).1, "store").starts_with("failed: low on space")
    );
    let mut closed = status::status();
    closed.store.ok = false;
    assert!(
        verdict(&of(closed, HealthReply::default()).1, "store")
            .starts_with("failed: cannot be used")
    );
    let mut empty = status::status();
    empty.lanes.clear();
    assert!(
        verdict(&of(empty, HealthReply::default()).1, "account")
            .starts_with("failed: there is no account")
    );
}

#[test]
fn a_socket_that_cannot_be_used_is_told_with_what_mends_it() {
    let ran = alone(&["doctor", "--json"]);
    assert_eq!(ran.exit, Exit::Trouble);
    let checks = ran.json()["checks"].clone();
    assert!(
        verdict(&checks, "socket").starts_with("failed: /nonexistent/comenq.sock does not exist")
    );
    assert!(verdict(&checks, "daemon").starts_with("failed: socket /nonexistent"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sock");
    let doctor = || {
        let line = ["doctor", "--json", "--socket", path.to_str().unwrap()];
        verdict(&run_around(&line, PIPED).json()["checks"], "socket")
    };
    fs::write(&path, "").unwrap();
    assert!(doctor().contains("is no socket"));
    fs::remove_file(&path).unwrap();
    drop(UnixListener::bind(&path).unwrap());
    assert!(doctor().contains("nobody listens: sudo systemctl restart comenq.socket"));
}
