//! Health for probes, metrics for monitoring, and a daemon that says once what is wrong with it.

use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use comenq_proto::{DegradedCode, Health, HealthReply, JobState};
use harness::daemon::Daemon;
use harness::github::{LOGIN, Refusal, Scope, TOKEN, USER_ID};
use harness::{needs, wait};
use serde_json::Value;

use crate::world::{ISSUE, OTHER, SOON, lane_in, world, world_with};

fn health(daemon: &Daemon) -> HealthReply {
    daemon.connect().call(&Health {}).unwrap().unwrap()
}

fn codes(reply: &HealthReply) -> Vec<DegradedCode> {
    reply.degraded.iter().map(|it| it.code).collect()
}

#[test]
fn a_healthy_daemon_says_so_with_what_it_knows() {
    let (_standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    let before = health(&daemon);
    assert!(!before.clock_confirmed, "nothing was asked of GitHub yet");
    assert_eq!(before.oldest, None);
    daemon.wait_posted(daemon.submit(ISSUE, "x").job.id);
    daemon.submit(OTHER, "waits");
    daemon.cli(&["hold", "2"]).ok();

    let reply = health(&daemon);
    assert!(reply.healthy && reply.degraded.is_empty(), "{reply:?}");
    let store = &reply.store;
    assert!(store.writable && store.free_bytes.is_some(), "{store:?}");
    assert!(store.commits >= 4, "{store:?}");
    assert!(store.commit_p50_us.unwrap() > 0 && store.commit_p50_us <= store.commit_p99_us);
    let parts: Vec<_> = reply.parts.iter().map(|it| (&*it.part, it.alive)).collect();
    for part in ["accept", "commit", "worker"] {
        assert!(parts.contains(&(part, true)), "{parts:?}");
    }
    assert_eq!(reply.lanes[0].account, "default");
    assert!(reply.clock_confirmed);
    let oldest = reply.oldest.unwrap();
    assert_eq!((oldest.id, oldest.state), (2, JobState::Held));
    assert!(oldest.age_ms < 60_000);

    let done = daemon.cli(&["health"]).ok();
    assert!(done.stdout.starts_with("healthy\n"), "{done:?}");
    let json = daemon.cli(&["health", "--json"]).ok().json();
    assert_eq!(json["health"]["healthy"], true);
}

#[test]
fn a_blocked_account_is_degraded_until_it_is_not_and_each_is_logged_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let (standin, daemon) = world_with(|setup| setup.env("NOTIFY_SOCKET", &path));
    standin.revoke(TOKEN);
    daemon.submit(ISSUE, "patience");
    lane_in(&daemon, "default", "blocked");
    let reply = health(&daemon);
    assert_eq!(codes(&reply), [DegradedCode::AccountBlocked]);
    assert_eq!(reply.degraded[0].account.as_deref(), Some("default"));
    let done = daemon.cli(&["health", "--json"]).run();
    assert_eq!(done.code, 1, "{done:?}");
    assert_eq!(
        done.json()["health"]["degraded"][0]["code"],
        "account_blocked"
    );
    let status = daemon.status().degraded;
    assert_eq!(status, [reply.degraded[0].message.clone()], "status agrees");

    let mut buffer = [0; 4096];
    wait::until("STATUS= to say so", SOON, || {
        let length = socket.recv(&mut buffer).ok()?;
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        text.contains("STATUS=degraded (account_blocked): ")
            .then_some(())
    });
    // More happens while it is so, and it is looked at again and again.
    for number in 0..3 {
        daemon.submit(OTHER, &format!("patience {number}"));
    }
    standin.add_token(TOKEN, LOGIN, USER_ID);
    daemon.cli(&["resume", "default"]).ok();
    daemon.wait_posted(1);
    wait::until("the log to say that it is over", SOON, || {
        daemon.log().contains("no longer degraded").then_some(())
    });
    let log = daemon.log();
    assert_eq!(
        log.matches(" degraded: account default").count(),
        1,
        "{log}"
    );
    assert_eq!(log.matches("no longer degraded").count(), 1, "{log}");
    assert!(health(&daemon).healthy);
}

#[test]
fn a_store_that_cannot_be_opened_is_told_to_probes_too() {
    let (_standin, mut daemon) = world();
    daemon.term();
    let queue = daemon.setup.path("queue");
    std::fs::remove_file(queue.join("CURRENT")).unwrap();
    std::fs::create_dir(queue.join("CURRENT")).unwrap();
    daemon.start_again();
    let reply = health(&daemon);
    assert_eq!(codes(&reply), [DegradedCode::StoreUnavailable]);
    assert!(!reply.store.writable);
    assert_eq!(daemon.cli(&["health"]).run().code, 1);
    daemon.cli(&["metrics"]).ok();
    daemon.term();
    assert_eq!(daemon.cli(&["health"]).run().code, 3);
}

/// Every family with its samples as Prometheus' own parser reads them.
const PARSE: &str = "
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
out = {}
for family in parse(sys.stdin.read()):
    for sample in family.samples:
        out.setdefault(sample.name, []).append([sample.labels, sample.value])
print(json.dumps(out))
";

fn parsed(python: &str, text: &str) -> Value {
    let mut child = Command::new(python)
        .args(["-c", PARSE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "not OpenMetrics:\n{text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The value of the sample with these labels.
fn sample(metrics: &Value, name: &str, labels: &[(&str, &str)]) -> f64 {
    let samples = metrics[name]
        .as_array()
        .unwrap_or_else(|| panic!("no {name}"));
    let found = samples.iter().find(|sample| {
        let of = |(key, value): &(&str, &str)| sample[0][key] == **value;
        labels.iter().all(of)
    });
    let found = found.unwrap_or_else(|| panic!("no {name} with {labels:?}: {samples:?}"));
    found[1].as_f64().unwrap()
}

#[test]
fn metrics_are_what_prometheus_own_parser_reads() {
    let Some(python) = needs::python("prometheus_client.openmetrics.parser") else {
        return;
    };
    let (standin, daemon) = world();
    daemon.wait_posted(daemon.submit(ISSUE, "one").job.id);
    standin.refuse(Scope::Everything, Refusal::Locked);
    let failed = daemon.submit(OTHER, "two").job.id;
    daemon.wait_for(failed, &[JobState::Failed]);
    assert_eq!(daemon.cli(&["show", "99"]).run().code, 5);
    let metrics = wait::until("the counts to have caught up", SOON, || {
        let metrics = parsed(python, &daemon.cli(&["metrics"]).ok().stdout);
        let failed = [("event", "failed")];
        (sample(&metrics, "comenqd_job_events_total", &failed) > 0.0).then_some(metrics)
    });
    let count = |name: &str, labels: &[(&str, &str)]| sample(&metrics, name, labels);
    for (name, labels, value) in [
        ("comenqd_jobs_submitted_total", &[][..], 2.0),
        ("comenqd_job_events_total", &[("event", "posted")], 1.0),
        ("comenqd_job_events_total", &[("event", "expired")], 0.0),
        ("comenqd_post_attempts_total", &[("outcome", "posted")], 1.0),
        (
            "comenqd_post_attempts_total",
            &[("outcome", "refused")],
            1.0,
        ),
        ("comenqd_jobs", &[("state", "posted")], 1.0),
        ("comenqd_healthy", &[], 1.0),
        ("comenqd_degraded", &[("code", "low_space")], 0.0),
        (
            "comenqd_part_alive",
            &[("part", "worker"), ("account", "default")],
            1.0,
        ),
        ("comenqd_clock_confirmed", &[], 1.0),
        ("comenqd_protocol_violations_total", &[], 0.0),
        ("comenqd_events_missed_total", &[], 0.0),
    ] {
        assert!(
            (count(name, labels) - value).abs() < 0.1,
            "{name} {labels:?}"
        );
    }
    let submits = [("endpoint", "job_submit"), ("result", "ok")];
    assert!(count("comenqd_requests_total", &submits) >= 2.0);
    let absent = [("endpoint", "job_get"), ("result", "no_such_job")];
    assert!(count("comenqd_requests_total", &absent) >= 1.0);
    let commits = count("comenqd_commit_duration_seconds_count", &[]);
    let all = count("comenqd_commit_duration_seconds_bucket", &[("le", "+Inf")]);
    assert!(commits >= 4.0 && (commits - all).abs() < 0.1);
    assert!(count("comenqd_connections", &[]) >= 1.0);
}

#[test]
fn what_users_choose_is_no_label() {
    let (_standin, daemon) = world();
    daemon.submit("some-owner/some-repo#7", "some text");
    let mut connection = daemon.connect();
    let envelope = comenq_proto::RequestEnvelope {
        endpoint: "made_up".to_owned(),
        ..comenq_proto::RequestEnvelope::new(comenq_proto::ProtocolVersion::CURRENT, 1, &Health {})
            .unwrap()
    };
    connection
        .send_frame(&comenq_proto::to_bytes(&envelope).unwrap())
        .unwrap();
    connection.response().unwrap();
    let text = daemon.cli(&["metrics"]).ok().stdout;
    for made_up in ["some", "made_up"] {
        assert!(!text.contains(made_up), "{text}");
    }
    assert!(text.contains("endpoint=\"unknown\",result=\"unknown_endpoint\""));
}
