//! `pause`, `resume`, `drain`, `post-now` and `purge`: what only administrators
//! ask for.

use comenq_proto::{
    ErrorCode, Halt, JobChangeReply, JobPurge, JobPurgeReply, JobState, PostNow, QueueChangeReply,
    QueueDrain, QueuePause, QueueResume, QueueStatus, Request, Status, WireError,
};
use serde_json::json;

use super::{MINUTE_MS, NOW_MS, Ran, against, job, status::status};
use crate::{Exit, test_daemon::TestDaemon};

/// A run whose one request is this, and is answered with these notes.
fn asked<R>(line: &[&str], expected: R, notes: &[&str]) -> Ran
where
    R: Request<Reply = QueueChangeReply> + PartialEq + std::fmt::Debug + Send + 'static,
{
    let notes = notes.iter().map(|note| (*note).to_owned()).collect();
    let daemon = TestDaemon::serving(move |peer| {
        assert_eq!(peer.answer::<R>(&QueueChangeReply { notes }), expected);
    });
    against(&daemon, line, b"")
}

#[test]
fn pause_and_drain_send_what_was_said_and_tell_how_they_end() {
    let all = asked(&["pause"], QueuePause::default(), &[]);
    assert_eq!(
        all.stdout,
        "nothing more is posted; comenq resume ends that\n"
    );
    let request = QueuePause {
        account: Some("bot".into()),
        reason: Some("new disk".into()),
    };
    let line = ["pause", "--account", "bot", "--reason", "new disk"];
    let one = asked(&line, request, &[]);
    assert_eq!(
        one.stdout,
        "account bot posts nothing more; comenq resume bot ends that\n"
    );
    let drain = asked(&["drain"], QueueDrain::default(), &[]);
    assert!(drain.stdout.contains("comenq drain --off ends that"));
    let request = QueueDrain {
        off: true,
        reason: None,
    };
    let off = asked(&["drain", "--off"], request, &[]);
    assert_eq!(off.stdout, "new jobs are taken again\n");
}

#[test]
fn what_was_so_already_is_noted_and_nothing_claimed() {
    let again = asked(
        &["pause"],
        QueuePause::default(),
        &["it was paused already"],
    );
    assert_eq!(again.stdout, "");
    assert_eq!(again.stderr, "note: it was paused already\n");
    let line = ["resume", "--json"];
    let printed = asked(&line, QueueResume::default(), &["it was not paused"]).json();
    assert_eq!(
        printed,
        json!({ "schema": 1, "notes": ["it was not paused"] })
    );
}

#[test]
fn post_now_tells_that_it_goes_next_and_what_forbids_it() {
    let daemon = TestDaemon::serving(|peer| {
        let request = peer.answer::<PostNow>(&JobChangeReply {
            job: job(7, JobState::Queued),
            notes: Vec::new(),
        });
        assert_eq!(request.id, 7);
    });
    let ran = against(&daemon, &["post-now", "7"], b"");
    assert!(
        ran.stdout.contains("goes next, without waiting"),
        "{}",
        ran.stdout
    );
    for (code, exit) in [
        (ErrorCode::DangerousDisabled, Exit::Refused),
        (ErrorCode::LaneWaiting, Exit::JobState),
    ] {
        let daemon = TestDaemon::serving(move |peer| {
            let (id, _) = peer.request::<PostNow>();
            peer.refuse(id, &WireError::new(code, "no"));
        });
        let ran = against(&daemon, &["post-now", "7", "--json"], b"");
        assert_eq!(ran.exit, exit);
        assert!(ran.stderr.contains(code.name()), "{}", ran.stderr);
    }
}

#[test]
fn purge_tells_of_each_whether_it_is_gone() {
    let purging = || {
        TestDaemon::serving(|peer| {
            for (id, notes) in [(7, vec![]), (8, vec!["it was gone already".to_owned()])] {
                let request = peer.answer::<JobPurge>(&JobPurgeReply { id, notes });
                assert_eq!(request.id, id);
            }
        })
    };
    let daemon = purging();
    let ran = against(&daemon, &["purge", "7", "8"], b"");
    assert_eq!(ran.stdout, "#7 is gone\n");
    assert_eq!(ran.stderr, "note: #8: it was gone already\n");
    let daemon = purging();
    let printed = against(&daemon, &["purge", "7", "8", "--json"], b"").json();
    let expected = json!({ "schema": 1, "purged": [
        { "id": 7, "notes": [] }, { "id": 8, "notes": ["it was gone already"] },
    ] });
    assert_eq!(printed, expected);
}

#[test]
fn status_tells_what_is_stopped_by_whom_and_since_when() {
    let halt = |reason: Option<&str>| Halt {
        at_ms: NOW_MS - 3 * MINUTE_MS,
        uid: 7,
        reason: reason.map(Into::into),
    };
    let mut reply = status();
    reply.queue = Some(QueueStatus {
        paused: Some(halt(Some("new disk"))),
        draining: Some(halt(None)),
    });
    reply.lanes[0].phase = "paused".into();
    reply.lanes[0].paused = Some(Box::new(halt(None)));
    let of = |line: &'static [&'static str]| {
        let reply = reply.clone();
        let daemon = TestDaemon::serving(move |peer| {
            peer.answer::<Status>(&reply);
        });
        against(&daemon, line, b"")
    };
    let screen = of(&["status"]).stdout;
    for line in [
        "queue: paused since 12:07 (3 min ago) by uid 7 (new disk); nothing is posted until comenq \
         resume\n",
        "queue: draining since 12:07 (3 min ago) by uid 7; no new jobs are taken until comenq drain \
         --off\n",
        "  posts nothing",
        "  paused since 12:07 (3 min ago) by uid 7; comenq resume default ends that\n",
    ] {
        assert!(screen.contains(line), "{line}: {screen}");
    }
    let printed = of(&["status", "--json"]).json();
    let expected = json!({ "since": "2026-11-20T12:07:00Z", "uid": 7, "reason": "new disk" });
    assert_eq!(printed["status"]["queue"]["paused"], expected);
    assert_eq!(printed["status"]["lanes"][0]["paused"]["uid"], 7);
}
