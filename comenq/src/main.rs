//! The `comenq` program: joins the process to [`comenq::run`].
//!
//! The only place that touches standard streams, the environment, the clock, the
//! time zone, signals and the name service.
//!
//! It begins where C programs do. Before a Rust `main` std has the C library parse
//! `/proc/self/maps`, to tell a stack overflow from other faults: 0.18 ms, a sixth of a
//! whole post. What else std does before and after it is done here too: [`prepare`], and
//! a flush at the end.

#![no_main]
#![expect(unsafe_code, reason = "the C library looks for `main` by that name")]

use std::{
    env,
    ffi::c_int,
    fs,
    io::{self, IsTerminal as _, Write as _},
    os::fd::{AsFd, AsRawFd as _, IntoRawFd as _},
    panic::catch_unwind,
    sync::{Arc, atomic::AtomicBool},
};

use comenq::{Exit, Interrupts, People, Surroundings, Terminal};
use jiff::{Timestamp, tz::TimeZone};
use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::{Uid, User, geteuid},
};
use signal_hook::{
    consts::{SIGINT, SIGPIPE},
    flag::{register, register_conditional_shutdown},
};

/// What shells report of a program that an interrupt ended.
const INTERRUPTED: i32 = 130;

/// What Rust programs end with after a panic.
const PANICKED: c_int = 101;

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
compile_error!("only with glibc does std learn the arguments without its own main");

/// The program, for the C library: std finds the arguments by itself.
#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    let ended = catch_unwind(|| {
        prepare();
        let exit = run();
        // What is left unwritten here has nobody to hear of it.
        drop(io::stdout().flush());
        exit
    });
    ended.map_or(PANICKED, |exit| exit.code().into())
}

/// Sees to it that each standard stream is one, or what is opened next would be taken for it;
/// and that a reader who went away is an error, not the end.
fn prepare() {
    let is_open = |stream: &dyn AsFd| fcntl(stream.as_fd(), FcntlArg::F_GETFD).is_ok();
    if !(is_open(&io::stdin()) && is_open(&io::stdout()) && is_open(&io::stderr())) {
        let mut options = fs::OpenOptions::new();
        let options = options.read(true).write(true);
        while let Ok(nothing) = options.open("/dev/null")
            && nothing.as_raw_fd() <= io::stderr().as_raw_fd()
        {
            // For what is started here too: an editor without a stream would lose a file to it.
            let _is_inherited = fcntl(&nothing, FcntlArg::F_SETFD(FdFlag::empty()));
            let _stays_open = nothing.into_raw_fd();
        }
    }
    // It cannot fail for this signal.
    drop(register(SIGPIPE, Arc::default()));
}

fn run() -> Exit {
    let args: Vec<_> = env::args_os().collect();
    let environment = |name: &str| env::var_os(name);
    let people = People {
        uid: geteuid().as_raw(),
        lookup_user,
        user_name,
    };
    if let Some(answered) = comenq::complete(&args, &environment, people) {
        return match answered {
            Ok(()) => Exit::Done,
            Err(text) => {
                // Nothing is left to try when standard error itself is gone.
                drop(writeln!(io::stderr(), "error: {text}"));
                Exit::Usage
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
}

/// Of the terminal on standard output, or else on standard error.
fn size() -> Option<(usize, usize)> {
    let of_stdout = terminal_size::terminal_size_of(io::stdout());
    let (columns, rows) = of_stdout.or_else(|| terminal_size::terminal_size_of(io::stderr()))?;
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
