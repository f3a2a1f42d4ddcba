//! Daemons older and newer than this client: what is refused, and whose side is told to be old.

use std::time::Duration;

use comenq_proto::{
    ByteBuf, ErrorCode, Health, Hello, HelloAck, HelloReply, JobGet, JobList, JobListReply,
    JobState, Kind, Ping, Pong, ProtocolVersion, ResponseEnvelope, Role, VersionRange, WireError,
    negotiate, to_bytes,
};

use super::{Ran, against};
use crate::{
    Exit,
    client::Client,
    test_daemon::{Peer, TestDaemon, Visit, ack, greeted},
    trust::Trust,
};

/// A daemon that speaks `oldest` to `newest`, and does what ours does.
fn speaking(oldest: u16, newest: u16) -> Visit {
    Box::new(move |peer| {
        let hello: Hello = peer.receive();
        let ours = VersionRange {
            min: ProtocolVersion(oldest),
            max: ProtocolVersion(newest),
        };
        match negotiate(ours, hello.range()) {
            Ok(protocol_version) => {
                peer.send(&HelloReply::accepted(HelloAck {
                    protocol_version,
                    ..ack()
                }));
                peer.answer::<Ping>(&Pong {});
            }
            Err(error) => {
                let code = ErrorCode::IncompatibleProtocol;
                peer.send(&HelloReply::refused(WireError::new(
                    code,
                    error.to_string(),
                )));
            }
        }
    })
}

/// One that takes no notice of what the client speaks.
fn choosing(version: u16) -> Visit {
    Box::new(move |peer| {
        let _hello: Hello = peer.receive();
        peer.send(&HelloReply::accepted(HelloAck {
            protocol_version: ProtocolVersion(version),
            ..ack()
        }));
    })
}

fn ping(visit: Visit) -> Ran {
    against(&TestDaemon::start(vec![visit]), &["ping", "--json"], b"")
}

const DAEMON_IS_OLD: &str =
    "the daemon is too old; update comenqd and restart it (systemctl restart comenqd)";
const CLIENT_IS_OLD: &str = "the client is too old; update comenq where it was started";

#[test]
fn a_daemon_that_speaks_more_than_we_do_is_served() {
    for (oldest, newest) in [(1, 1), (0, 1), (1, 5), (0, 9)] {
        let ran = ping(speaking(oldest, newest));
        assert_eq!(ran.exit, Exit::Done, "{}", ran.stderr);
    }
}

#[test]
fn without_a_common_version_the_old_side_and_its_remedy_are_named() {
    let cases = [
        (speaking(0, 0), "daemon speaks 0", DAEMON_IS_OLD),
        (speaking(2, 3), "daemon speaks 2 to 3", CLIENT_IS_OLD),
        (choosing(0), "daemon speaks 0", DAEMON_IS_OLD),
        (choosing(2), "daemon speaks 2", CLIENT_IS_OLD),
    ];
    for (visit, spoken, remedy) in cases {
        let ran = ping(visit);
        assert_eq!(ran.exit, Exit::Incompatible);
        let error = ran.error();
        assert_eq!(error["code"], "incompatible_protocol");
        let whole = format!("client speaks protocol 1, {spoken}: {remedy}");
        assert_eq!(error["message"], whole);
    }
}

#[test]
fn an_endpoint_that_the_daemon_does_not_know_is_the_daemons_age() {
    let daemon = TestDaemon::serving(|peer| {
        let (id, _) = peer.request::<Health>();
        peer.refuse(id, &WireError::new(ErrorCode::UnknownEndpoint, "no such"));
    });
    let ran = against(&daemon, &["health", "--json"], b"");
    let error = ran.error();
    assert_eq!(
        (ran.exit, &error["code"]),
        (Exit::Trouble, &"unknown_endpoint".into())
    );
    let message = "this comenqd does not know what it was asked for: it is older than this client";
    assert_eq!(error["message"], message);
    let advice = "update comenqd and restart it (systemctl restart comenqd)";
    assert_eq!(error["detail"], advice);
}

/// Sends one more field than this build knows, with a value of any depth.
fn send_with_more(peer: &mut Peer, message: &[u8]) {
    // One entry more in the map's head, and the entry itself: {"zone": [1, {}]}.
    let (head, rest) = message.split_first().unwrap();
    assert!((0xa0..0xb7).contains(head), "a map of few entries");
    let mut longer = vec![head + 1];
    longer.extend(rest);
    longer.extend(b"\x64zone\x82\x01\xa0");
    let mut frame = u32::try_from(longer.len()).unwrap().to_be_bytes().to_vec();
    frame.extend(longer);
    peer.send_bytes(&frame);
}

#[test]
fn what_a_newer_daemon_says_more_is_let_pass() {
    let newer: Visit = Box::new(|peer| {
        let _hello: Hello = peer.receive();
        let mut able = ack();
        able.features = vec!["telepathy".into()];
        able.authz.role = Role::Unknown;
        send_with_more(peer, &to_bytes(&HelloReply::accepted(able)).unwrap());
        let (id, _) = peer.request::<JobList>();
        // A job whose state and failure are of a later build, and a field more around it.
        let job = b"\xaa\x62id\x07\x65state\x66paused\x65owner\x61o\x64repo\x61r\x66number\x01\
            \x67account\x61a\x63uid\x01\x68priority\x00\x6dcreated_at_ms\x00\x67failure\x67eclipse";
        let mut page = b"\xa2\x65later\xf5\x64jobs\x81".to_vec();
        page.extend([job[0] + 2]);
        page.extend(&job[1..]);
        page.extend(b"\x68attempts\x00\x70cancel_requested\xf4");
        let body = ByteBuf::from(page);
        let response = ResponseEnvelope {
            v: 1,
            request_id: id,
            kind: Kind::Ok,
            body,
        };
        send_with_more(peer, &to_bytes(&response).unwrap());
        peer.answer::<JobList>(&JobListReply {
            jobs: vec![],
            next_cursor: None,
        });
    });
    let daemon = TestDaemon::start(vec![newer]);
    let trust = Trust {
        anybody: true,
        own_uid: 0,
        lookup_user: |_| None,
    };
    let mut client = Client::new(daemon.address(), Duration::from_secs(30), trust);
    let reply = client.call(&JobList::default()).unwrap();
    assert_eq!(reply.jobs.len(), 1);
    assert_eq!(reply.jobs[0].state, JobState::Unknown);
    // The connection is good for the next request.
    assert_eq!(client.call(&JobList::default()).unwrap().jobs, []);
}

#[test]
fn a_code_of_a_newer_daemon_is_told_by_its_hundred() {
    for (number, exit) in [
        (199, Exit::Trouble),
        (299, Exit::Usage),
        (399, Exit::Refused),
        (499, Exit::JobState),
    ] {
        let daemon = TestDaemon::start(vec![greeted(move |peer| {
            let (id, _) = peer.request::<JobGet>();
            peer.refuse(id, &WireError::new(ErrorCode::Unknown(number), "of later"));
        })]);
        let ran = against(&daemon, &["show", "7", "--json"], b"");
        assert_eq!(ran.exit, exit, "{number}");
        let text = format!("of later (error {number})");
        assert_eq!(ran.error()["message"], text);
    }
}
