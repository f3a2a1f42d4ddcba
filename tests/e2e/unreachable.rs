//! No daemon, a daemon that breaks every connection, one that dies under the
//! client: exit 3 with what to do, or nothing noticed at all.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use comenq_proto::{Authz, HelloAck, HelloReply, ProtocolVersion, Role, to_bytes};
use harness::cli::Cli;
use harness::wait;

use crate::input::refused;
use crate::world::{ISSUE, SOON, bodies, world};

#[test]
fn no_daemon_is_said_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("nobody");
    let start = Instant::now();
    let text = refused(&Cli::new(&missing, &["post", ISSUE, "x"]).run(), 3);
    assert!(text.contains("nobody"), "names the socket: {text}");
    let dead = directory.path().join("dead");
    drop(UnixListener::bind(&dead).unwrap());
    refused(&Cli::new(&dead, &["list"]).run(), 3);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "no deadline is waited for"
    );
}

#[test]
fn stdin_is_read_wholly_before_the_daemon_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("nobody");
    let text = refused(&Cli::new(&missing, &["post", ISSUE]).stdin(" ").run(), 2);
    assert!(!text.contains("nobody"), "the body is judged first: {text}");
}

/// A listener that breaks every connection: before or after a whole request.
fn breaking(path: &Path, after_request: bool) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            let mut buffer = [0; 4096];
            // The greeting; one read takes it whole from a local socket.
            if !after_request || stream.read(&mut buffer).is_err() {
                continue;
            }
            let reply = HelloReply {
                ack: Some(HelloAck {
                    protocol_version: ProtocolVersion::CURRENT,
                    daemon_version: "0".to_owned(),
                    features: Vec::new(),
                    max_frame: 1_048_576,
                    authz: Authz {
                        uid: 0,
                        gid: 0,
                        role: Role::Operator,
                    },
                }),
                err: None,
            };
            let payload = to_bytes(&reply).unwrap();
            let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
            frame.extend(payload);
            drop(stream.write_all(&frame));
            drop(stream.read(&mut buffer));
        }
    });
}

#[test]
fn a_connection_that_always_breaks_ends_in_exit_3() {
    let directory = tempfile::tempdir().unwrap();
    for after_request in [false, true] {
        let path = directory
            .path()
            .join(if after_request { "late" } else { "early" });
        breaking(&path, after_request);
        let start = Instant::now();
        let words = ["post", "--timeout", "2s", "--key", "my-key", ISSUE, "x"];
        let text = refused(&Cli::new(&path, &words).run(), 3);
        assert_eq!(
            text.contains("--key my-key"),
            after_request,
            "may be queued? {text}"
        );
        let took = start.elapsed();
        assert!(
            (1.0..15.0).contains(&took.as_secs_f64()),
            "{took:?} for a deadline of 2 s"
        );
    }
}

#[test]
fn a_read_only_command_over_a_broken_connection() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broken");
    breaking(&path, true);
    let text = refused(&Cli::new(&path, &["list", "--timeout", "1s"]).run(), 3);
    assert!(!text.contains("--key"), "{text}");
}

#[test]
fn a_daemon_killed_under_a_client_is_found_again() {
    let (standin, mut daemon) = world();
    let ends = || {
        let table = std::fs::read_to_string("/proc/net/unix").unwrap();
        let socket = daemon.socket().display().to_string();
        table.lines().filter(|line| line.ends_with(&socket)).count()
    };
    wait::until("all earlier connections to end", SOON, || {
        (ends() == 1).then_some(())
    });
    daemon.freeze();
    let client = daemon
        .cli(&["post", "--timeout", "30s", ISSUE, "persistent"])
        .spawn();
    wait::until("the client to connect", SOON, || (ends() > 1).then_some(()));
    daemon.kill9();
    daemon.start_again();
    let done = client.wait();
    assert_eq!(done.code, 0, "{done:?}");
    wait::until("the comment", SOON, || {
        (bodies(&standin).len() == 1).then_some(())
    });
    assert_eq!(daemon.status().counts.values().sum::<u64>(), 1);
}
