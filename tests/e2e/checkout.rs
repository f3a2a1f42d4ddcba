//! A number alone is of the repository in whose checkout one stands: with the real git.

use std::path::Path;
use std::process::Command;

use harness::cli::Cli;
use harness::needs;
use tempfile::TempDir;

use crate::input::refused;
use crate::world::{ISSUE, world};

/// What a developer's git must not bring in.
const CLEAN: [(&str, &str); 3] = [
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_CEILING_DIRECTORIES", "/tmp"),
];

fn git(directory: &Path, words: &[&str]) {
    let status = Command::new("git")
        .arg("-C")
        .arg(directory)
        .args(words)
        .envs(CLEAN)
        .status();
    assert!(status.is_ok_and(|it| it.success()), "git {words:?}");
}

/// A checkout with these remotes.
fn checkout(remotes: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    git(directory.path(), &["init", "-q"]);
    for (name, url) in remotes {
        git(directory.path(), &["remote", "add", name, url]);
    }
    directory
}

/// A dry run in that directory, where no daemon is.
fn post(directory: &Path, target: &str) -> Cli {
    let words = ["post", "--dry-run", target, "x"];
    let cli = Cli::new(Path::new("/nowhere"), &words).within(directory);
    CLEAN
        .iter()
        .fold(cli, |cli, (name, value)| cli.env(name, value))
}

fn chosen(directory: &Path, target: &str) -> String {
    let done = post(directory, target).ok();
    let chosen = done.stdout.trim().strip_prefix("would queue for ");
    chosen.expect("a target").to_owned()
}

#[test]
fn a_number_alone_is_of_origin_or_of_what_gh_chose() {
    if !needs::program("git") {
        return;
    }
    let checkout = checkout(&[
        ("a-fork", "https://github.com/somebody/demo"),
        ("origin", "git@github.com:me/demo.git"),
        ("upstream", "ssh://git@github.com/octo/demo.git"),
        ("lab", "git@gitlab.com:octo/lab.git"),
    ]);
    let root = checkout.path();
    for number in ["123", "#123"] {
        assert_eq!(chosen(root, number), "me/demo#123");
    }
    let below = root.join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    assert_eq!(chosen(&below, "7"), "me/demo#7");
    git(root, &["config", "remote.upstream.gh-resolved", "base"]);
    assert_eq!(chosen(root, "123"), "octo/demo#123");
    git(
        root,
        &["config", "remote.upstream.gh-resolved", "other/parent"],
    );
    assert_eq!(chosen(root, "123"), "other/parent#123");
    git(root, &["config", "--unset", "remote.upstream.gh-resolved"]);
    git(root, &["remote", "remove", "origin"]);
    assert_eq!(chosen(root, "123"), "octo/demo#123", "upstream is next");
    assert_eq!(chosen(root, "me/other#1"), "me/other#1", "a name wins");
}

#[test]
fn where_no_repository_is_meant_it_is_asked_for() {
    if !needs::program("git") {
        return;
    }
    let lab = checkout(&[("origin", "git@gitlab.com:octo/lab.git")]);
    let text = refused(&post(lab.path(), "123").run(), 2);
    assert!(text.contains("no remote of this git checkout"), "{text}");
    assert!(text.contains("OWNER/REPO#123"), "{text}");
    let enterprise = post(lab.path(), "123").env("GH_HOST", "gitlab.com").ok();
    assert!(
        enterprise.stdout.contains("octo/lab#123"),
        "GH_HOST names it"
    );
    let outside = tempfile::tempdir_in("/tmp").unwrap();
    let text = refused(&post(outside.path(), "#123").run(), 2);
    assert!(text.contains("this is no git checkout"), "{text}");
    assert!(text.contains("OWNER/REPO#123"), "{text}");
    let text = refused(&post(outside.path(), "1").env("PATH", "/nowhere").run(), 2);
    assert!(text.contains("git, which knows, cannot be run"), "{text}");
}

#[test]
fn it_is_queued_for_that_repository() {
    if !needs::program("git") {
        return;
    }
    let (standin, daemon) = world();
    let checkout = checkout(&[("origin", "https://github.com/octo/demo.git")]);
    let post = daemon.cli(&["post", "1", "from a checkout"]);
    let done = post.within(checkout.path()).ok();
    assert!(done.stdout.starts_with(&format!("queued #1 for {ISSUE}")));
    daemon.wait_posted(1);
    assert_eq!(crate::world::bodies(&standin), ["from a checkout"]);
}
