//! The `comenq` program: joins the process to [`comenq::run`].
//!
//! The only place that touches standard streams, the clock, the time zone, signals
//! and the name service.

use std::{
    env, fs,
    io::{self, IsTerminal as _},
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use comenq::Surroundings;
use jiff::{Timestamp, tz::TimeZone};
use nix::unistd::{User, geteuid};
use signal_hook::{consts::SIGINT, flag::register_conditional_shutdown};

fn main() -> ExitCode {
    let stdin = io::stdin();
    comenq::run(
        env::args_os().collect(),
        Surroundings {
            stdin_is_terminal: stdin.is_terminal(),
            stdin: &mut stdin.lock(),
            stdout: &mut io::stdout().lock(),
            stderr: &mut io::stderr().lock(),
            now: Timestamp::now,
            time_zone: local_zone,
            end_on_interrupt,
            uid: geteuid().as_raw(),
            lookup_user,
        },
    )
    .into()
}

/// Every line was flushed when it was printed, so nothing is lost by ending at once.
fn end_on_interrupt() -> io::Result<()> {
    let armed = Arc::new(AtomicBool::new(true));
    register_conditional_shutdown(SIGINT, 0, armed).map(drop)
}

/// Asks the host's name service; whom it cannot tell is nobody.
fn lookup_user(name: &str) -> Option<u32> {
    let user = User::from_name(name).ok()??;
    Some(user.uid.as_raw())
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
