//! `post --dry-run`: what a submission would give.

use comenq_proto::{ErrorCode, JobCheck, JobCheckReply, JobChecked, WireError};

use super::{MINUTE_MS, NOW_MS, against, alone};
use crate::{Exit, test_daemon::TestDaemon};

const LINE: [&str; 4] = ["post", "owner/repo#123", "text", "--dry-run"];

fn checked() -> JobChecked {
    JobChecked {
        account: "bot".into(),
        duplicate_of: None,
        position: Some(3),
        expected_at_ms: Some(NOW_MS + 31 * MINUTE_MS),
        not_before_ms: None,
        expires_at_ms: Some(NOW_MS + 48 * 60 * MINUTE_MS),
        same_text_as: None,
        superseded: Vec::new(),
        notes: vec!["mind the gap".into()],
    }
}

fn daemon(jobs: Vec<JobChecked>) -> TestDaemon {
    TestDaemon::serving(move |peer| {
        let count = jobs.len();
        let reply = JobCheckReply {
            jobs,
            notes: vec!["account bot is limited".into()],
        };
        let asked = peer.answer::<JobCheck>(&reply);
        assert_eq!(asked.jobs.len(), count);
        assert_eq!(asked.jobs[0].body, "text");
    })
}

#[test]
fn it_says_who_would_post_when_and_stores_nothing() {
    let ran = against(&daemon(vec![checked()]), &LINE, b"");
    assert_eq!(ran.exit, Exit::Done);
    assert_eq!(
        ran.stdout,
        "would queue for owner/repo#123 as bot: 3rd in line, expected about 12:41 (in 31 min)\n"
    );
    assert_eq!(
        ran.stderr,
        "note: account bot is limited\nnote: mind the gap\n"
    );
    let json = against(
        &daemon(vec![checked()]),
        &[&LINE[..], &["--json"]].concat(),
        b"",
    )
    .json();
    assert_eq!(json["asked_daemon"], true);
    assert_eq!(json["would_queue"][0]["position"], 3);
    let duplicate = JobChecked {
        duplicate_of: Some(9),
        ..checked()
    };
    let ran = against(&daemon(vec![duplicate]), &LINE, b"");
    assert!(
        ran.stdout.contains("queued before with this key: #9"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_whole_batch_is_checked() {
    let lines =
        b"{\"target\":\"o/r#1\",\"body\":\"text\"}\n\n{\"target\":\"o/r#2\",\"body\":\"x\"}\n";
    let line = ["post", "--batch", "-", "--dry-run"];
    let ran = against(&daemon(vec![checked(), checked()]), &line, lines);
    assert_eq!(ran.stdout.lines().count(), 2);
    let refusing = TestDaemon::serving(|peer| {
        let (id, _) = peer.request::<JobCheck>();
        let text = "job 2 of the batch: there is no such account";
        peer.refuse(id, &WireError::new(ErrorCode::InvalidValue, text));
    });
    let ran = against(&refusing, &line, lines);
    assert!(ran.stderr.contains("line 3 of the batch"), "{}", ran.stderr);
}

#[test]
fn without_a_daemon_it_is_checked_here_and_that_is_told() {
    let ran = alone(&LINE);
    assert_eq!(
        (ran.exit, ran.stdout.as_str()),
        (Exit::Done, "would queue for owner/repo#123\n")
    );
    assert!(
        ran.stderr
            .starts_with("note: checked here only: socket /nonexistent"),
        "{}",
        ran.stderr
    );
    let wished = alone(&[&LINE[..], &["--hold", "--in", "2h", "--expires", "2d"]].concat());
    assert_eq!(
        wished.stdout,
        "would queue for owner/repo#123: held until it is released, not before Fri 2026-11-20 \
         14:10 UTC, never after Sun 2026-11-22 12:10 UTC\n"
    );
    let json = alone(&[&LINE[..], &["--json"]].concat()).json();
    assert_eq!(json["asked_daemon"], false);
    let old = TestDaemon::serving(|peer| {
        let (id, _) = peer.request::<JobCheck>();
        peer.refuse(id, &WireError::new(ErrorCode::UnknownEndpoint, "what?"));
    });
    let ran = against(&old, &LINE, b"");
    assert_eq!(ran.exit, Exit::Done);
    assert!(ran.stderr.contains("too old to be asked"), "{}", ran.stderr);
}

#[test]
fn what_the_daemon_refuses_is_refused() {
    let daemon = TestDaemon::serving(|peer| {
        let (id, _) = peer.request::<JobCheck>();
        peer.refuse(id, &WireError::new(ErrorCode::QuotaExceeded, "too many"));
    });
    assert_eq!(against(&daemon, &LINE, b"").exit, Exit::Refused);
    assert_eq!(
        alone(&["post", "o/r#0", "text", "--dry-run"]).exit,
        Exit::Usage
    );
}
