//! The `comenq` program: joins the process to [`comenq::run`].
//!
//! The only place that touches standard streams, the environment, the clock, the
//! time zone, signals and the name service.

use std::{
    env, fs,
    io::{self, IsTerminal as _, Write as _},
    os::fd::AsFd as _,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use comenq::{Exit, Interrupts, People, Surroundings, Terminal};
use jiff::{Timestamp, tz::TimeZone};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::{Uid, User, geteuid},
};
use signal_hook::{
    consts::SIGINT,
    flag::{register, register_conditional_shutdown},
};

/// What shells report of a program that an interrupt ended.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    let args: Vec<_> = env::args_os().collect();
    let environment = |name: &str| env::var_os(name);
    let people = People {
        uid: geteuid().as_raw(),
        lookup_user,
        user_name,
    };
    if let Some(answered) = comenq::complete(&args, &environment, people) {
        return match answered {
            Ok(()) => ExitCode::SUCCESS,
            Err(text) => {
                // Nothing is left to try when standard error itself is gone.
                drop(writeln!(io::stderr(), "error: {text}"));
                Exit::Usage.into()
            }
        };
    }
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    comenq::run(
        &args,
        Surroundings {
            terminal: Terminal {
                stdin: stdin.is_terminal(),
                stdout: stdout.is_terminal(),
                stderr: stderr.is_terminal(),
                size,
                is_read,
            },
            stdin: &mut stdin.lock(),
            stdout: &mut stdout.lock(),
            stderr: &mut stderr.lock(),
            environment: &environment,
            now: Timestamp::now,
            time_zone: local_zone,
            interrupts: Interrupts { end, tell, ignore },
            people,
        },
    )
    .into()
}

/// Of the terminal on standard output.
fn size() -> Option<(usize, usize)> {
    let (columns, rows) = terminal_size::terminal_size_of(io::stdout())?;
    Some((columns.0.into(), rows.0.into()))
}

/// A pipe whose reader has gone says so.
fn is_read() -> bool {
    let stdout = io::stdout();
    let mut ends = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let polled = poll(&mut ends, PollTimeout::ZERO);
    let gone = PollFlags::POLLERR | PollFlags::POLLHUP;
    let [end] = ends;
    polled.is_err() || !end.revents().is_some_and(|it| it.intersects(gone))
}

/// Every line was flushed when it was printed, so nothing is lost by ending at once.
fn end() -> io::Result<()> {
    let armed = Arc::new(AtomicBool::new(true));
    register_conditional_shutdown(SIGINT, 0, armed).map(drop)
}

/// The second one ends the process: whoever presses twice means it.
fn tell() -> io::Result<Arc<AtomicBool>> {
    let told = Arc::new(AtomicBool::new(false));
    register_conditional_shutdown(SIGINT, INTERRUPTED, Arc::clone(&told))?;
    register(SIGINT, Arc::clone(&told))?;
    Ok(told)
}

fn ignore() -> io::Result<()> {
    register(SIGINT, Arc::default()).map(drop)
}

/// Asks the host's name service; whom it cannot tell is nobody.
fn lookup_user(name: &str) -> Option<u32> {
    let user = User::from_name(name).ok()??;
    Some(user.uid.as_raw())
}

fn user_name(uid: u32) -> Option<String> {
    let user = User::from_uid(Uid::from_raw(uid)).ok()??;
    Some(user.name)
}

/// The zone that `TZ` or else `/etc/localtime` names. The latter is read here:
/// jiff would first look through every file of the zone database for its name,
/// which takes longer than all the rest of a run.
fn local_zone() -> TimeZone {
    if env::var_os("TZ").is_some_and(|name| !name.is_empty()) {
        return TimeZone::system();
    }
    fs::read("/etc/localtime")
        .ok()
        .and_then(|data| TimeZone::tzif("local", &data).ok())
        .unwrap_or(TimeZone::UTC)
}
