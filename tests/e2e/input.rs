//! Bad input on the client's command line: one clear error, the right exit
//! code, nothing queued.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use comenq_proto::{Authz, HelloAck, HelloReply, ProtocolVersion, Role, to_bytes};
use harness::cli::{Cli, Done};
use harness::daemon::Daemon;
use harness::github::GithubStandin;
use harness::wait;

use crate::world::{ISSUE, SOON, bodies, standin, world, world_with};

fn refused(done: &Done, code: i32) -> String {
    assert_eq!(done.code, code, "{done:?}");
    assert_eq!(done.stdout, "", "errors go to stderr");
    assert!(
        !done.stderr.contains("panicked") && !done.stderr.is_empty(),
        "{done:?}"
    );
    done.stderr.clone()
}

fn assert_empty(standin: &GithubStandin, daemon: &Daemon) {
    assert_eq!(daemon.status().counts.values().sum::<u64>(), 0);
    assert!(standin.comments().is_empty());
}

#[test]
fn targets_that_are_none() {
    let (standin, daemon) = world();
    for target in [
        "",
        "octo",
        "octo/",
        "/demo",
        "octo/demo",
        "octo/demo#",
        "octo/demo#0",
        "octo/demo#-1",
        "octo/demo#x",
        "octo/demo#99999999999999999999",
        "octo/demo/more#1",
        "-octo/demo#1",
        "oc to/demo#1",
        "octo/de mo#1",
        "octo/..#1",
        "octo/demo.git#1",
        "öcto/demo#1",
        &format!("{}/demo#1", "o".repeat(40)),
        &format!("octo/{}#1", "r".repeat(101)),
        "https://github.com/octo/demo",
        "https://github.com/octo/demo/commit/1",
        "https://github.com/octo/demo/pull/",
        "http://github.com/octo/demo/pull/1",
        "ftp://github.com/octo/demo/pull/1",
        "https://",
    ] {
        refused(&daemon.cli(&["post", "--", target, "text"]).run(), 2);
    }
    for number in ["0", "-1", "x", "1.5", "", "18446744073709551616"] {
        refused(
            &daemon
                .cli(&["post", "--", "octo/demo", number, "text"])
                .run(),
            2,
        );
    }
    let text = refused(&daemon.cli(&["post", "octo/de$mo#1", "x"]).run(), 2);
    assert!(text.contains('$'), "names the wrong character: {text}");
    assert_empty(&standin, &daemon);
}

#[test]
fn bodies_that_are_none() {
    let (standin, daemon) = world_with(|setup| setup.number("max_body_chars", 1_000));
    for body in ["", " ", "\n\t\r\n", "\u{a0}\u{2003}"] {
        refused(&daemon.cli(&["post", ISSUE, body]).run(), 2);
        refused(&daemon.cli(&["post", ISSUE]).stdin(body).run(), 2);
    }
    refused(&daemon.cli(&["post", ISSUE]).stdin("a\0b").run(), 2);
    refused(
        &daemon
            .cli(&["post", ISSUE])
            .stdin(vec![0xff, 0xfe, b'x'])
            .run(),
        2,
    );
    let argument = OsString::from_vec(vec![b'a', 0xff]);
    refused(&daemon.cli(&["post", ISSUE]).arg(argument).run(), 2);
    let text = refused(&daemon.cli(&["post", ISSUE, &"x".repeat(1_001)]).run(), 2);
    assert!(
        text.contains("1000") || text.contains("1 000"),
        "names the limit: {text}"
    );
    refused(
        &daemon
            .cli(&["post", ISSUE])
            .stdin("x".repeat(262_145))
            .run(),
        2,
    );
    refused(
        &daemon
            .cli(&["post", ISSUE])
            .stdin("x".repeat(8 << 20))
            .run(),
        2,
    );
    refused(
        &daemon.cli(&["post", ISSUE, "-F", "/nowhere/body.md"]).run(),
        2,
    );
    refused(&daemon.cli(&["post", ISSUE, "-F", "/tmp"]).run(), 2);
    assert_empty(&standin, &daemon);
    daemon.cli(&["post", ISSUE, &"é".repeat(1_000)]).ok();
}

#[test]
fn command_lines_that_are_none() {
    let (standin, daemon) = world();
    for words in [
        &[][..],
        &["nonsense"],
        &["post"],
        &["post", "--nonsense", ISSUE, "x"],
        &["post", ISSUE, "x", "too", "many"],
        &["post", ISSUE, "x", "-F", "/dev/null"],
        &["post", "--timeout", "soon", ISSUE, "x"],
        &["show"],
        &["show", "0"],
        &["show", "x"],
        &["show", "18446744073709551616"],
        &["cancel"],
        &["list", "surplus"],
        &["status", "surplus"],
    ] {
        let done = daemon.cli(words).run();
        assert_eq!(done.code, 2, "{words:?}: {done:?}");
        assert!(!done.stderr.contains("panicked"), "{done:?}");
    }
    for words in [&["--help"][..], &["--version"], &["post", "--help"]] {
        assert!(!daemon.cli(words).ok().stdout.is_empty());
    }
    assert_empty(&standin, &daemon);
}

#[test]
fn jobs_that_do_not_exist() {
    let (_standin, daemon) = world();
    let text = refused(&daemon.cli(&["show", "7"]).run(), 5);
    assert!(text.contains('7'), "{text}");
}

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

#[test]
fn a_url_of_another_host_is_refused_unless_the_api_is_loopback() {
    let (_standin, daemon) = world();
    daemon
        .cli(&[
            "post",
            "https://ghe.example.com/octo/demo/pull/1",
            "fine here",
        ])
        .ok();

    let setup = harness::setup::Setup::new("https://ghe.example.com/api/v3")
        .token(harness::setup::Token::Absent)
        .number("cooldown_period_seconds", 960);
    let daemon = setup.start();
    daemon
        .cli(&["post", "https://ghe.example.com/octo/demo/pull/1", "fine"])
        .ok();
    let done = daemon
        .cli(&["post", "https://github.com/octo/demo/pull/1", "wrong"])
        .run();
    let text = refused(&done, 2);
    assert!(
        text.contains("github.com") && text.contains("ghe.example.com"),
        "{text}"
    );
}

#[test]
fn hostile_text_in_an_error_cannot_drive_a_terminal() {
    let (_standin, daemon) = world();
    let done = daemon.cli(&["post", "octo/\u{1b}[31mdemo#1", "x"]).run();
    let text = refused(&done, 2);
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn the_standin_is_not_touched_by_bad_input() {
    let standin = standin();
    let daemon = harness::setup::Setup::for_standin(&standin).start();
    refused(&daemon.cli(&["post", "octo/demo#0", "x"]).run(), 2);
    assert!(posts_none(&standin));
}

fn posts_none(standin: &GithubStandin) -> bool {
    standin.requests_of(harness::github::Kind::Post).is_empty()
}
