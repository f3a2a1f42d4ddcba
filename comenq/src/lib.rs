//! The command line of `comenqd`: arguments in, one request, an answer out.
//!
//! `main` calls [`run`] with what it takes from its process; everything below
//! works on arguments alone, so that a test can be that process. Blocking and
//! small on purpose: one post should cost little more than starting a process.

mod cli;
mod client;
mod commands;
mod connection;
mod exit;
mod failure;
mod json;
mod output;
mod times;
mod trust;
mod when;

#[cfg(test)]
mod test_daemon;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    io::{self, Read, Write},
};

use jiff::{Timestamp, tz::TimeZone};

pub use crate::exit::Exit;
use crate::{client::Client, commands::Context, output::Output, times::Times, trust::Trust};

/// What a run takes from the process around it.
pub struct Surroundings<'a> {
    /// Where `post` reads a comment from when none is in the arguments.
    pub stdin: &'a mut dyn Read,
    /// Whether a person types that input.
    pub stdin_is_terminal: bool,
    /// Where answers go.
    pub stdout: &'a mut dyn Write,
    /// Where errors and notes go.
    pub stderr: &'a mut dyn Write,
    /// The clock, for texts such as "in 31 min".
    pub now: fn() -> Timestamp,
    /// The zone of clock times in text, looked up only when one is shown.
    pub time_zone: fn() -> TimeZone,
    /// Makes an interrupt (Ctrl-C) end the process with exit code 0 from then on.
    pub end_on_interrupt: fn() -> io::Result<()>,
    /// The user of this process.
    pub uid: u32,
    /// The number of a user by name, asked only where a stranger's socket is met.
    pub lookup_user: fn(&str) -> Option<u32>,
}

/// Does what the arguments (with the program's name first) ask for.
#[must_use]
pub fn run(args: Vec<OsString>, around: Surroundings<'_>) -> Exit {
    let Surroundings {
        stdin,
        stdin_is_terminal,
        stdout,
        stderr,
        now,
        time_zone,
        end_on_interrupt,
        uid,
        lookup_user,
    } = around;
    let times = Times::new(now, time_zone);
    let mut output = Output::new(stdout, stderr, cli::wants_json(&args), times);
    let cli = match cli::parse(args) {
        Ok(cli) => cli,
        Err(error) => return output.clap(&error),
    };
    let trust = Trust {
        anybody: cli.global.trust_socket,
        own_uid: uid,
        lookup_user,
    };
    let mut context = Context {
        client: Client::new(cli.global.socket, cli.global.timeout, trust),
        stdin,
        stdin_is_terminal,
        output,
        end_on_interrupt,
    };
    match commands::dispatch(cli.command, &mut context) {
        Ok(exit) => exit,
        Err(failure) => context.output.failure(&failure),
    }
}
