//! Which daemon is asked where nobody names one. The system's own place cannot be used by a test;
//! a user's can: `XDG_RUNTIME_DIR`.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use harness::cli::Cli;
use harness::daemon::Daemon;
use harness::github::GithubStandin;
use harness::needs;
use tempfile::TempDir;

use crate::trust::Fake;
use crate::world::{ANN, ISSUE, world};

const SYSTEM: &str = "/run/comenq/comenq.sock";

/// A user's runtime directory in which this is the socket of their own daemon.
fn runtime(socket: &Path) -> TempDir {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let own = directory.path().join("comenq");
    fs::create_dir(&own).unwrap();
    symlink(socket, own.join("comenq.sock")).unwrap();
    directory
}

/// A daemon whose first job says which it is.
fn named(name: &str) -> (GithubStandin, Daemon) {
    let (standin, daemon) = world();
    daemon.cli(&["post", "--hold", ISSUE, name]).ok();
    (standin, daemon)
}

fn show(runtime: &TempDir) -> Cli {
    Cli::new(Path::new(""), &["show", "1", "--json"]).env("XDG_RUNTIME_DIR", runtime.path())
}

fn answered(cli: Cli) -> String {
    let json = cli.ok().json();
    json["job"]["body"].as_str().unwrap().to_owned()
}

#[test]
fn ones_own_daemon_is_asked_unless_another_is_named() {
    let (_s, own) = named("own");
    let (_t, other) = named("other");
    let runtime = runtime(&own.socket());
    // An empty variable is as good as none.
    assert_eq!(answered(show(&runtime)), "own");
    assert_eq!(answered(show(&runtime).without_env("COMENQ_SOCKET")), "own");
    let socket = other.socket();
    assert_eq!(
        answered(show(&runtime).env("COMENQ_SOCKET", &socket)),
        "other"
    );
    let by_argument = show(&runtime).env("COMENQ_SOCKET", "/nowhere");
    assert_eq!(answered(by_argument.arg("--socket").arg(&socket)), "other");
}

#[test]
fn where_ones_own_does_not_answer_the_systems_is_asked() {
    if Path::new(SYSTEM).exists() {
        return;
    }
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let dead = directory.path().join("dead");
    let runtime = runtime(&dead);
    for _ in 0..2 {
        let done = show(&runtime).run();
        assert_eq!(done.code, 3, "{done:?}");
        let text = format!("socket {SYSTEM} does not exist");
        assert!(done.stderr.contains(&text), "{done:?}");
        // Then one that nobody listens on.
        drop(UnixListener::bind(&dead));
    }
}

#[test]
fn a_stranger_in_ones_own_place_is_named_by_it() {
    if !needs::root() || !needs::program("perl") {
        return;
    }
    let fake = Fake::start();
    let runtime = runtime(&fake.socket());
    let done = show(&runtime).run();
    assert_eq!(done.code, 4, "{done:?}");
    let socket = runtime.path().join("comenq/comenq.sock");
    let text = format!("uid {ANN} listens on socket {}", socket.display());
    assert!(done.stderr.contains(&text), "{done:?}");
}
