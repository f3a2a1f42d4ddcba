//! Starting: a bad configuration, socket or option ends in one clear error and
//! a non-zero exit; what can be served is served.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::{Command, Output, Stdio};

use harness::daemon::Daemon;
use harness::programs::program;
use harness::setup::{Setup, Token};

use crate::world::{ISSUE, standin, world};

/// The daemon's first words when it will not start.
fn refusal(setup: &Setup) -> String {
    let socket = setup.socket();
    let output = setup
        .command(&["--listen", socket.to_str().unwrap()])
        .output()
        .unwrap();
    failed(&output)
}

fn failed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code();
    assert!(
        code.is_some_and(|code| code != 0 && code != 101),
        "{code:?}: {text}"
    );
    assert!(
        !text.contains("panicked") && !text.trim().is_empty(),
        "{text}"
    );
    text
}

#[test]
fn unknown_keys_are_named_with_their_neighbour() {
    for (key, near) in [
        ("cooldown_seconds", "cooldown_period_seconds"),
        ("github_tokn", "github_token"),
        ("queue_pth", "queue_path"),
    ] {
        let text = refusal(&Setup::new("http://127.0.0.1:1").number(key, 5));
        assert!(text.contains(key) && text.contains(near), "{text}");
    }
    let setup = Setup::new("http://127.0.0.1:1").env("COMENQD_COOLDOWN_PERIOD", "5");
    let text = refusal(&setup);
    assert!(
        text.to_lowercase().contains("comenqd_cooldown_period"),
        "{text}"
    );
}

#[test]
fn values_out_of_range_are_refused() {
    for (key, toml) in [
        ("cooldown_period_seconds", "0"),
        ("cooldown_period_seconds", "-1"),
        ("cooldown_period_seconds", "\"soon\""),
        ("github_api_timeout_seconds", "0"),
        ("github_api_timeout_seconds", "61"),
        ("github_api_url", "\"not a url\""),
        ("github_api_url", "\"http://api.github.com\""),
        ("github_api_url", "\"ftp://127.0.0.1\""),
        ("max_body_chars", "0"),
        ("max_body_chars", "262145"),
        ("log_level", "\"loud\""),
        ("queue_path", "7"),
        ("hold_restored_jobs", "\"maybe\""),
    ] {
        let text = refusal(&Setup::new("http://127.0.0.1:1").raw(key, toml));
        assert!(text.contains(key), "{key} = {toml}: {text}");
    }
    let near_github = Setup::new("https://api.github.com").number("cooldown_period_seconds", 7);
    assert!(refusal(&near_github).contains("cooldown_period_seconds"));
}

#[test]
fn a_config_that_is_not_toml_names_its_line() {
    let setup = Setup::new("http://127.0.0.1:1").raw("log_level", "= = =");
    let text = refusal(&setup);
    assert!(
        text.contains("config.toml") && text.contains("line"),
        "{text}"
    );
}

#[test]
fn a_config_that_is_not_there_is_an_error_when_named() {
    let output = Command::new(program("comenqd"))
        .args(["--config", "/nowhere/comenqd.toml", "--check-config"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(failed(&output).contains("/nowhere/comenqd.toml"));
}

#[test]
fn flags_beat_the_environment_which_beats_the_file() {
    let setup = Setup::new("http://127.0.0.1:1")
        .text("queue_path", "/from/file")
        .env("COMENQD_QUEUE_PATH", "/from/env")
        .env("COMENQD_COOLDOWN_PERIOD_SECONDS", "77");
    let shown = |arguments: &[&str]| {
        let output = setup.command(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = shown(&["--check-config"]);
    assert!(text.contains("/from/env") && text.contains("77"), "{text}");
    let text = shown(&["--check-config", "--queue-path", "/from/flag"]);
    assert!(
        text.contains("/from/flag") && !text.contains("/from/env"),
        "{text}"
    );
}

#[test]
fn checking_the_config_starts_nothing() {
    let standin = standin();
    let setup = Setup::for_standin(&standin);
    let output = setup.command(&["--check-config"]).output().unwrap();
    assert!(output.status.success());
    assert!(!setup.path("queue").exists() && !setup.socket().exists());
    assert!(standin.requests().is_empty());
}

#[test]
fn a_stale_socket_is_replaced_a_live_one_is_not() {
    let (_standin, mut daemon) = world();
    daemon.kill9();
    assert!(daemon.socket().exists(), "left behind by the crash");
    daemon.start_again();

    let other = Setup::new("http://127.0.0.1:1").token(Token::Absent);
    let socket = daemon.socket();
    let output = other
        .command(&["--listen", socket.to_str().unwrap()])
        .output()
        .unwrap();
    let text = failed(&output);
    assert!(
        text.contains(&daemon.pid().to_string()),
        "names who listens: {text}"
    );
    assert_eq!(daemon.submit(ISSUE, "still served").job.id, 1);
}

#[test]
fn a_socket_path_that_is_something_else_is_left_alone() {
    let setup = Setup::new("http://127.0.0.1:1").token(Token::Absent);
    fs::write(setup.socket(), "precious").unwrap();
    let text = refusal(&setup);
    assert!(text.contains(setup.socket().to_str().unwrap()), "{text}");
    assert_eq!(fs::read_to_string(setup.socket()).unwrap(), "precious");

    let setup = Setup::new("http://127.0.0.1:1").token(Token::Absent);
    let long = setup.path(&"s".repeat(120));
    let output = setup
        .command(&["--listen", long.to_str().unwrap()])
        .output()
        .unwrap();
    failed(&output);
    let missing = setup.path("missing/s");
    let output = setup
        .command(&["--listen", missing.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(failed(&output).contains("missing/s"));
}

#[test]
fn a_listener_that_never_answers_is_still_live() {
    let setup = Setup::new("http://127.0.0.1:1").token(Token::Absent);
    let _listener = UnixListener::bind(setup.socket()).unwrap();
    let text = refusal(&setup);
    assert!(text.contains(&std::process::id().to_string()), "{text}");
}

#[test]
fn unknown_options_and_words_are_refused() {
    let setup = Setup::new("http://127.0.0.1:1");
    for arguments in [
        &["--nonsense"][..],
        &["word"],
        &["--listen"],
        &["--github-token", "x"],
    ] {
        let output = setup.command(arguments).output().unwrap();
        failed(&output);
    }
}

#[test]
fn nobody_can_make_it_start_twice_by_accident() {
    let standin = standin();
    let mut daemon = Setup::for_standin(&standin).start();
    let mut twin = Daemon::idle(Setup::for_standin(&standin));
    twin.setup.set(
        "queue_path",
        &format!("{:?}", daemon.setup.path("queue").to_str().unwrap()),
    );
    twin.spawn();
    let id = daemon.submit(ISSUE, "one daemon").job.id;
    daemon.wait_posted(id);
    assert!(daemon.exited().is_none());
    assert_eq!(standin.comments().len(), 1);
}
