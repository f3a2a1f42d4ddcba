//! The pace: never two POSTs closer than the cooldown, whatever happens to the
//! daemon in between; and no longer a wait than needed.

use std::time::{Duration, Instant};

use comenq_proto::JobState;
use harness::daemon::Daemon;
use harness::github::{Answer, Fault, GithubStandin, Kind};
use harness::wait;

use crate::world::{
    A_WHILE, ISSUE, OTHER, SOON, arrived, assert_spaced, bodies, gaps, posts, world_with,
};

fn paced(seconds: u64) -> (GithubStandin, Daemon) {
    world_with(|setup| setup.number("cooldown_period_seconds", seconds))
}

#[test]
fn posts_keep_their_distance_over_all_issues() {
    let (standin, daemon) = paced(2);
    for (target, text) in [
        (ISSUE, "a"),
        (OTHER, "b"),
        ("octo/demo#3", "c"),
        (ISSUE, "d"),
    ] {
        daemon.submit(target, text);
    }
    daemon.wait_posted(4);
    assert_eq!(posts(&standin).len(), 4);
    assert_spaced(&standin, Duration::from_secs(2));
    for gap in gaps(&standin) {
        assert!(gap < Duration::from_secs(4), "a needless wait: {gap:?}");
    }
}

#[test]
fn the_first_post_goes_at_once() {
    let (standin, daemon) = paced(600);
    let start = Instant::now();
    daemon.wait_posted(daemon.submit(ISSUE, "now").job.id);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(bodies(&standin), ["now"]);
}

#[test]
fn a_restart_in_the_cooldown_keeps_it() {
    for crash in [false, true] {
        let (standin, mut daemon) = paced(4);
        daemon.wait_posted(daemon.submit(ISSUE, "before").job.id);
        let waiting = daemon.submit(ISSUE, "after").job.id;
        if crash {
            daemon.kill9();
        } else {
            daemon.term();
        }
        daemon.start_again();
        daemon.wait_posted(waiting);
        assert_spaced(&standin, Duration::from_secs(4));
        assert!(
            gaps(&standin)[0] < Duration::from_secs(10),
            "one interval at most"
        );
    }
}

#[test]
fn many_restarts_do_not_add_up() {
    let (standin, mut daemon) = paced(5);
    daemon.wait_posted(daemon.submit(ISSUE, "before").job.id);
    let waiting = daemon.submit(ISSUE, "after").job.id;
    for _ in 0..4 {
        daemon.kill9();
        daemon.start_again();
    }
    daemon.wait_posted(waiting);
    assert_spaced(&standin, Duration::from_secs(5));
    assert!(
        gaps(&standin)[0] < Duration::from_secs(10),
        "{:?}",
        gaps(&standin)
    );
}

#[test]
fn a_refused_post_counts_too() {
    let (standin, daemon) = paced(3);
    let gone = daemon.submit("octo/demo#404", "nobody there").job.id;
    let fine = daemon.submit(ISSUE, "somebody here").job.id;
    daemon.wait_for(gone, &[JobState::Failed]);
    daemon.wait_posted(fine);
    assert_spaced(&standin, Duration::from_secs(3));
}

#[test]
fn a_lost_answer_counts_too() {
    let (standin, daemon) = paced(3);
    standin.fault(Fault::on_post().without_creating().answer(Answer::Close));
    let lost = daemon.submit(ISSUE, "lost").job.id;
    let next = daemon.submit(OTHER, "next").job.id;
    daemon.wait_posted(next);
    daemon.wait_posted(lost);
    assert_eq!(posts(&standin).len(), 3);
    assert_spaced(&standin, Duration::from_secs(3));
}

#[test]
fn what_was_surely_not_sent_costs_no_pace() {
    let (standin, daemon) = paced(120);
    standin.go_offline().unwrap();
    let job = daemon.submit(ISSUE, "patience").job.id;
    wait::until("the lane to say that it is offline", SOON, || {
        daemon
            .status()
            .lanes
            .iter()
            .any(|lane| lane.phase == "offline")
            .then_some(())
    });
    assert_eq!(daemon.job(job).state, JobState::Queued);
    assert_eq!(daemon.job(job).attempts, 0, "nothing was sent");
    standin.go_online().unwrap();
    let job = daemon.wait_posted(job);
    assert_eq!(job.attempts, 1);
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn a_long_cooldown_is_waited_for() {
    let (standin, daemon) = paced(600);
    daemon.wait_posted(daemon.submit(ISSUE, "first").job.id);
    let second = daemon.submit(ISSUE, "second");
    let expected = second.expected_at_ms.unwrap() - second.job.created_at_ms;
    assert!((580_000..=601_000).contains(&expected), "{expected} ms");
    wait::never("the second POST", A_WHILE, || posts(&standin).len() > 1);
}

#[test]
fn only_one_post_is_under_way_at_a_time() {
    let (standin, daemon) = paced(1);
    let slow = harness::github::Pause::Ms(2_500);
    standin.fault(Fault::on_post().times(2).hold_after(slow));
    for target in [ISSUE, OTHER, "octo/demo#3"] {
        daemon.submit(target, "x");
    }
    daemon.wait_posted(3);
    let posts = arrived(&standin, Kind::Post, 3);
    for pair in posts.windows(2) {
        let rest = pair[1]
            .received_ms
            .saturating_sub(pair[0].answered_ms.unwrap());
        assert!(
            rest + 3 >= 1_000,
            "{rest} ms after the answer, the cooldown is a second"
        );
    }
}
