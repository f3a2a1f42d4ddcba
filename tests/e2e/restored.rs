//! A queue that wakes up on another machine, and a disk that refuses: nothing
//! is posted twice and nothing acknowledged that is not stored.

use comenq_proto::{ErrorCode, JobState};
use harness::daemon::Daemon;
use harness::github::{GithubStandin, Kind, LOGIN};
use harness::needs;
use harness::setup::Setup;

use crate::world::{ISSUE, OTHER, assert_quiet, assert_refused, bodies, posts, world_with};

const MACHINE_ID: &str = "/etc/machine-id";

/// Makes the daemon believe that it is on another machine.
fn move_house(setup: &mut Setup) {
    let other = setup.path("machine-id");
    std::fs::write(&other, "0123456789abcdef0123456789abcdef\n").unwrap();
    let script = format!(
        "mount --bind {} {MACHINE_ID} && exec \"$@\"",
        other.display()
    );
    setup.wrap(&["unshare", "-m", "/bin/sh", "-c", &script, "sh"]);
}

fn moved(hold: bool) -> Option<(GithubStandin, Daemon)> {
    if !needs::root() || !needs::file(MACHINE_ID) {
        return None;
    }
    let (standin, mut daemon) = world_with(|setup| {
        setup
            .number("cooldown_period_seconds", 3)
            .raw("hold_restored_jobs", if hold { "true" } else { "false" })
    });
    daemon.wait_posted(daemon.submit(OTHER, "before the move").job.id);
    daemon.submit(ISSUE, "packed");
    daemon.term();
    move_house(&mut daemon.setup);
    daemon.start_again();
    Some((standin, daemon))
}

#[test]
fn on_another_machine_unfinished_jobs_are_held() {
    let Some((standin, mut daemon)) = moved(true) else {
        return;
    };
    assert_eq!(daemon.job(2).state, JobState::Held);
    assert_eq!(
        daemon.job(1).state,
        JobState::Posted,
        "what is finished stays so"
    );
    assert_quiet(&standin);
    let fresh = daemon.submit(ISSUE, "unpacked here").job.id;
    daemon.wait_posted(fresh);
    assert_eq!(bodies(&standin), ["before the move", "unpacked here"]);
    daemon.restart();
    assert_eq!(daemon.job(2).state, JobState::Held, "and stay held");
    daemon.cli(&["cancel", "2"]).ok();
    assert_eq!(daemon.job(2).state, JobState::Cancelled);
}

#[test]
fn a_released_job_that_the_other_machine_posted_is_found() {
    let Some((standin, daemon)) = moved(true) else {
        return;
    };
    // As if the other machine had gone on.
    let target = ISSUE.parse().unwrap();
    let comment = standin.add_comment(&target, LOGIN, "packed", 3_600);
    let posts = posts(&standin).len();
    let shown = daemon.cli(&["show", "2"]).ok().stdout;
    assert!(shown.contains("another host may have posted it"), "{shown}");
    daemon.cli(&["release", "2"]).ok();
    let job = daemon.wait_posted(2);
    assert_eq!(job.comment_id, Some(comment));
    assert_eq!(crate::world::posts(&standin).len(), posts);
}

#[test]
fn a_released_job_that_nobody_posted_is_posted_once() {
    let Some((standin, daemon)) = moved(true) else {
        return;
    };
    let target = ISSUE.parse().unwrap();
    standin.add_comment(&target, LOGIN, "something else", 60);
    standin.add_comment(&target, "a-human", "packed", 60);
    daemon.cli(&["release", "2"]).ok();
    let job = daemon.wait_posted(2);
    assert!(
        standin.requests_of(Kind::Listing).len() >= 2,
        "looked first"
    );
    assert_eq!(posts(&standin).len(), 2);
    assert_eq!(job.attempts, 1);
    assert_eq!(
        bodies(&standin),
        ["before the move", "something else", "packed"]
    );
}

#[test]
fn a_restored_job_is_edited_by_nobody_and_can_be_dropped() {
    let Some((standin, daemon)) = moved(true) else {
        return;
    };
    let done = daemon.cli(&["edit", "--json", "2", "another text"]).run();
    assert_refused(&done, 5, ErrorCode::Unresolved);
    daemon.cli(&["cancel", "2"]).ok();
    assert_quiet(&standin);
}

#[test]
fn the_switch_lets_them_go_on() {
    let Some((standin, daemon)) = moved(false) else {
        return;
    };
    daemon.wait_posted(2);
    assert_eq!(bodies(&standin), ["before the move", "packed"]);
}
