//! The command line of `comenqd`.
//!
//! Decides which settings have a flag. Parsed by `main`, read by [`super::raw`]; knows nothing of
//! files, defaults or limits.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Queues GitHub comments durably and posts them at a pace GitHub tolerates.
///
/// Every key of the configuration file outside its tables may also be given in the environment as
/// `COMENQD_<KEY>`. Flags beat the environment, the environment beats the file.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "comenqd", version, about)]
pub struct Flags {
    /// Configuration file [default: /etc/comenqd/config.toml, which may be absent]
    #[arg(long, value_name = "PATH", global = true)]
    pub config: Option<PathBuf>,

    /// Prints the effective configuration, each value with where it came from, and exits
    #[arg(long)]
    pub check_config: bool,

    /// With --check-config: prints nothing but what is wrong
    #[arg(long, requires = "check_config")]
    pub quiet: bool,

    /// Socket to listen on where systemd passed none (key `socket_path`)
    #[arg(long, value_name = "PATH")]
    pub listen: Option<PathBuf>,

    /// Directory of the durable queue (key `queue_path`)
    #[arg(long, value_name = "PATH", global = true)]
    pub queue_path: Option<PathBuf>,

    /// error, warn, info, debug or trace (key `log_level`)
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,

    /// Base address of the GitHub API (key `github_api_url`)
    #[arg(long, value_name = "URL")]
    pub github_api_url: Option<String>,

    /// What to do instead of serving
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What is done with a queue while no daemon uses it.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Checks that everything in the queue fits together; exits with 1 if it does not
    Check,
    /// Fills an empty queue with what `comenq export` printed; unfinished jobs are held
    Import {
        /// The file, or - for standard input
        file: PathBuf,
    },
    /// Replaces the queue's files by a compact copy; for comenqd itself, which holds the lock
    #[command(hide = true)]
    Compact,
}

impl Flags {
    /// The settings given as flags: key, flag and value.
    pub(super) fn settings(&self) -> Vec<(&'static str, &'static str, std::ffi::OsString)> {
        let path = |path: &Option<PathBuf>| path.clone().map(PathBuf::into_os_string);
        let text = |text: &Option<String>| text.clone().map(Into::into);
        [
            ("socket_path", "--listen", path(&self.listen)),
            ("queue_path", "--queue-path", path(&self.queue_path)),
            ("log_level", "--log-level", text(&self.log_level)),
            (
                "github_api_url",
                "--github-api-url",
                text(&self.github_api_url),
            ),
        ]
        .into_iter()
        .filter_map(|(key, flag, value)| Some((key, flag, value?)))
        .collect()
    }
}
