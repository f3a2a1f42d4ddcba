//! Whole runs: arguments in, words and exit code out, with a scripted daemon.

mod admin;
mod ages;
mod batch;
mod changes;
mod check;
mod doctor;
mod export;
mod general;
mod health;
mod jobs;
mod looks;
mod pages;
mod post;
mod schema;
mod select;
mod show;
mod status;
mod wait;
mod watch;

use std::{
    ffi::OsString,
    io::Write,
    sync::{Arc, atomic::AtomicBool},
};

use comenq_proto::{Job, JobState};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::{Exit, Interrupts, People, Surroundings, Terminal, run, test_daemon::TestDaemon};

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

/// How a run's process is.
#[derive(Clone, Copy)]
struct Around<'a> {
    stdin: &'a [u8],
    is_terminal: bool,
    width: usize,
    environment: &'a [(&'a str, &'a str)],
    /// Somebody presses Ctrl-C as soon as that is waited for.
    is_interrupted: bool,
    /// Standard error is a terminal where the others are.
    errors_are_seen: bool,
}

const PIPED: Around<'static> = Around {
    stdin: b"",
    is_terminal: false,
    width: 80,
    environment: &[],
    is_interrupted: false,
    errors_are_seen: true,
};

fn run_around(line: &[&str], around: Around<'_>) -> Ran {
    let mut stdout = Vec::new();
    let (exit, stderr) = written_to(&mut stdout, line, around);
    let ran = Ran {
        exit,
        stdout: String::from_utf8(stdout).unwrap(),
        stderr,
    };
    schema::check(&ran);
    ran
}

/// A run whose answers go there; what it says on standard error.
fn written_to(stdout: &mut dyn Write, line: &[&str], around: Around<'_>) -> (Exit, String) {
    let mut stderr = Vec::new();
    let width = around.width.to_string();
    let surroundings = Surroundings {
        stdin: &mut &*around.stdin,
        stdout,
        stderr: &mut stderr,
        terminal: Terminal {
            stdin: around.is_terminal,
            stdout: around.is_terminal,
            stderr: around.is_terminal && around.errors_are_seen,
            size: || Some((80, 1000)),
            is_read: || true,
        },
        environment: &|name| {
            if name == "COLUMNS" && around.is_terminal {
                return Some(OsString::from(&width));
            }
            let found = around.environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        },
        now: || Timestamp::from_millisecond(NOW_MS).unwrap(),
        time_zone: || TimeZone::UTC,
        interrupts: Interrupts {
            end: || Ok(()),
            tell: if around.is_interrupted {
                || Ok(Arc::new(AtomicBool::new(true)))
            } else {
                || Ok(Arc::default())
            },
            ignore: || Ok(()),
        },
        people: People {
            uid: nix::unistd::geteuid().as_raw(),
            lookup_user: |_| None,
            user_name: |uid| (uid == 1001).then(|| "ben".to_owned()),
        },
    };
    let exit = run(&args(line), surroundings);
    (exit, String::from_utf8(stderr).unwrap())
}

fn run_with(line: &[&str], stdin: &[u8], is_terminal: bool) -> Ran {
    let around = Around {
        stdin,
        is_terminal,
        environment: &[("NO_COLOR", "1")],
        ..PIPED
    };
    run_around(line, around)
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

/// The same on a terminal, as wide as that.
fn seen(daemon: &TestDaemon, line: &[&str], around: Around<'_>) -> Ran {
    let socket = daemon.socket().into_os_string().into_string().unwrap();
    run_around(&[&["--socket", &socket], line].concat(), around)
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
