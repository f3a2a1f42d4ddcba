//! GitHub's lasting refusals of one job: a dead letter that quotes GitHub, and
//! a queue that goes on.

use comenq_proto::JobState;
use harness::github::{Answer, Fault, Refusal, Scope};

use crate::world::{
    ISSUE, OTHER, arrived, assert_quiet, bodies, posts, with_default_waits, world, world_with,
};

#[test]
fn a_lasting_refusal_is_a_dead_letter_with_githubs_words() {
    for (refusal, words) in [
        (Refusal::NotFound, "Not Found"),
        (Refusal::IssueDeleted, "This issue was deleted"),
        (
            Refusal::IssuesDisabled,
            "Issues has been disabled in this repository.",
        ),
        (
            Refusal::BodyTooLong,
            "Body is too long (maximum is 65536 characters)",
        ),
        (Refusal::UserBlocked, "User is blocked"),
        (Refusal::MissingField, "wasn't supplied"),
        (Refusal::Spam, "spam"),
        (
            Refusal::Locked,
            "Unable to create comment because issue is locked.",
        ),
        (
            Refusal::Archived,
            "Repository was archived so is read-only.",
        ),
        (
            Refusal::IntegrationForbidden,
            "Resource not accessible by integration",
        ),
        (
            Refusal::PersonalTokenForbidden,
            "Resource not accessible by personal access token",
        ),
    ] {
        let (standin, daemon) = world();
        standin.refuse(Scope::Issue(ISSUE.parse().unwrap()), refusal.clone());
        let dead = daemon.submit(ISSUE, "refused").job.id;
        let fine = daemon.submit(OTHER, "not refused").job.id;
        let job = daemon.wait_for(dead, &[JobState::Failed]);
        let error = job.last_error.unwrap();
        assert!(error.contains(words), "{refusal:?}: {error}");
        assert_eq!(job.attempts, 1);
        daemon.wait_posted(fine);
        assert_eq!(posts(&standin).len(), 2, "{refusal:?} was tried again");
        assert_eq!(bodies(&standin), ["not refused"]);
        let shown = daemon.cli(&["show", &dead.to_string()]).ok().stdout;
        assert!(shown.contains("failed") && shown.contains(words), "{shown}");
    }
}

#[test]
fn missing_permissions_are_named() {
    let (standin, daemon) = world();
    standin.refuse(Scope::Everything, Refusal::IntegrationForbidden);
    let job = daemon.wait_for(daemon.submit(ISSUE, "x").job.id, &[JobState::Failed]);
    let error = job.last_error.unwrap();
    assert!(
        error.contains("issues=write"),
        "X-Accepted-GitHub-Permissions: {error}"
    );
}

#[test]
fn a_dead_letter_does_not_hold_back_its_issue() {
    let (standin, daemon) = world();
    let dead = Fault::on_post()
        .without_creating()
        .answer(Answer::Refuse(Refusal::Spam));
    standin.fault(dead);
    let first = daemon.submit(ISSUE, "spam").job.id;
    let second = daemon.submit(ISSUE, "no spam").job.id;
    daemon.wait_for(first, &[JobState::Failed]);
    daemon.wait_posted(second);
    assert_eq!(bodies(&standin), ["no spam"]);
}

#[test]
fn a_dead_letter_stays_dead_over_a_restart() {
    let (standin, mut daemon) = world();
    standin.refuse(Scope::Issue(ISSUE.parse().unwrap()), Refusal::Locked);
    let id = daemon.submit(ISSUE, "locked out").job.id;
    let error = daemon.wait_for(id, &[JobState::Failed]).last_error;
    standin.allow(&Scope::Issue(ISSUE.parse().unwrap()));
    daemon.kill9();
    daemon.start_again();
    assert_quiet(&standin);
    let job = daemon.job(id);
    assert_eq!((job.state, job.last_error), (JobState::Failed, error));
}

#[test]
fn what_github_calls_too_quick_is_no_dead_letter() {
    let (standin, daemon) = world_with(with_default_waits);
    standin.refuse(Scope::Everything, Refusal::TooQuickly);
    let id = daemon.submit(ISSUE, "hasty").job.id;
    arrived(&standin, harness::github::Kind::Post, 1);
    assert_quiet(&standin);
    let job = daemon.job(id);
    assert!(!job.state.is_finished(), "{job:?}");
}
