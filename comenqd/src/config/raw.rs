//! The settings as they were written, each with where: file, environment, flags.
//!
//! Decides which source wins and that an unknown key is an error. Called by [`super::load`]; must
//! not know what any key means.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use toml::{Spanned, Value};

use super::{ConfigError, Sources};

/// Every key of the configuration file.
pub(super) const KEYS: [&str; 13] = [
    "backoff_max_seconds",
    "backoff_min_seconds",
    "cooldown_period_seconds",
    "github_api_timeout_seconds",
    "github_api_url",
    "github_token",
    "github_token_file",
    "hold_restored_jobs",
    "log_level",
    "look_delay_seconds",
    "max_body_chars",
    "queue_path",
    "socket_path",
];

/// What every environment variable of ours begins with.
const ENV_PREFIX: &str = "COMENQD_";

/// No configuration file is larger; a device or a log given by mistake is.
const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

/// How alike two keys must be (0 to 1) for one to be suggested for the other.
const ALIKE: f64 = 0.7;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody gave one.
    Default,
    /// The configuration file.
    File {
        /// Which.
        path: PathBuf,
        /// The line, counted from 1, where it is known.
        line: Option<usize>,
    },
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::File {
                path,
                line: Some(line),
            } => write!(f, "{} line {line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// As parsed from TOML; from environment and flags always a string.
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// All values that were given, the strongest source's for each key.
#[derive(Debug, Default)]
pub(super) struct Raw {
    entries: BTreeMap<&'static str, Entry>,
    /// The file's own token, which the environment's does not replace: `unset` there asks on.
    pub(super) file_token: Option<Entry>,
    /// The file, if it holds a token: then who may read it matters, whichever source wins.
    pub(super) file_with_token: Option<(File, PathBuf)>,
}

impl Raw {
    /// Collects them all.
    pub(super) fn collect(sources: &Sources) -> Result<Self, ConfigError> {
        let mut raw = Self::default();
        raw.read_file(sources)?;
        raw.read_environment(&sources.env)?;
        for (key, flag, value) in sources.flags.settings() {
            let origin = Origin::Flag(flag);
            raw.insert_text(known(key, &origin)?, value, origin)?;
        }
        Ok(raw)
    }

    /// The value of `key`, if it was given.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    fn read_file(&mut self, sources: &Sources) -> Result<(), ConfigError> {
        let explicit = sources.flags.config.as_ref();
        let path = explicit.unwrap_or(&sources.default_config);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && explicit.is_none() => {
                return Ok(());
            }
            Err(source) => return Err(unreadable(path, source)),
        };
        let text = read_bounded(&file, path, "configuration file", MAX_CONFIG_BYTES)?;
        let place = |span: std::ops::Range<usize>| Origin::File {
            path: path.clone(),
            line: Some(line_of(&text, span.start)),
        };
        let table: BTreeMap<Spanned<String>, Spanned<Value>> =
            toml::from_str(&text).map_err(|error| ConfigError::Syntax {
                origin: place(error.span().unwrap_or_default()),
                reason: error.message().to_owned(),
            })?;
        for (name, value) in table {
            let origin = place(name.span());
            let key = known(name.get_ref(), &origin)?;
            let value = value.into_inner();
            self.entries.insert(key, Entry { value, origin });
        }
        self.file_token = self.get("github_token").cloned();
        let token = self.file_token.as_ref().map(|entry| &entry.value);
        if token.is_some_and(|token| token.as_str() != Some(super::token::UNSET)) {
            self.file_with_token = Some((file, path.clone()));
        }
        Ok(())
    }

    fn read_environment(&mut self, env: &BTreeMap<OsString, OsString>) -> Result<(), ConfigError> {
        for (name, value) in env {
            let Some(name) = name.to_str() else { continue };
            let Some(key) = name.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            let origin = Origin::Environment(name.to_owned());
            let key = known(&key.to_ascii_lowercase(), &origin)?;
            self.insert_text(key, value.clone(), origin)?;
        }
        Ok(())
    }

    fn insert_text(
        &mut self,
        key: &'static str,
        value: OsString,
        origin: Origin,
    ) -> Result<(), ConfigError> {
        let value = value.into_string().map_err(|_| ConfigError::Value {
            origin: origin.clone(),
            key,
            value: "(not shown)".to_owned(),
            reason: "is not valid UTF-8; write it in UTF-8".to_owned(),
        })?;
        let value = Value::String(value);
        self.entries.insert(key, Entry { value, origin });
        Ok(())
    }
}

/// The known key of that name.
fn known(name: &str, origin: &Origin) -> Result<&'static str, ConfigError> {
    if let Some(key) = KEYS.into_iter().find(|key| *key == name) {
        return Ok(key);
    }
    let nearest = KEYS
        .into_iter()
        .map(|key| (strsim::jaro_winkler(key, name), key))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, key)| key.to_owned());
    Err(ConfigError::UnknownKey {
        origin: origin.clone(),
        key: name.to_owned(),
        nearest,
    })
}

/// All of `file`, unless it is absurdly large or not text.
pub(super) fn read_bounded(
    file: &File,
    path: &Path,
    what: &'static str,
    limit_bytes: u64,
) -> Result<String, ConfigError> {
    let mut text = String::new();
    let read = file
        .take(limit_bytes.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(|source| ConfigError::Unreadable {
            what,
            path: path.to_owned(),
            source,
            advice: "it must be a text file in UTF-8",
        })?;
    if u64::try_from(read).unwrap_or(u64::MAX) > limit_bytes {
        return Err(ConfigError::TooLarge {
            what,
            path: path.to_owned(),
            limit_bytes,
        });
    }
    Ok(text)
}

fn unreadable(path: &Path, source: io::Error) -> ConfigError {
    ConfigError::Unreadable {
        what: "configuration file",
        path: path.to_owned(),
        source,
        advice: "check the path and that the daemon's user may read it",
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let newlines = text.bytes().take(offset).filter(|byte| *byte == b'\n');
    newlines.count().saturating_add(1)
}
