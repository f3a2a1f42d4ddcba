//! What is fitted to a terminal: long lists go through a pager, tables have its width, colours
//! are where they are wanted, and `--watch` draws anew.

use std::fs;

use harness::cli::Cli;
use harness::daemon::{Daemon, submission};
use harness::github::GithubStandin;
use harness::pty::CTRL_C;
use harness::script::script;

use crate::world::{ISSUE, world_with};

/// A daemon with so many held jobs, for targets short and long.
fn with_jobs(count: u64) -> (GithubStandin, Daemon) {
    let (standin, daemon) = world_with(harness::setup::Setup::unlimited);
    let mut connection = daemon.connect();
    for number in 1..=count {
        let repo = "r".repeat(usize::try_from(number % 40).unwrap() + 1);
        let mut job = submission(&format!("octo/{repo}#{number}"), "text", None);
        job.hold = true;
        connection.call(&job).unwrap().unwrap();
    }
    (standin, daemon)
}

/// A pager that records what it is given.
fn pager(daemon: &Daemon, does: &str) -> String {
    let path = daemon.setup.path("pager");
    let record = daemon.setup.path("paged");
    script(&path, &format!("record={}\n{does}", record.display()));
    path.display().to_string()
}

fn paged(daemon: &Daemon) -> Option<String> {
    fs::read_to_string(daemon.setup.path("paged")).ok()
}

fn with_pager(daemon: &Daemon, words: &[&str], does: &str) -> Cli {
    daemon.cli(words).env("PAGER", pager(daemon, does))
}

#[test]
fn a_list_longer_than_the_screen_goes_through_the_pager_and_a_short_one_does_not() {
    let (_standin, daemon) = with_jobs(30);
    let keep = "cat > $record; echo \"LESS=$LESS\"";
    let left = with_pager(&daemon, &["list", "-n", "22"], keep)
        .on_terminal(24, 80)
        .end();
    assert_eq!(left.code, 0);
    assert!(left.screen.contains("octo/rr#1") && paged(&daemon).is_none());
    let left = with_pager(&daemon, &["list"], keep)
        .on_terminal(24, 80)
        .end();
    assert_eq!(left.code, 0);
    assert_eq!(left.screen.trim(), "LESS=FRX", "the pager has the list");
    let list = paged(&daemon).unwrap();
    assert_eq!(list.lines().count(), 31, "{list}");
    assert!(
        list.contains("octo/rr#1 ") && list.contains("#30 "),
        "{list}"
    );
    fs::remove_file(daemon.setup.path("paged")).unwrap();
    // What is no terminal is never paged.
    let done = with_pager(&daemon, &["list"], keep).ok();
    assert_eq!(done.stdout.lines().count(), 31);
    assert!(paged(&daemon).is_none());
    let left = with_pager(&daemon, &["list"], "exit 9")
        .env("COMENQ_PAGER", "cat")
        .on_terminal(24, 80)
        .end();
    assert_eq!((left.code, left.said.lines().count()), (0, 31));
}

#[test]
fn a_pager_that_is_left_early_or_is_not_there_is_no_error() {
    let (_standin, daemon) = with_jobs(300);
    let left = with_pager(&daemon, &["list"], "head -n 2; exit 3")
        .on_terminal(24, 80)
        .end();
    assert_eq!(left.code, 0, "{left:?}");
    assert_eq!(left.screen.lines().count(), 2, "{}", left.screen);
    let left = daemon
        .cli(&["list"])
        .env("PAGER", "/nowhere/pager")
        .on_terminal(24, 80)
        .end();
    assert_eq!(left.code, 0);
    assert!(
        left.said.contains("octo/rr#1 "),
        "the list all the same: {left:?}"
    );
    assert!(left.said.contains("#300 "), "all of it: {left:?}");
}

#[test]
fn ctrl_c_in_the_pager_is_the_pagers() {
    let (_standin, daemon) = with_jobs(30);
    let waits = "cat > $record; trap 'echo caught' INT; echo ready; until read -r _ </dev/tty; do :; done; echo bye";
    let terminal = with_pager(&daemon, &["list"], waits).on_terminal(24, 80);
    terminal.shows("ready");
    terminal.press(CTRL_C);
    terminal.shows("caught");
    terminal.press("\r");
    let left = terminal.end();
    assert_eq!(left.code, 0, "{left:?}");
    assert!(left.screen.contains("bye"), "comenq waited for its pager");
}

#[test]
fn watch_draws_anew_what_changed_until_ctrl_c() {
    let (_standin, daemon) = with_jobs(2);
    let terminal = daemon.cli(&["list", "--watch"]).on_terminal(24, 80);
    let screen = terminal.shows("octo/rrr#2");
    assert!(screen.contains("every 2 s, Ctrl-C ends"), "{screen}");
    daemon.cli(&["cancel", "2"]).ok();
    let screen = terminal.shows("cancelled");
    assert_eq!(screen.matches("octo/rrr#2").count(), 1, "{screen}");
    assert_eq!(screen.lines().count(), 4, "drawn over the first: {screen}");
    terminal.press(CTRL_C);
    let left = terminal.end();
    assert_eq!(left.code, 0, "{left:?}");
    assert!(left.screen.contains("octo/rr#1"), "the last one stays");
}

#[test]
fn watch_follows_the_size_of_the_terminal() {
    let (_standin, daemon) = with_jobs(30);
    let terminal = daemon.cli(&["list", "--watch"]).on_terminal(24, 120);
    let screen = terminal.shows("…");
    assert_eq!(screen.lines().count(), 23, "{screen}");
    terminal.resize(12, 60);
    let fits = |screen: &str| {
        screen.contains("every 2 s") && screen.lines().count() == 11 && screen.ends_with('…')
    };
    terminal.until("a list of the new size", fits);
}

#[test]
fn a_table_is_never_wider_than_the_terminal() {
    let (_standin, daemon) = with_jobs(45);
    daemon.cli(&["post", ISSUE, "x"]).ok();
    daemon.wait_posted(46);
    for columns in [40, 60, 80, 120] {
        for words in [&["list"][..], &["list", "--all"], &["history"]] {
            assert_fits(&daemon, words, columns);
        }
    }
    let wide = daemon.cli(&["list"]).ok().stdout;
    let longest = format!("octo/{}#39", "r".repeat(40));
    assert!(wide.contains(&longest), "elsewhere nothing is cut: {wide}");
}

fn assert_fits(daemon: &Daemon, words: &[&str], columns: u16) {
    let words = [words, &["--color", "never"]].concat();
    let cli = daemon.cli(&words).env("PAGER", "");
    let left = cli.on_terminal(24, columns).end();
    assert_eq!(left.code, 0, "{left:?}");
    for line in left.said.split("\r\n") {
        let width = line.chars().count();
        assert!(
            width <= usize::from(columns),
            "{words:?} on {columns} columns: {width} in {line:?}"
        );
    }
}

#[test]
fn nor_is_the_timeline() {
    let (_standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit(ISSUE, "takes the slot").job.id);
    for number in 2..6 {
        let repo = "r".repeat(number * 15);
        daemon.submit(&format!("octo/{repo}#{number}"), "text");
    }
    for columns in [60, 80, 120] {
        assert_fits(&daemon, &["list", "--timeline"], columns);
    }
}

#[test]
fn colours_are_for_terminals_and_for_whoever_wants_them() {
    let (_standin, daemon) = with_jobs(1);
    let bold = "\u{1b}[1m";
    let on_terminal = |words: &[&str], set: &[(&str, &str)]| {
        let cli = set
            .iter()
            .fold(daemon.cli(words), |cli, (name, value)| cli.env(name, value));
        cli.on_terminal(24, 80).end().said
    };
    assert!(on_terminal(&["list"], &[]).contains(bold));
    for set in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let said = on_terminal(&["list"], &[set]);
        assert!(
            said.contains("held") && !said.contains('\u{1b}'),
            "{said:?}"
        );
    }
    let set = [("NO_COLOR", "1")];
    assert!(on_terminal(&["list", "--color=always"], &set).contains(bold));
    assert!(on_terminal(&["list"], &[("NO_COLOR", "")]).contains(bold));
    assert!(!on_terminal(&["list", "--color", "never"], &[]).contains('\u{1b}'));
    let error = on_terminal(&["show", "9"], &[]);
    assert!(error.starts_with("\u{1b}[1m\u{1b}[31merror:"), "{error:?}");
    let piped = daemon.cli(&["list"]).ok().stdout;
    assert!(!piped.contains('\u{1b}'), "{piped:?}");
    let piped = daemon.cli(&["list", "--color=always"]).ok().stdout;
    assert!(piped.contains(bold), "{piped:?}");
}
