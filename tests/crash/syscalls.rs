//! Moments chosen by strace: the daemon dies on entering its n-th sync. Among
//! the first ones are the commit of the submission (before the ack), that of
//! the claim (before the POST), the witness, and that of the outcome (after the
//! POST).

use std::time::Duration;

use harness::daemon::Daemon;
use harness::github::{Config, GithubStandin};
use harness::needs;
use harness::setup::Setup;
use harness::wait;

use crate::ledger::{Entry, judge};

const COOLDOWN: Duration = Duration::from_secs(1);
/// More syncs than one job's life has; the later ones let it live.
const SYNCS: u32 = 8;

/// One job whose daemon dies at the n-th sync after it opened its store.
fn killed_at(call: &str, nth: u32) -> bool {
    let standin = GithubStandin::start(Config::example()).unwrap();
    // A first run makes the store, so that the count begins with our job.
    let mut daemon = Setup::for_standin(&standin).start();
    daemon.term();

    let inject = format!("inject={call}:signal=KILL:when={nth}");
    daemon
        .setup
        .wrap(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject]);
    daemon.spawn();
    let mut entries = vec![
        Entry::new("octo/demo#1", "one"),
        Entry::new("octo/demo#2", "two"),
    ];
    let killed = live(&mut daemon, &standin, &mut entries);
    if !killed {
        daemon.kill9();
    }
    daemon.setup.unwrap_program();
    daemon.start_again();
    judge(&standin, &daemon, entries, COOLDOWN);
    killed
}

/// Submits and watches until the daemon has died or all is posted.
fn live(daemon: &mut Daemon, standin: &GithubStandin, entries: &mut [Entry]) -> bool {
    let socket = daemon.socket();
    wait::until("death or two comments", Duration::from_secs(30), || {
        if daemon.exited().is_some() {
            daemon.wait_exit();
            return Some(true);
        }
        for entry in entries.iter_mut().filter(|entry| entry.id.is_none()) {
            entry.submit(&socket);
        }
        (standin.comments().len() == entries.len()).then_some(false)
    })
}

fn all(call: &str) {
    if !needs::program("strace") {
        return;
    }
    let deaths: Vec<bool> = std::thread::scope(|scope| {
        let runs: Vec<_> = (1..=SYNCS)
            .map(|nth| scope.spawn(move || killed_at(call, nth)))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let died = deaths.iter().filter(|died| **died).count();
    println!("{call}: died at {died} of {SYNCS} moments");
    assert!(died > 0, "{call} is never called: choose another");
}

#[test]
fn at_every_fdatasync() {
    all("fdatasync");
}

#[test]
fn at_every_write_of_the_store() {
    all("pwrite64");
}
