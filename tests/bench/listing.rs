//! What `comenq list` costs on a long queue: until its first line, in all, and in memory. Its floor
//! is the same of the shortest queue.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::daemon::Daemon;
use harness::programs::program;

use crate::Failure;
use crate::memory::field;
use crate::table::{Aim, Row, Value};

/// Longer queues are not listed: nobody reads them, and the daemon would grow by what it reads.
const LISTED: usize = 100_000;

/// What a pipe holds.
const PIPE_BYTES: usize = 64 * 1024;

/// One run of `comenq list --all`, and one of `comenq list` that finds nothing.
pub(crate) struct Listing {
    first_line: Duration,
    all: Duration,
    peak_kb: u64,
    nothing: Duration,
}

impl Listing {
    /// Lists everything once, if there is not too much.
    pub(crate) fn read(daemon: &Daemon, jobs: usize) -> Result<Option<Self>, Failure> {
        if jobs > LISTED {
            return Ok(None);
        }
        let began = Instant::now();
        let mut client = comenq(daemon, &["list", "--all"])
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = client.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        lines.next().ok_or("no first line")??;
        let first_line = began.elapsed();
        let count = lines.count();
        let all = began.elapsed();
        if !client.wait()?.success() || count < jobs / 2 {
            return Err(format!("comenq list told {count} of {jobs} jobs").into());
        }
        let peak_kb = peak_kb(daemon)?;
        let began = Instant::now();
        let nothing = comenq(daemon, &["list", "--account", "nobody"]).output()?;
        if !nothing.status.success() {
            return Err(format!("{nothing:?}").into());
        }
        Ok(Some(Self {
            first_line,
            all,
            peak_kb,
            nothing: began.elapsed(),
        }))
    }

    /// What was found, of a queue of so many.
    pub(crate) fn rows(&self, jobs: usize, least: &Self) -> [Row; 4] {
        let row = |what: &str, figure, floor, aim| Row {
            what: format!("{what}, {jobs} queued"),
            figure,
            floor,
            floor_is: "the same with the fewest",
            aim,
        };
        let time = |what: &str, of: fn(&Self) -> Duration, aim| {
            row(what, Value::Time(of(self)), Value::Time(of(least)), aim)
        };
        [
            time(
                "`comenq list --all`, first line",
                |it| it.first_line,
                Aim::TimesFloor(2.0),
            ),
            time("`comenq list --all`, whole", |it| it.all, Aim::None),
            time(
                "`comenq list` that finds nothing",
                |it| it.nothing,
                Aim::None,
            ),
            row(
                "its peak memory",
                Value::Kilobytes(self.peak_kb),
                Value::Kilobytes(least.peak_kb),
                Aim::TimesFloor(2.0),
            ),
        ]
    }
}

/// The most memory that `comenq list --all --json` ever has: asked when all but the last of its
/// output is read, so that it is surely there.
fn peak_kb(daemon: &Daemon) -> Result<u64, Failure> {
    let mut list = comenq(daemon, &["list", "--all", "--json"]);
    let size = list.output()?.stdout.len();
    let mut client = list.stdout(Stdio::piped()).spawn()?;
    let mut stdout = client.stdout.take().ok_or("no standard output")?;
    let mut read = vec![0; size.saturating_sub(2 * PIPE_BYTES).max(1)];
    stdout.read_exact(&mut read)?;
    let peak_kb = field(client.id(), "status", "VmHWM:")?;
    io::copy(&mut stdout, &mut io::sink())?;
    client.wait()?;
    Ok(peak_kb)
}

fn comenq(daemon: &Daemon, words: &[&str]) -> Command {
    let mut command = Command::new(program("comenq"));
    command
        .env("COMENQ_SOCKET", daemon.socket())
        .args(words)
        .stdin(Stdio::null());
    command
}
