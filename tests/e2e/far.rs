//! `--host` through a real sshd: every verb works from afar, also over a connection that is cut.

use std::fs;
use std::path::{Path, PathBuf};

use comenq_proto::JobState;
use harness::cli::Cli;
use harness::programs::program;
use harness::pty::CTRL_C;
use harness::script::script;
use harness::sshd::{Sshd, is_possible};
use harness::wait;
use serde_json::Value;

use crate::watch::listening;
use crate::world::{ISSUE, SOON, assert_posted_once, bodies, world, world_with};

/// Where the far side finds its programs, these first.
fn path(first: &Path) -> PathBuf {
    format!("{}:/usr/bin:/bin", first.display()).into()
}

/// An sshd whose far side has this comenq and this socket.
pub(crate) fn far(comenq: &Path, socket: &Path) -> Sshd {
    Sshd::start(&[("PATH", &path(comenq)), ("COMENQ_SOCKET", socket)])
}

pub(crate) fn own_comenq() -> PathBuf {
    program("comenq").parent().unwrap().to_owned()
}

/// The client, which has no daemon where it is.
pub(crate) fn over(sshd: &Sshd, words: &[&str]) -> Cli {
    Cli::new(Path::new("/nowhere/near"), words)
        .env("COMENQ_HOST", sshd.host())
        .env("COMENQ_SSH", sshd.ssh())
}

fn ok(sshd: &Sshd, words: &[&str]) -> String {
    let done = over(sshd, words).ok();
    assert_eq!(done.stderr, "", "{words:?}");
    done.stdout
}

#[test]
fn every_verb_works_from_afar() {
    if !is_possible() {
        return;
    }
    let (standin, daemon) = world();
    let sshd = far(&own_comenq(), &daemon.socket());
    let mut watch = over(&sshd, &["watch", "--json"]).spawn();
    listening(&daemon, 1);
    let queued = ok(&sshd, &["post", ISSUE, "from afar"]);
    assert!(queued.starts_with("queued #1 for octo/demo#1"), "{queued}");
    let waited = ok(&sshd, &["wait", "1", "--json"]);
    let waited: Value = serde_json::from_str(&waited).unwrap();
    assert_eq!(waited["jobs"][0]["state"], "posted");
    assert_posted_once(&standin, &daemon.job(1), "from afar");
    assert!(ok(&sshd, &["list"]).contains("octo/demo#1"));
    assert!(ok(&sshd, &["show", "1"]).contains("posted"));
    assert!(ok(&sshd, &["status"]).contains("default"));
    ok(&sshd, &["post", "--hold", ISSUE, "never"]);
    assert!(ok(&sshd, &["cancel", "2"]).contains("cancelled #2"));
    let exported = ok(&sshd, &["export"]);
    assert!(exported.contains("from afar") && exported.contains("never"));
    assert!(ok(&sshd, &["ping"]).contains("comenqd"));
    let text = "a comment from standard input\n".repeat(2_000);
    let piped = over(&sshd, &["post", "-q", "--hold", ISSUE])
        .stdin(text.clone())
        .ok();
    assert_eq!(piped.stdout, "3\n");
    assert_eq!(daemon.job(3).body, Some(text));

    let first: Value = serde_json::from_str(&watch.line()).unwrap();
    assert_eq!(first["event"]["job_id"], 1);
    watch.interrupt();
    let done = watch.wait();
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
}

#[test]
fn a_host_is_named_by_argument_environment_or_ssh_configuration() {
    if !is_possible() {
        return;
    }
    let (_standin, daemon) = world();
    let (_other_standin, near) = world();
    let sshd = far(&own_comenq(), &daemon.socket());
    near.cli(&["post", "--hold", ISSUE, "near"]).ok();
    daemon.cli(&["post", "--hold", ISSUE, "far"]).ok();
    let body = |cli: Cli| {
        let json = cli.env("COMENQ_SSH", sshd.ssh()).ok().json();
        json["job"]["body"].as_str().unwrap().to_owned()
    };
    let show = ["show", "1", "--json"];
    assert_eq!(body(near.cli(&show)), "near");
    let host = sshd.host();
    for name in [Sshd::ALIAS, &host, "root@far"] {
        // Both beat the socket that the environment names here.
        assert_eq!(
            body(near.cli(&[&show[..], &["--host", name]].concat())),
            "far"
        );
        assert_eq!(body(near.cli(&show).env("COMENQ_HOST", name)), "far");
    }
    let socket = near.socket().display().to_string();
    let named = near.cli(&[&show[..], &["--socket", &socket]].concat());
    assert_eq!(body(named.env("COMENQ_HOST", &host)), "near");
}

/// Passes on the daemon's greeting, and keeps back its first answer for as long as `hold` is
/// there.
const CUTTING: &str = r#"[ -e "$hold" ] || exec "$real" "$@"
"$real" "$@" | {
    length=$(dd bs=1 count=4 2>/dev/null | tee "$head" | od -An -tu1 | awk '{print $3 * 256 + $4}')
    cat "$head"
    dd bs=1 count="$length" 2>/dev/null
    dd bs=1 count=1 >/dev/null 2>&1 && : >"$held"
    cat >/dev/null
}"#;

#[test]
fn a_post_whose_answer_was_cut_off_is_repeated_and_stored_once() {
    if !is_possible() {
        return;
    }
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 1));
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let path = |name: &str| directory.path().join(name);
    let set = format!(
        "real={} hold={} held={} head={}\n",
        program("comenq").display(),
        path("hold").display(),
        path("held").display(),
        path("head").display()
    );
    script(&path("comenq"), &(set + CUTTING));
    fs::write(path("hold"), "").unwrap();
    let sshd = far(directory.path(), &daemon.socket());
    let post = over(&sshd, &["post", "--json", ISSUE, "only once"]).spawn();
    wait::until("the answer to be on its way", SOON, || {
        path("held").exists().then_some(())
    });
    assert_eq!(
        daemon.job(1).body.as_deref(),
        Some("only once"),
        "it is stored"
    );
    fs::remove_file(path("hold")).unwrap();
    sshd.cut();
    let done = post.wait();
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(done.json()["job"]["id"], 1);
    assert_eq!(sshd.visits(), 2, "it came again");
    assert_posted_once(&standin, &daemon.wait_posted(1), "only once");
    assert_eq!(daemon.status().counts.values().sum::<u64>(), 1);
    assert_eq!(bodies(&standin), ["only once"]);
}

#[test]
fn ctrl_c_ends_a_far_wait_although_it_ends_ssh_too() {
    if !is_possible() {
        return;
    }
    let (_standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit(ISSUE, "takes the slot").job.id);
    let sshd = far(&own_comenq(), &daemon.socket());
    let terminal = over(&sshd, &["post", "--wait", ISSUE, "waits"]).on_terminal(24, 80);
    terminal.shows("#2 for octo/demo#1: next in ");
    terminal.press(CTRL_C);
    let left = terminal.end();
    assert_eq!(left.code, 130, "{left:?}");
    assert!(left.said.contains("comenq wait 2"), "{left:?}");
    assert_eq!(daemon.job(2).state, JobState::Queued);
}

#[test]
fn a_watch_that_was_cut_off_goes_on_where_it_was() {
    if !is_possible() {
        return;
    }
    let (_standin, daemon) = world();
    let sshd = far(&own_comenq(), &daemon.socket());
    let mut watch = over(&sshd, &["watch"]).spawn();
    let hold = |text| drop(daemon.cli(&["post", "--hold", ISSUE, text]).ok());
    listening(&daemon, 1);
    hold("one");
    assert!(watch.line().contains("#1 for octo/demo#1"));
    sshd.cut();
    hold("two");
    assert!(
        watch.line().contains("#2 for octo/demo#1"),
        "nothing is missed"
    );
    watch.interrupt();
    assert_eq!(watch.wait().code, 0);
}
