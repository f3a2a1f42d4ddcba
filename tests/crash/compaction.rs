//! A store is copied at the start because its file is far larger than what is in
//! it, and the daemon, or the process that copies, dies on entering one of the
//! calls that make the copy. Whatever is left: every job is there, and a later
//! start ends with one store that is small.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use comenq_proto::JobState;
use harness::daemon::Daemon;
use harness::needs;
use harness::setup::{Setup, Token};
use harness::wait;

const BLOATED_BYTES: u64 = 96 << 20;
const JOBS: u64 = 30;
const PATIENCE: Duration = Duration::from_secs(60);

fn text(number: u64) -> String {
    format!("comment {number}\n").repeat(usize::try_from(number).unwrap() * 20)
}

/// A daemon between two runs, whose store's file is large and nearly empty.
fn bloated() -> Daemon {
    let mut daemon = Setup::new("http://127.0.0.1:9")
        .token(Token::Absent)
        .start();
    for number in 1..=JOBS {
        let id = daemon.submit("octo/demo#1", &text(number)).job.id;
        assert_eq!(id, number);
    }
    daemon.term();
    let file = OpenOptions::new()
        .write(true)
        .open(daemon.setup.path("queue/store-1/db"));
    file.unwrap().set_len(BLOATED_BYTES).unwrap();
    daemon
}

fn stores(daemon: &Daemon) -> Vec<(String, u64)> {
    let queue = daemon.setup.path("queue");
    let entries = fs::read_dir(&queue).unwrap();
    let mut stores: Vec<(String, u64)> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("store-"))
        .map(|name| {
            let length = fs::metadata(queue.join(&name).join("db"));
            (name, length.map_or(0, |file| file.len()))
        })
        .collect();
    stores.sort();
    stores
}

fn all_there(daemon: &Daemon) {
    for number in 1..=JOBS {
        let job = daemon.job(number);
        assert_eq!(
            (job.state, job.body.as_deref()),
            (JobState::Queued, Some(text(number).as_str()))
        );
    }
}

/// Starts until the store is small, and looks whether all is there each time.
fn settle(daemon: &mut Daemon) {
    for _ in 0..3 {
        daemon.start_again();
        all_there(daemon);
        daemon.term();
        if let [(_, length)] = stores(daemon).as_slice()
            && *length < BLOATED_BYTES / 4
        {
            let checked = daemon.setup.command(&["check"]).output().unwrap();
            assert!(checked.status.success(), "{checked:?}");
            return;
        }
    }
    panic!("it stays large: {:?}", stores(daemon));
}

#[test]
fn nothing_disturbs_it() {
    let mut daemon = bloated();
    daemon.start_again();
    all_there(&daemon);
    let log = daemon.log();
    assert!(
        log.contains("compacting the queue") && log.contains("compacted the queue to"),
        "{log}"
    );
    let left = stores(&daemon);
    assert!(
        matches!(left.as_slice(), [(name, _)] if name == "store-2"),
        "{left:?}"
    );
    daemon.term();
    settle(&mut daemon);
}

/// Dies on the n-th of a call; tells whether anybody did.
fn killed_at(call: &str, nth: u32) -> bool {
    let mut daemon = bloated();
    let record = daemon.setup.path("strace").display().to_string();
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    daemon
        .setup
        .wrap(&["strace", "-f", "-qq", "-o", &record, "-e", &inject]);
    daemon.spawn();
    let socket = daemon.socket();
    wait::until("death or an answer", PATIENCE, || {
        let is_up = harness::connection::Connection::ready(&socket).is_ok();
        (is_up || daemon.exited().is_some()).then_some(())
    });
    if daemon.exited().is_none() {
        daemon.kill9();
    }
    daemon.setup.unwrap_program();
    wait::until("the copying process to end", PATIENCE, || {
        is_unlocked(&daemon.setup.path("queue/lock")).then_some(())
    });
    let died = fs::read_to_string(&record)
        .unwrap_or_default()
        .contains("killed by SIGKILL");
    settle(&mut daemon);
    died
}

fn is_unlocked(lock: &Path) -> bool {
    let status = Command::new("flock")
        .arg("-n")
        .arg(lock)
        .arg("true")
        .status();
    status.unwrap().success()
}

/// Kills at the first calls of a kind: so many as a copy of so few jobs makes.
fn all(call: &str, moments: u32) {
    if !needs::program("strace") || !needs::program("flock") {
        return;
    }
    let died = std::thread::scope(|scope| {
        let runs: Vec<_> = (1..=moments)
            .map(|nth| scope.spawn(move || killed_at(call, nth)))
            .collect();
        runs.into_iter()
            .map(|run| u32::from(run.join().unwrap()))
            .sum::<u32>()
    });
    println!("{call}: died at {died} of {moments} moments");
    assert!(died > 0, "{call} is never called: choose another");
}

#[test]
fn at_every_fsync() {
    all("fsync", 7);
}

#[test]
fn at_every_write_of_the_copy() {
    all("pwrite64", 14);
}

#[test]
fn at_every_rename() {
    all("rename", 4);
}

#[test]
fn at_every_removal() {
    all("unlinkat", 5);
}
