//! The wire, byte by byte: what breaks the rules is answered or cut off as the
//! contract says, and the daemon serves everybody else meanwhile.

use std::time::Instant;

use comenq_proto::{
    ByteBuf, ErrorCode, HelloReply, JobGet, JobState, Kind, MAX_FRAME, Ping, ProtocolVersion,
    RequestEnvelope, ResponseEnvelope, Role, Status, WireError, from_slice, to_bytes,
};
use harness::connection::{Connection, hello, read};
use harness::daemon::{Daemon, submission};
use harness::wait;

use crate::world::{ISSUE, SOON, posts, world};

fn open(daemon: &Daemon) -> Connection {
    Connection::open(&daemon.socket()).unwrap()
}

pub(crate) fn envelope(endpoint: &str, body: &[u8]) -> RequestEnvelope {
    RequestEnvelope {
        v: 1,
        request_id: 41,
        endpoint: endpoint.to_owned(),
        body: ByteBuf::from(body.to_vec()),
    }
}

pub(crate) fn error_of(response: &ResponseEnvelope) -> WireError {
    assert_eq!(response.kind, Kind::Err);
    from_slice(&response.body).unwrap()
}

pub(crate) fn ask(connection: &mut Connection, envelope: &RequestEnvelope) -> ResponseEnvelope {
    connection.send_frame(&to_bytes(envelope).unwrap()).unwrap();
    connection.response().unwrap()
}

#[test]
fn the_handshake_says_who_you_are() {
    let (_standin, daemon) = world();
    let ack = open(&daemon).hello(&hello()).unwrap().ack.unwrap();
    assert_eq!(ack.protocol_version, ProtocolVersion::CURRENT);
    assert_eq!(ack.max_frame as usize, MAX_FRAME);
    assert_eq!(ack.authz.uid, nix::unistd::getuid().as_raw());
    assert_eq!(ack.authz.role, Role::Admin, "the daemon's own user");
}

#[test]
fn frames_of_forbidden_length_end_the_connection() {
    let (_standin, daemon) = world();
    for length in [0_u32, 1_048_577, u32::MAX] {
        let mut connection = daemon.connect();
        connection.send_bytes(&length.to_be_bytes()).unwrap();
        assert!(connection.is_closed(), "{length}");
        let mut connection = open(&daemon);
        connection.send_bytes(&length.to_be_bytes()).unwrap();
        assert!(connection.is_closed(), "{length} as the first");
    }
    wait::until("the log to name it", SOON, || {
        daemon.log().contains("protocol_violation").then_some(())
    });
    daemon.connect().call(&Ping {}).unwrap().unwrap();
}

#[test]
fn a_first_frame_that_is_no_greeting() {
    let (_standin, daemon) = world();
    for bytes in [
        &[0xff; 20][..],
        b"GET / HTTP/1.1\r\n\r\n",
        &to_bytes(&Ping {}).unwrap(),
        &[0x80],
    ] {
        let mut connection = open(&daemon);
        connection.send_frame(bytes).unwrap();
        // An explanation may come first; then it is over.
        drop(connection.frame());
        assert!(connection.is_closed());
    }
    daemon.connect().call(&Ping {}).unwrap().unwrap();
}

#[test]
fn silence_instead_of_a_greeting_ends_after_two_seconds() {
    let (_standin, daemon) = world();
    let start = Instant::now();
    let mut mute = open(&daemon);
    let mut slow = open(&daemon);
    slow.send_bytes(&[0, 0]).unwrap();
    let late = (&mut mute, ErrorCode::HelloLate);
    for (connection, code) in [late, (&mut slow, ErrorCode::ProtocolViolation)] {
        let frame = connection.frame().unwrap().expect("an explanation");
        let error = from_slice::<HelloReply>(&frame).unwrap().err.unwrap();
        assert_eq!(error.code, code);
        assert!(connection.is_closed());
    }
    let took = start.elapsed();
    assert!((1.5..6.0).contains(&took.as_secs_f64()), "{took:?}");
}

#[test]
fn unknown_endpoints_and_fields() {
    let (_standin, daemon) = world();
    let mut connection = daemon.connect();
    let response = ask(&mut connection, &envelope("job_teleport", b"\xa0"));
    assert_eq!(response.request_id, 41);
    assert_eq!(error_of(&response).code, ErrorCode::UnknownEndpoint);
    let response = ask(&mut connection, &envelope("ping", b"\xa1\x63new\x01"));
    assert_eq!(
        (response.kind, response.request_id),
        (Kind::Ok, 41),
        "unknown fields are ignored"
    );
}

#[test]
fn unreadable_requests_are_answered_three_times() {
    let (_standin, daemon) = world();
    let mut connection = daemon.connect();
    for body in [&b""[..], b"\xff"] {
        let response = ask(&mut connection, &envelope("job_get", body));
        assert_eq!(response.request_id, 41, "its id was readable");
        assert_eq!(error_of(&response).code, ErrorCode::BadRequest);
    }
    connection.call(&Ping {}).unwrap().unwrap();
    for _ in 0..2 {
        connection.send_frame(b"\xff\xff not an envelope").unwrap();
        let response = connection.response().unwrap();
        assert_eq!(
            (response.request_id, error_of(&response).code),
            (0, ErrorCode::BadRequest)
        );
    }
    connection.call(&Ping {}).unwrap().unwrap();
    for _ in 0..3 {
        connection
            .send_frame(&to_bytes(&envelope("job_get", b"\xa0")).unwrap())
            .unwrap();
        assert_eq!(
            error_of(&connection.response().unwrap()).code,
            ErrorCode::BadRequest
        );
    }
    assert!(connection.is_closed(), "three in a row");
}

#[test]
fn requests_in_a_row_are_answered_in_a_row() {
    let (standin, daemon) = world();
    let mut connection = daemon.connect();
    let mut sent = Vec::new();
    for number in 0..40 {
        sent.push(match number % 3 {
            0 => connection.send(&Ping {}).unwrap(),
            1 => connection
                .send(&submission(ISSUE, &format!("n{number}"), None))
                .unwrap(),
            _ => connection.send(&Status {}).unwrap(),
        });
    }
    let answered: Vec<u64> = (0..40)
        .map(|_| connection.response().unwrap().request_id)
        .collect();
    assert_eq!(answered, sent);
    wait::until("a first POST", SOON, || {
        (!posts(&standin).is_empty()).then_some(())
    });
}

#[test]
fn a_client_that_stops_sending_still_gets_its_answers() {
    let (_standin, daemon) = world();
    let mut connection = daemon.connect();
    let id = connection
        .send(&submission(ISSUE, "and goodbye", None))
        .unwrap();
    connection.finish_sending().unwrap();
    let response = connection.response().unwrap();
    assert_eq!((response.request_id, response.kind), (id, Kind::Ok));
    assert!(connection.is_closed());
}

#[test]
fn a_client_that_leaves_before_the_answer_is_still_queued() {
    let (standin, daemon) = world();
    let mut connection = daemon.connect();
    connection
        .send(&submission(ISSUE, "left early", Some("k")))
        .unwrap();
    connection.finish_sending().unwrap();
    // The answer may be lost, the job may not: the same key says which.
    drop(connection);
    let reply = daemon
        .connect()
        .call(&submission(ISSUE, "left early", Some("k")));
    daemon.wait_posted(reply.unwrap().unwrap().job.id);
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn ids_and_states_over_the_wire() {
    let (_standin, daemon) = world();
    let mut connection = daemon.connect();
    let get = |connection: &mut Connection, id| {
        let reply = connection.call(&JobGet { id }).unwrap();
        reply.unwrap_err().code
    };
    assert_eq!(get(&mut connection, 0), ErrorCode::InvalidId);
    assert_eq!(get(&mut connection, 7), ErrorCode::NoSuchJob);
    let mut bad = submission(ISSUE, "x", None);
    bad.owner = "no/slash".to_owned();
    let error = connection.call(&bad).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidTarget);
    let error = connection
        .call(&submission(ISSUE, " ", None))
        .unwrap()
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidBody);
    let long = "x".repeat(65_537);
    let error = connection
        .call(&submission(ISSUE, &long, None))
        .unwrap()
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::BodyTooLong);
    let list = comenq_proto::JobList {
        cursor: Some("no cursor of ours".to_owned()),
        ..comenq_proto::JobList::default()
    };
    let error = connection.call(&list).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidCursor);
    let reply = connection
        .call(&submission(ISSUE, "fine", None))
        .unwrap()
        .unwrap();
    assert_eq!(reply.job.state, JobState::Queued);
    let id = connection.send(&Ping {}).unwrap();
    let response = connection.response().unwrap();
    assert_eq!(response.request_id, id);
    read::<comenq_proto::Pong>(&response).unwrap().unwrap();
}
