//! `list` and `cancel`: jobs as people and programs see them.

use comenq_proto::{
    ErrorCode, JobCancel, JobCancelReply, JobId, JobList, JobListReply, JobState, WireError,
};
use serde_json::{Value, json};

use super::{MINUTE_MS, NOW_MS, against, alone, job};
use crate::{
    Exit,
    test_daemon::{Peer, TestDaemon},
};

fn page(ids: std::ops::Range<u64>, next: Option<&str>) -> JobListReply {
    JobListReply {
        jobs: ids.map(|id| job(id, JobState::Queued)).collect(),
        next_cursor: next.map(Into::into),
    }
}

#[test]
fn list_follows_every_page() {
    let paged = || {
        TestDaemon::serving(|peer| {
            let first = peer.answer::<JobList>(&page(1..3, Some("c")));
            assert_eq!(first.cursor, None);
            let second = peer.answer::<JobList>(&page(3..4, None));
            assert_eq!(second.cursor.as_deref(), Some("c"));
        })
    };
    let daemon = paged();
    let listed = against(&daemon, &["list", "--json"], b"").json();
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 3);
    assert_eq!(listed["next_cursor"], Value::Null);
    let daemon = paged();
    assert_eq!(against(&daemon, &["list"], b"").stdout.lines().count(), 4);
}

#[test]
fn a_limit_or_cursor_asks_for_one_page() {
    let one_page = || {
        TestDaemon::serving(|peer| {
            let asked = peer.answer::<JobList>(&page(1..3, Some("c2")));
            assert_eq!(
                (asked.cursor.as_deref(), asked.limit),
                (Some("c1"), Some(2))
            );
        })
    };
    let line = ["list", "--limit", "2", "--cursor", "c1"];
    let daemon = one_page();
    let ran = against(&daemon, &line, b"");
    assert_eq!(
        ran.stderr,
        "note: there are more: comenq list --limit 2 --cursor c2\n"
    );
    let daemon = one_page();
    let listed = against(&daemon, &[&line[..], &["--json"]].concat(), b"").json();
    assert_eq!(listed["next_cursor"], "c2");
}

#[test]
fn list_is_a_table_with_what_matters_of_each_job() {
    let daemon = TestDaemon::serving(|peer| {
        let mut deferred = job(12, JobState::Queued);
        deferred.attempts = 2;
        deferred.next_attempt_at_ms = Some(NOW_MS + 5 * MINUTE_MS);
        deferred.last_error = Some("GitHub said\x1b[31m no".into());
        let mut posted = job(7, JobState::Posted);
        posted.comment_url = Some("https://github.com/owner/repo/issues/123#c1".into());
        posted.created_at_ms = NOW_MS - 24 * 60 * MINUTE_MS;
        let mut cancelled = job(8, JobState::Uncertain);
        cancelled.cancel_requested = true;
        let mut superseded = job(6, JobState::Cancelled);
        superseded.superseded_by = JobId::new(14).ok();
        superseded.last_error = Some("superseded by #14".into());
        peer.answer::<JobList>(&JobListReply {
            jobs: vec![deferred, cancelled, posted, superseded],
            next_cursor: None,
        });
    });
    let expected = "\
ID  STATE      TARGET          SUBMITTED                    WHAT
12  queued     owner/repo#123  12:07 (3 min ago)            next try 12:15 (in 5 min); 2 tries; GitHub said\\u{1b}[31m no
8   uncertain  owner/repo#123  12:07 (3 min ago)            cancelled, outcome being looked up
7   posted     owner/repo#123  2026-11-19 12:10 (24 h ago)  https://github.com/owner/repo/issues/123#c1
6   cancelled  owner/repo#123  12:07 (3 min ago)            superseded by #14
";
    assert_eq!(against(&daemon, &["list"], b"").stdout, expected);
    let daemon = TestDaemon::serving(|peer| {
        peer.answer::<JobList>(&page(0..0, None));
    });
    assert_eq!(
        against(&daemon, &["list"], b"").stdout,
        "you have no jobs here; everybody's: comenq list --all\n"
    );
}

#[test]
fn the_history_is_asked_for_and_goes_on_as_such() {
    let daemon = TestDaemon::serving(|peer| {
        let asked = peer.answer::<JobList>(&page(1..3, Some("c2")));
        assert!(asked.history);
    });
    let ran = against(&daemon, &["list", "--history", "--limit", "2"], b"");
    assert_eq!(
        ran.stderr,
        "note: there are more: comenq list --history --limit 2 --cursor c2\n"
    );
    let daemon = TestDaemon::serving(|peer| {
        let asked = peer.answer::<JobList>(&page(0..0, None));
        assert!(!asked.history);
    });
    assert_eq!(against(&daemon, &["list"], b"").exit, Exit::Done);
}

#[test]
fn list_says_when_a_look_is_due_and_what_superseded_a_job() {
    let daemon = TestDaemon::serving(|peer| {
        let mut uncertain = job(8, JobState::Uncertain);
        uncertain.next_look_at_ms = Some(NOW_MS + 5 * MINUTE_MS);
        let mut superseded = job(7, JobState::Cancelled);
        superseded.superseded_by = Some(JobId::new(9).unwrap());
        peer.answer::<JobList>(&JobListReply {
            jobs: vec![uncertain, superseded],
            next_cursor: None,
        });
    });
    let listed = against(&daemon, &["list"], b"").stdout;
    assert!(
        listed.contains("(3 min ago)  next look 12:15 (in 5 min)\n"),
        "{listed}"
    );
    assert!(
        listed.contains("(3 min ago)  superseded by #9\n"),
        "{listed}"
    );
}

/// Cancels 1 (queued), is refused 2 (posting), cancels 3 (uncertain).
fn cancelling(peer: &mut Peer) {
    peer.answer::<JobCancel>(&JobCancelReply {
        job: job(1, JobState::Cancelled),
        may_have_been_posted: false,
    });
    let (id, request) = peer.request::<JobCancel>();
    assert_eq!(request.id, 2);
    let busy = WireError::new(ErrorCode::JobBusy, "job 2 is being posted")
        .with_detail("wait until its outcome is known");
    peer.refuse(id, &busy);
    peer.answer::<JobCancel>(&JobCancelReply {
        job: job(3, JobState::Uncertain),
        may_have_been_posted: true,
    });
}

#[test]
fn cancel_tries_every_job_and_tells_each_outcome() {
    let daemon = TestDaemon::serving(cancelling);
    let ran = against(&daemon, &["cancel", "1", "2", "3"], b"");
    assert_eq!(ran.exit, Exit::JobState);
    assert_eq!(
        ran.stdout,
        "cancelled #1 for owner/repo#123\n\
         #3 for owner/repo#123 may have been posted; it will never be reposted\n"
    );
    let error = "error: job 2 is being posted\n  wait until its outcome is known\n";
    assert_eq!(ran.stderr, error);
    let daemon = TestDaemon::serving(cancelling);
    let ran = against(&daemon, &["cancel", "1", "2", "3", "--json"], b"");
    let jobs = &ran.json()["jobs"];
    assert_eq!(
        (&jobs[0]["id"], &jobs[0]["may_have_been_posted"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(
        (&jobs[1]["id"], &jobs[1]["may_have_been_posted"]),
        (&json!(3), &json!(true))
    );
    let error: Value = serde_json::from_str(&ran.stderr).unwrap();
    let expected = json!({
        "code": "job_busy",
        "message": "job 2 is being posted",
        "detail": "wait until its outcome is known",
        "retryable": true,
        "retry_after_s": null,
        "key": null,
    });
    assert_eq!(error["error"], expected);
}

#[test]
fn cancelling_stops_when_the_daemon_is_gone() {
    let ran = alone(&["cancel", "1", "2", "--json"]);
    assert_eq!(ran.exit, Exit::Unreachable);
    assert_eq!(ran.error()["code"], "unreachable");
}
