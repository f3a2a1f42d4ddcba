//! A disk that is full or refuses a sync: nothing is acknowledged that is not
//! stored, and nothing that was acknowledged is lost.

use comenq_proto::WireError;
use harness::daemon::submission;
use harness::needs;
use harness::setup::Setup;
use harness::wait;

use crate::world::{ISSUE, SOON, bodies, posts, standin};

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let standin = standin();
    let setup = Setup::for_standin(&standin).number("cooldown_period_seconds", 600);
    if !needs::root() {
        return;
    }
    let disk = SmallDisk::mount();
    let queue = disk.0.path().join("queue").display().to_string();
    let mut daemon = setup.text("queue_path", &queue).start();
    let big = "x".repeat(60_000);
    let mut taken = Vec::new();
    for number in 0..200 {
        let request = submission(ISSUE, &big, Some(&format!("k{number}")));
        match daemon.connect().call(&request) {
            Ok(Ok(reply)) => taken.push(reply.job.id),
            Ok(Err(error)) => {
                assert!(error.retryable, "{error:?}");
                break;
            }
            // The daemon may also have ended, as it must after a failed commit.
            Err(_) => break,
        }
    }
    assert!(
        (1..200).contains(&taken.len()),
        "{} jobs on a full disk",
        taken.len()
    );
    let status = wait::until("the daemon to end", SOON, || daemon.exited());
    assert!(
        !status.success(),
        "a failed commit ends the daemon: {status}"
    );
    disk.grow();
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
        disk.run("size=3m");
        disk
    }

    fn grow(&self) {
        self.run("remount,size=64m");
    }

    fn run(&self, options: &str) {
        let status = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(self.0.path())
            .status();
        assert!(status.unwrap().success());
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
