//! Repositories and issues that live elsewhere by now: GitHub's redirects are followed within the
//! API, to where the rules allow it, by a new attempt.

use comenq_proto::{FailureCode, JobState};
use harness::daemon::Daemon;
use harness::github::{Answer, Fault, GithubStandin, Kind, Refusal, Target};

use crate::world::{
    ISSUE, OTHER, assert_posted_once, assert_spaced, bodies, posts, standin, world, world_with,
};

fn at(place: &str) -> Target {
    place.parse().unwrap()
}

/// Where each POST went.
fn places(standin: &GithubStandin) -> Vec<String> {
    let posts = posts(standin).into_iter();
    posts
        .map(|post| post.target.map(|it| it.to_string()).unwrap_or_default())
        .collect()
}

fn redirect(standin: &GithubStandin, status: u16, location: &str) {
    let location = location.to_owned();
    let refusal = Refusal::Redirect { status, location };
    standin.fault(
        Fault::on_post()
            .without_creating()
            .answer(Answer::Refuse(refusal)),
    );
}

/// A job that failed because of where it was pointed to.
fn dead_end((standin, daemon): (GithubStandin, Daemon), location: &str) -> String {
    redirect(&standin, 307, location);
    let job = daemon.wait_for(daemon.submit(ISSUE, "moved").job.id, &[JobState::Failed]);
    assert_eq!(job.failure, Some(FailureCode::Moved), "{job:?}");
    assert_eq!(posts(&standin).len(), 1);
    assert!(bodies(&standin).is_empty());
    job.last_error.unwrap()
}

#[test]
fn redirects_of_every_kind_lead_to_a_new_attempt_there() {
    for status in [301, 302, 307, 308] {
        let (standin, daemon) = world();
        redirect(&standin, status, "/repositories/1000000/issues/2/comments");
        let job = daemon.wait_posted(daemon.submit(ISSUE, "moved").job.id);
        assert_posted_once(&standin, &job, "moved");
        assert_eq!(job.moved_to.as_deref(), Some(OTHER), "{status}");
        assert_eq!(places(&standin), [ISSUE, OTHER]);
        assert_spaced(&standin, std::time::Duration::from_secs(1));
        let shown = daemon.cli(&["show", "1"]).ok().stdout;
        assert!(shown.contains("has moved to octo/demo#2"), "{shown}");
        assert!(shown.contains(&status.to_string()), "{shown}");
    }
}

#[test]
fn where_a_job_was_led_is_not_remembered_for_others() {
    let (standin, daemon) = world();
    redirect(&standin, 307, "/repositories/1000000/issues/2/comments");
    daemon.wait_posted(daemon.submit(ISSUE, "moved").job.id);
    daemon.wait_posted(daemon.submit(ISSUE, "stayed").job.id);
    assert_eq!(places(&standin), [ISSUE, OTHER, ISSUE]);
}

#[test]
fn a_renamed_repository_and_a_transferred_issue_are_found() {
    let (standin, daemon) = world();
    standin.add_issue("acme/tracker#40", false).unwrap();
    standin.rename("octo/demo", "octo/renamed").unwrap();
    standin
        .transfer(&at("octo/renamed#2"), &at("acme/tracker#77"))
        .unwrap();
    let renamed = daemon.submit(ISSUE, "renamed").job.id;
    let transferred = daemon.submit("octo/renamed#2", "transferred").job.id;
    let job = daemon.wait_posted(renamed);
    assert_posted_once(&standin, &job, "renamed");
    assert_eq!(job.moved_to.as_deref(), Some("octo/renamed#1"));
    let job = daemon.wait_posted(transferred);
    assert_posted_once(&standin, &job, "transferred");
    assert_eq!(job.moved_to.as_deref(), Some("acme/tracker#77"));
}

#[test]
fn another_host_port_or_scheme_is_never_visited() {
    let elsewhere = standin();
    let path = "/repositories/1000000/issues/2/comments";
    let (standin, daemon) = world();
    let other_scheme = standin.url().replace("http://", "https://");
    for (number, location) in [
        format!("{}{path}", elsewhere.url()),
        format!("//localhost:{}{path}", standin.address().port()),
        format!("{other_scheme}{path}"),
    ]
    .into_iter()
    .enumerate()
    {
        redirect(&standin, 307, &location);
        let job = daemon.wait_for(daemon.submit(ISSUE, "moved").job.id, &[JobState::Failed]);
        assert_eq!(job.failure, Some(FailureCode::Moved), "{job:?}");
        assert!(job.last_error.unwrap().contains(&location));
        assert_eq!(posts(&standin).len(), number + 1);
    }
    assert!(elsewhere.requests().is_empty(), "the location was visited");
    assert!(standin.requests_of(Kind::Repo).is_empty());
    assert!(bodies(&standin).is_empty());
}

#[test]
fn a_place_that_is_no_issue_or_is_not_there_ends_the_job() {
    for location in ["/user", "/repositories/7/issues/2/comments"] {
        let reason = dead_end(world(), location);
        assert!(
            reason.contains("moved") || reason.contains("307"),
            "{reason}"
        );
    }
}

#[test]
fn the_new_place_must_be_allowed_too() {
    let world = world_with(|setup| setup.raw("policy.allowed_repositories", "['octo/*']"));
    let (standin, daemon) = world;
    standin.add_issue("acme/tracker#1", false).unwrap();
    standin.transfer(&at(ISSUE), &at("acme/tracker#5")).unwrap();
    let job = daemon.wait_for(daemon.submit(ISSUE, "led away").job.id, &[JobState::Failed]);
    assert_eq!(job.failure, Some(FailureCode::Moved), "{job:?}");
    let reason = job.last_error.unwrap();
    assert!(
        reason.contains("acme/tracker") && reason.contains("allowed_repositories"),
        "{reason}"
    );
    assert!(bodies(&standin).is_empty());
}

#[test]
fn a_comment_lost_in_a_repository_that_moved_meanwhile_is_found() {
    let (standin, daemon) = world();
    standin.fault(Fault::on_post().answer(Answer::Close));
    let id = daemon.submit(ISSUE, "lost and moved").job.id;
    daemon.wait_for(id, &[JobState::Uncertain]);
    standin.rename("octo/demo", "octo/renamed").unwrap();
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "lost and moved");
    assert_eq!(posts(&standin).len(), 1);
}
