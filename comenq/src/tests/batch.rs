//! `comenq post --batch`: what a line may say, and that all lines go or none.

use comenq_proto::{
    ErrorCode, JobState, JobSubmit, JobSubmitBatch, JobSubmitBatchReply, JobSubmitReply, MAX_BATCH,
    WireError,
};
use serde_json::json;

use super::{NOW_MS, against, job, run_with};
use crate::{
    Exit,
    test_daemon::{Peer, TestDaemon, greeted},
};

fn taken(id: u64, duplicate: bool) -> JobSubmitReply {
    JobSubmitReply {
        job: job(id, JobState::Queued),
        duplicate,
        position: Some(id),
        expected_at_ms: None,
        notes: Vec::new(),
        same_text_as: None,
        superseded: Vec::new(),
    }
}

/// Takes a batch of two; gives what was asked.
fn taking_two(peer: &mut Peer, duplicate: bool) -> Vec<JobSubmit> {
    let reply = JobSubmitBatchReply {
        jobs: vec![taken(1, false), taken(2, duplicate)],
        notes: vec!["no token yet".into()],
    };
    peer.answer::<JobSubmitBatch>(&reply).jobs
}

const TWO: &[u8] = br#"{"target": "owner/repo#123", "body": "one"}

{"owner": "o", "repo": "r", "number": 1, "host": "github.com", "body": "two", "key": "mine", "account": "bot", "priority": -5, "not_before": "2h", "expires": "2026-11-20 18:00", "replace_key": "ci", "if_open": true, "hold": true}
"#;

const LINE: [&str; 5] = ["post", "--batch", "-", "--key", "k"];

#[test]
fn a_batch_is_sent_whole_and_its_ids_are_printed_in_order() {
    let daemon = TestDaemon::serving(|peer| {
        let jobs = taking_two(peer, true);
        let first = JobSubmit {
            owner: "owner".into(),
            repo: "repo".into(),
            number: 123,
            body: "one".into(),
            key: Some("k.1".into()),
            ..JobSubmit::default()
        };
        let second = JobSubmit {
            owner: "o".into(),
            repo: "r".into(),
            number: 1,
            host: Some("github.com".into()),
            body: "two".into(),
            key: Some("mine".into()),
            account: Some("bot".into()),
            priority: -5,
            delay_ms: Some(7_200_000),
            expires_at_ms: Some(NOW_MS + 350 * 60_000),
            replace_key: Some("ci".into()),
            if_open: true,
            hold: true,
            ..JobSubmit::default()
        };
        assert_eq!(jobs, [first, second]);
    });
    let ran = against(&daemon, &LINE, TWO);
    assert_eq!(
        ran.stdout,
        "queued #1 for owner/repo#123: 1st in line\n\
         already queued #2 for owner/repo#123 (queued): 2nd in line\n"
    );
    assert_eq!(
        (ran.exit, ran.stderr.as_str()),
        (Exit::Done, "note: no token yet\n")
    );
}

#[test]
fn json_of_a_batch_has_every_job_with_its_key() {
    let daemon = TestDaemon::serving(|peer| drop(taking_two(peer, false)));
    let printed = against(&daemon, &[&LINE[..], &["--json"]].concat(), TWO).json();
    assert_eq!(printed["key"], "k");
    assert_eq!(printed["notes"], json!(["no token yet"]));
    let shown = |at: usize| {
        (
            &printed["jobs"][at]["key"],
            &printed["jobs"][at]["job"]["id"],
        )
    };
    assert_eq!(shown(0), (&json!("k.1"), &json!(1)));
    assert_eq!(shown(1), (&json!("mine"), &json!(2)));
}

#[test]
fn without_a_key_a_batch_gets_a_random_one_and_can_be_repeated() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), TWO).unwrap();
    let daemon = TestDaemon::start(vec![
        greeted(|peer| drop(peer.request::<JobSubmitBatch>())),
        greeted(|peer| {
            let jobs = taking_two(peer, true);
            let key = jobs[0].key.as_deref().unwrap();
            assert!(key.len() > 30 && key.ends_with(".1"), "{key}");
        }),
    ]);
    let line = ["post", "--batch", file.path().to_str().unwrap()];
    let ran = against(&daemon, &line, b"");
    assert_eq!(ran.exit, Exit::Done);
    // What our own first try had stored is no surprise.
    assert!(!ran.stdout.contains("already"), "{}", ran.stdout);
}

#[test]
fn a_batch_that_may_be_queued_ends_with_its_key() {
    let vanishing = |peer: &mut Peer| drop(peer.request::<JobSubmitBatch>());
    let daemon = TestDaemon::start(vec![greeted(vanishing)]);
    let ran = against(&daemon, &[&LINE[..], &["--timeout", "50ms"]].concat(), TWO);
    assert_eq!(ran.exit, Exit::Unreachable);
    assert!(ran.stderr.contains("repeat with --key k"), "{}", ran.stderr);
}

#[test]
fn a_refused_batch_ends_with_the_daemons_words() {
    let daemon = TestDaemon::serving(|peer| {
        let (id, _) = peer.request::<JobSubmitBatch>();
        let error = WireError::new(ErrorCode::QuotaExceeded, "1001 jobs would wait, 1000 may");
        peer.refuse(id, &error);
    });
    let ran = against(&daemon, &LINE, TWO);
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Refused, ""));
    assert_eq!(ran.stderr, "error: 1001 jobs would wait, 1000 may\n");
}

#[test]
fn the_job_that_the_daemon_refuses_is_named_by_its_line() {
    // The second job stands in the third line.
    for (daemons, shown) in [
        ("job 2 of the batch: no", "line 3 of the batch: no"),
        ("job 1 of the batch: no", "line 1 of the batch: no"),
        ("job 3 of the batch: no", "job 3 of the batch: no"),
        ("job x of the batch: no", "job x of the batch: no"),
    ] {
        let daemon = TestDaemon::serving(move |peer| {
            let (id, _) = peer.request::<JobSubmitBatch>();
            peer.refuse(id, &WireError::new(ErrorCode::UnknownAccount, daemons));
        });
        let ran = against(&daemon, &LINE, TWO);
        assert_eq!(ran.stderr, format!("error: {shown}\n"));
    }
}

#[test]
fn an_answer_for_fewer_jobs_is_no_success() {
    let daemon = TestDaemon::serving(|peer| {
        peer.answer::<JobSubmitBatch>(&JobSubmitBatchReply {
            jobs: vec![taken(1, false)],
            notes: Vec::new(),
        });
    });
    let ran = against(&daemon, &LINE, TWO);
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Trouble, ""));
    assert!(ran.stderr.contains("answered for 1 of 2"), "{}", ran.stderr);
    assert!(ran.stderr.contains("repeat with --key k"), "{}", ran.stderr);
}

fn refused(input: &str) -> String {
    let line = [&LINE[..], &["--socket", "/nonexistent/comenq.sock"]].concat();
    let ran = run_with(&line, input.as_bytes(), false);
    assert_eq!(ran.exit, Exit::Usage, "{input}: {}", ran.stderr);
    ran.stderr
}

#[test]
fn a_wrong_line_is_named_before_anybody_is_connected_to() {
    let good = r#"{"target": "o/r#1", "body": "text"}"#;
    for (wrong, said) in [
        ("nonsense", "it must be a JSON object: {"),
        ("[]", "it must be a JSON object: {"),
        ("{nonsense}", "key must be a string at column 2"),
        (r#"{"target": "o/r#1"}"#, "missing field `body`"),
        (
            r#"{"target": "o/r#1", "body": "x", "prioriti": 1}"#,
            "unknown field `prioriti`",
        ),
        (r#"{"target": "o/r", "body": "x"}"#, "no issue number"),
        (r#"{"body": "x"}"#, "either target"),
        (
            r#"{"target": "o/r#1", "number": 1, "body": "x"}"#,
            "either target",
        ),
        (
            r#"{"target": "o/r#1", "host": "h", "body": "x"}"#,
            "none of owner, repo, number and host",
        ),
        (
            r#"{"owner": "o", "repo": "r", "body": "x"}"#,
            "either target",
        ),
        (r#"{"target": "o/r#1", "body": " "}"#, "blank"),
        (
            r#"{"target": "o/r#1", "body": "x", "priority": 101}"#,
            "priority 101",
        ),
        (
            r#"{"target": "o/r#1", "body": "x", "priority": 1000}"#,
            "priority 1000 is not one of -100 to 100",
        ),
        (
            r#"{"target": "o/r#1", "body": "x", "priority": 1.5}"#,
            "`1.5`, expected a whole number at column",
        ),
        (
            r#"{"owner": "o", "repo": "r", "number": -1, "body": "x"}"#,
            "`-1`, expected a whole number from 1 at column",
        ),
        (r#"["o/r#1", null, "text"]"#, "it must be a JSON object: {"),
        (r#""o/r#1""#, "it must be a JSON object: {"),
        (
            r#"{"target": "o/r#1", "body": "x", "not_before": "soon"}"#,
            "\"soon\" is no time",
        ),
        (
            r#"{"target": "o/r#1", "body": "x", "expires": "0s"}"#,
            "above zero",
        ),
        (
            r#"{"target": "o/r#1", "body": "x", "key": "a b"}"#,
            "key: key has ' ' at position 2",
        ),
        (
            r#"{"target": "o/r#1", "body": "x", "replace_key": ""}"#,
            "replace_key: key is empty",
        ),
        (
            r#"{"target": "o/r#1", "body": "x", "key": "k.1"}"#,
            "another line's too",
        ),
    ] {
        let error = refused(&format!("{good}\n\n{wrong}\n{good}\n"));
        assert!(
            error.starts_with("error: line 3 of the batch: ") && error.contains(said),
            "{wrong}: {error}"
        );
    }
}

#[test]
fn a_batch_has_its_bounds() {
    assert!(refused("\n \n").contains("the batch is empty"));
    let line = |body: &str| format!("{{\"target\": \"o/r#1\", \"body\": \"{body}\"}}\n");
    let many = line("x").repeat(MAX_BATCH + 1);
    assert!(refused(&many).contains("line 501 of the batch: a batch has at most 500 jobs"));
    let large = line(&"x".repeat(200_000)).repeat(6);
    let error = refused(&large);
    assert!(error.contains("makes a request of 1200"), "{error}");
    let endless = " ".repeat(9 * 1024 * 1024);
    assert!(refused(&endless).contains("more than 8388608 bytes"));
    let long_key = "k".repeat(127);
    let line = ["post", "--batch", "-", "--key", &long_key];
    let ran = run_with(&line, TWO, false);
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.stderr.contains("129 bytes"), "{}", ran.stderr);
    let ran = run_with(&["post", "--batch", "/nonexistent/file"], b"", false);
    assert!(
        ran.stderr
            .contains("cannot read the batch from /nonexistent/file")
    );
}

#[test]
fn the_largest_batch_fits() {
    let most = (1_048_576 - 256) / MAX_BATCH;
    let daemon = TestDaemon::serving(move |peer| {
        let (id, request) = peer.request::<JobSubmitBatch>();
        assert_eq!(request.jobs.len(), MAX_BATCH);
        let jobs = (1..=500).map(|id| taken(id, false)).collect();
        let notes = Vec::new();
        peer.reply(id, &JobSubmitBatchReply { jobs, notes });
    });
    let line = format!(
        "{{\"target\": \"o/r#1\", \"body\": \"{}\"}}\n",
        "x".repeat(most - 50)
    );
    let ran = against(&daemon, &LINE, line.repeat(MAX_BATCH).as_bytes());
    assert_eq!(ran.exit, Exit::Done, "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), MAX_BATCH);
}
