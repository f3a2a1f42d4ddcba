//! Wrong clocks, GitHub's and ours, by minutes and by years: what is ours is
//! still found, and the pace neither breaks nor stalls.

use std::time::Duration;

use harness::github::{Answer, Config, Fault, GithubStandin, Refusal};
use harness::setup::Setup;

use crate::world::{ISSUE, assert_posted_once, assert_spaced, gaps, posts, standin};

const MINUTES: i64 = 60;
const YEARS: i64 = 365 * 86_400;
/// What a wrong clock may be off by.
const OFFSETS: [i64; 4] = [-20 * YEARS, -10 * MINUTES, 10 * MINUTES, 20 * YEARS];
/// The same for our side, as libfaketime writes it.
const OUR_OFFSETS: [&str; 4] = ["-20y", "-10m", "+10m", "+10y"];

fn skewed(offset: i64) -> GithubStandin {
    let config = Config {
        clock_offset_seconds: offset,
        ..Config::example()
    };
    GithubStandin::start(config).unwrap()
}

#[test]
fn githubs_clock_is_wrong_and_the_lost_comment_is_found() {
    for offset in OFFSETS {
        let standin = skewed(offset);
        let daemon = Setup::for_standin(&standin).start();
        standin.fault(Fault::on_post().answer(Answer::Close));
        let job = daemon.wait_posted(daemon.submit(ISSUE, "when is now?").job.id);
        assert_posted_once(&standin, &job, "when is now?");
        assert_eq!(posts(&standin).len(), 1, "{offset} s");
    }
}

#[test]
fn githubs_clock_is_wrong_and_the_comment_was_never_made() {
    for offset in OFFSETS {
        let standin = skewed(offset);
        let daemon = Setup::for_standin(&standin).start();
        let lost = Fault::on_post().without_creating().answer(Answer::Close);
        standin.fault(lost);
        let job = daemon.wait_posted(daemon.submit(ISSUE, "when is now?").job.id);
        assert_posted_once(&standin, &job, "when is now?");
        assert_eq!(posts(&standin).len(), 2, "{offset} s");
    }
}

#[test]
fn our_clock_is_wrong_and_the_lost_comment_is_found() {
    for offset in OUR_OFFSETS {
        let standin = standin();
        let daemon = Setup::for_standin(&standin).wall_clock(offset).start();
        standin.fault(Fault::on_post().answer(Answer::Close));
        let job = daemon.wait_posted(daemon.submit(ISSUE, "when is now?").job.id);
        assert_posted_once(&standin, &job, "when is now?");
        assert_eq!(posts(&standin).len(), 1, "{offset}");
    }
}

#[test]
fn our_clock_jumps_over_a_restart_and_the_pace_holds() {
    for offset in OUR_OFFSETS {
        let standin = standin();
        let setup = Setup::for_standin(&standin).number("cooldown_period_seconds", 4);
        let mut daemon = setup.start();
        daemon.wait_posted(daemon.submit(ISSUE, "before").job.id);
        let waiting = daemon.submit(ISSUE, "after").job.id;
        daemon.kill9();
        daemon.setup.set_wall_clock(offset);
        daemon.start_again();
        daemon.wait_posted(waiting);
        assert_spaced(&standin, Duration::from_secs(4));
        assert!(
            gaps(&standin)[0] < Duration::from_secs(12),
            "{offset}: {:?}",
            gaps(&standin)
        );
    }
}

#[test]
fn a_crash_between_two_wrong_clocks_posts_once() {
    for (before, after) in [("+10y", "-20y"), ("-10m", "+10m")] {
        let standin = standin();
        let mut daemon = Setup::for_standin(&standin).wall_clock(before).start();
        let hold = harness::github::Pause::UntilReleased;
        standin.fault(Fault::on_post().hold_after(hold));
        let id = daemon.submit(ISSUE, "in between").job.id;
        crate::world::arrived(&standin, harness::github::Kind::Post, 1);
        daemon.kill9();
        standin.release();
        daemon.setup.set_env("FAKETIME", Some(after));
        daemon.start_again();
        let job = daemon.wait_posted(id);
        assert_posted_once(&standin, &job, "in between");
        assert_eq!(posts(&standin).len(), 1, "{before} then {after}");
    }
}

#[test]
fn a_reset_is_a_distance_not_a_time() {
    for offset in OFFSETS {
        let standin = skewed(offset);
        let daemon = Setup::for_standin(&standin).start();
        let refusal = Refusal::RateLimited {
            reset_in_seconds: 4,
            status: 403,
        };
        let limited = Fault::on_post()
            .without_creating()
            .answer(Answer::Refuse(refusal));
        standin.fault(limited);
        daemon.wait_posted(daemon.submit(ISSUE, "after the reset").job.id);
        let gap = gaps(&standin)[0];
        assert!(
            (3.9..9.0).contains(&gap.as_secs_f64()),
            "{offset} s: waited {gap:?} for 4 s"
        );
    }
}

#[test]
fn a_reset_that_makes_no_sense_is_capped() {
    let standin = standin();
    let daemon = Setup::for_standin(&standin).start();
    let refusal = Refusal::RateLimited {
        reset_in_seconds: 50 * YEARS,
        status: 403,
    };
    standin.fault(
        Fault::on_post()
            .without_creating()
            .answer(Answer::Refuse(refusal)),
    );
    let id = daemon.submit(ISSUE, "in fifty years").job.id;
    let lane = harness::wait::until("the lane to be limited", crate::world::SOON, || {
        daemon
            .status()
            .lanes
            .into_iter()
            .find(|lane| lane.phase == "limited")
    });
    let wait = lane.next_post_at_ms.unwrap() - jiff::Timestamp::now().as_millisecond();
    assert!(wait < 25 * 3_600_000, "{wait} ms");
    assert!(!daemon.job(id).state.is_finished());
}
