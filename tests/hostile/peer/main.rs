//! The other side of the hostile tests, as a process of its own: it can be another user.
//!
//! `hostile-peer SOCKET SECONDS PLAY`: plays for at most so long, then prints what came of it as
//! lines of `name number`. Bounded in time and in number; speaks to that Unix socket only.

mod bodies;
mod crowds;
mod frames;
mod honest;
mod wire;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Where it plays, and until when.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) socket: PathBuf,
    pub(crate) until: Instant,
}

impl Stage {
    /// Whether there is time left, and fewer than `most` turns were made.
    pub(crate) fn goes_on(&self, turns: u64, most: u64) -> bool {
        turns < most && Instant::now() < self.until
    }
}

/// What came of it.
pub(crate) type Tally = BTreeMap<&'static str, u64>;

type Play = fn(&Stage) -> Tally;

const PLAYS: [(&str, Play); 16] = [
    ("honest", honest::honest),
    ("slow_writers", frames::slow_writers),
    ("half_frames", frames::half_frames),
    ("huge_length", frames::huge_length),
    ("zero_length", frames::zero_length),
    ("garbage", frames::garbage),
    ("nested", bodies::nested),
    ("huge_arrays", bodies::huge_arrays),
    ("huge_maps", bodies::huge_maps),
    ("endless_strings", bodies::endless_strings),
    ("zeros", bodies::zeros),
    ("connect_and_close", crowds::connect_and_close),
    ("crowd", crowds::crowd),
    ("deaf", crowds::deaf),
    ("hurry", crowds::hurry),
    ("violate", crowds::violate),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [socket, seconds, name] = arguments.as_slice() else {
        return ExitCode::from(2);
    };
    let play = PLAYS.iter().find(|(known, _)| known == name);
    let (Some((_, play)), Ok(seconds)) = (play, seconds.parse()) else {
        return ExitCode::from(2);
    };
    let stage = Stage {
        socket: socket.into(),
        until: Instant::now() + Duration::from_secs_f64(seconds),
    };
    let mut text = String::new();
    for (name, number) in play(&stage) {
        // A String takes everything.
        let _ = writeln!(text, "{name} {number}");
    }
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
