//! What a post costs, measured on the real binaries, each figure beside its
//! floor: what the same machine needs in the same run for the part that no
//! design can avoid. Carry the ratios; the absolute times are this machine's.
//!
//! Figures are printed, never asserted: a busy machine is not a fault.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to a person"
)]

mod events;
mod floor;
mod listing;
mod load;
mod memory;
mod pages;
mod post;
mod process;
mod sample;
mod scale;
mod stage;
mod start;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use stage::Stage;
use table::Row;

/// How a measurement can fail: the machine or a program did, not the figure.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures comenq and comenqd beside what the machine itself can do.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// A tenth of the work or less: shows that it runs, measures little
    #[arg(long)]
    quick: bool,
    /// Where the queue lies: a directory on the disk to measure [default: this program's own]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Only these parts
    #[arg(value_enum)]
    parts: Vec<Part>,
}

/// One group of figures that share their floors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// exec to READY, with an empty and with a full queue
    Ready,
    /// first connect to durable reply, no daemon running
    Cold,
    /// one client: a connection per post, and one for all
    Post,
    /// 64 connections at once
    Many,
    /// `comenq post` as a process
    Process,
    /// resident memory, fresh and after 50 000 posts
    Memory,
    /// 200 subscribers: what they cost a post, and in memory; a probe of health
    Events,
    /// everything again at a thousand, a hundred thousand and a million jobs
    Scale,
}

impl Part {
    fn measure(self, stage: &Stage) -> Result<Vec<Row>, Failure> {
        match self {
            Self::Ready => start::ready(stage),
            Self::Cold => start::cold(stage),
            Self::Post => post::one(stage),
            Self::Many => post::many(stage),
            Self::Process => process::client(stage),
            Self::Memory => memory::resident(stage),
            Self::Events => events::subscribers(stage),
            Self::Scale => scale::scale(stage),
        }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let stage = Stage::new(arguments.quick, arguments.dir.as_deref())?;
    println!("{}", stage.describe());
    if cfg!(debug_assertions) {
        println!("A debug build: its figures say nothing. Use `cargo run --release --bin bench`.");
    }
    println!("\n{}", table::head());
    let all = Part::value_variants();
    for part in all {
        if !arguments.parts.is_empty() && !arguments.parts.contains(part) {
            continue;
        }
        for row in part.measure(&stage)? {
            println!("{row}");
        }
    }
    Ok(())
}
