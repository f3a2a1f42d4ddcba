//! `cargo demo`: what comenq does, on a machine that has nothing but cargo.
//!
//! Without arguments the story of a few comments, posted to a stand-in of GitHub
//! inside this process; with a target and a text that one comment, posted to the
//! real GitHub. The daemon, its queue and its client are the real ones in both.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to a person"
)]

mod build;
mod interrupt;
mod real;
mod story;
mod world;

use std::process::ExitCode;

/// How any step can fail: told to the person, and the end of the demo.
type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "\
cargo demo
    posts a few comments to a stand-in of GitHub on this machine
COMENQD_GITHUB_TOKEN=… cargo demo -- owner/repo 123 \"text\"
    posts that one comment to the real GitHub";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    // The alias ends in `--`, and people type another.
    if arguments.first().is_some_and(|it| it == "--") {
        arguments.remove(0);
    }
    if arguments.iter().any(|it| it == "-h" || it == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let told = build::programs().and_then(|()| {
        interrupt::take()?;
        if arguments.is_empty() {
            story::tell()
        } else {
            real::post(&arguments)
        }
    });
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("demo: {failure}");
            ExitCode::FAILURE
        }
    }
}
