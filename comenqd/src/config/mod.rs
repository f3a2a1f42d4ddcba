//! From what was written (file, environment, flags) to a checked [`Config`].
//!
//! Decides which values are acceptable and what they default to. Called once, by `main`, which
//! hands the parts on; nobody below `app` sees the whole. Reads files, but no environment and no
//! arguments of its own: those come in as [`Sources`].

mod effective;
mod error;
mod flags;
mod raw;
#[cfg(test)]
mod tests;
mod token;
mod values;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use effective::Effective;
pub use error::ConfigError;
pub use flags::Flags;
pub use raw::Origin;
use raw::Raw;
pub use token::Token;
use values::Values;

use crate::api_url::ApiUrl;

/// The configuration file where none is named.
pub const DEFAULT_CONFIG_PATH: &str = "/etc/comenqd/config.toml";
/// The socket where none is named and systemd passed none.
pub const DEFAULT_SOCKET_PATH: &str = "/run/comenq/comenq.sock";
/// The queue's directory where none is named.
pub const DEFAULT_QUEUE_PATH: &str = "/var/lib/comenq/queue";

/// Everything a configuration is made from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The command line.
    pub flags: Flags,
    /// The environment.
    pub env: BTreeMap<OsString, OsString>,
    /// The configuration file that may be absent, for when no flag names one:
    /// [`DEFAULT_CONFIG_PATH`].
    pub default_config: PathBuf,
    /// The user this process runs as: besides root the only one who may read a token.
    pub euid: u32,
}

/// How much is written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// What needs somebody's action.
    Error,
    /// What may need it.
    Warn,
    /// What a job goes through.
    Info,
    /// Connections and reads too.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// As the key `log_level` writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who posts; `None`: jobs are taken, nothing is posted.
    pub token: Option<Token>,
    /// Where to listen if systemd passed no socket.
    pub socket_path: PathBuf,
    /// The queue's directory.
    pub queue_path: PathBuf,
    /// How much is logged.
    pub log_level: LogLevel,
    /// Least time between two posts of one account.
    pub cooldown: Duration,
    /// Where GitHub's API is.
    pub github_api_url: ApiUrl,
    /// How long one request to it may take altogether.
    pub github_api_timeout: Duration,
    /// Longest comment accepted, in characters.
    pub max_body_chars: usize,
    /// How long after an attempt of unknown outcome the first look waits.
    pub look_delay: Duration,
    /// First wait after a trouble for which GitHub names no wait.
    pub backoff_min: Duration,
    /// Longest such wait.
    pub backoff_max: Duration,
    /// Whether a queue that came from another machine waits for somebody's word.
    pub hold_restored_jobs: bool,
    effective: Effective,
}

impl Config {
    /// The effective configuration as TOML, each value with where it came from. Never a secret.
    #[must_use]
    pub fn render(&self) -> String {
        self.effective.render(self.token.as_ref())
    }
}

/// Longest wait that a key can ask for: a number of milliseconds written by mistake is more.
const WEEK: u64 = 7 * 24 * 3600;
const DAY: u64 = 24 * 3600;

/// Reads and checks the configuration.
///
/// # Errors
/// The first thing that is wrong with it, worded for who can put it right.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let raw = Raw::collect(sources)?;
    let token = token::find(sources, &raw)?;
    let mut values = Values::new(&raw);

    let socket_path = values.socket_path("socket_path", DEFAULT_SOCKET_PATH)?;
    let queue_path = values.path("queue_path", DEFAULT_QUEUE_PATH)?;
    let log_level = values.log_level("log_level")?;
    let github_api_url = values.api_url("github_api_url")?;

    // On GitHub's own API the lower limits keep every documented limit on content; elsewhere
    // (an enterprise server, a test) its owner decides.
    let public = github_api_url.is_github_com();
    let (cooldown_floor, wait_floor) = if public { (8, 60) } else { (1, 1) };
    let cooldown = values.seconds("cooldown_period_seconds", 960, cooldown_floor..=WEEK)?;
    let github_api_timeout = values.seconds("github_api_timeout_seconds", 30, 1..=60)?;
    let max_body_chars = values.max_body_chars("max_body_chars")?;
    let look_delay = values.seconds("look_delay_seconds", 60, wait_floor..=DAY)?;
    let backoff_min = values.seconds("backoff_min_seconds", 60, wait_floor..=DAY)?;
    let least = backoff_min.as_secs();
    let backoff_max = values.seconds("backoff_max_seconds", least.max(3600), least..=DAY)?;
    let hold_restored_jobs = values.boolean("hold_restored_jobs", true)?;
    values.note_token_file();

    Ok(Config {
        token,
        socket_path,
        queue_path,
        log_level,
        cooldown,
        github_api_url,
        github_api_timeout,
        max_body_chars,
        look_delay,
        backoff_min,
        backoff_max,
        hold_restored_jobs,
        effective: values.finish(),
    })
}
