//! Clients of another age: what they may say that this daemon does not know, and who is told to be
//! old.

use std::collections::BTreeMap;

use comenq_proto::{
    ENDPOINTS, ErrorCode, FEATURES, HelloReply, Kind, Ping, ProtocolVersion, Request as _,
    ResponseEnvelope, Subscribe, from_slice, to_bytes,
};
use harness::connection::{Connection, hello};

use crate::protocol::{ask, envelope, error_of};
use crate::world::world;

/// Greets as a client that speaks `oldest` to `newest`.
fn greet(connection: &mut Connection, oldest: u16, newest: u16) -> HelloReply {
    let mut greeting = hello();
    greeting.min_protocol_version = ProtocolVersion(oldest);
    greeting.protocol_version = ProtocolVersion(newest);
    connection.hello(&greeting).unwrap()
}

#[test]
fn a_client_that_speaks_more_than_we_do_is_served() {
    let (_standin, daemon) = world();
    for (oldest, newest) in [(1, 1), (0, 1), (1, 5), (0, u16::MAX)] {
        let mut connection = Connection::open(&daemon.socket()).unwrap();
        let ack = greet(&mut connection, oldest, newest).ack.unwrap();
        assert_eq!(
            ack.protocol_version,
            ProtocolVersion(1),
            "{oldest}..{newest}"
        );
        assert_eq!(ack.features, FEATURES);
        connection.call(&Ping {}).unwrap().unwrap();
    }
}

#[test]
fn without_a_common_version_the_old_side_and_its_remedy_are_named() {
    let (_standin, daemon) = world();
    let client_is_old = "the client is too old; update comenq where it was started";
    let daemon_is_old =
        "the daemon is too old; update comenqd and restart it (systemctl restart comenqd)";
    let nonsense = "the client's oldest version is above its newest";
    for (oldest, newest, spoken, remedy) in [
        (0, 0, "0", client_is_old),
        (2, 3, "2 to 3", daemon_is_old),
        (9, 9, "9", daemon_is_old),
        (3, 1, "3 to 1", nonsense),
    ] {
        let mut connection = Connection::open(&daemon.socket()).unwrap();
        let error = greet(&mut connection, oldest, newest).err.unwrap();
        assert_eq!(error.code, ErrorCode::IncompatibleProtocol);
        let whole = format!("client speaks protocol {spoken}, daemon speaks 1: {remedy}");
        assert_eq!(error.message, whole);
        assert!(connection.is_closed());
    }
}

#[test]
fn every_endpoint_of_the_table_is_served_whatever_more_is_said() {
    let (_standin, daemon) = world();
    let mut connection = daemon.connect();
    let mut refused = BTreeMap::new();
    let others = ENDPOINTS.iter().map(|endpoint| endpoint.name);
    let others = others.filter(|name| *name != Subscribe::ENDPOINT);
    // The stream comes last: it takes its connection.
    for name in others.chain([Subscribe::ENDPOINT]) {
        // {"zone": [1, {}]}, a field of a later client, and nothing else.
        let response = ask(
            &mut connection,
            &envelope(name, b"\xa1\x64zone\x82\x01\xa0"),
        );
        assert_eq!(response.request_id, 41, "{name}");
        if response.kind == Kind::Err {
            let error = error_of(&response);
            refused.insert(name, error.code);
            // Between unreadable requests something else, or the third would be the last.
            if name != Subscribe::ENDPOINT {
                connection.call(&Ping {}).unwrap().unwrap();
            }
        }
    }
    // What asks for more than nothing, and what nobody allowed.
    let mut expected = BTreeMap::new();
    for lacking in [
        "job_get",
        "job_submit",
        "job_submit_batch",
        "job_check",
        "job_edit",
        "job_hold",
        "job_release",
        "job_cancel",
        "job_retry",
        "job_retry_failed",
        "job_bump",
        "account_resume",
    ] {
        expected.insert(lacking, ErrorCode::BadRequest);
    }
    expected.insert("post_now", ErrorCode::DangerousDisabled);
    expected.insert("job_purge", ErrorCode::DangerousDisabled);
    assert_eq!(refused, expected);
}

#[test]
fn requests_of_another_version_and_unknown_words_break_nothing() {
    let (_standin, daemon) = world();
    let mut connection = daemon.connect();
    for endpoint in ["job_teleport", "", "Ping", &"x".repeat(4000)] {
        let response = ask(&mut connection, &envelope(endpoint, b"\xff"));
        assert_eq!(error_of(&response).code, ErrorCode::UnknownEndpoint);
    }
    for v in [0, 2, u16::MAX] {
        let mut other = envelope("ping", b"\xa0");
        other.v = v;
        let response = ask(&mut connection, &other);
        assert_eq!(response.v, 1);
        assert_eq!(error_of(&response).code, ErrorCode::BadRequest, "{v}");
        connection.call(&Ping {}).unwrap().unwrap();
    }
    // {"reason": "eclipse"}: a word of a later list.
    let eclipse = envelope("job_retry_failed", b"\xa1\x66reason\x67eclipse");
    let response = ask(&mut connection, &eclipse);
    assert_eq!(error_of(&response).code, ErrorCode::InvalidValue);
    // An envelope with a field more.
    let mut longer = to_bytes(&envelope("ping", b"\xa0")).unwrap();
    assert_eq!(longer[0], 0xa4);
    longer[0] = 0xa5;
    longer.extend(b"\x64zone\x82\x01\xa0");
    connection.send_frame(&longer).unwrap();
    assert_eq!(connection.response().unwrap().kind, Kind::Ok);
}

#[test]
fn a_greeting_of_a_later_client_is_understood() {
    let (_standin, daemon) = world();
    let mut connection = Connection::open(&daemon.socket()).unwrap();
    let mut greeting = hello();
    greeting.supports = vec!["telepathy".to_owned(); 256];
    let mut bytes = to_bytes(&greeting).unwrap();
    assert_eq!(bytes[0], 0xa5);
    bytes[0] = 0xa6;
    bytes.extend(b"\x64zone\x82\x01\xa0");
    connection.send_frame(&bytes).unwrap();
    let frame = connection.frame().unwrap().unwrap();
    let reply = from_slice::<HelloReply>(&frame).unwrap();
    assert!(reply.ack.is_some(), "{reply:?}");
    connection.call(&Ping {}).unwrap().unwrap();
    let id = connection.send(&Ping {}).unwrap();
    let frame = connection.frame().unwrap().unwrap();
    let response = from_slice::<ResponseEnvelope>(&frame).unwrap();
    assert_eq!((response.request_id, response.v), (id, 1));
}
