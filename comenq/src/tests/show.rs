//! `show`: one job, what was wished for it and what was done.

use comenq_proto::{FailureCode, JobGet, JobGetReply, JobId, JobState, LogEntry, LogKind};
use serde_json::{Value, json};

use super::{MINUTE_MS, NOW_MS, against, job};
use crate::test_daemon::TestDaemon;

#[test]
fn show_tells_the_job_as_a_story() {
    let shown = |reply: JobGetReply| {
        let daemon = TestDaemon::serving(move |peer| {
            assert_eq!(peer.answer::<JobGet>(&reply).id, 7);
        });
        against(&daemon, &["show", "#7"], b"").stdout
    };
    let mut waiting = job(7, JobState::Queued);
    waiting.attempts = 1;
    waiting.last_error = Some("connection refused".into());
    waiting.next_attempt_at_ms = Some(NOW_MS + 5 * MINUTE_MS);
    waiting.body = Some("first\r\nsecond\x07".into());
    let reply = JobGetReply {
        job: waiting,
        waiting_for: Some("its backoff".into()),
        attempt_log: Vec::new(),
        position: None,
        expected_at_ms: None,
    };
    let expected = "\
job #7 for owner/repo#123: queued
submitted 12:07 (3 min ago) by you, to be posted as account default
tried 1 time
last trouble: connection refused
next try: 12:15 (in 5 min)
waits for: its backoff

    first
    second\\u{7}
";
    assert_eq!(shown(reply), expected);
    let mut posted = job(7, JobState::Posted);
    posted.finished_at_ms = Some(NOW_MS - MINUTE_MS);
    posted.comment_url = Some("https://github.com/x".into());
    let story = shown(JobGetReply {
        job: posted,
        waiting_for: None,
        attempt_log: Vec::new(),
        position: None,
        expected_at_ms: None,
    });
    assert!(
        story.ends_with("posted 12:09 (60 s ago): https://github.com/x\n"),
        "{story}"
    );
}

/// A job about which everything is known, and what was done for it.
pub(super) fn eventful() -> JobGetReply {
    let mut failed = job(7, JobState::Failed);
    failed.attempts = 2;
    failed.priority = 5;
    failed.not_before_ms = Some(NOW_MS - 2 * MINUTE_MS);
    failed.expires_at_ms = Some(NOW_MS + MINUTE_MS);
    failed.replace_key = Some("ci".into());
    failed.if_open = true;
    failed.moved_to = Some("other/repo#4".into());
    failed.failure = Some(FailureCode::OutcomeUnknown);
    failed.may_have_been_posted = true;
    failed.finished_at_ms = Some(NOW_MS - MINUTE_MS);
    let attempt = LogEntry {
        at_ms: NOW_MS - 2 * MINUTE_MS,
        kind: LogKind::Attempt,
        number: 1,
        outcome: "unknown".into(),
        status: Some(502),
        github_request_id: Some("A1:B2".into()),
        wait_ms: Some(60_000),
        detail: Some("bad\x1b gateway".into()),
    };
    let look = LogEntry {
        at_ms: NOW_MS - MINUTE_MS,
        kind: LogKind::Look,
        number: 1,
        outcome: "eclipsed".into(),
        status: None,
        github_request_id: None,
        wait_ms: None,
        detail: None,
    };
    JobGetReply {
        job: failed,
        waiting_for: None,
        attempt_log: vec![attempt, look],
        position: None,
        expected_at_ms: None,
    }
}

#[test]
fn show_tells_what_was_wished_and_what_was_done() {
    let daemon = TestDaemon::serving(|peer| {
        peer.answer::<JobGet>(&eventful());
    });
    let expected = "\
job #7 for owner/repo#123: failed
submitted 12:07 (3 min ago) by you, to be posted as account default
not before 12:08 (2 min ago)
priority 5
only while the issue is open
superseded by newer ones with replace key ci
its target has moved to other/repo#4
tried 2 times
given up 12:09 (60 s ago) (outcome_unknown); to try again: comenq retry 7
it may have been posted all the same: look at GitHub
what was done:
  12:08 attempt 1: outcome unknown, status 502, bad\\u{1b} gateway, wait 60 s (request A1:B2)
  12:09 look 1: eclipsed
";
    assert_eq!(against(&daemon, &["show", "7"], b"").stdout, expected);
    let daemon = TestDaemon::serving(|peer| {
        peer.answer::<JobGet>(&eventful());
    });
    let shown = against(&daemon, &["show", "7", "--json"], b"").json();
    assert_eq!(shown["job"]["failure"], "outcome_unknown");
    assert_eq!(shown["job"]["may_have_been_posted"], true);
    assert_eq!(shown["job"]["expires_at"], "2026-11-20T12:11:00Z");
    let expected = json!({
        "at": "2026-11-20T12:08:00Z", "kind": "attempt", "number": 1, "outcome": "unknown",
        "status": 502, "github_request_id": "A1:B2", "wait_ms": 60_000,
        "detail": "bad\x1b gateway",
    });
    assert_eq!(shown["attempt_log"][0], expected);
    assert_eq!(shown["attempt_log"][1]["status"], Value::Null);
}

#[test]
fn a_stranger_is_not_told_to_do_what_only_its_owner_may() {
    for (state, owners_only) in [
        (JobState::Failed, "comenq retry 7"),
        (JobState::Held, "comenq release 7"),
    ] {
        for (uid, is_told) in [(1000, true), (1001, false)] {
            let daemon = TestDaemon::serving(move |peer| {
                let mut job = job(7, state);
                job.uid = uid;
                peer.answer::<JobGet>(&JobGetReply {
                    job,
                    waiting_for: None,
                    attempt_log: Vec::new(),
                    position: None,
                    expected_at_ms: None,
                });
            });
            let story = against(&daemon, &["show", "7"], b"").stdout;
            assert_eq!(story.contains(owners_only), is_told, "{story}");
        }
    }
}

#[test]
fn show_tells_what_is_still_to_come() {
    let daemon = TestDaemon::serving(|peer| {
        let mut uncertain = job(7, JobState::Uncertain);
        uncertain.next_look_at_ms = Some(NOW_MS + MINUTE_MS);
        uncertain.expires_at_ms = Some(NOW_MS + 31 * MINUTE_MS);
        peer.answer::<JobGet>(&JobGetReply {
            job: uncertain,
            waiting_for: None,
            attempt_log: Vec::new(),
            position: None,
            expected_at_ms: None,
        });
    });
    let story = against(&daemon, &["show", "7"], b"").stdout;
    for line in [
        "never after 12:41 (in 31 min)\n",
        "next look: 12:11 (in 60 s)\n",
    ] {
        assert!(story.contains(line), "{story}");
    }
    let daemon = TestDaemon::serving(|peer| {
        let mut superseded = job(7, JobState::Cancelled);
        superseded.superseded_by = Some(JobId::new(9).unwrap());
        superseded.last_error = Some("superseded by #9".into());
        superseded.finished_at_ms = Some(NOW_MS - MINUTE_MS);
        peer.answer::<JobGet>(&JobGetReply {
            job: superseded,
            waiting_for: None,
            attempt_log: Vec::new(),
            position: None,
            expected_at_ms: None,
        });
    });
    let story = against(&daemon, &["show", "7"], b"").stdout;
    assert!(
        story.ends_with("superseded by #9 12:09 (60 s ago)\n"),
        "{story}"
    );
    assert_eq!(story.matches("superseded").count(), 1, "{story}");
}

#[test]
fn show_as_json_has_the_job_and_what_it_waits_for() {
    let daemon = TestDaemon::serving(|peer| {
        peer.answer::<JobGet>(&JobGetReply {
            job: job(7, JobState::Held),
            waiting_for: Some("a release".into()),
            attempt_log: Vec::new(),
            position: None,
            expected_at_ms: None,
        });
    });
    let shown = against(&daemon, &["show", "7", "--json"], b"").json();
    assert_eq!(shown["schema"], 1);
    assert_eq!(shown["job"]["state"], "held");
    assert_eq!(shown["waiting_for"], "a release");
}
