//! Comments written in an editor, on a terminal: what the editor is shown, what becomes of the
//! text, and that none is lost.

use std::fs;
use std::path::PathBuf;

use comenq_proto::JobState;
use harness::cli::Cli;
use harness::daemon::Daemon;
use harness::programs::program;
use harness::pty::CTRL_C;
use harness::script::script;

use crate::world::{ISSUE, OTHER, assert_posted_once, bodies, world, world_with};

/// An editor that keeps what it was shown in `shown`, and then does this with the file `$1`.
fn editor(daemon: &Daemon, does: &str) -> String {
    let (path, shown) = (daemon.setup.path("ed"), daemon.setup.path("shown"));
    script(&path, &format!("cp \"$1\" {}\n{does}", shown.display()));
    path.display().to_string()
}

fn shown(daemon: &Daemon) -> String {
    fs::read_to_string(daemon.setup.path("shown")).unwrap()
}

/// Where drafts are made, and which there are.
fn drafts(daemon: &Daemon) -> (PathBuf, Vec<PathBuf>) {
    let directory = daemon.setup.path("drafts");
    fs::create_dir_all(&directory).unwrap();
    let entries = fs::read_dir(&directory).unwrap();
    let drafts = entries.map(|entry| entry.unwrap().path()).collect();
    (directory, drafts)
}

fn with_drafts(daemon: &Daemon, cli: Cli) -> Cli {
    cli.env("TMPDIR", drafts(daemon).0)
}

fn cli(daemon: &Daemon, words: &[&str]) -> Cli {
    with_drafts(daemon, daemon.cli(words))
}

fn assert_nothing_queued(daemon: &Daemon) {
    assert_eq!(daemon.status().counts.values().sum::<u64>(), 0);
}

#[test]
fn the_text_is_posted_and_the_note_names_the_target() {
    let (standin, daemon) = world();
    let editor = editor(
        &daemon,
        "[ \"$2\" = \"\" ] && printf 'from the editor\\n' | cat - \"$1\" > \"$1.new\" && mv \"$1.new\" \"$1\"",
    );
    let terminal = cli(&daemon, &["post", "-e", "--wait", ISSUE])
        .env("VISUAL", &editor)
        .env("EDITOR", "false")
        .on_terminal(24, 80);
    assert_eq!(terminal.end().code, 0);
    assert!(shown(&daemon).contains("the comment for octo/demo#1"));
    assert_posted_once(&standin, &daemon.job(1), "from the editor");
    assert_eq!(bodies(&standin), ["from the editor"], "nothing but it");
    assert!(drafts(&daemon).1.is_empty(), "{:?}", drafts(&daemon));
    // What is given is what the editor opens on; an editor may have arguments.
    let terminal = cli(&daemon, &["post", "-e", OTHER, "a beginning"])
        .env("EDITOR", "sed -i -e 's/beginning/good &/'")
        .on_terminal(24, 80);
    assert_eq!(terminal.end().code, 0);
    daemon.wait_posted(2);
    assert_eq!(bodies(&standin)[1], "a good beginning");
}

#[test]
fn an_empty_text_or_an_editor_that_fails_queues_nothing() {
    let (_standin, daemon) = world();
    let untouched = editor(&daemon, "true");
    let terminal = cli(&daemon, &["post", "-e", ISSUE])
        .env("EDITOR", &untouched)
        .on_terminal(24, 80);
    let left = terminal.end();
    assert_eq!(left.code, 2, "{left:?}");
    assert!(left.screen.contains("the text is empty"));
    let terminal = cli(&daemon, &["post", "-e", ISSUE])
        .env("EDITOR", "exit 7; :")
        .on_terminal(24, 80);
    let left = terminal.end();
    assert_eq!(left.code, 1, "{left:?}");
    assert!(left.screen.contains("exit status: 7"), "{}", left.screen);
    assert!(left.screen.contains("nothing was queued"));
    assert!(drafts(&daemon).1.is_empty());
    assert_nothing_queued(&daemon);
}

#[test]
fn a_text_that_reached_no_daemon_is_kept_in_a_file_that_is_named() {
    let (_standin, mut daemon) = world();
    daemon.kill9();
    let editor = editor(&daemon, "echo 'hours of work' > \"$1\"");
    let terminal = cli(&daemon, &["post", "-e", ISSUE])
        .env("EDITOR", &editor)
        .on_terminal(24, 200);
    let left = terminal.end();
    assert_eq!(left.code, 3, "{left:?}");
    let (_, kept) = drafts(&daemon);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(left.screen.contains(&kept[0].display().to_string()));
    assert_eq!(
        fs::read_to_string(&kept[0]).unwrap().trim(),
        "hours of work"
    );
    // As it stands there it can be posted.
    daemon.start_again();
    let file = kept[0].display().to_string();
    daemon.cli(&["post", ISSUE, "-F", &file]).ok();
    assert_eq!(daemon.wait_posted(1).body.unwrap().trim(), "hours of work");
}

#[test]
fn edit_opens_the_editor_with_the_present_text() {
    let (standin, daemon) = world();
    daemon.cli(&["post", "--hold", ISSUE, "the old text"]).ok();
    let editor = editor(&daemon, "sed -i 's/old/new/' \"$1\"");
    let terminal = cli(&daemon, &["edit", "1"])
        .env("EDITOR", &editor)
        .on_terminal(24, 80);
    let left = terminal.end();
    assert_eq!(left.code, 0, "{left:?}");
    assert!(left.screen.contains("#1 for octo/demo#1 has the new text"));
    let seen = shown(&daemon);
    assert!(seen.starts_with("the old text\n"), "{seen}");
    assert!(seen.contains("comment of job #1"), "{seen}");
    daemon.cli(&["release", "1"]).ok();
    daemon.wait_posted(1);
    assert_eq!(bodies(&standin), ["the new text"]);
}

#[test]
fn a_text_for_a_job_that_cannot_take_it_any_more_is_kept() {
    let (_standin, daemon) = world();
    daemon.cli(&["post", "--hold", ISSUE, "the old text"]).ok();
    let comenq = program("comenq");
    let does = format!("{} cancel 1; echo new > \"$1\"", comenq.display());
    let editor = editor(&daemon, &does);
    let terminal = cli(&daemon, &["edit", "1"])
        .env("EDITOR", &editor)
        .on_terminal(24, 200);
    let left = terminal.end();
    assert_eq!(left.code, 5, "{left:?}");
    let (_, kept) = drafts(&daemon);
    let kept = kept.first().expect("a draft");
    assert!(left.screen.contains(&kept.display().to_string()));
    assert_eq!(fs::read_to_string(kept).unwrap(), "new\n");
}

#[test]
fn ctrl_c_in_the_editor_is_the_editors() {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 1));
    let editor = editor(
        &daemon,
        "trap 'echo caught' INT\necho ready\nuntil read -r line; do :; done\necho \"$line\" > \"$1\"",
    );
    let terminal = cli(&daemon, &["post", "-e", ISSUE])
        .env("EDITOR", &editor)
        .on_terminal(24, 80);
    terminal.shows("ready");
    terminal.press(CTRL_C);
    terminal.shows("caught");
    // Elsewhere the second one would end the client.
    terminal.press(CTRL_C);
    terminal.until("both to be caught", |screen| {
        screen.matches("caught").count() == 2
    });
    terminal.press("typed after it\n");
    let left = terminal.end();
    assert_eq!(left.code, 0, "{left:?}");
    assert_eq!(daemon.wait_posted(1).state, JobState::Posted);
    assert_eq!(bodies(&standin), ["typed after it"]);
}
