//! The one way an attack is run: beside an honest client, measured.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::daemon::Daemon;
use harness::github::{Config, GithubStandin};
use harness::programs::program;
use harness::setup::Setup;

/// The attacker.
pub(crate) const MALLORY: u32 = 12_011;
/// The honest one.
const ALICE: u32 = 12_012;
/// The group of the daemon's socket: the daemon runs as root.
const MEMBER: u32 = 0;

/// By how much the daemon's resident memory may grow under any attack.
const MOST_GROWTH_KB: u64 = 16 * 1024;
/// A look at the daemon's memory.
const SAMPLE: Duration = Duration::from_millis(20);
/// How long the honest client is alone first, so that what any client costs is not counted.
const ALONE: f64 = 0.5;
/// One attack at a time: what the honest client waits for is to be this daemon.
static TURN: Mutex<()> = Mutex::new(());

/// What a peer said came of it.
pub(crate) type Tally = BTreeMap<String, u64>;

/// A daemon that posts nothing meanwhile and lets the honest client queue as much as it wants.
pub(crate) fn setup(standin: &GithubStandin) -> Setup {
    Setup::for_standin(standin)
        .text("log_level", "info")
        .number("cooldown_period_seconds", 3600)
        .number("policy.max_queued_jobs", 100_000)
        .number("policy.max_submits_per_minute", 100_000)
}

/// The same, and it never refuses the attacker for what it broke: each of its connections gets to
/// do its worst.
pub(crate) fn patient(standin: &GithubStandin) -> Setup {
    setup(standin).number("max_violations_per_minute", 1_000_000_000)
}

/// The stand-in of GitHub, which has nothing to do.
pub(crate) fn standin() -> GithubStandin {
    GithubStandin::start(Config::example()).unwrap()
}

/// A peer that plays.
pub(crate) struct Playing(Child);

/// Starts a play as a user.
pub(crate) fn play(daemon: &Daemon, uid: u32, seconds: f64, name: &str) -> Playing {
    let child = Command::new(peer(daemon))
        .arg(daemon.socket())
        .args([&seconds.to_string(), name])
        .uid(uid)
        .gid(MEMBER)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    Playing(child.unwrap())
}

/// The program, copied beside the socket: a build directory may be closed to others.
fn peer(daemon: &Daemon) -> PathBuf {
    let copy = daemon.socket().with_file_name("hostile-peer");
    if !copy.exists() {
        // By another process: a file this one has open for writing while a thread of it forks
        // cannot be executed.
        let copied = Command::new("cp")
            .arg(program("hostile-peer"))
            .arg(&copy)
            .status();
        assert!(copied.is_ok_and(|status| status.success()));
    }
    copy
}

impl Playing {
    fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Waits for the end of the play.
    pub(crate) fn tally(self) -> Tally {
        let output = self.0.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "the peer ended with {}",
            output.status
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        lines
            .map(|(name, number)| (name.to_owned(), number.parse().unwrap()))
            .collect()
    }
}

/// Runs an attack of so many seconds beside an honest client; prints what it cost, asserts that the
/// daemon did not grow and that the honest client was served. Returns what came of the attack.
pub(crate) fn attack(daemon: &mut Daemon, name: &str, seconds: f64) -> Tally {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    attack_beside_others(daemon, name, seconds)
}

/// The same for an attack that mostly waits.
pub(crate) fn attack_beside_others(daemon: &mut Daemon, name: &str, seconds: f64) -> Tally {
    play(daemon, ALICE, ALONE, "honest").tally();
    let before = daemon.rss_kb();
    let mut mallory = play(daemon, MALLORY, seconds, name);
    let mut alice = play(daemon, ALICE, seconds, "honest");
    let mut most = before;
    let start = Instant::now();
    while !(mallory.has_ended() && alice.has_ended()) {
        assert!(daemon.exited().is_none(), "{name} ended the daemon");
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "{name} does not end"
        );
        most = most.max(daemon.rss_kb());
        sleep(SAMPLE);
    }
    let (attacked, served) = (mallory.tally(), alice.tally());
    let grown = most - before;
    let said = format!(
        "{name}: RSS {before} kB, +{grown} kB; honest client: {} served, {} failed, p50 {} ms, \
         p99 {} ms, worst {} ms; attack: {attacked:?}\n",
        served["served"],
        served["failed"],
        ms(served["p50"]),
        ms(served["p99"]),
        ms(served["max"]),
    );
    // Not through the test harness, which shows only what failing tests print.
    drop(io::stderr().write_all(said.as_bytes()));
    assert!(grown <= MOST_GROWTH_KB, "{name}: {grown} kB more resident");
    assert_eq!(served["failed"], 0, "{name}: the honest client was refused");
    assert!(served["served"] >= 10, "{name}: {served:?}");
    attacked
}

fn ms(micros: u64) -> String {
    format!("{}.{}", micros / 1000, micros % 1000 / 100)
}
