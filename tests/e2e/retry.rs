//! Dead letters: they keep everything, can be revived singly or by reason, and one that may have
//! been posted is looked for before it is posted again.

use comenq_proto::{FailureCode, JobState};
use harness::daemon::Daemon;
use harness::github::{Answer, Fault, GithubStandin, Kind, Refusal, Scope};
use harness::needs;

use crate::world::{
    ANN, BEN, ISSUE, OTHER, assert_posted_once, bodies, post_as, posts, run_as, world, world_with,
};

const ABSENT: &str = "octo/demo#404";

fn revived(done: &harness::cli::Done) -> Vec<u64> {
    let json = done.json();
    let ids = json["retried"].as_array().unwrap();
    ids.iter().map(|id| id.as_u64().unwrap()).collect()
}

#[test]
fn every_dead_letter_says_why_and_keeps_its_text() {
    for (refusal, failure) in [
        (Refusal::NotFound, FailureCode::NotFound),
        (Refusal::IssueDeleted, FailureCode::Gone),
        (Refusal::IssuesDisabled, FailureCode::Gone),
        (Refusal::Locked, FailureCode::Locked),
        (Refusal::Archived, FailureCode::Archived),
        (Refusal::IntegrationForbidden, FailureCode::NoPermission),
        (Refusal::PersonalTokenForbidden, FailureCode::NoPermission),
        (Refusal::UserBlocked, FailureCode::NotWelcome),
        (Refusal::BodyTooLong, FailureCode::Rejected),
        (Refusal::Spam, FailureCode::Rejected),
    ] {
        let (standin, daemon) = world();
        standin.refuse_only(Kind::Post, Scope::Everything, refusal.clone());
        let id = daemon.submit(ISSUE, "a letter").job.id;
        let job = daemon.wait_for(id, &[JobState::Failed]);
        assert_eq!(job.failure, Some(failure), "{refusal:?}: {job:?}");
        assert_eq!(job.body.as_deref(), Some("a letter"));
        assert!(!job.may_have_been_posted);
        standin.allow(&Scope::Everything);
        daemon.cli(&["retry", &id.to_string()]).ok();
        let job = daemon.wait_posted(id);
        assert_posted_once(&standin, &job, "a letter");
        assert_eq!((job.failure, job.attempts), (None, 2));
    }
}

#[test]
fn all_of_one_reason_are_revived_together() {
    let (standin, daemon) = world();
    let locked: harness::github::Target = OTHER.parse().unwrap();
    standin.refuse(Scope::Issue(locked), Refusal::Locked);
    let absent = [1, 2, 3].map(|number| daemon.submit(ABSENT, &format!("{number}")).job.id);
    let locked = daemon.submit(OTHER, "locked").job.id;
    for id in absent.into_iter().chain([locked]) {
        daemon.wait_for(id, &[JobState::Failed]);
    }
    standin.add_issue(ABSENT, false).unwrap();
    let done = daemon
        .cli(&["retry", "--json", "--reason", "not_found"])
        .ok();
    let mut ids = revived(&done);
    ids.sort_unstable();
    assert_eq!(ids, absent);
    for id in absent {
        daemon.wait_posted(id);
    }
    assert_eq!(bodies(&standin), ["1", "2", "3"], "in their old order");
    assert_eq!(daemon.job(locked).state, JobState::Failed);
    let none = daemon.cli(&["retry", "--reason", "not_found"]).ok();
    assert!(none.stdout.contains("no job"), "{none:?}");
}

#[test]
fn by_reason_everybody_revives_their_own_and_root_all() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = world();
    let ann = post_as(&daemon, ANN, ABSENT, "ann");
    let ben = post_as(&daemon, BEN, ABSENT, "ben");
    for id in [ann, ben] {
        daemon.wait_for(id, &[JobState::Failed]);
    }
    let words = ["retry", "--json", "--reason", "not_found"];
    assert_eq!(revived(&run_as(&daemon, ANN, &words)), [ann]);
    daemon.wait_for(ann, &[JobState::Failed]);
    assert_eq!(daemon.job(ben).attempts, 1);
    let mut all = revived(&daemon.cli(&words).ok());
    all.sort_unstable();
    assert_eq!(all, [ann, ben]);
}

/// A job whose comment is there with another text: nobody knows whether it is the job's.
fn ambiguous() -> (GithubStandin, Daemon, u64) {
    let (standin, daemon) = world();
    let rewrite = harness::github::Change::Append(" (edited)".to_owned());
    standin.fault(Fault::on_post().change(rewrite).answer(Answer::Close));
    let id = daemon.submit(ISSUE, "which one?").job.id;
    let job = daemon.wait_for(id, &[JobState::Failed]);
    assert_eq!(job.failure, Some(FailureCode::OutcomeUnknown));
    assert!(job.may_have_been_posted);
    assert_eq!(posts(&standin).len(), 1);
    (standin, daemon, id)
}

#[test]
fn one_of_unknown_outcome_is_looked_for_and_found() {
    let (standin, daemon, id) = ambiguous();
    standin.edit_comment(standin.comments()[0].id, "which one?");
    let done = daemon.cli(&["retry", &id.to_string()]).ok();
    assert!(done.stdout.contains("GitHub is asked first"), "{done:?}");
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "which one?");
    assert_eq!(posts(&standin).len(), 1, "posted again though it was there");
}

#[test]
fn one_of_unknown_outcome_is_never_posted_without_a_look() {
    let (standin, daemon, id) = ambiguous();
    daemon.cli(&["retry", &id.to_string()]).ok();
    let job = daemon.wait_for(id, &[JobState::Failed]);
    assert_eq!(job.failure, Some(FailureCode::OutcomeUnknown));
    assert_eq!(
        posts(&standin).len(),
        1,
        "still ambiguous, still not posted"
    );
}

#[test]
fn attempts_are_bounded_and_a_retry_begins_to_count_anew() {
    let (standin, daemon) = world_with(|setup| setup.number("max_attempts", 2));
    let lost = Fault::on_post().without_creating().answer(Answer::Close);
    standin.fault(lost.times(3));
    let id = daemon.submit(ISSUE, "persistent").job.id;
    let job = daemon.wait_for(id, &[JobState::Failed]);
    assert_eq!(posts(&standin).len(), 2);
    let failure = job.failure.unwrap();
    assert!(
        [FailureCode::TooManyAttempts, FailureCode::OutcomeUnknown].contains(&failure),
        "{job:?}"
    );
    daemon.cli(&["retry", &id.to_string()]).ok();
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "persistent");
    assert_eq!((posts(&standin).len(), job.attempts), (4, 4));
}
