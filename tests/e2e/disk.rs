//! A disk that is full or refuses a sync: nothing is acknowledged that is not
//! stored, nothing that was acknowledged is lost, and a full one is no reason not
//! to start or to post.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use comenq_proto::WireError;
use harness::daemon::{Daemon, submission};
use harness::github::GithubStandin;
use harness::needs;
use harness::setup::Setup;
use harness::wait;

use crate::world::{ISSUE, SOON, bodies, posts, standin};

/// A disk, and a daemon whose queue is on it. `None` where nothing can be mounted.
fn on_small_disk(cooldown_seconds: u64) -> Option<(SmallDisk, GithubStandin, Daemon)> {
    if !needs::root() {
        return None;
    }
    let standin = standin();
    let disk = SmallDisk::mount();
    let queue = disk.path("queue").display().to_string();
    let daemon = Setup::for_standin(&standin)
        .number("cooldown_period_seconds", cooldown_seconds)
        .text("queue_path", &queue)
        .start();
    Some((disk, standin, daemon))
}

fn submit(daemon: &Daemon, body: &str, key: &str) -> Result<u64, WireError> {
    let answer = daemon.connect().call(&submission(ISSUE, body, Some(key)));
    answer.expect("an answer").map(|reply| reply.job.id)
}

/// The next submission of something new is refused, with a reason that helps.
fn assert_refused(daemon: &Daemon) {
    let error = submit(daemon, "no room", "no-room").expect_err("no room");
    assert!(error.retryable, "{error:?}");
    for words in ["disk of the queue", "full", "free some space"] {
        assert!(error.message.contains(words), "{words}: {error:?}");
    }
}

#[test]
fn a_disk_that_fills_up_takes_no_more_jobs_but_posts_what_it_has() {
    let Some((disk, standin, daemon)) = on_small_disk(1) else {
        return;
    };
    let reserve = disk.path("queue/reserve");
    wait::until("the reserve", SOON, || reserve.exists().then_some(()));
    let big = "x".repeat(60_000);
    let mut taken = Vec::new();
    for number in 0..500 {
        match submit(&daemon, &big, &format!("k{number}")) {
            Ok(id) => taken.push(id),
            Err(_) => break,
        }
    }
    assert!((1..500).contains(&taken.len()), "{} jobs", taken.len());
    assert_refused(&daemon);
    let again = submit(&daemon, &big, "k0").expect("a repeated submission finds its job");
    assert_eq!(again, taken[0]);
    daemon.wait_posted(taken[0]);
    daemon.wait_posted(taken[1]);
    assert!(posts(&standin).len() >= 2);
    daemon
        .cli(&["cancel", &taken[taken.len() - 1].to_string()])
        .ok();
    assert!(reserve.exists(), "it is for a start, not for this");
}

#[test]
fn a_full_disk_does_not_keep_the_daemon_from_starting() {
    let Some((disk, _standin, mut daemon)) = on_small_disk(1) else {
        return;
    };
    let reserve = disk.path("queue/reserve");
    wait::until("the reserve", SOON, || reserve.exists().then_some(()));
    daemon.term();
    daemon.setup.set("cooldown_period_seconds", "3");
    daemon.start_again();
    let jobs: Vec<u64> = (0..3)
        .map(|number| submit(&daemon, "posted all the same", &format!("k{number}")).unwrap())
        .collect();
    daemon.kill9();
    disk.fill();
    daemon.start_again();
    for id in jobs {
        daemon.wait_posted(id);
    }
    assert!(!reserve.exists(), "it was given up");
    assert_refused(&daemon);
    assert!(daemon.log().contains("reserve were given up"), "says so");

    disk.empty();
    wait::until("jobs to be taken again", SOON, || {
        submit(&daemon, "room again", "room").ok()
    });
    assert!(reserve.exists(), "it was made anew");
    daemon.restart();
    assert!(reserve.exists());
    daemon.wait_posted(submit(&daemon, "room again", "room").unwrap());
}

#[test]
fn a_disk_filled_by_others_loses_nothing_that_was_acknowledged() {
    let Some((disk, _standin, mut daemon)) = on_small_disk(2) else {
        return;
    };
    let big = "x".repeat(60_000);
    let taken: Vec<u64> = (0..20)
        .map(|number| submit(&daemon, &big, &format!("k{number}")).unwrap())
        .collect();
    disk.fill();
    assert_refused(&daemon);
    // The next claim, or what comes of it, finds no page to be written on.
    let status = wait::until("the daemon to end", SOON, || daemon.exited());
    assert!(
        !status.success(),
        "a failed commit ends the daemon: {status}"
    );
    daemon.start_again();
    for id in taken {
        let job = daemon.job(id);
        assert_eq!(job.body.map(|body| body.len()), Some(60_000), "job {id}");
    }
}

/// A few megabytes of file system; only root can have one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let disk = Self(tempfile::tempdir_in("/tmp").unwrap());
        let status = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"])
            .arg(disk.0.path())
            .status();
        assert!(status.unwrap().success());
        disk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Somebody else's file takes all that is left.
    fn fill(&self) {
        let mut file = File::create(self.path("ballast")).unwrap();
        while file.write_all(&[7; 512]).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.path("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Before its directory goes: what is mounted cannot be removed.
        let umount = std::process::Command::new("umount")
            .arg("-l")
            .arg(self.0.path())
            .status();
        assert!(umount.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[test]
fn a_sync_that_fails_acknowledges_nothing_and_ends_the_daemon() {
    if !needs::program("strace") {
        return;
    }
    let standin = standin();
    let mut daemon = Setup::for_standin(&standin).start();
    daemon.term();
    // The first is the one that opening ends with; commits follow.
    let inject = "inject=fdatasync:error=EIO:when=2+";
    daemon
        .setup
        .wrap(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject]);
    daemon.spawn();
    let request = submission(ISSUE, "not stored, not told", Some("one"));
    let socket = daemon.socket();
    let answer = wait::until("an answer or the end", SOON, || {
        if daemon.exited().is_some() {
            return Some(None);
        }
        let mut connection = harness::connection::Connection::ready(&socket).ok()?;
        Some(connection.call(&request).ok())
    });
    if let Some(answer) = answer {
        let error: WireError = answer.unwrap_err();
        assert!(error.retryable, "{error:?}");
    }
    let status = daemon.wait_exit();
    assert!(!status.success(), "{status}");
    assert!(daemon.log().to_lowercase().contains("error"), "says why");

    daemon.setup.unwrap_program();
    daemon.start_again();
    let id = daemon.connect().call(&request).unwrap().unwrap().job.id;
    daemon.wait_posted(id);
    assert_eq!(bodies(&standin), ["not stored, not told"]);
    assert_eq!(posts(&standin).len(), 1);
}
