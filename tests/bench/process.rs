//! What `comenq post` costs a shell script.

use std::process::Command;
use std::time::Duration;

use harness::programs::program;

use crate::Failure;
use crate::floor;
use crate::load;
use crate::sample::{Samples, timed};
use crate::stage::{Stage, TARGET};
use crate::table::{Aim, Row, Value};

/// The client as a process: started, posted durably, ended.
pub(crate) fn client(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let disk = stage.disk()?;
    let daemon = stage.daemon(&disk);
    let (body, socket) = (load::body(), daemon.socket());
    let post = || {
        floor::run(
            Command::new(program("comenq"))
                .env("COMENQ_SOCKET", &socket)
                .args(["post", TARGET, &body]),
        )
    };
    let (floor, samples) = Samples::in_turns(stage.times(500), floor::spawn_true, || timed(post))?;
    let row = |what: &str, figure, floor, aim| Row {
        what: what.to_owned(),
        figure: Value::Time(figure),
        floor: Value::Time(floor),
        floor_is: "spawning /bin/true",
        aim,
    };
    let aim = Aim::AboveFloor(Value::Time(Duration::from_millis(1)));
    Ok(vec![
        row(
            "`comenq post` as a process: p50",
            samples.p50(),
            floor.p50(),
            aim,
        ),
        row(
            "`comenq post` as a process: p99",
            samples.p99(),
            floor.p99(),
            Aim::None,
        ),
    ])
}
