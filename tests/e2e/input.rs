//! Bad input on the client's command line: one clear error, the right exit
//! code, nothing queued.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use harness::cli::Done;
use harness::daemon::Daemon;
use harness::github::GithubStandin;

use crate::world::{ISSUE, standin, world, world_with};

pub(crate) fn refused(done: &Done, code: i32) -> String {
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
