//! `status` and `ping`: the daemon as people and programs see it.

use std::collections::BTreeMap;

use comenq_proto::{LaneStatus, Ping, Pong, Status, StatusReply, StoreStatus};
use serde_json::{Value, json};

use super::{MINUTE_MS, NOW_MS, Ran, against};
use crate::test_daemon::TestDaemon;

fn status() -> StatusReply {
    StatusReply {
        daemon_version: "9.9.9".into(),
        started_at_ms: NOW_MS - 180 * MINUTE_MS,
        store: StoreStatus {
            ok: true,
            reason: None,
        },
        counts: BTreeMap::from([
            ("posted".into(), 10),
            ("queued".into(), 3),
            ("held".into(), 0),
        ]),
        lanes: vec![LaneStatus {
            account: "default".into(),
            host: "api.github.com".into(),
            login: Some("octocat".into()),
            token_source: Some("credential".into()),
            cooldown_ms: 960_000,
            phase: "waiting_for_pace".into(),
            reason: None,
            next_post_at_ms: Some(NOW_MS + 2 * MINUTE_MS),
        }],
        degraded: Vec::new(),
    }
}

fn status_of(reply: StatusReply, line: &[&str]) -> Ran {
    let daemon = TestDaemon::serving(move |peer| {
        peer.answer::<Status>(&reply);
    });
    against(&daemon, line, b"")
}

#[test]
fn status_fits_on_one_screen() {
    let expected = "\
comenqd 9.9.9, running since 09:10 (3 h ago)
store: fine
jobs: 3 queued, 10 posted
account default on api.github.com, login octocat, token from credential, at least 16 min between posts
  waiting for the next turn, next post 12:12 (in 2 min)
";
    assert_eq!(status_of(status(), &["status"]).stdout, expected);
    let printed = status_of(status(), &["status", "--json"]).json();
    let status = &printed["status"];
    assert_eq!(status["started_at"], "2026-11-20T09:10:00Z");
    assert_eq!(status["counts"]["queued"], 3);
    assert_eq!(status["lanes"][0]["next_post_at"], "2026-11-20T12:12:00Z");
    assert_eq!(status["lanes"][0]["reason"], Value::Null);
    assert_eq!(status["store"], json!({ "ok": true, "reason": null }));
}

#[test]
fn status_says_what_to_do_when_something_is_missing() {
    let mut reply = status();
    reply.lanes[0].token_source = None;
    reply.lanes[0].phase = "no_token".into();
    reply.lanes[0].next_post_at_ms = None;
    reply.store = StoreStatus {
        ok: false,
        reason: Some("locked by pid 12".into()),
    };
    reply.counts.clear();
    reply.degraded = vec!["the clock is not confirmed".into()];
    let text = status_of(reply, &["status"]).stdout;
    for part in [
        "put a token into /etc/comenqd/github-token",
        "systemctl restart comenqd",
        "store: unavailable, locked by pid 12; ",
        "jobs: unknown\n",
        "degraded: the clock is not confirmed\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn ping_tells_who_answers() {
    let ponging = || {
        TestDaemon::serving(|peer| {
            peer.answer::<Ping>(&Pong {});
        })
    };
    let daemon = ponging();
    let ran = against(&daemon, &["ping"], b"");
    assert!(
        ran.stdout
            .starts_with("comenqd 9.9.9 answers (protocol 1); you may post")
    );
    let daemon = ponging();
    let expected = json!({
        "schema": 1, "daemon_version": "9.9.9", "protocol_version": 1, "role": "operator",
    });
    assert_eq!(against(&daemon, &["ping", "--json"], b"").json(), expected);
}
