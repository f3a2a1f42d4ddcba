//! The real `comenqd` as a process: started, waited for, questioned, killed.
//!
//! Dropping it kills that process and no other, and shows its log when the test
//! has failed.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a test whose tools fail has failed"
)]

mod reload;

use std::fs;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use comenq_proto::{Job, JobGet, JobState, JobSubmit, JobSubmitReply, Status, StatusReply};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::cli::Cli;
use crate::connection::Connection;
use crate::group;
use crate::setup::Setup;
use crate::wait;

/// How long a start or a stop may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon, running or between two runs.
#[derive(Debug)]
pub struct Daemon {
    /// Its set-up; changes count from the next start.
    pub setup: Setup,
    child: Option<Child>,
}

impl Daemon {
    /// Starts one and waits until it answers.
    #[must_use]
    pub fn start(setup: Setup) -> Self {
        let mut daemon = Self::idle(setup);
        daemon.start_again();
        daemon
    }

    /// One that has not been started yet.
    #[must_use]
    pub fn idle(setup: Setup) -> Self {
        Self { setup, child: None }
    }

    /// Starts the process and waits until it answers.
    pub fn start_again(&mut self) {
        self.spawn();
        self.wait_ready();
    }

    /// Waits until it answers.
    pub fn wait_ready(&mut self) {
        let socket = self.setup.socket();
        wait::until("comenqd to answer", PATIENCE, || {
            if let Some(status) = self.exited() {
                panic!(
                    "comenqd ended at start with {status}:\n{}",
                    self.setup.log()
                );
            }
            Connection::ready(&socket).ok()
        });
    }

    /// Starts the process without waiting.
    pub fn spawn(&mut self) {
        let socket = self.setup.socket().display().to_string();
        assert!(socket.len() < 108, "{socket} is too long for a socket");
        let child = self
            .setup
            .command(&["--listen", &socket])
            .stdout(Stdio::null())
            .stderr(self.setup.log_file())
            // A group of its own: a daemon started through another program is
            // killed together with that one.
            .process_group(0)
            .spawn();
        self.child = Some(child.expect("comenqd starts"));
    }

    /// Its exit status, once it has ended by itself.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child
            .as_mut()
            .and_then(|child| child.try_wait().expect("a child of ours"))
    }

    /// Waits for it to end by itself.
    pub fn wait_exit(&mut self) -> ExitStatus {
        let status = wait::until("comenqd to end", PATIENCE, || self.exited());
        self.child = None;
        status
    }

    /// Kills it as a crash would.
    pub fn kill9(&mut self) {
        let group = self.pid();
        killpg(group, Signal::SIGKILL).expect("comenqd is ours and runs");
        self.wait_exit();
        // Started through another program it is not our child, and may be a
        // moment behind that one.
        wait::until("all of its group to end", PATIENCE, || {
            (!group::is_alive(group)).then_some(())
        });
    }

    /// Asks it to stop, and waits until it has.
    pub fn term(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait_exit()
    }

    /// Stops it cleanly and starts it again.
    pub fn restart(&mut self) {
        self.term();
        self.start_again();
    }

    /// Freezes it.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on after [`Daemon::freeze`].
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        pid_of(self.child.as_ref().expect("a running comenqd"))
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("comenqd is ours and runs");
    }

    /// Its resident memory.
    #[must_use]
    pub fn rss_kb(&self) -> u64 {
        self.proc_kb("status", "VmRSS:")
    }

    /// Its share of resident memory.
    #[must_use]
    pub fn pss_kb(&self) -> u64 {
        self.proc_kb("smaps_rollup", "Pss:")
    }

    fn proc_kb(&self, file: &str, field: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.pid())).expect("/proc");
        let line = text
            .lines()
            .find(|line| line.starts_with(field))
            .expect("the field");
        let number = line.split_whitespace().nth(1).expect("a number");
        number.parse().expect("a number")
    }

    /// What it wrote to stderr in all its runs.
    #[must_use]
    pub fn log(&self) -> String {
        self.setup.log()
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.setup.socket()
    }

    /// A connection after the handshake.
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::ready(&self.socket()).expect("comenqd answers")
    }

    /// The real client, aimed at this daemon.
    #[must_use]
    pub fn cli(&self, arguments: &[&str]) -> Cli {
        Cli::new(&self.socket(), arguments)
    }

    /// Queues a comment through the protocol.
    #[expect(clippy::must_use_candidate, reason = "often only the queueing matters")]
    pub fn submit(&self, target: &str, body: &str) -> JobSubmitReply {
        let reply = self.connect().call(&submission(target, body, None));
        reply.expect("an answer").expect("the comment is taken")
    }

    /// A job as the daemon tells it now.
    #[must_use]
    pub fn job(&self, id: u64) -> Job {
        let reply = self.connect().call(&JobGet { id }).expect("an answer");
        reply.expect("the job exists").job
    }

    /// Waits until a job is in one of these states.
    #[expect(clippy::must_use_candidate, reason = "often only the waiting matters")]
    pub fn wait_for(&self, id: u64, states: &[JobState]) -> Job {
        self.wait_longer(id, states, PATIENCE)
    }

    /// The same with a patience of its own.
    #[expect(clippy::must_use_candidate, reason = "often only the waiting matters")]
    pub fn wait_longer(&self, id: u64, states: &[JobState], patience: Duration) -> Job {
        let mut connection = self.connect();
        let mut last = None;
        wait::until(
            &format!("job {id} to be one of {states:?}"),
            patience,
            || {
                let reply = connection.call(&JobGet { id }).expect("an answer");
                let job = reply.expect("the job exists").job;
                if last != Some(job.state) {
                    last = Some(job.state);
                }
                assert!(
                    states.contains(&job.state) || !job.state.is_finished(),
                    "job {id} ended as {job:?}, not as one of {states:?}"
                );
                states.contains(&job.state).then_some(job)
            },
        )
    }

    /// Waits until a job is posted.
    #[expect(clippy::must_use_candidate, reason = "often only the waiting matters")]
    pub fn wait_posted(&self, id: u64) -> Job {
        self.wait_for(id, &[JobState::Posted])
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusReply {
        self.connect()
            .call(&Status {})
            .expect("an answer")
            .expect("the status")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // One that has ended and was waited for must not be killed: its
            // number may be somebody else's by now.
            let runs = matches!(child.try_wait(), Ok(None));
            if runs && killpg(pid_of(&child), Signal::SIGKILL).is_ok() {
                drop(child.wait());
            }
        }
        if std::thread::panicking() {
            let log = format!("---- log of comenqd ----\n{}----\n", self.setup.log());
            drop(io::stderr().write_all(log.as_bytes()));
        }
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process id"))
}

/// A submission to `owner/repo#number`.
#[must_use]
pub fn submission(target: &str, body: &str, key: Option<&str>) -> JobSubmit {
    let (slug, number) = target.split_once('#').expect("owner/repo#number");
    let (owner, repo) = slug.split_once('/').expect("owner/repo#number");
    JobSubmit {
        owner: owner.to_owned(),
        repo: repo.to_owned(),
        number: number.parse().expect("owner/repo#number"),
        host: None,
        body: body.to_owned(),
        key: key.map(str::to_owned),
        ..JobSubmit::default()
    }
}
