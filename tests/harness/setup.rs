//! How a daemon under test is set up: its directory, configuration, token and
//! environment. What it does once it runs is `daemon`.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test whose tools fail has failed"
)]

mod changes;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::github::{GithubStandin, TOKEN};
use crate::programs::program;

/// Where the daemon finds its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// `COMENQD_GITHUB_TOKEN`.
    Environment(String),
    /// `github_token_file`, a file of its own.
    File(String),
    /// `github_token` in the configuration.
    Config(String),
    /// Nowhere.
    Absent,
}

/// A daemon's set-up; it outlives the daemon's restarts.
#[derive(Debug)]
pub struct Setup {
    directory: TempDir,
    config: BTreeMap<String, String>,
    token: Token,
    environment: BTreeMap<OsString, OsString>,
    wrapper: Vec<OsString>,
}

impl Setup {
    /// A quick daemon for tests that posts to `url`: a cooldown, a look delay
    /// and a backoff of one second, the stand-in's example token.
    #[must_use]
    pub fn new(url: &str) -> Self {
        // Short: the path of a socket has less than 108 bytes.
        let directory = tempfile::Builder::new()
            .prefix("cq")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in("/tmp")
            .expect("a directory for the test");
        let setup = Self {
            directory,
            config: BTreeMap::new(),
            token: Token::Environment(TOKEN.to_owned()),
            environment: BTreeMap::new(),
            wrapper: Vec::new(),
        };
        let queue = setup.path("queue").display().to_string();
        setup
            .text("github_api_url", url)
            .text("queue_path", &queue)
            .text("log_level", "debug")
            .number("cooldown_period_seconds", 1)
            .number("look_delay_seconds", 1)
            .number("backoff_min_seconds", 1)
            .number("backoff_max_seconds", 2)
    }

    /// The same for a stand-in.
    #[must_use]
    pub fn for_standin(standin: &GithubStandin) -> Self {
        Self::new(standin.url())
    }

    /// Sets a key of the configuration to a text.
    #[must_use]
    pub fn text(self, key: &str, value: &str) -> Self {
        self.raw(key, &format!("{value:?}"))
    }

    /// Sets a key of the configuration to a number.
    #[must_use]
    pub fn number(self, key: &str, value: u64) -> Self {
        self.raw(key, &value.to_string())
    }

    /// Sets a key of the configuration to TOML as it stands.
    #[must_use]
    pub fn raw(mut self, key: &str, toml: &str) -> Self {
        self.set(key, toml);
        self
    }

    /// No limits per user: for tests and figures that are not about them.
    #[must_use]
    pub fn unlimited(self) -> Self {
        self.number("policy.max_queued_jobs", 100_000_000)
            .number("policy.max_queued_bytes", 1 << 40)
            .number("policy.max_submits_per_minute", 1_000_000_000)
            .number("max_requests_per_second", 1_000_000_000)
            .number("max_connections_per_user", 65_536)
    }

    /// Where the token comes from.
    #[must_use]
    pub fn token(mut self, token: Token) -> Self {
        self.token = token;
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .insert(name.into(), value.as_ref().to_owned());
        self
    }

    /// Gives the daemon a wall clock that is `offset` ahead (`-3d`, `+10y`);
    /// the monotonic clocks stay real, as when a real clock is set wrong.
    #[must_use]
    pub fn wall_clock(mut self, offset: &str) -> Self {
        self.set_wall_clock(offset);
        self
    }

    /// Changes the wall clock between two starts.
    pub fn set_wall_clock(&mut self, offset: &str) {
        let library = faketime_library().expect("libfaketime: apt-get install faketime");
        self.set_env("LD_PRELOAD", library.to_str());
        self.set_env("FAKETIME", Some(offset));
        self.set_env("FAKETIME_DONT_FAKE_MONOTONIC", Some("1"));
        self.set_env("DONT_FAKE_MONOTONIC", Some("1"));
    }

    /// Changes a key between two starts.
    pub fn set(&mut self, key: &str, toml: &str) {
        self.config.insert(key.to_owned(), toml.to_owned());
    }

    /// Changes the token between two starts.
    pub fn set_token(&mut self, token: Token) {
        self.token = token;
    }

    /// Changes a variable between two starts; `None` removes it.
    pub fn set_env(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.environment.insert(name.into(), value.into()),
            None => self.environment.remove(OsStr::new(name)),
        };
    }

    /// Starts the daemon through another program from now on, such as `strace`.
    pub fn wrap(&mut self, words: &[&str]) {
        self.wrapper = words.iter().map(OsString::from).collect();
    }

    /// Removes the program the daemon was started through.
    pub fn unwrap_program(&mut self) {
        self.wrapper.clear();
    }

    /// A path inside the test's directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The daemon's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path("s")
    }

    /// Where the daemon's stderr goes.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.path("log")
    }

    /// What the daemon wrote to stderr in all its runs.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(self.log_path()).map_or_else(
            |_| String::new(),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// Starts the daemon and waits until it answers.
    #[must_use]
    pub fn start(self) -> Daemon {
        Daemon::start(self)
    }

    /// The daemon's command line, its configuration and token file written anew.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut words = self.wrapper.clone();
        words.push(program("comenqd").into());
        words.extend(["--config".into(), self.write_config().into()]);
        words.extend(arguments.iter().map(OsString::from));
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).stdin(Stdio::null());
        clean(&mut command);
        if let Token::Environment(token) = &self.token {
            command.env("COMENQD_GITHUB_TOKEN", token);
        }
        command.envs(&self.environment);
        command
    }

    /// The file that all runs append their stderr to.
    #[must_use]
    pub fn log_file(&self) -> File {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.log_path());
        file.expect("the daemon's log")
    }

    /// Writes configuration and token file anew; returns the configuration's path.
    #[expect(clippy::must_use_candidate, reason = "often only the writing matters")]
    pub fn write_config(&self) -> PathBuf {
        let mut config = self.config.clone();
        match &self.token {
            Token::File(token) => {
                let file = self.path("token");
                write_private(&file, &format!("{token}\n"));
                config.insert(
                    "github_token_file".to_owned(),
                    format!("\"{}\"", file.display()),
                );
            }
            Token::Config(token) => {
                config.insert("github_token".to_owned(), format!("{token:?}"));
            }
            Token::Environment(_) | Token::Absent => {}
        }
        let mut text = String::new();
        for (key, value) in &config {
            writeln!(text, "{key} = {value}").expect("a String takes everything");
        }
        let path = self.path("config.toml");
        write_private(&path, &text);
        path
    }
}

/// Removes what a developer's shell or a service manager may have set.
pub(crate) fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        let ours = known.starts_with("COMENQ") && known != "COMENQ_BIN_DIR";
        let theirs = known.starts_with("LISTEN_") || known.starts_with("WATCHDOG_");
        let named = [
            "RUST_LOG",
            "MANAGERPID",
            "NOTIFY_SOCKET",
            "JOURNAL_STREAM",
            "CREDENTIALS_DIRECTORY",
        ]
        .contains(&&*known);
        if ours || theirs || named {
            command.env_remove(name);
        }
    }
}

/// A file that only its owner may read: the daemon refuses any other.
fn write_private(path: &Path, text: &str) {
    use std::io::Write as _;
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .expect("a file for the daemon");
}

/// The preload library of the package `faketime`.
fn faketime_library() -> Option<PathBuf> {
    let lib = Path::new("/usr/lib");
    fs::read_dir(lib)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("faketime/libfaketime.so.1"))
        .find(|path| path.is_file())
}
