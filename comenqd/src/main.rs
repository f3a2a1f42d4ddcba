//! The `comenqd` binary: reads its surroundings and hands over to `app`.

#![forbid(unsafe_code)]

use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use comenqd::app::{self, Setup, Surroundings};
use comenqd::config::{self, Flags, Sources};
use comenqd::groups;
use comenqd::logging;
use comenqd::offline;
use comenqd::server::listener;

/// Where the host says who it is: <https://www.freedesktop.org/software/systemd/man/machine-id.html>.
const MACHINE_ID: &str = "/etc/machine-id";

fn main() -> ExitCode {
    // Before any other descriptor is opened.
    let fds = match listener::inherited() {
        Ok(fds) => fds,
        Err(error) => return fail(&error),
    };
    // Whatever is created here is nobody else's to read.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let euid = nix::unistd::geteuid().as_raw();
    let sources = Sources {
        flags: Flags::parse(),
        env: std::env::vars_os().collect(),
        default_config: config::DEFAULT_CONFIG_PATH.into(),
        euid,
        parent_pid: nix::unistd::getppid().as_raw(),
        lookup_user: config::lookup_user,
        lookup_group: config::lookup_group,
    };
    if let Some(command) = &sources.flags.command {
        return offline(command, &sources);
    }
    let config = match config::load(&sources) {
        Ok(config) => config,
        Err(error) => return fail(&error),
    };
    if sources.flags.check_config {
        if sources.flags.quiet {
            return ExitCode::SUCCESS;
        }
        return match std::io::stdout().write_all(config.render().as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        };
    }
    let var = |name: &str| std::env::var(name).ok();
    let (rust_log, journal) = (var("RUST_LOG"), var("JOURNAL_STREAM"));
    let log = logging::init(config.log_level, rust_log.as_deref(), journal.as_deref());
    let log = match log {
        Ok(log) => log,
        Err(error) => return fail(&error),
    };
    tracing::info!("configuration loaded: {}", app::one_line(&config));
    let surroundings = Surroundings {
        fds,
        euid,
        machine: machine_id(Path::new(MACHINE_ID)),
        supervised: var("NOTIFY_SOCKET").is_some(),
        program: std::env::current_exe().ok(),
        groups: Arc::new(groups::lookup),
    };
    let setup = Setup {
        config,
        sources,
        log,
    };
    match app::run(setup, surroundings) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn offline(command: &config::Command, sources: &Sources) -> ExitCode {
    let queue = match &sources.flags.queue_path {
        Some(queue) => queue.clone(),
        None => match config::load(sources) {
            Ok(config) => config.queue_path,
            Err(error) => return fail(&error),
        },
    };
    match offline::run(command, &queue, &mut std::io::stdout()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&error),
    }
}

fn machine_id(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let id = text.trim();
    (!id.is_empty() && id != "uninitialized").then(|| id.to_owned())
}

/// Before there is a log: on stderr, which under systemd is the journal.
fn fail(error: &dyn Display) -> ExitCode {
    // Nobody is left to tell if this fails too.
    drop(writeln!(std::io::stderr(), "comenqd: {error}"));
    ExitCode::FAILURE
}
