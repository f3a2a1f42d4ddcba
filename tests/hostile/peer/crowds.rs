//! Attacks by number: connections, requests, replies that nobody reads, broken rules.

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use comenq_proto::{JobGet, JobSubmit, to_bytes};

use crate::wire::{Wire, request};
use crate::{Stage, Tally};

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Connects and closes, as fast as it goes.
pub(crate) fn connect_and_close(stage: &Stage) -> Tally {
    let mut turns = 0;
    while stage.goes_on(turns, 200_000) {
        turns += u64::from(Wire::open(stage).is_ok());
    }
    Tally::from([("turns", turns)])
}

/// Takes every place it gets, and keeps them to the end.
pub(crate) fn crowd(stage: &Stage) -> Tally {
    let (mut held, mut code) = (Vec::new(), 0);
    while stage.goes_on(count(held.len()), 2_000) {
        match Wire::greeted(stage) {
            Ok(wire) => held.push(wire),
            Err(0) => sleep(Duration::from_millis(1)),
            Err(refused) => {
                code = refused;
                sleep(Duration::from_millis(20));
            }
        }
    }
    Tally::from([("held", count(held.len())), ("code", code.into())])
}

/// 256 connections that ask for the largest comment again and again and read nothing.
pub(crate) fn deaf(stage: &Stage) -> Tally {
    let submission = JobSubmit {
        owner: "octo".to_owned(),
        repo: "demo".to_owned(),
        number: 2,
        // As many bytes as a comment may have.
        body: "\u{1f980}".repeat(65_536),
        ..JobSubmit::default()
    };
    let body = to_bytes(&submission).unwrap_or_default();
    let Ok(mut first) = Wire::greeted(stage) else {
        return Tally::new();
    };
    let mut id = 0;
    if first.0.write_all(&request("job_submit", body)).is_ok() && first.code() == Some(0) {
        id = newest(&mut first);
    }
    let ask = request("job_get", to_bytes(&JobGet { id }).unwrap_or_default());
    let mut held: Vec<Wire> = (0..256).filter_map(|_| Wire::greeted(stage).ok()).collect();
    let (mut asked, mut turns) = (0, 0);
    while stage.goes_on(turns, 100_000) {
        turns += 1;
        for wire in &mut held {
            asked += u64::from(wire.push(&ask).is_ok_and(|sent| sent > 0));
        }
        sleep(Duration::from_millis(5));
    }
    Tally::from([("held", count(held.len())), ("asked", asked), ("job", id)])
}

/// The number of the newest job.
fn newest(wire: &mut Wire) -> u64 {
    let list = comenq_proto::JobList::default();
    let bytes = request("job_list", to_bytes(&list).unwrap_or_default());
    drop(wire.0.write_all(&bytes));
    let Some(frame) = wire.frame() else { return 0 };
    let envelope = comenq_proto::from_slice::<comenq_proto::ResponseEnvelope>(&frame);
    let reply = envelope.and_then(|envelope| {
        comenq_proto::from_slice::<comenq_proto::JobListReply>(&envelope.body)
    });
    let jobs = reply.map(|reply| reply.jobs).unwrap_or_default();
    jobs.iter().map(|job| job.id).max().unwrap_or(0)
}

/// 32 connections with as many requests as the daemon takes; then one after the wait it was told.
pub(crate) fn hurry(stage: &Stage) -> Tally {
    let ping = request("ping", vec![0xa0]);
    let many = ping.repeat(16);
    let mut held: Vec<Wire> = (0..32).filter_map(|_| Wire::greeted(stage).ok()).collect();
    let (mut answered, mut limited, mut other, mut turns) = (0, 0, 0, 0);
    while stage.goes_on(turns, 100_000) {
        turns += 1;
        for wire in &mut held {
            drop(wire.0.write_all(&many));
        }
        for wire in &mut held {
            for _ in 0..16 {
                match wire.code() {
                    Some(0) => answered += 1,
                    Some(104) => limited += 1,
                    _ => other += 1,
                }
            }
        }
    }
    sleep(Duration::from_secs(1));
    let later = held.iter_mut().filter_map(|wire| {
        drop(wire.0.write_all(&ping));
        wire.code()
    });
    let served_later = count(later.filter(|code| *code == 0).count());
    Tally::from([
        ("answered", answered),
        ("limited", limited),
        ("other", other),
        ("served_later", served_later),
    ])
}

/// Breaks the protocol until it is refused, then comes again and again.
pub(crate) fn violate(stage: &Stage) -> Tally {
    let (mut broken, mut refused, mut code, mut turns) = (0, 0, 0, 0);
    while stage.goes_on(turns, 1_000) {
        turns += 1;
        match Wire::greeted(stage) {
            Ok(mut wire) => {
                drop(wire.0.write_all(&[0; 4]));
                broken += u64::from(wire.frame().is_none());
            }
            Err(0) => {}
            Err(told) => {
                code = told;
                refused += 1;
                sleep(Duration::from_millis(20));
            }
        }
    }
    Tally::from([
        ("broken", broken),
        ("refused", refused),
        ("code", code.into()),
    ])
}
