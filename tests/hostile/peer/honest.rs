//! The client that nobody should hurt: it does what `comenq post` does, again and again.

use std::thread::sleep;
use std::time::{Duration, Instant};

use comenq_proto::{JobSubmit, to_bytes};

use crate::wire::{Wire, request};
use crate::{Stage, Tally};

/// Between two comments; many clients of one host together are no faster.
const PAUSE: Duration = Duration::from_millis(10);

/// Connects, queues a comment, leaves; how long that took, in microseconds.
pub(crate) fn honest(stage: &Stage) -> Tally {
    let mut took = Vec::new();
    let mut failed = 0;
    while stage.goes_on(0, 1) {
        let start = Instant::now();
        if post(stage, took.len()) {
            took.push(start.elapsed());
        } else {
            failed += 1;
        }
        sleep(PAUSE);
    }
    took.sort_unstable();
    let at = |percent: usize| {
        let index = took.len().saturating_sub(1) * percent / 100;
        let micros = took.get(index).map_or(0, Duration::as_micros);
        u64::try_from(micros).unwrap_or(u64::MAX)
    };
    let served = u64::try_from(took.len()).unwrap_or(u64::MAX);
    Tally::from([
        ("served", served),
        ("failed", failed),
        ("p50", at(50)),
        ("p99", at(99)),
        ("max", at(100)),
    ])
}

fn post(stage: &Stage, number: usize) -> bool {
    let submission = JobSubmit {
        owner: "octo".to_owned(),
        repo: "demo".to_owned(),
        number: 1,
        body: format!("an honest comment, number {number}"),
        ..JobSubmit::default()
    };
    let Ok(mut wire) = Wire::greeted(stage) else {
        return false;
    };
    let bytes = request("job_submit", to_bytes(&submission).unwrap_or_default());
    wire.push(&bytes).is_ok_and(|sent| sent == bytes.len()) && wire.code() == Some(0)
}
