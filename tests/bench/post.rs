//! What a durable post costs a client that is already running.

use comenq_proto::SubmitKey;
use harness::connection::Connection;
use harness::daemon::{Daemon, submission};

use crate::Failure;
use crate::floor::{Appender, Echo};
use crate::load::{self, CONNECTIONS};
use crate::sample::{Samples, per_second, timed};
use crate::stage::{Stage, TARGET};
use crate::table::{Aim, Row, Value};

/// One client: a new connection for each post, and one connection for all.
pub(crate) fn one(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let disk = stage.disk()?;
    let times = stage.times(4000);
    let daemon = stage.daemon(&disk);
    let echo = Echo::start(disk.path())?;
    let (echo, fresh) = Samples::in_turns(
        times,
        || echo.post(),
        || timed(|| post_over(&mut connect(&daemon)?)),
    )?;
    let mut appender = Appender::new(disk.path())?;
    let mut connection = connect(&daemon)?;
    let (append, open) = Samples::in_turns(
        times,
        || appender.append(),
        || timed(|| post_over(&mut connection)),
    )?;
    let row = |what: &str, figure, floor, floor_is, aim| Row {
        what: what.to_owned(),
        figure: Value::Time(figure),
        floor: Value::Time(floor),
        floor_is,
        aim,
    };
    let (echo_is, append_is) = ("connect, 2 echos, append+sync", "append+fdatasync");
    Ok(vec![
        row(
            "connect, Hello, durable post: p50",
            fresh.p50(),
            echo.p50(),
            echo_is,
            Aim::None,
        ),
        row(
            "connect, Hello, durable post: p99",
            fresh.p99(),
            echo.p99(),
            echo_is,
            Aim::None,
        ),
        row(
            "durable post, open connection: p50",
            open.p50(),
            append.p50(),
            append_is,
            Aim::TimesFloor(2.0),
        ),
        row(
            "durable post, open connection: p99",
            open.p99(),
            append.p99(),
            append_is,
            Aim::None,
        ),
    ])
}

/// All connections at once, against one writer that appends and syncs.
pub(crate) fn many(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let disk = stage.disk()?;
    let mut appender = Appender::new(disk.path())?;
    let append = Samples::time(stage.times(10_000), || appender.append())?;
    let daemon = stage.daemon(&disk);
    let total = stage.times(100_000);
    let took = load::post(&daemon.socket(), total)?;
    confirm(&daemon, total)?;
    Ok(vec![Row {
        what: format!("durable posts, {CONNECTIONS} connections"),
        figure: Value::Rate(per_second(total, took)),
        floor: Value::Rate(append.per_second()),
        floor_is: "one appending writer",
        aim: Aim::AtLeastTimesFloor(6.0),
    }])
}

/// The replies were not read while the clock ran: the daemon itself must know
/// the jobs.
fn confirm(daemon: &Daemon, at_least: usize) -> Result<(), Failure> {
    let known: u64 = daemon.status().counts.values().sum();
    if known < u64::try_from(at_least)? {
        return Err(format!("comenqd knows {known} jobs, {at_least} were posted").into());
    }
    Ok(())
}

fn connect(daemon: &Daemon) -> Result<Connection, Failure> {
    Ok(Connection::ready(&daemon.socket())?)
}

/// With a key, as the real client does.
pub(crate) fn post_over(connection: &mut Connection) -> Result<(), Failure> {
    let key = SubmitKey::unique(load::now_ms()).to_string();
    connection.call(&submission(TARGET, &load::body(), Some(&key)))??;
    Ok(())
}
