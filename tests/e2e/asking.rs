//! What is asked of a person on a terminal, and of nobody else.

use comenq_proto::JobState;
use harness::daemon::Daemon;
use harness::pty::{CTRL_C, CTRL_D};

use crate::world::{ISSUE, OTHER, bodies, world};

const CANCEL: [&str; 3] = ["cancel", "--state", "held"];
const QUESTION: &str = "cancel 3 jobs? [y/N]";

fn three_held() -> (harness::github::GithubStandin, Daemon) {
    let (standin, daemon) = world();
    for text in ["one", "two", "three"] {
        daemon.cli(&["post", "--hold", ISSUE, text]).ok();
    }
    (standin, daemon)
}

fn states(daemon: &Daemon) -> Vec<JobState> {
    (1..=3).map(|id| daemon.job(id).state).collect()
}

#[test]
fn several_jobs_are_cancelled_only_after_a_yes() {
    let (_standin, daemon) = three_held();
    for (keys, code) in [
        ("n\r", 2),
        ("\r", 2),
        ("yeah\r", 2),
        (CTRL_D, 2),
        (CTRL_C, 130),
    ] {
        let terminal = daemon.cli(&CANCEL).on_terminal(24, 80);
        let screen = terminal.shows(QUESTION);
        assert!(screen.contains("#2 held octo/demo#1"), "{screen}");
        terminal.press(keys);
        let left = terminal.end();
        assert_eq!(left.code, code, "{keys:?}: {left:?}");
        assert_eq!(states(&daemon), [JobState::Held; 3], "{keys:?}");
    }
    let terminal = daemon.cli(&CANCEL).on_terminal(24, 80);
    terminal.shows(QUESTION);
    terminal.press("y\r");
    let left = terminal.end();
    assert_eq!(left.code, 0, "{left:?}");
    assert_eq!(states(&daemon), [JobState::Cancelled; 3]);
}

#[test]
fn whoever_said_yes_or_is_no_person_is_not_asked() {
    let (_standin, daemon) = three_held();
    let terminal = daemon.cli(&["cancel", "1..2"]).on_terminal(24, 80);
    terminal.shows("cancel 2 jobs? [y/N]");
    terminal.press("n\r");
    assert_eq!(terminal.end().code, 2, "a range is several, too");
    for words in [&["hold", "1", "2"][..], &["cancel", "1..2", "-y"]] {
        let left = daemon.cli(words).on_terminal(24, 80).end();
        assert_eq!(left.code, 0, "{left:?}");
        assert!(!left.said.contains("[y/N]"), "{words:?}: {left:?}");
    }
    let done = daemon.cli(&CANCEL).ok();
    assert!(!done.stderr.contains("[y/N]"), "{done:?}");
    assert_eq!(states(&daemon), [JobState::Cancelled; 3]);
    daemon.cli(&["post", "--hold", OTHER, "alone"]).ok();
    let left = daemon.cli(&CANCEL).on_terminal(24, 80).end();
    assert_eq!(left.code, 0, "one job is not worth a question: {left:?}");
    assert_eq!(daemon.job(4).state, JobState::Cancelled);
}

#[test]
fn a_post_without_a_text_says_what_it_waits_for() {
    let (standin, daemon) = world();
    let terminal = daemon.cli(&["post", ISSUE]).on_terminal(24, 80);
    terminal.shows("Ctrl-D on a line of its own ends it");
    terminal.press("typed by hand\rin two lines\r");
    terminal.press(CTRL_D);
    let left = terminal.end();
    assert_eq!(left.code, 0, "{left:?}");
    daemon.wait_posted(1);
    assert_eq!(bodies(&standin), ["typed by hand\nin two lines\n"]);
    let piped = daemon.cli(&["post", ISSUE]).stdin("piped").ok();
    assert_eq!(piped.stderr, "");
    let given_up = daemon.cli(&["post", ISSUE]).on_terminal(24, 80);
    given_up.shows("Ctrl-D");
    given_up.press("half a");
    given_up.press(CTRL_C);
    assert_eq!(given_up.end().code, 130);
    assert_eq!(daemon.status().counts.values().sum::<u64>(), 2);
}
