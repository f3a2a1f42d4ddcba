use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use super::*;

/// A directory with whatever files a test needs, and the sources that point into it.
struct Room {
    dir: tempfile::TempDir,
    sources: Sources,
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
        let text = self.load().unwrap_err().to_string();
        text.replace(&self.dir.path().display().to_string(), "DIR")
    }

    fn token(&self) -> Option<(String, String)> {
        let token = self.load().unwrap().token?;
        let source = token.source;
        let source = source.replace(&self.dir.path().display().to_string(), "DIR");
        Some((token.secret.expose().to_owned(), source))
    }
}

fn pair(token: &str, source: &str) -> (String, String) {
    (token.to_owned(), source.to_owned())
}

#[test]
fn nothing_given_means_the_documented_defaults() {
    let config = Room::new().load().unwrap();
    assert!(config.token.is_none());
    assert_eq!(config.socket_path, Path::new("/run/comenq/comenq.sock"));
    assert_eq!(config.queue_path, Path::new("/var/lib/comenq/queue"));
    assert_eq!(config.log_level, LogLevel::Info);
    assert_eq!(config.cooldown, Duration::from_secs(960));
    assert_eq!(config.github_api_url.as_str(), "https://api.github.com");
    assert_eq!(config.github_api_timeout, Duration::from_secs(30));
    assert_eq!(config.max_body_chars, 65_536);
    assert_eq!(config.look_delay, Duration::from_secs(60));
    assert_eq!(config.backoff_min, Duration::from_secs(60));
    assert_eq!(config.backoff_max, Duration::from_secs(3600));
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
    assert_eq!(again.cooldown, Duration::from_secs(1000));
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
fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
    let room = Room::with_file("log_level = 'info'\ncooldown_seconds = 3\n");
    assert_eq!(
        room.error(),
        "DIR/config.toml line 2: there is no key \"cooldown_seconds\"; \
         did you mean \"cooldown_period_seconds\"?"
    );
    let room = Room::new().env("COMENQD_SOCKET", "/x");
    assert_eq!(
        room.error(),
        "environment variable COMENQD_SOCKET: there is no key \"socket\"; \
         did you mean \"socket_path\"?"
    );
    assert!(
        Room::with_file("[zzz]\nx = 1")
            .error()
            .contains("no key \"zzz\"; `comenqd")
    );
}

#[test]
fn values_out_of_bounds_say_what_would_do() {
    let room = Room::with_file("cooldown_period_seconds = 7");
    assert_eq!(
        room.error(),
        "DIR/config.toml line 1: cooldown_period_seconds = 7: \
         must be a whole number of seconds from 8 to 604800 here"
    );
    for (text, expected) in [
        (
            "cooldown_period_seconds = '960'",
            "= \"960\": must be a whole number of seconds",
        ),
        (
            "cooldown_period_seconds = -1",
            "= -1: must be a whole number",
        ),
        ("look_delay_seconds = 59", "from 60 to 86400"),
        (
            "backoff_min_seconds = 90\nbackoff_max_seconds = 80",
            "from 90 to 86400",
        ),
        ("github_api_timeout_seconds = 61", "from 1 to 60"),
        ("max_body_chars = 262145", "from 1 to 262144"),
        (
            "log_level = 'loud'",
            "log_level = \"loud\": must be error, warn",
        ),
        ("log_level = 3", "log_level = 3: must be a string in quotes"),
        ("hold_restored_jobs = 'yes'", "must be true or false"),
        ("socket_path = ''", "must be a path"),
        (
            "github_api_url = 'http://github.com'",
            "must begin with https://",
        ),
    ] {
        let error = Room::with_file(text).error();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let long = format!("socket_path = '/{}'", "x".repeat(107));
    assert!(Room::with_file(&long).error().contains("is 108 bytes long"));
    assert!(
        Room::new()
            .env("COMENQD_MAX_BODY_CHARS", "")
            .error()
            .contains("= \"\": must be")
    );
}

#[test]
fn away_from_github_com_short_waits_are_allowed() {
    let room = Room::with_file(
        "github_api_url = 'http://127.0.0.1:1'\ncooldown_period_seconds = 1\n\
         look_delay_seconds = 1\nbackoff_min_seconds = 1\nbackoff_max_seconds = 2",
    );
    let config = room.load().unwrap();
    assert_eq!(config.cooldown, Duration::from_secs(1));
    assert_eq!(config.backoff_max, Duration::from_secs(2));
    let none = Room::with_file("github_api_url = 'http://127.0.0.1:1'\nlook_delay_seconds = 0");
    assert!(none.error().contains("from 1 to"));
}

#[test]
fn a_broken_file_is_an_error_that_never_quotes_it() {
    let error = Room::with_file("log_level = 'info'\ngithub_token = \"ghp_secret\n").error();
    assert!(
        error.starts_with("DIR/config.toml line 2 is not valid TOML: "),
        "{error}"
    );
    assert!(!error.contains("ghp_secret"));
    let error = Room::with_file("github_token = 7305").error();
    assert!(
        error.contains("is not a string") && !error.contains("7305"),
        "{error}"
    );
}

#[test]
fn the_strongest_source_of_a_token_wins_and_unset_asks_the_next() {
    let room = Room::with_file("github_token = 'from-config'");
    let file = room.write("token", "from-file\n", 0o600);
    room.write("github-token", "from-credential\n", 0o444);
    let credentials = room.dir.path().to_owned();
    let room = room
        .env("COMENQD_GITHUB_TOKEN_FILE", file)
        .env("COMENQD_GITHUB_TOKEN", "from-env")
        .env("CREDENTIALS_DIRECTORY", credentials);
    assert_eq!(
        room.token(),
        Some(pair("from-credential", "systemd credential github-token"))
    );
    room.write("github-token", "unset\n", 0o444);
    assert_eq!(
        room.token(),
        Some(pair(
            "from-env",
            "environment variable COMENQD_GITHUB_TOKEN"
        ))
    );
    let room = room.env("COMENQD_GITHUB_TOKEN", "unset");
    assert_eq!(room.token(), Some(pair("from-file", "file DIR/token")));
    room.write("token", "unset", 0o600);
    assert_eq!(
        room.token(),
        Some(pair("from-config", "DIR/config.toml line 1"))
    );
    room.write("config.toml", "github_token = 'unset'", 0o644);
    assert_eq!(room.token(), None);
}

#[test]
fn an_empty_or_impossible_token_is_an_error_of_its_source() {
    let room = Room::new().env("COMENQD_GITHUB_TOKEN", "");
    assert_eq!(
        room.error(),
        "the GitHub token from environment variable COMENQD_GITHUB_TOKEN is empty; put a token \
         there, or the word \"unset\" to pass this source over"
    );
    let room = Room::new();
    room.write("github-token", "\n", 0o400);
    let credentials = room.dir.path().to_owned();
    let room = room.env("CREDENTIALS_DIRECTORY", credentials);
    assert!(
        room.error()
            .contains("systemd credential github-token is empty")
    );
    let error = Room::new().env("COMENQD_GITHUB_TOKEN", "two words").error();
    assert!(
        error.contains("at position 4") && !error.contains("two"),
        "{error}"
    );
}

#[test]
fn a_token_that_others_can_read_is_refused_with_the_remedy() {
    let room = Room::new();
    room.write("config.toml", "github_token = 'ghp_x'", 0o640);
    assert_eq!(
        room.error(),
        "DIR/config.toml holds a GitHub token and has mode 0640: others than its owner can get \
         at it: refused; run: chmod 600 DIR/config.toml"
    );
    // Also where a stronger source wins: it lies open all the same.
    let room = room.env("COMENQD_GITHUB_TOKEN", "stronger");
    assert!(room.error().contains("has mode 0640"));

    let room = Room::new();
    let file = room.write("token", "ghp_x", 0o604);
    let room = room.env("COMENQD_GITHUB_TOKEN_FILE", file);
    assert!(
        room.error()
            .contains("DIR/token holds a GitHub token and has mode 0604")
    );
}

#[test]
fn a_token_of_another_owner_is_refused() {
    let room = Room::new();
    let file = room.write("token", "ghp_x", 0o600);
    let mut room = room.env("COMENQD_GITHUB_TOKEN_FILE", &file);
    if euid() == 0 {
        chown(&file, Some(1234), None).unwrap();
    } else {
        room.sources.euid = 1234;
    }
    let error = room.error();
    assert!(error.contains("neither root nor the daemon"), "{error}");
    assert!(
        error.contains(&format!("run: chown {} DIR/token", room.sources.euid)),
        "{error}"
    );
}

#[test]
fn a_missing_token_file_is_an_error() {
    let room = Room::new();
    let file = room.dir.path().join("absent");
    let room = room.env("COMENQD_GITHUB_TOKEN_FILE", file);
    assert!(
        room.error()
            .starts_with("cannot read token file DIR/absent: ")
    );
}

#[test]
fn a_token_in_place_of_its_files_path_is_not_shown() {
    let room = Room::new();
    room.write("config.toml", "github_token_file = 'ghp_topsecret'", 0o600);
    let error = room.error();
    assert!(error.contains("github_token_file"), "{error}");
    assert!(!error.contains("topsecret"), "{error}");
}
