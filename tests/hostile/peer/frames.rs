//! Attacks with frames: begun and not finished, of wrong length, of no sense.

use std::collections::VecDeque;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use crate::wire::{Wire, framed};
use crate::{Stage, Tally};

/// As long as a frame may be.
const MEGABYTE: u32 = 1_048_576;

/// 200 connections that write a byte a second each, half of them in the middle of a frame that needs
/// memory; which of them the daemon closed.
pub(crate) fn slow_writers(stage: &Stage) -> Tally {
    let mut wires: Vec<Wire> = (0..200).filter_map(|_| Wire::greeted(stage).ok()).collect();
    let opened = wires.len();
    for (number, wire) in wires.iter_mut().enumerate() {
        let length = if number % 2 == 0 { 100 } else { MEGABYTE };
        drop(wire.push(&length.to_be_bytes()));
    }
    let mut turns = 0;
    while stage.goes_on(turns, 600) && !wires.is_empty() {
        turns += 1;
        sleep(Duration::from_secs(1));
        wires.retain_mut(|wire| wire.push(&[0x81]).is_ok());
    }
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Tally::from([
        ("opened", count(opened)),
        ("closed", count(opened - wires.len())),
    ])
}

/// 10 000 halves of frames, the last 200 of them held.
pub(crate) fn half_frames(stage: &Stage) -> Tally {
    let mut half = MEGABYTE.to_be_bytes().to_vec();
    half.resize(60_000, 0x81);
    let mut held = VecDeque::new();
    let (mut sent, mut turns) = (0, 0);
    while sent < 10_000 && stage.goes_on(turns, 1_000_000) {
        turns += 1;
        match Wire::greeted(stage) {
            Ok(mut wire) => {
                sent += u64::from(wire.push(&half).is_ok());
                held.push_back(wire);
            }
            // Too fast.
            Err(_) => sleep(Duration::from_millis(1)),
        }
        if held.len() > 200 {
            held.pop_front();
        }
    }
    Tally::from([("sent", sent)])
}

/// Frames of 4 GiB, so they say.
pub(crate) fn huge_length(stage: &Stage) -> Tally {
    break_off(stage, &u32::MAX.to_be_bytes())
}

/// Frames of nothing.
pub(crate) fn zero_length(stage: &Stage) -> Tally {
    break_off(stage, &[0; 4])
}

/// Valid frames, in which there is no CBOR; as a greeting, and as a request.
pub(crate) fn garbage(stage: &Stage) -> Tally {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        // xorshift: the same noise each time.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_le_bytes()
    };
    let bytes: Vec<u8> = (0..8192).flat_map(|_| random()).collect();
    break_off(stage, &framed(&bytes))
}

/// Sends this instead of a greeting and instead of a request, in turns, to a new connection each
/// time; counts how often the daemon closed it, as it must.
fn break_off(stage: &Stage, bytes: &[u8]) -> Tally {
    let (mut turns, mut closed) = (0, 0);
    while stage.goes_on(turns, 5_000) {
        turns += 1;
        let wire = if turns % 2 == 0 {
            Wire::greeted(stage).ok()
        } else {
            Wire::open(stage).ok()
        };
        let Some(mut wire) = wire else {
            sleep(Duration::from_millis(1));
            continue;
        };
        // Three of them: the third unreadable request is the last.
        for _ in 0..3 {
            drop(wire.0.write_all(bytes));
        }
        while wire.frame().is_some() {}
        closed += 1;
    }
    Tally::from([("turns", turns), ("closed", closed)])
}
