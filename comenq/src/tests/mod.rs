//! Whole runs: arguments in, words and exit code out, with a scripted daemon.

mod admin;
mod ages;
mod batch;
mod changes;
mod export;
mod general;
mod health;
mod jobs;
mod post;
mod show;
mod status;
mod watch;

use std::ffi::OsString;

use comenq_proto::{Job, JobState};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::{Exit, Surroundings, run, test_daemon::TestDaemon};

/// 2026-11-20 12:10:00 UTC.
const NOW_MS: i64 = 1_795_176_600_000;
const MINUTE_MS: i64 = 60_000;

struct Ran {
    exit: Exit,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn json(&self) -> Value {
        assert_eq!(self.stdout.matches('\n').count(), 1, "{}", self.stdout);
        serde_json::from_str(&self.stdout).unwrap()
    }

    fn error(&self) -> Value {
        assert_eq!(self.stdout, "");
        let document: Value = serde_json::from_str(&self.stderr).unwrap();
        assert_eq!(document["schema"], 1);
        document["error"].clone()
    }
}

fn args(line: &[&str]) -> Vec<OsString> {
    ["comenq"].iter().chain(line).map(OsString::from).collect()
}

fn run_with(line: &[&str], mut stdin: &[u8], stdin_is_terminal: bool) -> Ran {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let around = Surroundings {
        stdin: &mut stdin,
        stdin_is_terminal,
        stdout: &mut stdout,
        stderr: &mut stderr,
        now: || Timestamp::from_millisecond(NOW_MS).unwrap(),
        time_zone: || TimeZone::UTC,
        end_on_interrupt: || Ok(()),
        uid: nix::unistd::geteuid().as_raw(),
        lookup_user: |_| None,
    };
    let exit = run(args(line), around);
    Ran {
        exit,
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// A run that never gets as far as a daemon.
fn alone(line: &[&str]) -> Ran {
    let line = [line, &["--socket", "/nonexistent/comenq.sock"]].concat();
    run_with(&line, b"", false)
}

fn against(daemon: &TestDaemon, line: &[&str], stdin: &[u8]) -> Ran {
    let socket = daemon.socket().into_os_string().into_string().unwrap();
    run_with(&[&["--socket", &socket], line].concat(), stdin, false)
}

fn job(id: u64, state: JobState) -> Job {
    Job {
        id,
        state,
        owner: "owner".into(),
        repo: "repo".into(),
        number: 123,
        body: None,
        account: "default".into(),
        uid: 1000,
        priority: 0,
        created_at_ms: NOW_MS - 3 * MINUTE_MS,
        not_before_ms: None,
        attempts: 0,
        next_attempt_at_ms: None,
        finished_at_ms: None,
        comment_id: None,
        comment_url: None,
        last_error: None,
        cancel_requested: false,
        expires_at_ms: None,
        replace_key: None,
        if_open: false,
        superseded_by: None,
        moved_to: None,
        failure: None,
        next_look_at_ms: None,
        may_have_been_posted: false,
    }
}
