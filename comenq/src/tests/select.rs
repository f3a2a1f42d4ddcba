//! Which jobs a change is for: ranges, filters, and being asked first.

use comenq_proto::{
    ErrorCode, JobCancel, JobCancelReply, JobChangeReply, JobGet, JobGetReply, JobHold, JobList,
    JobListReply, JobRetry, JobState, WireError,
};

use super::{Around, NOW_MS, PIPED, against, alone, job, seen};
use crate::{
    Exit,
    test_daemon::{Peer, TestDaemon},
};

const TERMINAL: Around<'static> = Around {
    is_terminal: true,
    environment: &[("NO_COLOR", "1")],
    ..PIPED
};

fn listed(peer: &mut Peer, ids: std::ops::Range<u64>, state: JobState) -> JobList {
    peer.answer::<JobList>(&JobListReply {
        jobs: ids.map(|id| job(id, state)).collect(),
        next_cursor: None,
    })
}

fn cancelled(peer: &mut Peer) -> u64 {
    let (id, request) = peer.request::<JobCancel>();
    let reply = JobCancelReply {
        job: job(request.id, JobState::Cancelled),
        may_have_been_posted: false,
    };
    peer.reply(id, &reply);
    request.id
}

fn got(peer: &mut Peer, uid: u32) {
    found(peer, uid, JobState::Queued);
}

fn found(peer: &mut Peer, uid: u32, state: JobState) {
    let (id, request) = peer.request::<JobGet>();
    let mut job = job(request.id, state);
    job.uid = uid;
    peer.reply(
        id,
        &JobGetReply {
            job,
            waiting_for: None,
            attempt_log: Vec::new(),
            position: None,
            expected_at_ms: None,
        },
    );
}

#[test]
fn a_range_is_the_jobs_in_it_that_exist_and_are_ones_own() {
    let daemon = TestDaemon::serving(|peer| {
        got(peer, 1000);
        let (id, _) = peer.request::<JobGet>();
        peer.refuse(
            id,
            &WireError::new(ErrorCode::NoSuchJob, "there is no job 5"),
        );
        got(peer, 1001);
        got(peer, 1000);
        found(peer, 1000, JobState::Posted);
        assert_eq!(
            (cancelled(peer), cancelled(peer), cancelled(peer)),
            (4, 7, 9)
        );
    });
    let ran = against(&daemon, &["cancel", "4..8", "9"], b"");
    assert_eq!(ran.exit, Exit::Done, "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 3);
}

#[test]
fn a_range_that_breaks_off_changes_nothing() {
    let daemon = TestDaemon::serving(|peer| {
        got(peer, 1000);
        let (id, _) = peer.request::<JobGet>();
        peer.refuse(id, &WireError::new(ErrorCode::NotAllowed, "no"));
    });
    let ran = against(&daemon, &["cancel", "4..7"], b"");
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Refused, ""));
}

#[test]
fn a_filter_asks_for_the_states_that_the_verb_is_for() {
    let daemon = TestDaemon::serving(|peer| {
        let asked = listed(peer, 4..6, JobState::Queued);
        assert_eq!(asked.states, ["queued", "held", "uncertain"]);
        assert_eq!(
            (asked.mine, asked.history, asked.include_body),
            (true, false, false)
        );
        assert_eq!(asked.owner.as_deref(), Some("owner"));
        assert_eq!(asked.since_ms, Some(NOW_MS - 3_600_000));
        assert_eq!((cancelled(peer), cancelled(peer)), (4, 5));
    });
    let line = [
        "cancel",
        "--repo",
        "owner",
        "--since",
        "1h",
        "--account",
        "default",
    ];
    assert_eq!(against(&daemon, &line, b"").exit, Exit::Done);
}

#[test]
fn what_an_older_daemon_gives_beyond_the_filter_is_left_alone() {
    let daemon = TestDaemon::serving(|peer| {
        let mut jobs: Vec<_> = (1..7).map(|id| job(id, JobState::Queued)).collect();
        jobs[0].uid = 1001;
        jobs[1].repo = "other".into();
        jobs[2].account = "bot".into();
        jobs[3].state = JobState::Posting;
        jobs[4].created_at_ms = NOW_MS - 2 * 3_600_000;
        peer.answer::<JobList>(&JobListReply {
            jobs,
            next_cursor: None,
        });
        assert_eq!(cancelled(peer), 6);
    });
    let line = [
        "cancel",
        "--repo",
        "OWNER/Repo",
        "--since",
        "1h",
        "--account",
        "default",
    ];
    assert_eq!(against(&daemon, &line, b"").exit, Exit::Done);
}

#[test]
fn what_is_finished_is_looked_for_in_the_history() {
    let daemon = TestDaemon::serving(|peer| {
        let asked = listed(peer, 4..5, JobState::Failed);
        assert_eq!((asked.history, asked.states), (true, vec!["failed".into()]));
        let (id, request) = peer.request::<JobRetry>();
        let reply = JobChangeReply {
            job: job(request.id, JobState::Queued),
            notes: Vec::new(),
        };
        peer.reply(id, &reply);
    });
    let ran = against(&daemon, &["retry", "--repo", "owner/repo"], b"");
    assert_eq!(ran.stdout, "#4 for owner/repo#123 is queued again\n");
}

#[test]
fn nothing_found_is_told() {
    let daemon = TestDaemon::serving(|peer| {
        listed(peer, 0..0, JobState::Held);
    });
    let ran = against(&daemon, &["release", "--account", "bot"], b"");
    assert_eq!(ran.exit, Exit::JobState);
    assert!(
        ran.stderr.contains("no job to release among those"),
        "{}",
        ran.stderr
    );
    let none = alone(&["hold"]);
    assert_eq!(none.exit, Exit::Usage);
    assert!(none.stderr.contains("hold which jobs?"), "{}", none.stderr);
}

fn asked(answer: &'static [u8], extra: &[&str], changes: bool) -> super::Ran {
    asked_of(true, answer, extra, changes)
}

fn asked_of(
    errors_are_seen: bool,
    answer: &'static [u8],
    extra: &[&str],
    changes: bool,
) -> super::Ran {
    let daemon = TestDaemon::serving(move |peer| {
        listed(peer, 4..11, JobState::Queued);
        for _ in 0..if changes { 7 } else { 0 } {
            let (id, request) = peer.request::<JobHold>();
            let reply = JobChangeReply {
                job: job(request.id, JobState::Held),
                notes: Vec::new(),
            };
            peer.reply(id, &reply);
        }
    });
    let around = Around {
        stdin: answer,
        errors_are_seen,
        ..TERMINAL
    };
    seen(
        &daemon,
        &[&["hold", "--repo", "owner"], extra].concat(),
        around,
    )
}

#[test]
fn on_a_terminal_somebody_is_asked_before_several_are_changed() {
    let yes = asked(b"y\nrest", &[], true);
    assert_eq!((yes.exit, yes.stdout.lines().count()), (Exit::Done, 7));
    assert!(
        yes.stderr.ends_with("  …\nhold 7 jobs? [y/N] "),
        "{}",
        yes.stderr
    );
    assert!(
        yes.stderr.starts_with("  #4 queued owner/repo#123\n"),
        "{}",
        yes.stderr
    );
    for no in [&b"n\n"[..], b"\n", b"", b"yesterday\n"] {
        let no = asked(no, &[], false);
        assert_eq!((no.exit, no.stdout.as_str()), (Exit::Usage, ""));
        assert!(no.stderr.contains("nothing was changed"));
    }
    let unseen = asked_of(false, b"y\n", &[], false);
    assert_eq!((unseen.exit, unseen.stdout.as_str()), (Exit::Usage, ""));
    assert!(unseen.stderr.contains("nobody would see the question"));
    let unasked = asked(b"", &["-y"], true);
    assert_eq!((unasked.exit, unasked.stderr.as_str()), (Exit::Done, ""));
}
