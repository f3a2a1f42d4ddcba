//! What `comenq` costs a shell script.

use std::process::Command;
use std::time::Duration;

use harness::programs::program;

use crate::Failure;
use crate::floor;
use crate::load;
use crate::sample::{Samples, timed};
use crate::stage::{Stage, TARGET};
use crate::table::{Aim, Row, Value};

/// The client as a process, beside the smallest one there is: help, and a durable post.
pub(crate) fn client(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let disk = stage.disk()?;
    let daemon = stage.daemon(&disk);
    let (body, socket) = (load::body(), daemon.socket());
    let help = || floor::run(Command::new(program("comenq")).arg("--help"));
    let post = || {
        floor::run(
            Command::new(program("comenq"))
                .env("COMENQ_SOCKET", &socket)
                .args(["post", TARGET, &body]),
        )
    };
    let mut rows = beside_true(stage, "`comenq --help`", Duration::from_micros(500), || {
        timed(help)
    })?;
    rows.extend(beside_true(
        stage,
        "`comenq post`",
        Duration::from_millis(1),
        || timed(post),
    )?);
    Ok(rows)
}

/// How long a program runs, with at most `aim` more than /bin/true.
fn beside_true(
    stage: &Stage,
    what: &str,
    aim: Duration,
    run: impl FnMut() -> Result<Duration, Failure>,
) -> Result<Vec<Row>, Failure> {
    let (floor, samples) = Samples::in_turns(stage.times(500), floor::spawn_true, run)?;
    let row = |percentile: &str, figure, floor, aim| Row {
        what: format!("{what} as a process: {percentile}"),
        figure: Value::Time(figure),
        floor: Value::Time(floor),
        floor_is: "spawning /bin/true",
        aim,
    };
    let aim = Aim::AboveFloor(Value::Time(aim));
    Ok(vec![
        row("p50", samples.p50(), floor.p50(), aim),
        row("p99", samples.p99(), floor.p99(), Aim::None),
    ])
}
