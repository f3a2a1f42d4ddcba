//! The stand-in as a program and its control API, as a shell script uses them.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::client::{Answer, PATH, receive, send};

const TOKEN: &str = "ghp_shell";

struct Program {
    child: Child,
    address: SocketAddr,
    url: String,
}

impl Program {
    fn start(state: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_github-standin"))
            .args(["--token", "ghp_shell=shell:7", "--issue", "Octo/Demo#1"])
            .args(["--prefix", "/api/v3", "--clock-offset-seconds", "-5"])
            .arg("--state")
            .arg(state)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        let url = url.trim().to_owned();
        let address = url
            .strip_prefix("http://")
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        let address = address.parse().unwrap();
        Self {
            child,
            address,
            url,
        }
    }

    fn control(&self, method: &str, verb: &str, body: &Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        receive(send(
            self.address,
            method,
            &format!("/_standin/{verb}"),
            None,
            &body,
        ))
        .unwrap()
    }

    fn set(&self, verb: &str, body: &Value) {
        let answer = self.control("POST", verb, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    fn post(&self, body: &str) -> u16 {
        let body = json!({"body": body}).to_string();
        receive(send(
            self.address,
            "POST",
            &format!("/api/v3{PATH}"),
            Some(TOKEN),
            &body,
        ))
        .unwrap()
        .status
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_script_sets_up_and_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::start(&dir.path().join("state.json"));
    assert!(program.url.ends_with("/api/v3"));
    let health = program.control("GET", "health", &Value::Null).json();
    assert_eq!(
        (&health["ok"], &health["url"]),
        (&json!(true), &json!(program.url))
    );

    assert_eq!(program.post("one"), 201);
    program.set(
        "fault",
        &json!({"on": {"kind": "post"}, "answer": {"refuse": "bad_gateway"}}),
    );
    assert_eq!(
        program.control("GET", "faults", &Value::Null).json()[0]["times"],
        1
    );
    assert_eq!(program.post("two"), 502);
    let issue = json!({"issue": "octo/demo#1"});
    program.set("condition", &json!({"scope": issue, "refusal": "locked"}));
    assert_eq!(program.post("three"), 403);
    program.set("condition", &json!({"scope": issue}));
    program.set(
        "rate",
        &json!({"login": "shell", "remaining": 0, "reset_in_seconds": 60}),
    );
    assert_eq!(program.post("four"), 403);
    program.set("clock", &json!({"offset_seconds": 3_600}));
    assert_eq!(program.post("five"), 201);
    program.set("revoke", &json!({"token": TOKEN}));
    assert_eq!(program.post("six"), 401);
    program.set("token", &json!({"token": TOKEN, "login": "shell", "id": 7}));
    program.set(
        "issue",
        &json!({"issue": "octo/demo#2", "pull_request": true}),
    );
    program.set(
        "comment",
        &json!({"target": "octo/demo#2", "login": "human", "body": "hi"}),
    );
    program.set("fault", &json!({"before": "until_released"}));
    program.set("clear", &Value::Null);
    program.set("release", &Value::Null);

    let comments = program.control("GET", "comments", &Value::Null).json();
    let bodies: Vec<&str> = comments
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["body"].as_str().unwrap())
        .collect();
    assert_eq!(bodies, ["one", "two", "five", "hi"]);
    let pull = comments[3]["html_url"].as_str().unwrap();
    assert!(
        pull.starts_with("https://github.com/Octo/Demo/pull/2#issuecomment-"),
        "{pull}"
    );
    let requests = program.control("GET", "requests", &Value::Null);
    let statuses: Vec<u64> = requests
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|request| request["status"].as_u64().unwrap())
        .collect();
    assert_eq!(
        statuses,
        [201, 502, 403, 403, 201, 401],
        "its own API is not recorded"
    );
    assert!(!requests.body.contains(TOKEN));
}

#[test]
fn a_script_changes_apps_places_and_warnings() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::start(&dir.path().join("state.json"));
    let app = json!({"id": 5, "slug": "shell-app", "bot_id": 55, "installation_id": 6,
        "private_key": harness::github::APP_KEY});
    program.set("app", &app);
    program.set(
        "installation",
        &json!({"installation_id": 6, "suspended": true, "token_seconds": 60,
            "expire_tokens": true}),
    );
    let read = |path: &str| {
        let path = format!("/api/v3{path}");
        receive(send(program.address, "GET", &path, Some(TOKEN), "")).unwrap()
    };
    assert_eq!(read("/users/shell-app%5Bbot%5D").json()["id"], 55);

    program.set("state", &json!({"issue": "octo/demo#1", "open": false}));
    assert_eq!(read("/repos/octo/demo/issues/1").json()["state"], "closed");
    program.set("rename", &json!({"from": "octo/demo", "to": "New/Name"}));
    assert_eq!(program.post("moved"), 307);
    program.set("issue", &json!({"issue": "New/Other#1"}));
    program.set(
        "transfer",
        &json!({"from": "new/name#1", "to": "new/other#2"}),
    );
    assert_eq!(read("/repos/new/name/issues/1").status, 301);
    let sunset = json!({"login": "shell", "name": "sunset", "value": "soon"});
    program.set("header", &sunset);
    assert_eq!(read("/user").header("sunset"), Some("soon"));
    program.set("header", &json!({"login": "shell", "name": "sunset"}));
    assert_eq!(read("/user").header("sunset"), None);
}

#[test]
fn nonsense_is_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::start(&dir.path().join("state.json"));
    for (method, verb, body) in [
        ("GET", "nothing", Value::Null),
        ("POST", "nothing", Value::Null),
        ("POST", "fault", json!({"wrong": 1})),
        ("POST", "issue", json!({"issue": "octo/demo"})),
        ("POST", "rename", json!({"from": "octo/none", "to": "a/b"})),
        (
            "POST",
            "transfer",
            json!({"from": "octo/demo#1", "to": "no/where#1"}),
        ),
        (
            "POST",
            "state",
            json!({"issue": "octo/demo#99", "open": true}),
        ),
        (
            "POST",
            "app",
            json!({"id": 1, "slug": "x", "bot_id": 2, "installation_id": 3,
            "private_key": "no key"}),
        ),
    ] {
        let answer = program.control(method, verb, &body);
        assert_eq!(answer.status, 400);
        assert!(answer.json()["error"].is_string());
    }
}

#[test]
fn comments_outlive_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state.json");
    let first = Program::start(&state);
    assert_eq!(first.post("before"), 201);
    drop(first);
    let second = Program::start(&state);
    assert_eq!(second.post("after"), 201);
    let comments = second.control("GET", "comments", &Value::Null).json();
    assert_eq!(comments[0]["body"], "before");
    assert!(comments[0]["id"].as_u64() < comments[1]["id"].as_u64());
}
