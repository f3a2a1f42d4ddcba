//! A disk that is full or refuses a sync: nothing is acknowledged that is not
//! stored, nothing that was acknowledged is lost, and a full one is no reason not
//! to start or to post.

use std::fs;

use comenq_proto::{ErrorCode, WireError};
use harness::daemon::{Daemon, submission};
use harness::github::GithubStandin;
use harness::needs;
use harness::setup::Setup;
use harness::wait;

use crate::small_disk::SmallDisk;
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

#[test]
fn a_queue_that_finds_no_room_to_be_upgraded_stays_as_it_is() {
    let Some((disk, _standin, mut daemon)) = on_small_disk(600) else {
        return;
    };
    daemon.term();
    let queue = disk.path("queue");
    fs::remove_dir_all(&queue).unwrap();
    let old = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/store-format-2.tar.gz"
    );
    let mut unpack = std::process::Command::new("tar");
    // Without the reserve: it would be given up for this.
    unpack.args(["--exclude=queue/reserve", "-xzf", old, "-C"]);
    assert!(unpack.arg(disk.path("")).status().unwrap().success());
    // Enough to open the old one, not to make a new one.
    disk.fill_but(1 << 20);
    daemon.start_again();
    let refused = submit(&daemon, "not yet", "k").unwrap_err();
    assert_eq!(refused.code, ErrorCode::StoreUnavailable);
    for words in ["from format 2 to 3: only ", " are free on its disk; free "] {
        assert!(refused.message.contains(words), "{words}: {refused:?}");
    }
    let in_use = fs::read_to_string(queue.join("CURRENT")).unwrap();
    assert_eq!(in_use.trim(), "store-1");

    disk.empty();
    wait::until("the upgrade", SOON, || submit(&daemon, "now", "k").ok());
    assert!(daemon.log().contains("brought the queue to format 3"));
    let oldest = daemon.job(1);
    assert_eq!(oldest.id, 1, "{oldest:?}");
}

/// From its next start on its disk refuses every commit.
pub(crate) fn refuse_commits(daemon: &mut Daemon) {
    // The first is the one that opening ends with; commits follow.
    let inject = "inject=fdatasync:error=EIO:when=2+";
    daemon
        .setup
        .wrap(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject]);
}

#[test]
fn a_sync_that_fails_acknowledges_nothing_and_ends_the_daemon() {
    if !needs::program("strace") {
        return;
    }
    let standin = standin();
    let mut daemon = Setup::for_standin(&standin).start();
    daemon.term();
    refuse_commits(&mut daemon);
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
