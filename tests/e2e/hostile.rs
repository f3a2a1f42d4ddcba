//! Clients that want the daemon's memory, places or patience: it spends little
//! on them and serves everybody else meanwhile.

use std::time::{Duration, Instant};

use comenq_proto::{
    ErrorCode, MAX_FRAME, Ping, ProtocolVersion, RequestEnvelope, Status, to_bytes,
};
use harness::connection::Connection;

use crate::protocol::{ask, envelope, error_of};
use crate::world::world;

#[test]
fn hostile_bodies_neither_grow_nor_kill_the_daemon() {
    let (_standin, daemon) = world();
    let before = daemon.rss_kb();
    let nested = vec![0x81_u8; 900_000];
    let promised = b"\xa1\x64body\x9b\x00\xff\xff\xff\xff\xff\xff\xff".to_vec();
    let mut zeros = b"\xa1\x61x\x5a\x00\x0f\x00\x00".to_vec();
    zeros.extend(vec![0; 0x000f_0000]);
    for body in [nested, promised, zeros] {
        let mut connection = daemon.connect();
        let response = ask(&mut connection, &envelope("job_submit", &body));
        assert_eq!(error_of(&response).code, ErrorCode::BadRequest);
        connection.call(&Ping {}).unwrap().unwrap();
    }
    let grown = daemon.rss_kb().saturating_sub(before);
    assert!(grown < 20_000, "{grown} kB more resident");
}

#[test]
fn half_received_frames_share_a_budget() {
    let (_standin, daemon) = world();
    let before = daemon.rss_kb();
    let mut held = Vec::new();
    for _ in 0..64 {
        let mut connection = daemon.connect();
        let length = u32::try_from(MAX_FRAME).unwrap();
        connection.send_bytes(&length.to_be_bytes()).unwrap();
        // Most of a megabyte, as far as the daemon takes it.
        let chunk = vec![0; 64 * 1024];
        for _ in 0..8 {
            if connection.send_bytes_now(&chunk).is_err() {
                break;
            }
        }
        held.push(connection);
    }
    let grown = daemon.rss_kb().saturating_sub(before);
    assert!(grown < 24_000, "{grown} kB for half-received frames");
    daemon.connect().call(&Ping {}).unwrap().unwrap();
    drop(held);
}

#[test]
fn a_client_that_does_not_read_harms_nobody() {
    let (_standin, daemon) = world();
    let before = daemon.rss_kb();
    let mut deaf = daemon.connect();
    let request = RequestEnvelope::new(ProtocolVersion::CURRENT, 1, &Status {}).unwrap();
    let payload = to_bytes(&request).unwrap();
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
    frame.extend(payload);
    let stopped = (0..100_000).any(|_| deaf.send_bytes_now(&frame).is_err());
    assert!(
        stopped,
        "the daemon reads on though nobody takes its answers"
    );
    daemon.connect().call(&Ping {}).unwrap().unwrap();
    assert!(daemon.rss_kb().saturating_sub(before) < 8_000);
}

#[test]
fn a_storm_of_connections_passes() {
    let (_standin, daemon) = world();
    let mut held: Vec<Connection> = (0..200).map(|_| daemon.connect()).collect();
    for connection in &mut held {
        connection.call(&Ping {}).unwrap().unwrap();
    }
    drop(held);
    // Connections that say nothing: later ones are served again.
    let storm: Vec<_> = (0..300)
        .filter_map(|_| Connection::open(&daemon.socket()).ok())
        .collect();
    drop(storm);
    let start = Instant::now();
    daemon.connect().call(&Ping {}).unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
}
