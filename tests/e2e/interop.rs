//! A client in Python, written by somebody who was given only PROTOCOL.md and comenq.cddl, checks the
//! daemon against them: `tests/interop`. Needs root, to be several users.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use comenq_proto::JobState;
use harness::daemon::Daemon;
use harness::github::{Answer, Config, Fault, GithubStandin};
use harness::needs;
use harness::setup::{Setup, Token};

use crate::disk::refuse_commits;
use crate::small_disk::SmallDisk;
use crate::world::post;

/// An issue that the checks do not know of.
const ELSEWHERE: &str = "octo/elsewhere#1";

fn interop(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("interop")
        .join(file)
}

/// Runs the checks; what they printed, if all of them passed.
fn check(python: &str, arguments: &[&Path]) -> String {
    let output = Command::new(python)
        .arg("-B")
        .arg(interop("check.py"))
        .args(arguments)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let wrong: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("FAIL"))
        .collect();
    assert!(output.status.success(), "{wrong:#?}\n{said}");
    printed
}

#[test]
fn the_examples_of_the_specification_are_what_it_says_of_them() {
    let Some(python) = needs::python("cbor2") else {
        return;
    };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../comenq-proto/PROTOCOL.md");
    let printed = check(python, &[Path::new("--vectors"), &page]);
    assert!(printed.matches("ok vector_").count() > 70, "{printed}");
}

/// Issues 1 to 9 can be commented on, once a second, and root may do everything. Nobody looks for a
/// comment of unknown outcome before tomorrow.
fn free(standin: &GithubStandin) -> Daemon {
    Setup::new(standin.url())
        .raw("allow_dangerous", "true")
        .number("cooldown_period_seconds", 1)
        .number("look_delay_seconds", 86_400)
        .start()
}

/// Rules of every kind forbid something, and nothing is ever posted.
fn strict(standin: &GithubStandin) -> Daemon {
    Setup::new(standin.url())
        .without("github_api_url")
        .without("cooldown_period_seconds")
        .without("look_delay_seconds")
        .without("backoff_min_seconds")
        .without("backoff_max_seconds")
        .token(Token::Absent)
        .account("one", "https://api.github.com", "ghp_of_nobody_1")
        .account("two", "https://api.github.com", "ghp_of_nobody_2")
        .account("theirs", "https://api.github.com", "ghp_of_nobody_3")
        .without("accounts.one.cooldown_period_seconds")
        .without("accounts.two.cooldown_period_seconds")
        .without("accounts.theirs.cooldown_period_seconds")
        .raw("accounts.theirs.allowed_users", "[\"daemon\"]")
        .raw("policy.allowed_repositories", "[\"octo/*\"]")
        .start()
}

/// Its store cannot be opened.
fn broken(standin: &GithubStandin) -> Daemon {
    let mut daemon = Setup::new(standin.url()).start();
    daemon.term();
    let current = daemon.setup.path("queue").join("CURRENT");
    fs::remove_file(&current).unwrap();
    fs::create_dir(&current).unwrap();
    daemon.start_again();
    daemon
}

/// The block with its first job has a wrong byte.
fn damaged(standin: &GithubStandin) -> Daemon {
    let mut daemon = Setup::new(standin.url()).start();
    let id = post(&daemon, ELSEWHERE, "x", &["--hold"]);
    daemon.cli(&["cancel", &id.to_string()]).ok();
    daemon.term();
    let store = sled::open(daemon.setup.path("queue").join("store-1")).unwrap();
    let mut block = store.get("j").unwrap().unwrap().to_vec();
    *block.last_mut().unwrap() ^= 1;
    store.insert("j", block).unwrap();
    store.flush().unwrap();
    drop(store);
    daemon.start_again();
    daemon
}

/// Its disk refuses every commit.
fn failing(standin: &GithubStandin) -> Daemon {
    let mut daemon = Setup::new(standin.url()).start();
    daemon.term();
    refuse_commits(&mut daemon);
    daemon.start_again();
    daemon
}

/// Its disk is full.
fn full(standin: &GithubStandin, disk: &SmallDisk) -> Daemon {
    let queue = disk.path("queue").display().to_string();
    let daemon = Setup::new(standin.url()).text("queue_path", &queue).start();
    disk.fill();
    daemon
}

#[test]
fn a_client_written_from_the_specification_alone_finds_what_it_promises() {
    if !needs::root() || !needs::program("strace") {
        return;
    }
    let Some(python) = needs::python("cbor2") else {
        return;
    };
    let mut config = Config::example();
    config.issues.push(ELSEWHERE.to_owned());
    let standin = GithubStandin::start(config).unwrap();
    let disk = SmallDisk::mount();
    let (free, strict, broken) = (free(&standin), strict(&standin), broken(&standin));
    let (damaged, failing) = (damaged(&standin), failing(&standin));
    let full = full(&standin, &disk);
    standin.fault(Fault::on_post().answer(Answer::Close));
    let unresolved = free.submit(ELSEWHERE, "where is it?").job.id;
    free.wait_for(unresolved, &[JobState::Uncertain]);
    // As if each of the users that the checks become were in the socket's group.
    fs::set_permissions(free.socket(), Permissions::from_mode(0o666)).unwrap();
    let printed = check(
        python,
        &[
            &free.socket(),
            Path::new("--as-admin"),
            &strict.socket(),
            Path::new("--unresolved"),
            Path::new(&unresolved.to_string()),
            Path::new("--broken"),
            &broken.socket(),
            Path::new("--damaged"),
            &damaged.socket(),
            Path::new("--failing"),
            &failing.socket(),
            Path::new("--full"),
            &full.socket(),
        ],
    );
    for line in [
        "ok events",
        "ok heartbeat",
        "ok unresolved",
        "ok unavailable",
        "ok damaged",
        "ok failing_disk",
        "ok full",
        "ok every_code",
    ] {
        assert!(printed.contains(line), "{line}:\n{printed}");
    }
}
