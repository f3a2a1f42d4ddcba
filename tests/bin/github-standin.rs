//! The GitHub stand-in as a program, for scripts: demo, acceptance under
//! systemd, benchmarks. Its control API is described in `harness::github`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use harness::github::{Account, Config, GithubStandin};

/// A small GitHub on loopback, for tests.
#[derive(Debug, Parser)]
#[command(name = "github-standin", version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Keep comments in this file over restarts.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// A token and whom it belongs to.
    #[arg(long = "token", value_name = "TOKEN=LOGIN:ID", value_parser = token)]
    tokens: Vec<(String, Account)>,
    /// An issue that can be commented on.
    #[arg(long = "issue", value_name = "OWNER/REPO#NUMBER")]
    issues: Vec<String>,
    /// What stands before every path, such as /api/v3.
    #[arg(long, default_value = "")]
    prefix: String,
    /// How many seconds the clock is ahead.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    clock_offset_seconds: i64,
}

fn token(text: &str) -> Result<(String, Account), String> {
    let form = || format!("`{text}` is not TOKEN=LOGIN:ID");
    let (token, owner) = text.split_once('=').ok_or_else(form)?;
    let (login, id) = owner.split_once(':').ok_or_else(form)?;
    let id = id.parse().map_err(|_| form())?;
    Ok((
        token.to_owned(),
        Account {
            login: login.to_owned(),
            id,
        },
    ))
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to try when stderr itself is gone.
            drop(writeln!(io::stderr(), "github-standin: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> io::Result<()> {
    let standin = GithubStandin::start(Config {
        listen: arguments.listen,
        prefix: arguments.prefix,
        tokens: arguments.tokens,
        issues: arguments.issues,
        state: arguments.state,
        clock_offset_seconds: arguments.clock_offset_seconds,
    })?;
    let mut out = io::stdout();
    writeln!(out, "{}", standin.url())?;
    out.flush()?;
    standin.join()
}
