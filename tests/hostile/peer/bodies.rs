//! Attacks with CBOR that promises or nests more than it holds: as a greeting, as an envelope and
//! as the body of a request.

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use crate::wire::{Wire, framed, request};
use crate::{Stage, Tally};

/// Nearly a whole frame, with room for an envelope around it.
const MOST: usize = 1_048_000;

/// A hundred thousands of arrays in each other.
pub(crate) fn nested(stage: &Stage) -> Tally {
    explode(stage, &vec![0x81; MOST])
}

/// Arrays that promise 2^64 - 1 entries, where a list is read and where none is.
pub(crate) fn huge_arrays(stage: &Stage) -> Tally {
    let array = [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let mut bomb = b"\xa1\x64jobs".to_vec();
    bomb.extend(array);
    bomb.resize(MOST, 0xa0);
    explode(stage, &bomb)
}

/// A map of a quarter of a million fields nobody knows.
pub(crate) fn huge_maps(stage: &Stage) -> Tally {
    let mut bomb = vec![0xba, 0x00, 0x03, 0xd0, 0x90];
    for number in 0..250_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        // Letters only, so that each key is text.
        let letter = |byte: u8| b'a' + (byte & 15);
        bomb.extend([0x62, letter(a ^ b), letter(c), 0x00]);
    }
    bomb.truncate(MOST);
    explode(stage, &bomb)
}

/// A text without an end, of chunks of one letter.
pub(crate) fn endless_strings(stage: &Stage) -> Tally {
    let mut bomb = b"\xa1\x64body\x7f".to_vec();
    while bomb.len() < MOST {
        bomb.extend([0x61, b'a']);
    }
    explode(stage, &bomb)
}

/// A megabyte of zeros in a field nobody knows.
pub(crate) fn zeros(stage: &Stage) -> Tally {
    let mut bomb = b"\xa1\x61x\x5a\x00\x0f\xf0\x00".to_vec();
    bomb.resize(bomb.len() + 0x000f_f000, 0);
    explode(stage, &bomb)
}

/// Sends the bomb in each place where CBOR is read. Counts the answers, all of which must be
/// refusals.
fn explode(stage: &Stage, bomb: &[u8]) -> Tally {
    let as_payload = framed(bomb);
    let body = |endpoint| request(endpoint, bomb.to_vec());
    // Whoever reads one of the first and the fourth has ignored a field it does not know.
    let in_a_row = [
        body("ping"),
        as_payload.clone(),
        body("job_submit"),
        body("job_list"),
        body("job_submit_batch"),
    ];
    let (mut turns, mut refused, mut taken) = (0, 0, 0);
    while stage.goes_on(turns, 400) {
        turns += 1;
        if let Ok(mut wire) = Wire::open(stage) {
            drop(wire.0.write_all(&as_payload));
            refused += u64::from(wire.frame().is_some());
        }
        let Ok(mut wire) = Wire::greeted(stage) else {
            sleep(Duration::from_millis(1));
            continue;
        };
        for bytes in &in_a_row {
            drop(wire.0.write_all(bytes));
            match wire.code() {
                Some(0) => taken += 1,
                Some(_) => refused += 1,
                None => break,
            }
        }
    }
    Tally::from([("turns", turns), ("refused", refused), ("taken", taken)])
}
