//! Each command of the client: its forms, its JSON, where it reads a body from.

use harness::cli::Done;
use harness::daemon::Daemon;
use harness::wait;
use serde_json::{Value, json};

use crate::world::{ISSUE, OTHER, SOON, bodies, world, world_with};

/// A daemon that posts nothing soon, so that jobs stay where they are put.
fn sleepy() -> (harness::github::GithubStandin, Daemon) {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit(OTHER, "the cooldown begins").job.id);
    (standin, daemon)
}

fn job_of(done: &Done) -> Value {
    done.json()["job"].clone()
}

fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}

#[test]
fn every_way_to_name_the_target() {
    let (_standin, daemon) = sleepy();
    for words in [
        &["post", "octo/demo", "3", "text"][..],
        &["post", "octo/demo#3", "text"],
        &["octo/demo", "3", "text"],
        &["post", "https://github.com/octo/demo/issues/3", "text"],
        &["post", "https://github.com/octo/demo/pull/3", "text"],
        &[
            "post",
            "https://GitHub.com/octo/demo/pull/3/files?w=1#diff",
            "text",
        ],
    ] {
        let done = daemon.cli(words).ok();
        assert!(
            done.stdout.contains("for octo/demo#3"),
            "{words:?}: {}",
            done.stdout
        );
    }
}

#[test]
fn every_way_to_give_the_body() {
    let (standin, daemon) = world();
    let file = daemon.setup.path("body.md");
    std::fs::write(&file, "from a file\n").unwrap();
    let path = file.to_str().unwrap();
    daemon
        .cli(&["post", ISSUE, "an argument"])
        .stdin("not read")
        .ok();
    daemon.cli(&["post", ISSUE, "-"]).stdin("from stdin").ok();
    daemon.cli(&["post", ISSUE]).stdin("from stdin again").ok();
    daemon
        .cli(&["post", ISSUE, "-F", path])
        .stdin("not read")
        .ok();
    daemon
        .cli(&["post", ISSUE, "-F", "-"])
        .stdin("a file named stdin")
        .ok();
    daemon.cli(&["post", ISSUE, "--", "--dashes"]).ok();
    wait::until("six comments", SOON, || {
        (bodies(&standin).len() == 6).then_some(())
    });
    let seen: Vec<String> = bodies(&standin)
        .iter()
        .map(|body| body.trim_end().to_owned())
        .collect();
    let wanted = [
        "an argument",
        "from stdin",
        "from stdin again",
        "from a file",
        "a file named stdin",
        "--dashes",
    ];
    assert_eq!(seen, wanted);
}

#[test]
fn post_prints_json_for_programs() {
    let (_standin, daemon) = sleepy();
    let done = daemon.cli(&["post", "--json", "octo/demo#4", "text"]).ok();
    let json = done.json();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["position"], 1);
    assert!(is_time(&json["expected_at"]), "{json}");
    let job = &json["job"];
    for (field, value) in [
        ("id", json!(2)),
        ("state", json!("queued")),
        ("owner", json!("octo")),
        ("repo", json!("demo")),
        ("number", json!(4)),
        ("attempts", json!(0)),
        ("uid", json!(nix::unistd::getuid().as_raw())),
    ] {
        assert_eq!(job[field], value, "{field}");
    }
    assert!(is_time(&job["created_at"]));
    let known = [
        "id",
        "state",
        "owner",
        "repo",
        "number",
        "body",
        "account",
        "uid",
        "created_at",
        "not_before",
        "attempts",
        "next_attempt_at",
        "comment_id",
        "comment_url",
        "last_error",
    ];
    for field in known {
        assert!(job.get(field).is_some(), "{field} is missing in {job}");
    }
    let shown = job_of(&daemon.cli(&["show", "--json", "2"]).ok());
    assert_eq!((&shown["id"], &shown["body"]), (&json!(2), &json!("text")));
}

#[test]
fn list_pages_and_prints_json() {
    let (_standin, daemon) = sleepy();
    for number in 0..12 {
        daemon.submit(ISSUE, &format!("waiting {number}"));
    }
    let json = daemon.cli(&["list", "--json"]).ok().json();
    assert_eq!(json["schema"], 1);
    assert!(json.get("next_cursor").is_some());
    let jobs = json["jobs"].as_array().unwrap();
    let ids: Vec<u64> = jobs.iter().map(|job| job["id"].as_u64().unwrap()).collect();
    let wanted: Vec<u64> = (2..=13).chain([1]).collect();
    assert_eq!(ids, wanted, "unfinished by id, then the finished one");
    let text = daemon.cli(&["list"]).ok().stdout;
    assert!(text.contains("octo/demo#1"), "{text}");
}

#[test]
fn status_says_how_things_are() {
    let (_standin, daemon) = sleepy();
    daemon.submit(ISSUE, "waiting");
    let json = daemon.cli(&["status", "--json"]).ok().json();
    assert_eq!(json["schema"], 1);
    let text = json.to_string();
    assert!(
        text.contains("octo-bot") && text.contains("queued"),
        "{text}"
    );
    let status = daemon.status();
    assert_eq!(status.counts.get("queued"), Some(&1));
    assert_eq!(status.counts.get("posted"), Some(&1));
    assert!(status.store.ok && status.degraded.is_empty(), "{status:?}");
    assert_eq!(status.lanes.len(), 1);
    assert_eq!(status.lanes[0].phase, "waiting_for_pace");
    assert_eq!(status.lanes[0].cooldown_ms, 600_000);
}

#[test]
fn errors_are_json_too_when_asked() {
    let (_standin, daemon) = world();
    let done = daemon.cli(&["show", "--json", "99"]).run();
    assert_eq!((done.code, done.stdout.as_str()), (5, ""));
    let error = done.json_error();
    assert!(error["message"].as_str().unwrap().contains("99"), "{error}");
    assert_eq!(error["retryable"], json!(false));
    assert!(
        error.get("code").is_some() && error.get("detail").is_some(),
        "{error}"
    );
    let json: Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!(json["schema"], 1);
}

#[test]
fn the_socket_option_beats_the_environment() {
    let (_standin, daemon) = world();
    let socket = daemon.socket();
    let socket = socket.to_str().unwrap();
    let done = daemon
        .cli(&["--socket", socket, "status"])
        .env("COMENQ_SOCKET", "/nowhere/at/all")
        .run();
    assert_eq!(done.code, 0, "{done:?}");
    let done = daemon
        .cli(&["status"])
        .env("COMENQ_SOCKET", "/nowhere/at/all")
        .run();
    assert_eq!(done.code, 3, "{done:?}");
}
