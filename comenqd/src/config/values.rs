//! From one written value to one checked value.
//!
//! Decides the kinds (text, path, number, switch) and words what is wrong with a value. Called by
//! [`super::load`], one call per key; also notes each value for `--check-config`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use comenq_proto::{DEFAULT_MAX_BODY_CHARS, MAX_BODY_BYTES};
use toml::Value;

use super::effective::Effective;
use super::raw::{Entry, Origin, Raw};
use super::{ConfigError, LogLevel};
use crate::api_url::ApiUrl;

/// The kernel's room for a socket's path, less its closing NUL.
const MAX_SOCKET_PATH_BYTES: usize = 107;

const LOG_LEVELS: [LogLevel; 5] = [
    LogLevel::Error,
    LogLevel::Warn,
    LogLevel::Info,
    LogLevel::Debug,
    LogLevel::Trace,
];

/// Reads values out of [`Raw`] and remembers what came of them.
pub(super) struct Values<'a> {
    raw: &'a Raw,
    effective: Effective,
}

impl<'a> Values<'a> {
    pub(super) fn new(raw: &'a Raw) -> Self {
        Self {
            raw,
            effective: Effective::default(),
        }
    }

    /// All values that were asked for.
    pub(super) fn finish(self) -> Effective {
        self.effective
    }

    /// Notes where the token file is; its content is none of our business here.
    pub(super) fn note_token_file(&mut self) {
        if let Some(Entry { value, origin }) = self.raw.get("github_token_file") {
            self.note("github_token_file", value.clone(), origin.clone());
        }
    }

    pub(super) fn path(
        &mut self,
        key: &'static str,
        default: &str,
    ) -> Result<PathBuf, ConfigError> {
        let (text, origin) = self.text(key, default)?;
        if text.is_empty() || text.contains('\0') {
            let reason = "must be a path; correct or remove it".to_owned();
            return Err(wrong(key, &Value::String(text), origin, reason));
        }
        self.note(key, Value::String(text.clone()), origin);
        Ok(text.into())
    }

    pub(super) fn socket_path(
        &mut self,
        key: &'static str,
        default: &str,
    ) -> Result<PathBuf, ConfigError> {
        let path = self.path(key, default)?;
        if path.as_os_str().len() <= MAX_SOCKET_PATH_BYTES {
            return Ok(path);
        }
        let (text, origin) = self.text(key, default)?;
        let reason = format!(
            "is {} bytes long, the kernel takes {MAX_SOCKET_PATH_BYTES}; choose a shorter path",
            text.len()
        );
        Err(wrong(key, &Value::String(text), origin, reason))
    }

    pub(super) fn log_level(&mut self, key: &'static str) -> Result<LogLevel, ConfigError> {
        let (text, origin) = self.text(key, LogLevel::Info.as_str())?;
        let Some(level) = LOG_LEVELS.into_iter().find(|it| it.as_str() == text) else {
            let reason = "must be error, warn, info, debug or trace".to_owned();
            return Err(wrong(key, &Value::String(text), origin, reason));
        };
        self.note(key, Value::String(text), origin);
        Ok(level)
    }

    pub(super) fn api_url(&mut self, key: &'static str) -> Result<ApiUrl, ConfigError> {
        let (text, origin) = self.text(key, "https://api.github.com")?;
        match ApiUrl::parse(&text) {
            Ok(url) => {
                self.note(key, Value::String(url.as_str().to_owned()), origin);
                Ok(url)
            }
            Err(error) => Err(wrong(key, &Value::String(text), origin, error.to_string())),
        }
    }

    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Result<Duration, ConfigError> {
        self.number(key, default, range, "seconds")
            .map(Duration::from_secs)
    }

    pub(super) fn max_body_chars(&mut self, key: &'static str) -> Result<usize, ConfigError> {
        let most = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX);
        let default = u64::try_from(DEFAULT_MAX_BODY_CHARS).unwrap_or(most);
        let chars = self.number(key, default, 1..=most, "characters")?;
        Ok(usize::try_from(chars).unwrap_or(MAX_BODY_BYTES))
    }

    pub(super) fn boolean(
        &mut self,
        key: &'static str,
        default: bool,
    ) -> Result<bool, ConfigError> {
        let (value, origin) = self.given(key, Value::Boolean(default));
        let switch = match &value {
            Value::Boolean(switch) => Some(*switch),
            Value::String(text) if text_is_allowed(&origin) => text.parse().ok(),
            _ => None,
        };
        let Some(switch) = switch else {
            let reason = "must be true or false".to_owned();
            return Err(wrong(key, &value, origin, reason));
        };
        self.note(key, Value::Boolean(switch), origin);
        Ok(switch)
    }

    fn number(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        unit: &str,
    ) -> Result<u64, ConfigError> {
        let (least, most) = (range.start(), range.end());
        let (value, origin) = self.given(key, integer(default));
        let number = match &value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::String(text) if text_is_allowed(&origin) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(number) = number.filter(|number| range.contains(number)) else {
            let reason = format!("must be a whole number of {unit} from {least} to {most} here");
            return Err(wrong(key, &value, origin, reason));
        };
        self.note(key, integer(number), origin);
        Ok(number)
    }

    fn text(&self, key: &'static str, default: &str) -> Result<(String, Origin), ConfigError> {
        let (value, origin) = self.given(key, Value::String(default.to_owned()));
        match value {
            Value::String(text) => Ok((text, origin)),
            other => Err(wrong(
                key,
                &other,
                origin,
                "must be a string in quotes".to_owned(),
            )),
        }
    }

    fn given(&self, key: &'static str, default: Value) -> (Value, Origin) {
        self.raw
            .get(key)
            .map_or((default, Origin::Default), |entry| {
                (entry.value.clone(), entry.origin.clone())
            })
    }

    fn note(&mut self, key: &'static str, value: Value, origin: Origin) {
        self.effective.push(key, value, origin);
    }
}

/// Environment and flags have only text; in the file a quoted number is a mistake.
fn text_is_allowed(origin: &Origin) -> bool {
    matches!(origin, Origin::Environment(_) | Origin::Flag(_))
}

fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn wrong(key: &'static str, value: &Value, origin: Origin, reason: String) -> ConfigError {
    ConfigError::Value {
        origin,
        key,
        value: value.to_string(),
        reason,
    }
}
