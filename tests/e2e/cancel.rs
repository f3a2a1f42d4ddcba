//! Cancelling in every state: what has not been sent never is, what may have
//! been sent is never sent again, and what was sent stays.

use comenq_proto::{ErrorCode, JobCancel, JobCancelReply, JobState, WireError};
use harness::daemon::Daemon;
use harness::github::{Answer, Fault, GithubStandin, Kind, Pause, Refusal, Scope};
use harness::wait;

use crate::world::{
    ISSUE, OTHER, SOON, arrived, assert_posted_once, assert_quiet, bodies, posts, world, world_with,
};

fn cancel(daemon: &Daemon, id: u64) -> Result<JobCancelReply, WireError> {
    daemon.connect().call(&JobCancel { id }).unwrap()
}

/// A job whose answer was lost and whose look cannot succeed yet.
fn uncertain(created: bool) -> (GithubStandin, Daemon, u64) {
    let (standin, daemon) = world();
    standin.refuse_only(Kind::Listing, Scope::Everything, Refusal::BadGateway);
    let lost = Fault::on_post().answer(Answer::Close);
    standin.fault(if created {
        lost
    } else {
        lost.without_creating()
    });
    let id = daemon.submit(ISSUE, "lost").job.id;
    daemon.wait_for(id, &[JobState::Uncertain]);
    (standin, daemon, id)
}

#[test]
fn a_queued_job_is_never_posted() {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 3));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    let id = daemon.submit(ISSUE, "regretted").job.id;
    let next = daemon.submit(ISSUE, "kept").job.id;
    let reply = cancel(&daemon, id).unwrap();
    assert_eq!(
        (reply.job.state, reply.may_have_been_posted),
        (JobState::Cancelled, false)
    );
    let again = cancel(&daemon, id).unwrap();
    assert_eq!(
        again.job.state,
        JobState::Cancelled,
        "repeating is harmless"
    );
    daemon.wait_posted(next);
    assert_eq!(bodies(&standin), ["first", "kept"]);
    assert_eq!(posts(&standin).len(), 2);
}

#[test]
fn a_job_being_posted_is_busy() {
    let (standin, daemon) = world();
    standin.fault(Fault::on_post().hold_before(Pause::UntilReleased));
    let id = daemon.submit(ISSUE, "on its way").job.id;
    arrived(&standin, Kind::Post, 1);
    let error = cancel(&daemon, id).unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::JobBusy, true));
    let done = daemon.cli(&["cancel", "--json", &id.to_string()]).run();
    assert_eq!(done.code, 5, "{done:?}");
    standin.release();
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "on its way");
}

#[test]
fn an_uncertain_job_is_never_posted_again() {
    let (standin, daemon, id) = uncertain(false);
    let reply = cancel(&daemon, id).unwrap();
    assert!(
        reply.may_have_been_posted && reply.job.cancel_requested,
        "{reply:?}"
    );
    standin.allow(&Scope::Everything);
    let job = daemon.wait_for(id, &[JobState::Cancelled]);
    assert_eq!(job.comment_id, None);
    assert_quiet(&standin);
    assert!(bodies(&standin).is_empty());
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn an_uncertain_job_that_was_posted_is_still_found() {
    let (standin, daemon, id) = uncertain(true);
    let done = daemon.cli(&["cancel", &id.to_string()]).ok();
    assert!(
        done.stdout.contains("may have been posted"),
        "{}",
        done.stdout
    );
    standin.allow(&Scope::Everything);
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "lost");
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn a_cancelled_question_outlives_the_daemon() {
    let (standin, mut daemon, id) = uncertain(false);
    cancel(&daemon, id).unwrap();
    daemon.kill9();
    daemon.start_again();
    assert!(daemon.job(id).cancel_requested);
    standin.allow(&Scope::Everything);
    daemon.wait_for(id, &[JobState::Cancelled]);
    assert_quiet(&standin);
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn finished_jobs_cannot_be_cancelled() {
    let (standin, daemon) = world();
    let posted = daemon.submit(ISSUE, "too late").job.id;
    daemon.wait_posted(posted);
    let error = cancel(&daemon, posted).unwrap_err();
    assert_eq!(
        (error.code, error.retryable),
        (ErrorCode::WrongState, false)
    );
    assert_eq!(daemon.cli(&["cancel", &posted.to_string()]).run().code, 5);
    assert_eq!(daemon.job(posted).state, JobState::Posted);
    assert_eq!(bodies(&standin), ["too late"]);
}

#[test]
fn a_job_that_waits_with_its_account_can_be_cancelled() {
    let (standin, daemon) = world();
    standin.go_offline().unwrap();
    let id = daemon.submit(ISSUE, "regretted").job.id;
    wait::until("the lane to be offline", SOON, || {
        (daemon.status().lanes[0].phase == "offline").then_some(())
    });
    assert_eq!(cancel(&daemon, id).unwrap().job.state, JobState::Cancelled);
    standin.go_online().unwrap();
    let kept = daemon.submit(OTHER, "kept").job.id;
    daemon.wait_posted(kept);
    assert_eq!(bodies(&standin), ["kept"]);
}

#[test]
fn what_does_not_exist_cannot_be_cancelled() {
    let (_standin, daemon) = world();
    assert_eq!(cancel(&daemon, 77).unwrap_err().code, ErrorCode::NoSuchJob);
    assert_eq!(cancel(&daemon, 0).unwrap_err().code, ErrorCode::InvalidId);
    assert_eq!(daemon.cli(&["cancel", "77"]).run().code, 5);
    for word in ["0", "-1", "x", ""] {
        assert_eq!(
            daemon.cli(&["cancel", "--", word]).run().code,
            2,
            "{word:?}"
        );
    }
}

#[test]
fn several_ids_at_once() {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    for number in 2..=4 {
        assert_eq!(daemon.submit(ISSUE, "regretted").job.id, number);
    }
    daemon.cli(&["cancel", "2", "#3"]).ok();
    let mixed = daemon.cli(&["cancel", "99", "4"]).run();
    assert_eq!(mixed.code, 5, "one of them does not exist: {mixed:?}");
    assert!(mixed.stderr.contains("99"));
    for number in 2..=4 {
        assert_eq!(daemon.job(number).state, JobState::Cancelled, "#{number}");
    }
    assert_eq!(bodies(&standin), ["first"]);
}
