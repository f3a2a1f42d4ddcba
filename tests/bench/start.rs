//! How soon a daemon that does not run yet is of use.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use harness::activation::Activation;
use harness::connection::Connection;
use harness::daemon::Daemon;
use harness::setup::Setup;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Failure;
use crate::floor::{self, Echo};
use crate::load;
use crate::post::post_over;
use crate::sample::Samples;
use crate::stage::Stage;
use crate::table::{Aim, Row, Value};

const PATIENCE: Duration = Duration::from_secs(30);

/// exec → READY=1 after a clean stop, with more and more jobs in the queue.
pub(crate) fn ready(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let disk = stage.disk()?;
    let notify = disk.path().join("notify");
    let setup = stage.setup(&disk).env("NOTIFY_SOCKET", &notify);
    let mut daemon = Daemon::start(setup);
    let mut rows = Vec::new();
    let mut queued = 0;
    for full in [0, 10_000, 100_000] {
        let jobs = if full == 0 { 0 } else { stage.times(full) };
        if jobs > queued {
            load::post(&daemon.socket(), jobs - queued)?;
            queued = jobs;
        }
        daemon.term();
        let (floor, samples) = Samples::in_turns(stage.times(40), floor::spawn_true, || {
            start_and_stop(&mut daemon, &notify)
        })?;
        rows.push(Row {
            what: format!("exec → READY, {jobs} jobs: p50"),
            figure: Value::Time(samples.p50()),
            floor: Value::Time(floor.p50()),
            floor_is: "spawning /bin/true",
            aim: match jobs {
                0 => Aim::AtMost(Value::Time(Duration::from_millis(15))),
                _ => Aim::None,
            },
        });
        daemon.start_again();
    }
    Ok(rows)
}

/// Starts the daemon, says how long that took, and stops it.
pub(crate) fn start_and_stop(daemon: &mut Daemon, notify: &Path) -> Result<Duration, Failure> {
    let took = start_up(daemon, notify)?;
    daemon.term();
    Ok(took)
}

/// The same, but the daemon has no chance to stop.
pub(crate) fn start_and_kill(daemon: &mut Daemon, notify: &Path) -> Result<Duration, Failure> {
    let took = start_up(daemon, notify)?;
    daemon.kill9();
    Ok(took)
}

fn start_up(daemon: &mut Daemon, notify: &Path) -> Result<Duration, Failure> {
    if let Err(error) = std::fs::remove_file(notify)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error.into());
    }
    let inbox = UnixDatagram::bind(notify)?;
    inbox.set_read_timeout(Some(PATIENCE))?;
    let start = Instant::now();
    daemon.spawn();
    wait_for_ready(&inbox)?;
    Ok(start.elapsed())
}

fn wait_for_ready(inbox: &UnixDatagram) -> Result<(), Failure> {
    let mut buffer = [0; 4096];
    loop {
        let length = inbox.recv(&mut buffer)?;
        let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        if text.lines().any(|line| line == "READY=1") {
            return Ok(());
        }
    }
}

/// First connect → durable reply, the daemon started by that connect.
pub(crate) fn cold(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let disk = stage.disk()?;
    let setup = stage.setup(&disk);
    let echo = Echo::start(disk.path())?;
    let floor = || floor::spawn_true().and_then(|()| echo.post());
    let (floor, samples) = Samples::in_turns(stage.times(40), floor, || activate_and_stop(&setup))?;
    Ok(vec![Row {
        what: "first connect → durable reply, cold: p50".to_owned(),
        figure: Value::Time(samples.p50()),
        floor: Value::Time(floor.p50()),
        floor_is: "true, connect, echos, sync",
        aim: Aim::AtMost(Value::Time(Duration::from_millis(20))),
    }])
}

fn activate_and_stop(setup: &Setup) -> Result<Duration, Failure> {
    let activation = Activation::listen(setup)?;
    let (took, daemon) = thread::scope(|scope| {
        let starter = scope.spawn(|| start_for_a_client(&activation, setup));
        let start = Instant::now();
        let posted = Connection::ready(&setup.socket())
            .map_err(Failure::from)
            .and_then(|mut connection| post_over(&mut connection));
        let took = start.elapsed();
        let daemon = starter.join().map_err(|_| "the starter panicked")??;
        Ok::<_, Failure>((posted.map(|()| took), daemon))
    })?;
    stop(daemon)?;
    std::fs::remove_file(setup.socket())?;
    took
}

fn start_for_a_client(activation: &Activation, setup: &Setup) -> Result<Child, Failure> {
    if activation.has_client(PATIENCE)? {
        Ok(activation.spawn(setup)?)
    } else {
        Err("nobody connected".into())
    }
}

fn stop(mut daemon: Child) -> Result<(), Failure> {
    kill(Pid::from_raw(i32::try_from(daemon.id())?), Signal::SIGTERM)?;
    daemon.wait()?;
    Ok(())
}
