//! From what was written (file, environment, flags) to a checked [`Config`].
//!
//! Decides which values are acceptable and what they default to. Called by `main` at the start and
//! again at each reload; whoever gets it hands the parts on, and nobody below `app` sees the whole.
//! Reads files and looks up users, but no environment and no arguments of its own: those come in as
//! [`Sources`].

mod access;
mod accounts;
mod credential;
mod effective;
mod error;
mod exposure;
mod file;
mod flags;
mod keys;
mod lists;
mod origin;
mod raw;
mod reading;
mod reload;
mod rules;
mod serving;
mod shown;
mod sourced;
#[cfg(test)]
mod tests;
mod users;
mod values;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

pub use access::lookup_group;
pub use accounts::{AccountConfig, AccountName, AccountNameError};
use effective::{Block, Effective};
pub use error::ConfigError;
pub use flags::{Command, Flags};
pub use origin::Origin;
use raw::Raw;
pub use serving::Serving;
pub use users::{Lookup as UserLookup, lookup as lookup_user};
use values::Values;

use crate::manager::Manager;
use crate::policy::{Access, Policy};

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
    /// The process that started this one.
    pub parent_pid: i32,
    /// How users' names become numbers: [`lookup_user`]. May block for seconds.
    pub lookup_user: UserLookup,
    /// The same for groups: [`lookup_group`].
    pub lookup_group: UserLookup,
}

impl Sources {
    fn manager(&self) -> Manager {
        Manager::of(self.env.get(OsStr::new("MANAGERPID")), self.parent_pid)
    }
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
    /// Who posts: at least one, `default` first where there is one.
    pub accounts: Vec<AccountConfig>,
    /// Who may post how much, as whom and where.
    pub policy: Policy,
    /// Where to listen if systemd passed no socket.
    pub socket_path: PathBuf,
    /// The queue's directory.
    pub queue_path: PathBuf,
    /// How much is logged.
    pub log_level: LogLevel,
    /// How long one request to GitHub may take altogether.
    pub github_api_timeout: Duration,
    /// Longest comment accepted, in characters.
    pub max_body_chars: usize,
    /// How long after an attempt of unknown outcome the first look waits.
    pub look_delay: Duration,
    /// First wait after a trouble for which GitHub names no wait.
    pub backoff_min: Duration,
    /// Longest such wait.
    pub backoff_max: Duration,
    /// Attempts after which a job is given up.
    pub max_attempts: u32,
    /// How long after its first attempt a job is given up.
    pub max_age: Duration,
    /// How many finished jobs are kept.
    pub keep_finished_jobs: u64,
    /// How long finished jobs are kept.
    pub keep_finished: Duration,
    /// Whether a queue that came from another machine waits for somebody's word.
    pub hold_restored_jobs: bool,
    /// How long nothing must have been to do and nobody connected before the daemon ends, to be
    /// started again by the next client; `None`: it never does.
    pub idle_exit: Option<Duration>,
    /// Who may do what on the socket.
    pub access: Access,
    /// How much connections may take of the server.
    pub serving: Serving,
    /// Whose commands people are told.
    pub manager: Manager,
    effective: Effective,
}

impl Config {
    /// The effective configuration as TOML, each value with where it came from. Never a secret.
    #[must_use]
    pub fn render(&self) -> String {
        self.effective.render()
    }
}

/// Longest wait that a key can ask for: a number of milliseconds written by mistake is more.
const WEEK: u64 = 7 * DAY;
const DAY: u64 = 24 * 3600;
const YEAR: u64 = 366 * DAY;

/// Most finished jobs that can be kept.
const MOST_FINISHED: u64 = 10_000_000;
/// Ten years.
const MOST_DAYS: u64 = 3660;

/// Reads and checks the configuration. May block while users are looked up.
///
/// # Errors
/// The first thing that is wrong with it, worded for who can put it right.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let raw = Raw::collect(sources)?;
    let (accounts, account_blocks) = accounts::load(sources, &raw)?;
    let (policy, policy_blocks) = rules::load(sources, &raw, &accounts)?;
    let (mut config, block) = daemon(sources, &raw, accounts, policy)?;
    config.effective.push(block);
    for block in account_blocks.into_iter().chain(policy_blocks) {
        config.effective.push(block);
    }
    Ok(config)
}

/// The keys that concern neither an account nor a user.
fn daemon(
    sources: &Sources,
    raw: &Raw,
    accounts: Vec<AccountConfig>,
    policy: Policy,
) -> Result<(Config, Block), ConfigError> {
    let mut values = Values::new(&raw.flat);
    // As for the cooldown: on GitHub's own API politeness is not negotiable.
    let public = accounts.iter().find(|it| it.api_url.is_github_com());
    let wait_floor = if public.is_some() { 60 } else { 1 };
    let why = public.map_or_else(String::new, |it| {
        format!("for account \"{}\" posts to api.github.com", it.name)
    });

    let socket_path = values.socket_path("socket_path", DEFAULT_SOCKET_PATH)?;
    let queue_path = values.path("queue_path", DEFAULT_QUEUE_PATH)?;
    let log_level = values.log_level("log_level")?;
    let github_api_timeout = values.seconds("github_api_timeout_seconds", 30, 1..=60)?;
    let max_body_chars = values.max_body_chars("max_body_chars")?;
    let look_delay = values.seconds_because("look_delay_seconds", 60, wait_floor..=DAY, &why)?;
    let backoff_min = values.seconds_because("backoff_min_seconds", 60, wait_floor..=DAY, &why)?;
    let least = backoff_min.as_secs();
    let backoff_max = values.seconds_because(
        "backoff_max_seconds",
        least.max(3600),
        least..=DAY,
        "and no less than backoff_min_seconds",
    )?;
    let max_attempts = values.number("max_attempts", 5, 1..=100, "attempts")?;
    let max_age = values.seconds_because("max_age_seconds", 5 * DAY, wait_floor..=YEAR, &why)?;
    let keep_finished_jobs =
        values.number("keep_finished_jobs", 10_000, 0..=MOST_FINISHED, "jobs")?;
    let keep_finished_days = values.number("keep_finished_days", 90, 1..=MOST_DAYS, "days")?;
    let hold_restored_jobs = values.boolean("hold_restored_jobs", true)?;
    let idle_exit = values.seconds("idle_exit_seconds", 0, 0..=DAY)?;
    let access = access::read(&mut values, sources.lookup_group)?;
    let serving = serving::load(&mut values)?;

    let config = Config {
        accounts,
        policy,
        socket_path,
        queue_path,
        log_level,
        github_api_timeout,
        max_body_chars,
        look_delay,
        backoff_min,
        backoff_max,
        max_attempts: u32::try_from(max_attempts).unwrap_or(u32::MAX),
        max_age,
        keep_finished_jobs,
        keep_finished: Duration::from_secs(keep_finished_days.saturating_mul(DAY)),
        hold_restored_jobs,
        idle_exit: (!idle_exit.is_zero()).then_some(idle_exit),
        access,
        manager: sources.manager(),
        serving,
        effective: Effective::default(),
    };
    Ok((config, values.finish()))
}
