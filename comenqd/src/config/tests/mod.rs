mod access;
mod accounts;
mod bad_input;
mod policy;
mod reload;
mod serving;
mod tokens;

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use super::*;
use crate::github::Credential;

/// A directory with whatever files a test needs, and the sources that point into it.
struct Room {
    dir: tempfile::TempDir,
    sources: Sources,
}

/// The users of these tests' host.
fn known_users(name: &str) -> io::Result<Option<u32>> {
    match name {
        "alice" => Ok(Some(1000)),
        "bob.b" => Ok(Some(1001)),
        "slow" => Err(io::Error::other("the name service is asleep")),
        _ => Ok(None),
    }
}

/// The groups of these tests' host.
fn known_groups(name: &str) -> io::Result<Option<u32>> {
    match name {
        "comenq" => Ok(Some(990)),
        "wheel" => Ok(Some(10)),
        "slow" => Err(io::Error::other("the name service is asleep")),
        _ => Ok(None),
    }
}

fn euid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

impl Room {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sources = Sources {
            flags: Flags::default(),
            env: BTreeMap::new(),
            default_config: dir.path().join("config.toml"),
            euid: euid(),
            parent_pid: 812,
            lookup_user: known_users,
            lookup_group: known_groups,
        };
        Self { dir, sources }
    }

    fn with_file(text: &str) -> Self {
        let room = Self::new();
        room.write("config.toml", text, 0o600);
        room
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn env(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        let value = value.as_ref().as_os_str().to_owned();
        self.sources.env.insert(name.into(), value);
        self
    }

    fn load(&self) -> Result<Config, ConfigError> {
        load(&self.sources)
    }

    fn error(&self) -> String {
        self.hidden(&self.load().unwrap_err().to_string())
    }

    fn token(&self) -> Option<(String, String)> {
        let config = self.load().unwrap();
        let account = config.accounts.into_iter().next().unwrap();
        let Credential::Token(secret) = account.credential else {
            return None;
        };
        let source = self.hidden(&account.credential_source.unwrap());
        Some((secret.expose().to_owned(), source))
    }

    /// Without the name of the directory.
    fn hidden(&self, text: &str) -> String {
        text.replace(&self.dir.path().display().to_string(), "DIR")
    }
}

/// What a printed configuration says, without where from.
fn values_of(rendered: &str) -> toml::Table {
    rendered.parse().unwrap()
}

#[test]
fn nothing_given_means_the_documented_defaults() {
    let config = Room::new().load().unwrap();
    let [account] = config.accounts.as_slice() else {
        panic!("{:?}", config.accounts);
    };
    assert_eq!(account.name.as_str(), "default");
    assert_eq!(account.credential, Credential::None);
    assert_eq!(account.cooldown, Duration::from_secs(960));
    assert_eq!(account.jitter, Duration::ZERO);
    assert_eq!(account.api_url.as_str(), "https://api.github.com");
    assert!(!account.marker);
    assert!(account.allowed_users.is_none() && account.allowed_repositories.is_none());
    assert_eq!(
        config.policy.limits(1000),
        &crate::policy::Limits::default()
    );
    assert_eq!(config.socket_path, Path::new("/run/comenq/comenq.sock"));
    assert_eq!(config.queue_path, Path::new("/var/lib/comenq/queue"));
    assert_eq!(config.log_level, LogLevel::Info);
    assert_eq!(config.github_api_timeout, Duration::from_secs(30));
    assert_eq!(config.max_body_chars, 65_536);
    assert_eq!(config.look_delay, Duration::from_secs(60));
    assert_eq!(config.backoff_min, Duration::from_secs(60));
    assert_eq!(config.backoff_max, Duration::from_secs(3600));
    assert_eq!(config.max_attempts, 5);
    assert_eq!(config.max_age, Duration::from_secs(432_000));
    assert_eq!(config.keep_finished_jobs, 10_000);
    assert_eq!(config.keep_finished, Duration::from_secs(90 * 86_400));
    assert!(config.hold_restored_jobs);
}

#[test]
fn flags_beat_environment_beats_file() {
    let mut room = Room::with_file(
        "log_level = 'warn'\nsocket_path = '/a'\nqueue_path = '/file'\nhold_restored_jobs = false",
    )
    .env("COMENQD_LOG_LEVEL", "debug")
    .env("COMENQD_SOCKET_PATH", "/b")
    .env("COMENQD_MAX_BODY_CHARS", "100");
    room.sources.flags.listen = Some("/c".into());
    let config = room.load().unwrap();
    assert_eq!(config.log_level, LogLevel::Debug);
    assert_eq!(config.socket_path, Path::new("/c"));
    assert_eq!(config.queue_path, Path::new("/file"));
    assert_eq!(config.max_body_chars, 100);
    assert!(!config.hold_restored_jobs);
}

#[test]
fn the_effective_configuration_says_where_each_value_came_from() {
    let room = Room::with_file("\ncooldown_period_seconds = 1000\ngithub_token = 'ghp_secret'")
        .env("COMENQD_LOG_LEVEL", "warn");
    let text = room.load().unwrap().render();
    let text = text.replace(&room.dir.path().display().to_string(), "DIR");
    assert!(
        text.contains("cooldown_period_seconds = 1000 # DIR/config.toml line 2\n"),
        "{text}"
    );
    assert!(text.contains("log_level = \"warn\" # environment variable COMENQD_LOG_LEVEL\n"));
    assert!(text.contains("socket_path = \"/run/comenq/comenq.sock\" # default\n"));
    assert!(
        text.contains("# github_token: from DIR/config.toml line 3\n"),
        "{text}"
    );
    assert!(!text.contains("ghp_secret"));
    // It can be used as a configuration file again.
    let again = Room::with_file(&text).load().unwrap();
    assert_eq!(again.accounts[0].cooldown, Duration::from_secs(1000));
}

#[test]
fn the_named_file_must_exist_and_the_default_one_need_not() {
    let mut room = Room::new();
    assert!(room.load().is_ok());
    room.sources.flags.config = Some(room.dir.path().join("absent.toml"));
    let text = room.error();
    assert!(
        text.starts_with("cannot read configuration file DIR/absent.toml: "),
        "{text}"
    );
}

#[test]
fn away_from_github_com_short_waits_are_allowed() {
    let room = Room::with_file(
        "github_api_url = 'http://127.0.0.1:1'\ncooldown_period_seconds = 1\n\
         look_delay_seconds = 1\nbackoff_min_seconds = 1\nbackoff_max_seconds = 2",
    );
    let config = room.load().unwrap();
    assert_eq!(config.accounts[0].cooldown, Duration::from_secs(1));
    assert_eq!(config.backoff_max, Duration::from_secs(2));
    let none = Room::with_file("github_api_url = 'http://127.0.0.1:1'\nlook_delay_seconds = 0");
    assert!(none.error().contains("from 1 to"));
}
