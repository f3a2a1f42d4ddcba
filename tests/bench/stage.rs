//! Where everything is measured: the disk, the stand-in, how much work, and the
//! set-up of a daemon that has posted one comment and then waits out its cooldown.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::available_parallelism;
use std::time::Duration;

use harness::daemon::Daemon;
use harness::github::{Config, GithubStandin};
use harness::programs::program;
use harness::setup::Setup;
use harness::wait;
use tempfile::TempDir;

use crate::Failure;

/// The issue that every measured comment goes to.
pub(crate) const TARGET: &str = "octo/demo#1";

/// Longer than any run, so that posting does not disturb what is measured.
const COOLDOWN_SECONDS: u64 = 3600;

/// What all parts share.
pub(crate) struct Stage {
    quick: bool,
    directory: PathBuf,
    github: GithubStandin,
}

impl Stage {
    /// Prepares it; the queues lie in `directory`, by default beside this program.
    pub(crate) fn new(quick: bool, directory: Option<&Path>) -> Result<Self, Failure> {
        let here = env::current_exe()?;
        let beside = here.parent().ok_or("this program lies in no directory")?;
        Ok(Self {
            quick,
            directory: directory.unwrap_or(beside).canonicalize()?,
            github: GithubStandin::start(Config::example())?,
        })
    }

    /// How often to do something that is done `full` times in a full run.
    pub(crate) fn times(&self, full: usize) -> usize {
        if self.quick {
            (full / 20).clamp(2, 2000)
        } else {
            full
        }
    }

    /// How many jobs to queue where it is `full` in a full run: a hundredth, so
    /// that the sizes still differ.
    pub(crate) fn jobs(&self, full: usize) -> usize {
        if self.quick {
            (full / 100).max(600)
        } else {
            full
        }
    }

    /// A directory on the measured disk, removed with what is returned.
    pub(crate) fn disk(&self) -> Result<TempDir, Failure> {
        let builder = tempfile::Builder::new()
            .prefix("bench")
            .tempdir_in(&self.directory);
        Ok(builder?)
    }

    /// A daemon's set-up with its queue in `disk`.
    pub(crate) fn setup(&self, disk: &TempDir) -> Setup {
        let queue = disk.path().join("queue").display().to_string();
        Setup::for_standin(&self.github)
            .unlimited()
            .text("queue_path", &queue)
            .text("log_level", "warn")
            .number("cooldown_period_seconds", COOLDOWN_SECONDS)
            // As in the unit.
            .env("MALLOC_ARENA_MAX", "1")
    }

    /// A daemon that has its HTTP client and nothing to do for an hour.
    pub(crate) fn daemon(&self, disk: &TempDir) -> Daemon {
        let daemon = self.setup(disk).start();
        let already = self.github.comments().len();
        let first = daemon.submit(TARGET, "the one comment that is posted");
        wait::until("the first comment", Duration::from_secs(30), || {
            (self.github.comments().len() > already).then_some(())
        });
        drop(daemon.wait_posted(first.job.id));
        daemon
    }

    /// What was measured, and where.
    pub(crate) fn describe(&self) -> String {
        let cores = available_parallelism().map_or(1, usize::from);
        format!(
            "{} on {cores} cores; the queue is on {} at {}",
            said_by(Command::new(program("comenqd")).arg("--version")),
            said_by(
                Command::new("findmnt")
                    .args(["-no", "FSTYPE", "-T"])
                    .arg(&self.directory)
            ),
            self.directory.display(),
        )
    }
}

fn said_by(command: &mut Command) -> String {
    let output = command.output().map(|it| it.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
