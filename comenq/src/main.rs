//! The `comenq` program: joins the process to [`comenq::run`].
//!
//! The only place that touches standard streams, the clock and the time zone.

use std::{
    env, fs,
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use comenq::Surroundings;
use jiff::{Timestamp, tz::TimeZone};

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
        },
    )
    .into()
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
