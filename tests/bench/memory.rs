//! What the daemon keeps resident.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use harness::daemon::Daemon;

use crate::Failure;
use crate::load;
use crate::stage::Stage;
use crate::table::{Aim, Row, Value};

const MEGABYTE_KB: u64 = 1024;

/// Fresh, and after many posts.
pub(crate) fn resident(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let disk = stage.disk()?;
    let floor = of_cat()?;
    let mut rows = Vec::new();
    let daemon = Daemon::start(stage.setup(&disk));
    rows.extend(rows_of(&daemon, "fresh", &floor, 5));
    drop(daemon);
    let daemon = stage.daemon(&disk);
    let posts = stage.times(50_000);
    load::post(&daemon.socket(), posts)?;
    rows.extend(rows_of(
        &daemon,
        &format!("after {posts} posts"),
        &floor,
        16,
    ));
    Ok(rows)
}

struct Memory {
    rss_kb: u64,
    pss_kb: u64,
}

fn rows_of(daemon: &Daemon, when: &str, floor: &Memory, aim_megabytes: u64) -> [Row; 2] {
    let row = |kind: &str, figure, floor, aim| Row {
        what: format!("{kind}, {when}"),
        figure: Value::Kilobytes(figure),
        floor: Value::Kilobytes(floor),
        floor_is: "a waiting cat",
        aim,
    };
    let aim = Aim::AtMost(Value::Kilobytes(aim_megabytes * MEGABYTE_KB));
    [
        row("RSS", daemon.rss_kb(), floor.rss_kb, aim),
        row("PSS", daemon.pss_kb(), floor.pss_kb, Aim::None),
    ]
}

/// A process that only waits: the C library and little else.
fn of_cat() -> Result<Memory, Failure> {
    let mut cat = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let memory = until_it_waits(&mut cat).and_then(|()| {
        Ok(Memory {
            rss_kb: field(cat.id(), "status", "VmRSS:")?,
            pss_kb: field(cat.id(), "smaps_rollup", "Pss:")?,
        })
    });
    cat.kill()?;
    cat.wait()?;
    memory
}

fn until_it_waits(cat: &mut Child) -> Result<(), Failure> {
    let (Some(input), Some(output)) = (&mut cat.stdin, &mut cat.stdout) else {
        return Err("cat has no pipes".into());
    };
    input.write_all(b"x")?;
    output.read_exact(&mut [0])?;
    Ok(())
}

/// A number of a process, as /proc tells it.
pub(crate) fn field(pid: u32, file: &str, name: &str) -> Result<u64, Failure> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}"))?;
    let line = text.lines().find(|line| line.starts_with(name));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.ok_or("a field is missing in /proc")?.parse()?)
}
