//! `edit`, `hold`, `release`, `retry`, `bump` and `resume`: changes of jobs that
//! exist, and of an account.

use comenq_proto::{
    AccountResume, AccountResumeReply, ErrorCode, JobBump, JobChangeReply, JobEdit, JobHold,
    JobRelease, JobRetry, JobRetryFailed, JobRetryFailedReply, JobState, WireError,
};
use serde_json::json;

use super::{against, alone, job};
use crate::{Exit, test_daemon::TestDaemon};

fn changed(id: u64, state: JobState) -> JobChangeReply {
    JobChangeReply {
        job: job(id, state),
        notes: Vec::new(),
    }
}

#[test]
fn edit_sends_the_new_text_from_wherever_it_comes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("comment");
    std::fs::write(&path, "from file").unwrap();
    let file = path.to_str().unwrap();
    for (rest, body) in [
        (&["text"][..], "text"),
        (&["-F", file], "from file"),
        (&["-"], "from stdin"),
        (&[], "from stdin"),
    ] {
        let daemon = TestDaemon::serving(move |peer| {
            let request = peer.answer::<JobEdit>(&changed(7, JobState::Queued));
            assert_eq!((request.id, request.body.as_str()), (7, body));
        });
        let line = [&["edit", "7"], rest].concat();
        let ran = against(&daemon, &line, b"from stdin");
        assert_eq!(ran.stdout, "#7 for owner/repo#123 has the new text\n");
    }
    for (line, code) in [
        (&["edit", "7", "text", "-F", "x"][..], "usage"),
        (&["edit", "7", " "], "invalid_body"),
    ] {
        let ran = alone(&[line, &["--json"]].concat());
        assert_eq!(ran.exit, Exit::Usage);
        assert_eq!(ran.error()["code"], code);
    }
}

#[test]
fn edit_tells_notes_and_prints_the_job_as_json() {
    let noted = || {
        TestDaemon::serving(|peer| {
            peer.answer::<JobEdit>(&JobChangeReply {
                job: job(7, JobState::Held),
                notes: vec!["it is held".into()],
            });
        })
    };
    let daemon = noted();
    let ran = against(&daemon, &["edit", "7", "text"], b"");
    assert_eq!(ran.stderr, "note: it is held\n");
    let daemon = noted();
    let printed = against(&daemon, &["edit", "7", "text", "--json"], b"").json();
    assert_eq!(printed["job"]["state"], "held");
    assert_eq!(printed["notes"], json!(["it is held"]));
}

#[test]
fn an_unresolved_job_is_refused_with_the_daemons_words() {
    let daemon = TestDaemon::serving(|peer| {
        let (id, _) = peer.request::<JobEdit>();
        let error = WireError::new(ErrorCode::Unresolved, "the outcome of job 7 is not known")
            .with_detail("wait until it is");
        peer.refuse(id, &error);
    });
    let ran = against(&daemon, &["edit", "7", "text"], b"");
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::JobState, ""));
    let error = "error: the outcome of job 7 is not known\n  wait until it is\n";
    assert_eq!(ran.stderr, error);
}

#[test]
fn each_verb_says_what_has_become_of_the_job() {
    type Serve = fn(JobState) -> TestDaemon;
    let hold: Serve = |state| {
        TestDaemon::serving(move |peer| {
            assert_eq!(peer.answer::<JobHold>(&changed(7, state)).id, 7);
        })
    };
    let release: Serve = |state| {
        TestDaemon::serving(move |peer| {
            assert_eq!(peer.answer::<JobRelease>(&changed(7, state)).id, 7);
        })
    };
    let retry: Serve = |state| {
        TestDaemon::serving(move |peer| {
            assert_eq!(peer.answer::<JobRetry>(&changed(7, state)).id, 7);
        })
    };
    let bump: Serve = |state| {
        TestDaemon::serving(move |peer| {
            assert_eq!(peer.answer::<JobBump>(&changed(7, state)).id, 7);
        })
    };
    let asked = "may have been posted already: GitHub is asked first";
    for (verb, serve, state, said) in [
        (
            "hold",
            hold,
            JobState::Held,
            "is held; let it go on with comenq release 7",
        ),
        ("hold", hold, JobState::Unknown, "is unknown"),
        ("release", release, JobState::Queued, "is queued"),
        ("release", release, JobState::Uncertain, asked),
        ("retry", retry, JobState::Queued, "is queued again"),
        ("retry", retry, JobState::Uncertain, asked),
        ("retry", retry, JobState::Expired, "is expired"),
        (
            "bump",
            bump,
            JobState::Queued,
            "goes before your other jobs",
        ),
    ] {
        let daemon = serve(state);
        let ran = against(&daemon, &[verb, "#7"], b"");
        assert_eq!(ran.exit, Exit::Done);
        assert_eq!(ran.stdout, format!("#7 for owner/repo#123 {said}\n"));
        let daemon = serve(state);
        let printed = against(&daemon, &[verb, "7", "--json"], b"").json();
        assert_eq!(printed["schema"], 1);
        assert_eq!(printed["jobs"][0]["job"]["state"], state.as_str());
        assert_eq!(printed["jobs"][0]["notes"], json!([]));
    }
}

#[test]
fn several_jobs_are_each_tried_and_the_first_refusal_is_the_exit_code() {
    let daemon = TestDaemon::serving(|peer| {
        let mut first = changed(1, JobState::Held);
        first.notes = vec!["it was held already".into()];
        peer.answer::<JobHold>(&first);
        let (id, request) = peer.request::<JobHold>();
        assert_eq!(request.id, 2);
        let denied = WireError::new(ErrorCode::NotAllowed, "job 2 is another's");
        peer.refuse(id, &denied);
        let (id, _) = peer.request::<JobHold>();
        peer.refuse(id, &WireError::new(ErrorCode::NoSuchJob, "no job 3"));
        peer.answer::<JobHold>(&changed(4, JobState::Held));
    });
    let ran = against(&daemon, &["hold", "1", "2", "3", "4"], b"");
    assert_eq!(ran.exit, Exit::Refused);
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
    assert_eq!(
        ran.stderr,
        "note: #1: it was held already\nerror: job 2 is another's\nerror: no job 3\n"
    );
    assert_eq!(alone(&["release", "1", "2"]).exit, Exit::Unreachable);
}

#[test]
fn the_first_job_to_bump_ends_up_in_front() {
    let daemon = TestDaemon::serving(|peer| {
        for id in [3, 2, 1] {
            let asked = peer.answer::<JobBump>(&changed(id, JobState::Queued));
            assert_eq!(asked.id, id);
        }
    });
    let ran = against(&daemon, &["bump", "1", "2", "3"], b"");
    assert_eq!(ran.exit, Exit::Done);
}

fn page(retried: &[u64], next: Option<&str>) -> JobRetryFailedReply {
    JobRetryFailedReply {
        retried: retried.to_vec(),
        next_cursor: next.map(Into::into),
    }
}

#[test]
fn retrying_a_reason_follows_every_page() {
    let paged = || {
        TestDaemon::serving(|peer| {
            let first = peer.answer::<JobRetryFailed>(&page(&[7, 8], Some("c")));
            assert_eq!((first.reason.as_str(), first.cursor), ("locked", None));
            let second = peer.answer::<JobRetryFailed>(&page(&[], Some("d")));
            assert_eq!(second.cursor.as_deref(), Some("c"));
            let third = peer.answer::<JobRetryFailed>(&page(&[9], None));
            assert_eq!(third.cursor.as_deref(), Some("d"));
        })
    };
    let line = ["retry", "--reason", "locked"];
    let daemon = paged();
    let ran = against(&daemon, &line, b"");
    assert_eq!(ran.stdout, "#7 is revived\n#8 is revived\n#9 is revived\n");
    let daemon = paged();
    let printed = against(&daemon, &[&line[..], &["--json"]].concat(), b"").json();
    let expected = json!({ "schema": 1, "reason": "locked", "retried": [7, 8, 9] });
    assert_eq!(printed, expected);
    let daemon = TestDaemon::serving(|peer| {
        peer.answer::<JobRetryFailed>(&page(&[], None));
    });
    let ran = against(&daemon, &line, b"");
    assert_eq!(
        ran.stdout,
        "no job that you may change failed with locked\n"
    );
}

#[test]
fn what_was_revived_before_an_error_is_told() {
    let daemon = TestDaemon::serving(|peer| {
        peer.answer::<JobRetryFailed>(&page(&[7], Some("c")));
        let (id, _) = peer.request::<JobRetryFailed>();
        peer.refuse(id, &WireError::new(ErrorCode::Internal, "a defect"));
    });
    let ran = against(&daemon, &["retry", "--reason", "locked"], b"");
    assert_eq!(ran.exit, Exit::Trouble);
    assert_eq!(ran.stdout, "#7 is revived\n");
    assert_eq!(ran.stderr, "error: a defect\n");
}

#[test]
fn a_mistyped_reason_is_told_with_the_possible_ones() {
    let ran = alone(&["retry", "--reason", "lokced"]);
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.stderr.contains("'locked'"), "{}", ran.stderr);
    assert!(ran.stderr.contains("outcome_unknown"), "{}", ran.stderr);
}

#[test]
fn resume_names_the_account() {
    let resuming = || {
        TestDaemon::serving(|peer| {
            let request = peer.answer::<AccountResume>(&AccountResumeReply {
                notes: vec!["it was not paused".into()],
            });
            assert_eq!(request.account, "bot");
        })
    };
    let daemon = resuming();
    let ran = against(&daemon, &["resume", "bot"], b"");
    assert_eq!(ran.stderr, "note: it was not paused\n");
    assert_eq!(ran.stdout, "", "nothing was done, and nothing is claimed");
    let daemon = TestDaemon::serving(|peer| {
        peer.answer::<AccountResume>(&AccountResumeReply { notes: Vec::new() });
    });
    let ran = against(&daemon, &["resume", "bot"], b"");
    assert!(ran.stdout.starts_with("account bot tries again"));
    assert_eq!(ran.stderr, "");
    let daemon = resuming();
    let printed = against(&daemon, &["resume", "bot", "--json"], b"").json();
    let expected = json!({ "schema": 1, "account": "bot", "notes": ["it was not paused"] });
    assert_eq!(printed, expected);
    let daemon = TestDaemon::serving(|peer| {
        let (id, _) = peer.request::<AccountResume>();
        let error = WireError::new(ErrorCode::NotAllowed, "only an administrator may do that");
        peer.refuse(id, &error);
    });
    let ran = against(&daemon, &["resume", "bot"], b"");
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Refused, ""));
}
