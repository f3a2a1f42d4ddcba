//! `comenq post`: where the comment comes from, and every way it can end.

use comenq_proto::{JobState, JobSubmit, JobSubmitReply};
use serde_json::json;

use super::{MINUTE_MS, NOW_MS, against, alone, job, run_with};
use crate::{
    Exit,
    test_daemon::{Peer, TestDaemon, greeted},
};

fn queued() -> JobSubmitReply {
    JobSubmitReply {
        job: job(7, JobState::Queued),
        duplicate: false,
        position: Some(3),
        expected_at_ms: Some(NOW_MS + 31 * MINUTE_MS),
        notes: Vec::new(),
        same_text_as: None,
        superseded: Vec::new(),
    }
}

/// A daemon that takes one submission and checks its body.
fn taking(body: &'static str) -> TestDaemon {
    TestDaemon::serving(move |peer| {
        let request = peer.answer::<JobSubmit>(&queued());
        assert_eq!(request.body, body);
        assert_eq!(
            (request.owner, request.repo),
            ("owner".into(), "repo".into())
        );
        assert_eq!(request.number, 123);
        assert!(request.key.is_some());
    })
}

#[test]
fn post_says_where_the_comment_stands() {
    let daemon = taking("text");
    let ran = against(&daemon, &["post", "owner/repo", "123", "text"], b"unread");
    let line = "queued #7 for owner/repo#123: 3rd in line, expected about 12:41 (in 31 min)\n";
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Done, line));
    assert_eq!(ran.stderr, "");
}

#[test]
fn the_comment_comes_from_the_arguments_a_file_or_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("comment");
    std::fs::write(&path, "from file").unwrap();
    let file = path.to_str().unwrap();
    for (rest, body) in [
        (&["text"][..], "text"),
        (&["-F", file], "from file"),
        (&["--file", "-"], "from stdin"),
        (&["-"], "from stdin"),
        (&[], "from stdin"),
        (&["--", "-F"], "-F"),
    ] {
        let daemon = taking(body);
        let line = [&["owner/repo", "123"], rest].concat();
        let ran = against(&daemon, &line, b"from stdin");
        assert_eq!(ran.exit, Exit::Done, "{rest:?}: {}", ran.stderr);
    }
}

#[test]
fn a_typist_is_told_what_is_waited_for() {
    let line = ["post", "o/r#1", "--socket", "/nonexistent/comenq.sock"];
    let ran = run_with(&line, b"typed", true);
    assert!(
        ran.stderr.starts_with("note: type the comment"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.exit, Exit::Unreachable);
}

#[test]
fn a_url_sends_its_host_along() {
    let daemon = TestDaemon::serving(|peer| {
        let request = peer.answer::<JobSubmit>(&queued());
        assert_eq!(request.host.as_deref(), Some("git.example.org:8443"));
        assert_eq!(request.key.as_deref(), Some("mine"));
    });
    let url = "https://git.example.org:8443/owner/repo/pull/123";
    let ran = against(&daemon, &["post", url, "text", "--key", "mine"], b"");
    assert_eq!(ran.exit, Exit::Done);
}

/// What `line` makes of a submission.
fn asked(line: &[&str]) -> JobSubmit {
    let (sender, receiver) = std::sync::mpsc::channel();
    let daemon = TestDaemon::serving(move |peer| {
        let request = peer.answer::<JobSubmit>(&queued());
        sender.send(request).unwrap();
    });
    let ran = against(&daemon, &[&["owner/repo#123", "text"], line].concat(), b"");
    assert_eq!(ran.exit, Exit::Done, "{}", ran.stderr);
    receiver.recv().unwrap()
}

#[test]
fn the_options_of_post_are_sent_and_only_when_given() {
    let plain = JobSubmit {
        owner: "owner".into(),
        repo: "repo".into(),
        number: 123,
        body: "text".into(),
        key: Some("k".into()),
        ..JobSubmit::default()
    };
    assert_eq!(asked(&["--key", "k"]), plain);
    let all = [
        "--key=k",
        "--account=bot",
        "--priority=-5",
        "--not-before=2h",
        "--expires=2026-11-20T18:00:00Z",
        "--replace-key=ci",
        "--if-open",
        "--hold",
    ];
    let expected = JobSubmit {
        account: Some("bot".into()),
        priority: -5,
        delay_ms: Some(7_200_000),
        expires_at_ms: Some(NOW_MS + 350 * MINUTE_MS),
        replace_key: Some("ci".into()),
        if_open: true,
        hold: true,
        ..plain.clone()
    };
    assert_eq!(asked(&all), expected);
    let other_way = ["--key=k", "--not-before=2026-11-20 12:20", "--expires=1d"];
    let expected = JobSubmit {
        not_before_ms: Some(NOW_MS + 10 * MINUTE_MS),
        expires_in_ms: Some(86_400_000),
        ..plain
    };
    assert_eq!(asked(&other_way), expected);
}

#[test]
fn post_says_what_a_job_waits_for_by_wish() {
    let said = |state, not_before_ms| {
        let daemon = TestDaemon::serving(move |peer| {
            let mut reply = queued();
            reply.job.state = state;
            reply.job.not_before_ms = not_before_ms;
            (reply.position, reply.expected_at_ms) = (None, None);
            peer.answer::<JobSubmit>(&reply);
        });
        against(&daemon, &["post", "owner/repo#123", "text"], b"").stdout
    };
    assert_eq!(
        said(JobState::Held, None),
        "queued #7 for owner/repo#123, held: let it go on with comenq release 7\n"
    );
    assert_eq!(
        said(JobState::Queued, Some(NOW_MS + 31 * MINUTE_MS)),
        "queued #7 for owner/repo#123: not before Fri 2026-11-20 12:41 UTC (in 31 min)\n"
    );
}

#[test]
fn json_of_post_names_what_it_superseded_and_repeated() {
    let daemon = TestDaemon::serving(|peer| {
        let mut reply = queued();
        reply.same_text_as = Some(3);
        reply.superseded = vec![4, 5];
        peer.answer::<JobSubmit>(&reply);
    });
    let line = ["post", "owner/repo#123", "text", "--json"];
    let printed = against(&daemon, &line, b"").json();
    assert_eq!(printed["same_text_as"], 3);
    assert_eq!(printed["superseded"], json!([4, 5]));
}

#[test]
fn post_prints_notes_beside_the_answer_and_inside_json() {
    let noted = || {
        TestDaemon::serving(|peer| {
            let mut reply = queued();
            reply.notes = vec!["no token yet".into()];
            reply.expected_at_ms = None;
            peer.answer::<JobSubmit>(&reply);
        })
    };
    let daemon = noted();
    let ran = against(&daemon, &["post", "owner/repo#123", "text"], b"");
    assert_eq!(ran.stderr, "note: no token yet\n");
    assert_eq!(ran.stdout, "queued #7 for owner/repo#123: 3rd in line\n");
    let daemon = noted();
    let ran = against(&daemon, &["post", "owner/repo#123", "text", "--json"], b"");
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.json()["notes"], json!(["no token yet"]));
}

#[test]
fn json_of_post_has_every_field() {
    let daemon = taking("text");
    let line = ["--json", "post", "owner/repo#123", "text", "--key", "k1"];
    let expected = json!({
        "schema": 1,
        "job": {
            "id": 7, "state": "queued", "owner": "owner", "repo": "repo", "number": 123,
            "body": null, "account": "default", "uid": 1000, "priority": 0,
            "created_at": "2026-11-20T12:07:00Z", "not_before": null, "attempts": 0,
            "next_attempt_at": null, "finished_at": null, "comment_id": null,
            "comment_url": null, "last_error": null, "cancel_requested": false,
            "expires_at": null, "replace_key": null, "if_open": false, "superseded_by": null,
            "moved_to": null, "failure": null, "next_look_at": null,
            "may_have_been_posted": false,
        },
        "key": "k1",
        "duplicate": false,
        "position": 3,
        "expected_at": "2026-11-20T12:41:00Z",
        "notes": [],
        "same_text_as": null,
        "superseded": [],
    });
    assert_eq!(against(&daemon, &line, b"").json(), expected);
}

#[test]
fn a_known_key_is_told_unless_our_own_first_try_made_it_known() {
    let known = |peer: &mut Peer| {
        let mut reply = queued();
        reply.duplicate = true;
        peer.answer::<JobSubmit>(&reply);
    };
    let line = ["post", "owner/repo#123", "text", "--key", "k1"];
    let daemon = TestDaemon::serving(known);
    let ran = against(&daemon, &line, b"");
    assert!(
        ran.stdout
            .starts_with("already queued #7 for owner/repo#123 (queued): 3rd")
    );
    let daemon = TestDaemon::start(vec![
        greeted(|peer| drop(peer.request::<JobSubmit>())),
        greeted(known),
    ]);
    let ran = against(&daemon, &line, b"");
    assert!(
        ran.stdout.starts_with("queued #7 for owner/repo#123: 3rd"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_comment_that_may_be_queued_ends_with_its_key() {
    let vanishing = || TestDaemon::start(vec![greeted(|peer| drop(peer.request::<JobSubmit>()))]);
    let line = ["post", "o/r#1", "text", "--key", "k1", "--timeout", "50ms"];
    let daemon = vanishing();
    let ran = against(&daemon, &line, b"");
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Unreachable, ""));
    assert!(
        ran.stderr
            .contains("may or may not be queued; repeat with --key k1")
    );
    let daemon = vanishing();
    let error = against(&daemon, &[&line[..], &["--json"]].concat(), b"").error();
    assert_eq!(error["code"], "outcome_unknown");
    assert_eq!(error["key"], "k1");
    assert_eq!(error["retryable"], true);
}

#[test]
fn a_time_that_may_be_meant_for_the_wait_is_no_comment() {
    let ran = alone(&["post", "o/r#1", "-w", "10m"]);
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.stderr.contains("--wait=10m"), "{}", ran.stderr);
}
