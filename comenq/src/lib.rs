//! The command line of `comenqd`: arguments in, requests, an answer out.
//!
//! `main` calls [`run`] with what it takes from its process; everything below
//! works on arguments alone, so that a test can be that process. Blocking and
//! small on purpose: one post should cost little more than starting a process.

#![forbid(unsafe_code)]

mod address;
mod checkout;
mod cli;
mod client;
mod commands;
mod complete;
mod connection;
mod editor;
mod exit;
mod failure;
mod host;
mod json;
mod output;
mod pager;
mod people;
mod program;
mod repository;
mod stop;
mod terminal;
mod times;
mod trust;
mod units;
mod when;

#[cfg(test)]
mod test_daemon;
#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    ffi::OsString,
    io::{self, Read, Write},
    sync::{Arc, atomic::AtomicBool},
};

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    address::Address,
    cli::{Cli, Command, DEFAULT_TIMEOUT, Early},
    client::Client,
    commands::Context,
    failure::Failure,
    output::Output,
    terminal::Look,
    times::Times,
    trust::Trust,
};
pub use crate::{complete::answer as complete, exit::Exit, people::People, terminal::Terminal};

/// What a run takes from the process around it.
pub struct Surroundings<'a> {
    /// Where `post` reads a comment from when none is in the arguments.
    pub stdin: &'a mut dyn Read,
    /// Where answers go.
    pub stdout: &'a mut dyn Write,
    /// Where errors and notes go.
    pub stderr: &'a mut dyn Write,
    /// Which of them are a terminal.
    pub terminal: Terminal,
    /// The environment's variables by name.
    pub environment: &'a dyn Fn(&str) -> Option<OsString>,
    /// The clock, for texts such as "in 31 min".
    pub now: fn() -> Timestamp,
    /// The zone of clock times in text, looked up only when one is shown.
    pub time_zone: fn() -> TimeZone,
    /// What an interrupt does.
    pub interrupts: Interrupts,
    /// Who we are, and who the others.
    pub people: People,
}

/// What an interrupt (Ctrl-C) does, for a verb that can be interrupted.
#[derive(Debug, Clone, Copy)]
pub struct Interrupts {
    /// It ends the process with exit code 0 from then on.
    pub end: fn() -> io::Result<()>,
    /// The first sets what is returned, from then on; the second ends the process.
    pub tell: fn() -> io::Result<Arc<AtomicBool>>,
    /// It does nothing from then on: a pager or an editor has the terminal.
    pub ignore: fn() -> io::Result<()>,
}

/// Does what the arguments (with the program's name first) ask for.
#[must_use]
pub fn run(args: &[OsString], around: Surroundings<'_>) -> Exit {
    let Surroundings {
        stdin,
        stdout,
        stderr,
        terminal,
        environment,
        now,
        time_zone,
        interrupts,
        people,
    } = around;
    let early = Early::of(args);
    let look = Look::new(terminal, early.colour, environment);
    let times = Times::new(now, time_zone);
    let mut output = Output::new(stdout, stderr, early.json, look, times);
    let Cli {
        global,
        mut command,
    } = match cli::parse(args, look.wrap()) {
        Ok(cli) => cli,
        Err(stop) => return output.stop(&stop),
    };
    let address = match command {
        // The far end of a host must not dial on.
        Command::DialStdio => Ok(Address::near(global.socket, environment)),
        _ => Address::find(global.socket, global.host, environment),
    };
    let address = match address {
        Ok(address) => address,
        Err(failure) => return output.failure(&failure),
    };
    let timeout = match &mut command {
        Command::Wait(args) => {
            args.limit = global.timeout;
            None
        }
        _ => global.timeout,
    };
    let trust = Trust {
        anybody: global.trust_socket,
        own_uid: people.uid,
        lookup_user: people.lookup_user,
    };
    let mut context = Context {
        client: Client::new(address, timeout.unwrap_or(DEFAULT_TIMEOUT), trust),
        stdin,
        terminal,
        environment,
        interrupts,
        people,
        names: RefCell::default(),
        output,
    };
    match commands::dispatch(command, &mut context) {
        Ok(exit) => exit,
        Err(failure) => context.output.failure(&failure),
    }
}

/// An interrupt that cannot be waited for.
fn unwaitable(error: &io::Error) -> Failure {
    let message = format!("cannot wait for an interrupt: {error}");
    Failure::new("internal", Exit::Trouble, message)
}
