//! `health` and `metrics`: the daemon as probes and monitoring see it.

use comenq_proto::{
    Degraded, DegradedCode, Health, HealthReply, JobState, LaneHealth, Metrics, MetricsReply,
    OldestJob, PartHealth, StoreHealth,
};
use serde_json::{Value, json};

use super::{MINUTE_MS, NOW_MS, Ran, against, alone};
use crate::{Exit, test_daemon::TestDaemon};

fn well() -> HealthReply {
    HealthReply {
        healthy: true,
        store: StoreHealth {
            writable: true,
            commits: 9,
            commit_p50_us: Some(180),
            commit_p99_us: Some(950),
            free_bytes: Some(4_194_304),
            file_bytes: None,
        },
        parts: ["accept", "commit"]
            .map(|part| PartHealth {
                part: part.into(),
                account: None,
                alive: true,
            })
            .into(),
        lanes: vec![LaneHealth {
            account: "default".into(),
            phase: "waiting_for_pace".into(),
            reason: None,
            next_post_at_ms: Some(NOW_MS + 2 * MINUTE_MS),
        }],
        clock_confirmed: true,
        connections: 3,
        subscribers: 1,
        uptime_ms: 600_000,
        ..HealthReply::default()
    }
}

pub(super) fn ill() -> HealthReply {
    let mut reply = well();
    reply.healthy = false;
    reply.degraded = vec![Degraded {
        code: DegradedCode::AccountBlocked,
        account: Some("default".into()),
        message: "account default is blocked".into(),
    }];
    reply.store = StoreHealth::default();
    reply.parts[1].alive = false;
    reply.clock_confirmed = false;
    reply.oldest = Some(OldestJob {
        id: 7,
        state: JobState::Held,
        age_ms: 90_000,
    });
    reply
}

fn health_of(reply: HealthReply, line: &[&str]) -> Ran {
    let daemon = TestDaemon::serving(move |peer| {
        peer.answer::<Health>(&reply);
    });
    against(&daemon, line, b"")
}

#[test]
fn a_healthy_daemon_is_exit_0() {
    let ran = health_of(well(), &["health"]);
    assert_eq!(ran.exit, Exit::Done);
    let expected = "\
healthy
store: fine, 4.0 MiB free on its disk, a commit takes 180 µs, seldom 950 µs
parts: all 2 answer
account default: waiting for pace, next 12:12 (in 2 min)
clock: GitHub has told the time
connections: 3, of which 1 carry events; running for 10 min
";
    assert_eq!(ran.stdout, expected);
}

#[test]
fn a_degraded_daemon_is_exit_1_and_says_why() {
    let ran = health_of(ill(), &["health"]);
    assert_eq!(ran.exit, Exit::Trouble);
    let expected = "\
degraded
  account_blocked: account default is blocked
store: cannot be used
parts: no answer from commit
account default: waiting for pace, next 12:12 (in 2 min)
clock: GitHub has not told the time yet, for nothing was asked of it
oldest unfinished job: #7, held, 90 s old
connections: 3, of which 1 carry events; running for 10 min
";
    assert_eq!(ran.stdout, expected);

    let ran = health_of(ill(), &["health", "--json"]);
    assert_eq!(ran.exit, Exit::Trouble, "also as JSON");
    let health = &ran.json()["health"];
    assert_eq!(health["healthy"], false);
    assert_eq!(health["degraded"][0]["code"], "account_blocked");
    assert_eq!(health["store"]["commit_p50_us"], Value::Null);
    let oldest = json!({"id": 7, "state": "held", "age_ms": 90_000});
    assert_eq!(health["oldest"], oldest);
}

#[test]
fn a_daemon_that_is_not_there_is_exit_3() {
    assert_eq!(alone(&["health"]).exit, Exit::Unreachable);
}

#[test]
fn metrics_are_printed_as_they_come() {
    let metrics = |line: &[&str]| {
        let daemon = TestDaemon::serving(|peer| {
            peer.answer::<Metrics>(&MetricsReply {
                text: "a_total 1\n# EOF\n".into(),
            });
        });
        against(&daemon, line, b"")
    };
    assert_eq!(metrics(&["metrics"]).stdout, "a_total 1\n# EOF\n");
    let document = metrics(&["metrics", "--json"]).json();
    assert_eq!(document["metrics"], "a_total 1\n# EOF\n");
}
