//! `comenq watch` with the real binaries: it lives through a restart, ends with Ctrl-C, and shows
//! people what is theirs to see.

use harness::cli::{Cli, Running};
use harness::daemon::Daemon;
use harness::github::{Refusal, Scope};
use harness::{needs, wait};
use serde_json::Value;

use crate::world::{ANN, BEN, ISSUE, OTHER, SOON, post_as, world, world_with};

/// Waits until so many subscribers are there: only then is what happens told to them.
pub(crate) fn listening(daemon: &Daemon, count: u64) {
    wait::until("the watchers to listen", SOON, || {
        let done = daemon.cli(&["health", "--json"]).run();
        (done.json()["health"]["subscribers"] == count).then_some(())
    });
}

/// Lines until one has this in it.
fn until(watch: &mut Running, text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let line = watch.line();
        assert!(
            !line.is_empty(),
            "it ended before it said {text:?}: {lines:?}"
        );
        let ends = line.contains(text);
        lines.push(line);
        if ends {
            return lines;
        }
    }
}

#[test]
fn it_tells_a_jobs_story_through_a_restart_and_ends_with_ctrl_c() {
    let (_standin, mut daemon) = world();
    let mut watch = daemon.cli(&["watch"]).spawn();
    listening(&daemon, 1);
    daemon.submit(ISSUE, "x");
    let lines = until(&mut watch, "posted http");
    assert!(lines[0].contains("#1 for octo/demo#1: queued"), "{lines:?}");

    daemon.kill9();
    daemon.start_again();
    until(&mut watch, "is not known");
    daemon.submit(OTHER, "y");
    until(&mut watch, "#2 for octo/demo#2: posted http");
    watch.interrupt();
    let done = watch.wait();
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
}

#[test]
fn it_shows_only_what_was_asked_for() {
    let (_standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit(OTHER, "takes the slot").job.id);
    daemon.cli(&["post", "--hold", ISSUE, "two"]).ok();
    daemon.cli(&["post", "--hold", ISSUE, "three"]).ok();
    let mut watch = daemon.cli(&["watch", "3", "--json"]).spawn();
    listening(&daemon, 1);
    for id in ["2", "3"] {
        daemon.cli(&["cancel", id]).ok();
    }
    let line: Value = serde_json::from_str(&watch.line()).unwrap();
    assert_eq!(line["schema"], 1);
    assert_eq!(
        (&line["event"]["job_id"], &line["event"]["kind"]),
        (&3.into(), &"cancelled".into())
    );
    watch.interrupt();
    assert_eq!(watch.wait().code, 0);
}

#[test]
fn a_reader_that_went_away_ends_it() {
    let (_standin, daemon) = world();
    let mut watch = daemon.cli(&["watch"]).spawn();
    listening(&daemon, 1);
    watch.close_stdout();
    daemon.submit(ISSUE, "x");
    assert_eq!(watch.wait().code, 0);
}

#[test]
fn others_hear_that_a_job_failed_but_not_what_github_said() {
    if !needs::root() {
        return;
    }
    let (standin, daemon) = world();
    standin.refuse(Scope::Everything, Refusal::Locked);
    let watch = |uid, words: &[&str]| Cli::as_user(&daemon.socket(), words, uid, 0).spawn();
    let mut ben = watch(BEN, &["watch", "--all", "--json"]);
    let mut bens_own = watch(BEN, &["watch", "--json"]);
    let mut ann = watch(ANN, &["watch", "--json"]);
    let mut root = daemon.cli(&["watch", "--all", "--json"]).spawn();
    listening(&daemon, 4);
    post_as(&daemon, ANN, ISSUE, "from ann");
    for (who, sees) in [(&mut ben, false), (&mut ann, true), (&mut root, true)] {
        let line = until(who, "\"failed\"").pop().unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["event"]["failure"], "locked");
        assert_eq!(event["event"]["reason"].is_string(), sees, "{event}");
    }
    post_as(&daemon, BEN, OTHER, "from ben");
    let first = bens_own.line();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["event"]["uid"], BEN, "nothing of ann's");
    for watch in [ben, bens_own, ann, root] {
        watch.interrupt();
        assert_eq!(watch.wait().code, 0);
    }
}
