//! `watch`: events as lines, and what happens when the connection breaks.

use comenq_proto::{
    ErrorCode, Event, EventKind, FEATURE_EVENTS, Hello, HelloAck, HelloReply, JobState, Ping, Pong,
    Position, ProtocolVersion, ResponseEnvelope, Subscribe, SubscribeReply, WireError,
};
use serde_json::Value;

use super::{MINUTE_MS, NOW_MS, against};
use crate::{
    Exit,
    test_daemon::{Peer, TestDaemon, Visit, ack, greeted},
};

const LINE: [&str; 3] = ["watch", "--timeout", "300ms"];

fn position(seq: u64) -> Position {
    Position { epoch: 5, seq }
}

fn event(kind: EventKind, seq: u64) -> Event {
    Event::new(kind, position(seq), NOW_MS)
}

fn of_job(kind: EventKind, seq: u64) -> Event {
    Event {
        job_id: Some(7),
        state: Some(JobState::Queued),
        target: Some("octo/demo#1".into()),
        account: Some("default".into()),
        uid: Some(1000),
        ..event(kind, seq)
    }
}

fn reply() -> SubscribeReply {
    SubscribeReply {
        position: position(3),
        heartbeat_ms: 30_000,
    }
}

fn send(peer: &mut Peer, id: u64, event: &Event) {
    peer.send(&ResponseEnvelope::event(ProtocolVersion::CURRENT, id, event).unwrap());
}

/// A visit to a daemon that has events.
fn able(serve: impl FnOnce(&mut Peer) + Send + 'static) -> Visit {
    Box::new(move |peer| {
        let _hello: Hello = peer.receive();
        peer.send(&HelloReply::accepted(HelloAck {
            features: vec!["more".into(), FEATURE_EVENTS.into()],
            ..ack()
        }));
        serve(peer);
    })
}

/// The first visit: asks whether it can, subscribes, gets these events.
fn first(wanted: Subscribe, events: Vec<Event>) -> Visit {
    able(move |peer| {
        peer.answer::<Ping>(&Pong {});
        let (id, request) = peer.request::<Subscribe>();
        assert_eq!(request, wanted);
        peer.reply(id, &reply());
        for event in &events {
            send(peer, id, event);
        }
    })
}

fn mine(after: Option<Position>) -> Subscribe {
    Subscribe {
        mine: true,
        after,
        ..Subscribe::default()
    }
}

#[test]
fn each_event_is_a_line_that_says_when_what_and_why() {
    let events = vec![
        of_job(EventKind::Queued, 4),
        event(EventKind::Heartbeat, 4),
        of_job(EventKind::Claimed, 5),
        Event {
            comment_url: Some("https://x/1".into()),
            ..of_job(EventKind::Posted, 6)
        },
        Event {
            next_attempt_at_ms: Some(NOW_MS + 2 * MINUTE_MS),
            reason: Some("the network\n is down".into()),
            ..of_job(EventKind::Deferred, 7)
        },
        Event {
            account: Some("bot".into()),
            reason: Some("Bad credentials".into()),
            ..event(EventKind::LaneBlocked, 8)
        },
        event(EventKind::QueuePaused, 9),
        Event {
            missed: Some(12),
            ..event(EventKind::Lagged, 21)
        },
        event(EventKind::Snapshot, 21),
        event(EventKind::Unknown, 22),
    ];
    let daemon = TestDaemon::start(vec![first(mine(None), events)]);
    let ran = against(&daemon, &LINE, b"");
    let expected = "\
12:10 #7 for octo/demo#1: queued
12:10 #7 for octo/demo#1: being posted
12:10 #7 for octo/demo#1: posted https://x/1
12:10 #7 for octo/demo#1: deferred, next try 12:12 (in 2 min): the network  is down
12:10 account bot: blocked until somebody acts: Bad credentials
12:10 posting is paused
12:10 12 events were missed; comenq list shows how things stand
12:10 what happened before this is not known; comenq list shows how things stand
12:10 something this client does not know
";
    assert_eq!(ran.stdout, expected);
    // The daemon went and did not come back.
    assert_eq!(ran.exit, Exit::Unreachable);
}

#[test]
fn a_broken_stream_is_taken_up_where_it_broke() {
    let again = |after: u64, events: Vec<Event>| {
        able(move |peer| {
            let (id, request) = peer.request::<Subscribe>();
            assert_eq!(request, mine(Some(position(after))));
            peer.reply(id, &reply());
            for event in &events {
                send(peer, id, event);
            }
        })
    };
    let daemon = TestDaemon::start(vec![
        first(mine(None), vec![]),
        again(
            3,
            vec![of_job(EventKind::Queued, 4), event(EventKind::Heartbeat, 9)],
        ),
        again(9, vec![of_job(EventKind::Posted, 10)]),
    ]);
    let ran = against(&daemon, &LINE, b"");
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
    assert_eq!(ran.exit, Exit::Unreachable);
}

#[test]
fn what_is_watched_is_what_was_asked_for() {
    let jobs = Subscribe {
        ids: vec![7, 8],
        ..Subscribe::default()
    };
    for (words, wanted) in [
        (&["7", "8"][..], jobs),
        (&["--all"], Subscribe::default()),
        (&[], mine(None)),
    ] {
        let daemon = TestDaemon::start(vec![first(wanted, vec![])]);
        let ran = against(&daemon, &[&LINE[..], words].concat(), b"");
        assert_eq!(ran.exit, Exit::Unreachable);
    }
    assert_eq!(super::alone(&["watch", "7", "--all"]).exit, Exit::Usage);
}

#[test]
fn as_json_each_event_is_an_object_with_every_field() {
    let failed = Event {
        reason: Some("locked".into()),
        ..of_job(EventKind::Failed, 4)
    };
    let events = vec![failed, event(EventKind::Heartbeat, 4)];
    let daemon = TestDaemon::start(vec![first(mine(None), events)]);
    let ran = against(&daemon, &[&LINE[..], &["--json"]].concat(), b"");
    let document = ran.json();
    assert_eq!(document["schema"], 1);
    let event = &document["event"];
    assert_eq!(event["kind"], "failed");
    assert_eq!(
        (&event["job_id"], &event["reason"]),
        (&7.into(), &"locked".into())
    );
    assert_eq!(event["position"]["seq"], 4);
    assert_eq!(event["at"], "2026-11-20T12:10:00Z");
    assert_eq!(event["comment_url"], Value::Null);
}

#[test]
fn a_daemon_without_events_is_told_apart() {
    let daemon = TestDaemon::start(vec![greeted(|peer| {
        peer.answer::<Ping>(&Pong {});
    })]);
    let ran = against(&daemon, &["watch", "--json"], b"");
    assert_eq!(ran.exit, Exit::Incompatible);
    let error = ran.error();
    assert_eq!(error["code"], "unsupported");
    let side = "this comenqd cannot tell what happens as it happens: it is older than this client";
    assert_eq!(error["message"], side);
    let advice = error["detail"].as_str().unwrap();
    assert!(
        advice.starts_with("update comenqd and restart it (systemctl restart comenqd)"),
        "{advice}"
    );
}

#[test]
fn a_refusal_ends_it_also_in_the_middle() {
    let daemon = TestDaemon::start(vec![able(|peer| {
        peer.answer::<Ping>(&Pong {});
        let (id, _) = peer.request::<Subscribe>();
        peer.reply(id, &reply());
        peer.refuse(id, &WireError::new(ErrorCode::EventsOnly, "only events"));
    })]);
    let ran = against(&daemon, &["watch", "--json"], b"");
    assert_eq!(
        (ran.exit, &ran.error()["code"]),
        (Exit::Trouble, &"events_only".into())
    );
}
