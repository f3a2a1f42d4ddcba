//! `wait` and `post --wait`: until jobs are posted, or never will be.

use comenq_proto::{
    ErrorCode, Event, EventKind, Job, JobGet, JobGetReply, JobState, JobSubmit, JobSubmitReply,
    Position, ProtocolVersion, ResponseEnvelope, Subscribe, SubscribeReply, WireError,
};

use super::{Around, MINUTE_MS, NOW_MS, PIPED, Ran, against, job, seen};
use crate::{
    Exit,
    test_daemon::{Peer, TestDaemon, Visit, greeted},
};

fn reply(job: Job) -> JobGetReply {
    let is_queued = job.state == JobState::Queued;
    JobGetReply {
        job,
        waiting_for: None,
        attempt_log: Vec::new(),
        position: is_queued.then_some(3),
        expected_at_ms: is_queued.then_some(NOW_MS + 12 * MINUTE_MS),
    }
}

fn posted(id: u64) -> Job {
    let mut job = job(id, JobState::Posted);
    job.comment_url = Some("https://github.com/owner/repo/issues/123#c1".into());
    job
}

/// Answers a subscription, then sends this event as often as it is asked to.
fn events(kinds: &'static [EventKind]) -> Visit {
    greeted(move |peer: &mut Peer| {
        let (id, request) = peer.request::<Subscribe>();
        assert!(!request.mine && !request.ids.is_empty());
        let position = Position { epoch: 1, seq: 0 };
        peer.reply(
            id,
            &SubscribeReply {
                position,
                heartbeat_ms: 60_000,
            },
        );
        for kind in kinds {
            let event = Event::new(*kind, position, NOW_MS);
            peer.send(&ResponseEnvelope::event(ProtocolVersion::CURRENT, id, &event).unwrap());
        }
        // Stays until the client goes.
        assert!(peer.receive_frame().is_none());
    })
}

#[test]
fn an_event_makes_it_look_again_and_a_heartbeat_does_not() {
    let daemon = TestDaemon::concurrent(vec![
        events(&[EventKind::Heartbeat, EventKind::Posted]),
        greeted(|peer: &mut Peer| {
            peer.answer::<JobGet>(&reply(job(7, JobState::Queued)));
            peer.answer::<JobGet>(&reply(posted(7)));
        }),
    ]);
    let ran = against(&daemon, &["wait", "7", "7"], b"");
    assert_eq!(ran.exit, Exit::Done, "{}", ran.stderr);
    assert_eq!(
        ran.stderr,
        "#7 for owner/repo#123: 3rd in line, expected 12:22 (in 12 min)\n#7 for owner/repo#123: posted\n"
    );
    assert_eq!(
        ran.stdout,
        "#7 for owner/repo#123: posted https://github.com/owner/repo/issues/123#c1\n"
    );
}

fn finished(ids: &'static [(u64, JobState)], line: &[&str]) -> Ran {
    let daemon = TestDaemon::concurrent(vec![
        events(&[]),
        greeted(move |peer: &mut Peer| {
            for (id, state) in ids {
                let mut job = match state {
                    JobState::Posted => posted(*id),
                    state => job(*id, *state),
                };
                if *state == JobState::Failed {
                    job.last_error = Some("the conversation is locked".into());
                }
                assert_eq!(peer.answer::<JobGet>(&reply(job)).id, *id);
            }
        }),
    ]);
    against(&daemon, line, b"")
}

#[test]
fn one_that_will_never_be_posted_is_exit_6_and_told() {
    let jobs = &[
        (7, JobState::Posted),
        (8, JobState::Failed),
        (9, JobState::Cancelled),
    ];
    let ran = finished(jobs, &["wait", "7", "8", "9"]);
    assert_eq!(ran.exit, Exit::NotPosted);
    assert_eq!(ran.stdout.lines().count(), 1);
    assert!(ran.stderr.contains("error: #8 for owner/repo#123: failed: the conversation is locked\n  see what was tried: comenq show 8; again: comenq retry 8\n"), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("error: #9 for owner/repo#123: cancelled\n"),
        "{}",
        ran.stderr
    );
    let ran = finished(jobs, &["wait", "7", "8", "9", "--json"]);
    assert_eq!(ran.json()["jobs"][1]["state"], "failed");
    assert!(
        ran.stderr.contains("\"code\":\"not_posted\""),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_heartbeat_is_no_news() {
    let daemon = TestDaemon::concurrent(vec![
        events(&[EventKind::Heartbeat]),
        greeted(|peer: &mut Peer| {
            peer.answer::<JobGet>(&reply(job(7, JobState::Queued)));
            assert!(peer.receive_frame().is_none(), "it was asked again");
        }),
    ]);
    let ran = against(&daemon, &["wait", "7", "--timeout", "200ms", "--json"], b"");
    assert_eq!(ran.exit, Exit::TimedOut);
}

#[test]
fn what_is_known_when_the_time_is_up_is_told() {
    let visits = || {
        TestDaemon::concurrent(vec![
            events(&[]),
            greeted(|peer: &mut Peer| {
                peer.answer::<JobGet>(&reply(posted(7)));
                peer.answer::<JobGet>(&reply(job(8, JobState::Queued)));
            }),
        ])
    };
    let line = ["wait", "7", "8", "--timeout", "50ms"];
    let ran = against(&visits(), &line, b"");
    assert_eq!(ran.exit, Exit::TimedOut);
    assert!(
        ran.stdout.starts_with("#7 for owner/repo#123: posted"),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("not finished: #8\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("comenq wait 8\n"), "{}", ran.stderr);
    let ran = against(&visits(), &[&line[..], &["--json"]].concat(), b"");
    assert_eq!(ran.json()["jobs"][1]["state"], "queued");
}

#[test]
fn a_limit_is_exit_7() {
    let daemon = TestDaemon::concurrent(vec![
        events(&[]),
        greeted(|peer: &mut Peer| {
            peer.answer::<JobGet>(&reply(job(7, JobState::Queued)));
        }),
    ]);
    let ran = against(&daemon, &["wait", "7", "--timeout", "50ms"], b"");
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::TimedOut, ""));
    assert!(
        ran.stderr
            .contains("the time is up after 1 s, not finished: #7"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("what was queued stays queued"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_job_that_does_not_exist_is_exit_5() {
    let daemon = TestDaemon::concurrent(vec![
        events(&[]),
        greeted(|peer: &mut Peer| {
            let (id, _) = peer.request::<JobGet>();
            peer.refuse(
                id,
                &WireError::new(ErrorCode::NoSuchJob, "there is no job 7"),
            );
        }),
    ]);
    assert_eq!(against(&daemon, &["wait", "7"], b"").exit, Exit::JobState);
}

#[test]
fn a_script_that_waited_in_vain_knows_its_job() {
    let daemon = TestDaemon::concurrent(vec![
        greeted(move |peer: &mut Peer| {
            submitted(peer);
            peer.answer::<JobGet>(&reply(job(7, JobState::Queued)));
        }),
        events(&[]),
    ]);
    let line = ["post", "owner/repo#123", "text", "--wait=50ms", "--json"];
    let ran = against(&daemon, &line, b"");
    assert_eq!(
        (ran.exit, &ran.json()["job"]["id"]),
        (Exit::TimedOut, &7.into())
    );
}

fn submitted(peer: &mut Peer) {
    peer.answer::<JobSubmit>(&JobSubmitReply {
        job: job(7, JobState::Queued),
        duplicate: false,
        position: Some(1),
        expected_at_ms: None,
        notes: Vec::new(),
        same_text_as: None,
        superseded: Vec::new(),
    });
}

fn post_and_wait(end: Job, extra: &[&str]) -> Ran {
    let daemon = TestDaemon::concurrent(vec![
        greeted(move |peer: &mut Peer| {
            submitted(peer);
            peer.answer::<JobGet>(&reply(end));
        }),
        events(&[]),
    ]);
    let line = [&["post", "owner/repo#123", "text", "--wait"], extra].concat();
    against(&daemon, &line, b"")
}

#[test]
fn post_and_wait_prints_the_url_and_nothing_else() {
    let ran = post_and_wait(posted(7), &[]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.stderr);
    assert_eq!(ran.stdout, "https://github.com/owner/repo/issues/123#c1\n");
    assert!(
        ran.stderr
            .starts_with("queued #7 for owner/repo#123: 1st in line\n"),
        "{}",
        ran.stderr
    );
    let quiet = post_and_wait(posted(7), &["-q"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("7\n", ""));
    let json = post_and_wait(posted(7), &["--json"]);
    assert_eq!(
        json.json()["job"]["comment_url"],
        "https://github.com/owner/repo/issues/123#c1"
    );
    let failed = post_and_wait(job(7, JobState::Failed), &[]);
    assert_eq!((failed.exit, failed.stdout.as_str()), (Exit::NotPosted, ""));
}

#[test]
fn an_interrupt_leaves_the_job_and_says_how_to_go_on() {
    let daemon = TestDaemon::concurrent(vec![
        greeted(move |peer: &mut Peer| {
            submitted(peer);
            peer.answer::<JobGet>(&reply(job(7, JobState::Queued)));
        }),
        events(&[]),
    ]);
    let line = ["post", "owner/repo#123", "text", "--wait"];
    let around = Around {
        is_interrupted: true,
        ..PIPED
    };
    let ran = seen(&daemon, &line, around);
    assert_eq!(ran.exit, Exit::Interrupted);
    assert_eq!(ran.exit.code(), 130);
    assert!(
        ran.stderr
            .contains("comenq wait 7; never to post: comenq cancel 7"),
        "{}",
        ran.stderr
    );
}
