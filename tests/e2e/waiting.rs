//! Waiting for a comment as a person does it: on a terminal a bar, else plain lines; Ctrl-C and a
//! limit that end the wait and leave the job.

use std::process::Command;
use std::time::{Duration, Instant};

use comenq_proto::JobState;
use harness::daemon::Daemon;
use harness::github::{GithubStandin, Refusal, Scope};
use harness::programs::program;
use harness::pty::{CTRL_C, Terminal};

use crate::world::{ISSUE, OTHER, assert_posted_once, posts, world, world_with};

/// A daemon that has just posted and posts again in so many seconds.
fn busy(seconds: u64) -> (GithubStandin, Daemon) {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", seconds));
    daemon.wait_posted(daemon.submit(OTHER, "takes the slot").job.id);
    (standin, daemon)
}

#[test]
fn a_bar_goes_through_the_phases_and_the_url_is_the_last_line() {
    let (standin, daemon) = busy(6);
    daemon.submit(ISSUE, "before it");
    let terminal = daemon
        .cli(&["post", "--wait", ISSUE, "waited for"])
        .on_terminal(24, 80);
    terminal.shows("#3 for octo/demo#1: 2nd in line, in 0:0");
    terminal.shows("#3 for octo/demo#1: next in 0:0");
    terminal.until("the bar to grow", |screen| screen.contains("=>"));
    let left = terminal.end();
    assert_eq!(left.code, 0, "{left:?}");
    let job = daemon.job(3);
    assert_posted_once(&standin, &job, "waited for");
    let lines: Vec<_> = left.screen.lines().collect();
    assert!(lines[0].starts_with("queued #3 for octo/demo#1: 2nd in line"));
    assert_eq!(
        lines[1..],
        [&*job.comment_url.unwrap()],
        "nothing is left of the bar"
    );
}

#[test]
fn without_a_terminal_it_is_a_line_a_phase_and_the_url_alone_on_stdout() {
    let (_standin, daemon) = busy(5);
    daemon.submit(ISSUE, "before it");
    let done = daemon.cli(&["post", "--wait", ISSUE, "waited for"]).ok();
    let url = daemon.job(3).comment_url.unwrap();
    assert_eq!(done.stdout, format!("{url}\n"));
    let told: Vec<_> = done.stderr.lines().collect();
    assert!(told[0].starts_with("queued #3 for octo/demo#1: 2nd in line, expected about"));
    assert!(told[1].starts_with("#3 for octo/demo#1: 2nd in line, expected"));
    assert!(told[2].starts_with("#3 for octo/demo#1: next, expected"));
    assert_eq!(told.last(), Some(&"#3 for octo/demo#1: posted"));
    // Between them it may be seen as it is being posted.
    assert!((4..=5).contains(&told.len()), "{told:?}");
    assert!(!done.stderr.contains(['\r', '\u{1b}']), "{done:?}");
}

#[test]
fn a_script_on_a_terminal_reads_the_url_while_a_person_sees_the_bar() {
    let (_standin, daemon) = busy(3);
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "url=$(\"$0\" post --wait \"$1\" text); echo \"<$url>\"",
        ])
        .arg(program("comenq"))
        .arg(ISSUE)
        .env("COMENQ_SOCKET", daemon.socket())
        .env("NO_COLOR", "1");
    let terminal = Terminal::start(command, 24, 80);
    terminal.shows("#2 for octo/demo#1: next in 0:0");
    let left = terminal.end();
    let url = daemon.job(2).comment_url.unwrap();
    assert_eq!(left.screen.lines().last(), Some(&*format!("<{url}>")));
}

#[test]
fn ctrl_c_ends_the_wait_and_the_job_is_posted_all_the_same() {
    let (standin, daemon) = busy(8);
    let terminal = daemon
        .cli(&["post", "--wait", ISSUE, "goes on"])
        .on_terminal(24, 80);
    terminal.shows("next in 0:0");
    terminal.press(CTRL_C);
    let left = terminal.end();
    assert_eq!(left.code, 130, "{left:?}");
    // Wrapped where the terminal ends.
    let said = left.said.replace("\r\n", " ");
    for words in ["still queued", "comenq wait 2", "comenq cancel 2"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(daemon.job(2).state, JobState::Queued);
    let job = daemon.wait_posted(2);
    assert_posted_once(&standin, &job, "goes on");
    assert_eq!(posts(&standin).len(), 2);
}

#[test]
fn a_limit_that_is_too_short_ends_the_wait_only() {
    let (standin, daemon) = busy(5);
    let done = daemon.cli(&["post", "--wait=1s", ISSUE, "later"]).run();
    assert_eq!((done.code, done.stdout.as_str()), (7, ""), "{done:?}");
    assert!(
        done.stderr
            .contains("the time is up after 1 s, not finished: #2")
    );
    assert!(done.stderr.contains("stays queued"), "{done:?}");
    assert_eq!(daemon.job(2).state, JobState::Queued);
    let again = daemon.cli(&["wait", "2", "--timeout", "500ms"]).run();
    assert_eq!(again.code, 7, "{again:?}");
    let terminal = daemon
        .cli(&["wait", "2", "--timeout", "500ms"])
        .on_terminal(24, 80);
    let left = terminal.end();
    assert_eq!(left.code, 7);
    assert!(!left.screen.contains("next in"), "{}", left.screen);
    let done = daemon.cli(&["wait", "1", "2"]).ok();
    let told: Vec<_> = done.stdout.lines().collect();
    assert!(told[0].starts_with("#1 for octo/demo#2: posted http"));
    assert!(told[1].starts_with("#2 for octo/demo#1: posted http"));
    assert_posted_once(&standin, &daemon.job(2), "later");
}

#[test]
fn a_job_that_fails_ends_the_wait_with_6() {
    let (standin, daemon) = world();
    standin.refuse(Scope::Issue(ISSUE.parse().unwrap()), Refusal::NotFound);
    let done = daemon.cli(&["post", "--wait", ISSUE, "nowhere"]).run();
    assert_eq!((done.code, done.stdout.as_str()), (6, ""), "{done:?}");
    assert!(done.stderr.contains("comenq show 1"), "{done:?}");
    assert!(done.stderr.contains("comenq retry 1"), "{done:?}");
    let good = daemon.submit(OTHER, "somewhere").job.id;
    let terminal = daemon
        .cli(&["wait", "1", &good.to_string()])
        .on_terminal(24, 80);
    let left = terminal.end();
    assert_eq!(left.code, 6, "one of them will never be posted");
    assert!(left.screen.contains("#2 for octo/demo#2: posted http"));
    assert!(left.screen.contains("#1 for octo/demo#1: failed"));
}

#[test]
fn a_restart_of_the_daemon_is_not_noticed() {
    let (standin, mut daemon) = busy(6);
    let terminal = daemon
        .cli(&["post", "--wait", ISSUE, "through it"])
        .on_terminal(24, 80);
    terminal.shows("#2 for octo/demo#1: next in 0:0");
    daemon.kill9();
    daemon.start_again();
    let left = terminal.end();
    assert_eq!(left.code, 0, "{left:?}");
    let job = daemon.job(2);
    assert_posted_once(&standin, &job, "through it");
    assert_eq!(left.screen.lines().last(), job.comment_url.as_deref());
}

#[test]
fn the_limit_and_ctrl_c_also_hold_while_the_daemon_is_gone() {
    let (_standin, mut daemon) = busy(600);
    daemon.submit(ISSUE, "waits");
    let limited = daemon
        .cli(&["wait", "2", "--timeout", "4s"])
        .on_terminal(24, 80);
    limited.shows("next in");
    let terminal = daemon.cli(&["wait", "2"]).on_terminal(24, 80);
    terminal.shows("next in");
    let start = Instant::now();
    daemon.kill9();
    let left = limited.end();
    assert_eq!(left.code, 7, "{left:?}");
    assert!(start.elapsed() < Duration::from_secs(10));
    terminal.press(CTRL_C);
    let left = terminal.end();
    assert_eq!(left.code, 130);
    assert!(left.said.contains("comenq wait 2"), "{left:?}");
}
