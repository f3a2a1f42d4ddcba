//! From one written value to one checked value.
//!
//! Decides the kinds (text, path, number, switch) and words what is wrong with a value. Called by
//! [`super::load`] and the files for accounts and policy, one call per key; also notes each value
//! for `--check-config`. Lists are in [`super::lists`].

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use comenq_proto::{DEFAULT_MAX_BODY_CHARS, MAX_BODY_BYTES};
use toml::Value;

use super::effective::Block;
use super::origin::Origin;
use super::raw::Table;
use super::shown::{HIDDEN, holds_a_secret};
use super::{ConfigError, LogLevel};
use crate::api_url::{ApiUrl, ApiUrlError};

/// The kernel's room for a socket's path, less its closing NUL.
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// What stands in place of a number where there is no limit.
pub(super) const UNLIMITED: &str = "unlimited";

/// Longer than any word that could be meant for a level.
const LONGEST_WORD: usize = 16;

/// The largest number that TOML has.
const MAX_ID: u64 = i64::MAX.unsigned_abs();

const LOG_LEVELS: [LogLevel; 5] = [
    LogLevel::Error,
    LogLevel::Warn,
    LogLevel::Info,
    LogLevel::Debug,
    LogLevel::Trace,
];

/// Reads values out of one [`Table`] and remembers what came of them.
pub(super) struct Values<'a> {
    table: &'a Table,
    block: Block,
    /// Whether values that nobody gave are noted too.
    notes_defaults: bool,
}

impl<'a> Values<'a> {
    pub(super) fn new(table: &'a Table) -> Self {
        Self {
            table,
            block: Block::new(table.section.clone(), None),
            notes_defaults: true,
        }
    }

    /// For a table that overrides another: what it does not say is said there.
    pub(super) fn overrides(table: &'a Table, note: String) -> Self {
        Self {
            table,
            block: Block::new(table.section.clone(), Some(note)),
            notes_defaults: false,
        }
    }

    /// The table that is read.
    pub(super) fn table(&self) -> &'a Table {
        self.table
    }

    /// All values that were asked for.
    pub(super) fn finish(self) -> Block {
        self.block
    }

    /// A line for people among the values.
    pub(super) fn remark(&mut self, text: &str) {
        self.block.remark(text);
    }

    /// Notes a path that somebody else has read, or passes over for a stronger source.
    pub(super) fn note_given(&mut self, key: &'static str) {
        if let Some(entry) = self.table.get(key) {
            if holds_a_secret(&entry.value.to_string()) {
                return self.block.remark(&format!("{key}: {HIDDEN}"));
            }
            self.block.push(key, &entry.value, &entry.origin);
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
            return Err(self.wrong(key, &Value::String(text), origin, reason));
        }
        if holds_a_secret(&text) {
            return Err(self.misplaced_secret(key, origin));
        }
        self.note(key, &Value::String(text.clone()), &origin);
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
        Err(self.wrong(key, &Value::String(text), origin, reason))
    }

    pub(super) fn log_level(&mut self, key: &'static str) -> Result<LogLevel, ConfigError> {
        let (text, origin) = self.text(key, LogLevel::Info.as_str())?;
        let Some(level) = LOG_LEVELS.into_iter().find(|it| it.as_str() == text) else {
            let reason = "must be error, warn, info, debug or trace".to_owned();
            // A token one line too high has digits.
            let is_word = text.len() <= LONGEST_WORD && text.chars().all(char::is_alphabetic);
            return Err(self.wrong_unless(is_word, key, &Value::String(text), origin, reason));
        };
        self.note(key, &Value::String(text), &origin);
        Ok(level)
    }

    pub(super) fn api_url(&mut self, key: &'static str) -> Result<ApiUrl, ConfigError> {
        let (text, origin) = self.text(key, "https://api.github.com")?;
        match ApiUrl::parse(&text) {
            Ok(_) if holds_a_secret(&text) => Err(self.misplaced_secret(key, origin)),
            Ok(url) => {
                self.note(key, &Value::String(url.as_str().to_owned()), &origin);
                Ok(url)
            }
            Err(error) => {
                // What stands before an @ or behind a ? may be a password, and what is no address
                // at all may be anything.
                let is_plain = error == ApiUrlError::Scheme;
                let reason = error.to_string();
                Err(self.wrong_unless(is_plain, key, &Value::String(text), origin, reason))
            }
        }
    }

    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Result<Duration, ConfigError> {
        self.seconds_because(key, default, range, "")
    }

    /// `why` says what the range comes from, where that is another setting.
    pub(super) fn seconds_because(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        why: &str,
    ) -> Result<Duration, ConfigError> {
        self.number_because(key, default, range, "seconds", why)
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
            return Err(self.wrong(key, &value, origin, reason));
        };
        self.note(key, &Value::Boolean(switch), &origin);
        Ok(switch)
    }

    /// A number, or none where the key says "unlimited".
    pub(super) fn number_or_unlimited(
        &mut self,
        key: &'static str,
        default: Option<u64>,
        range: RangeInclusive<u64>,
        unit: &str,
    ) -> Result<Option<u64>, ConfigError> {
        let unlimited = Value::String(UNLIMITED.to_owned());
        let (value, origin) = self.given(key, default.map_or(unlimited.clone(), integer));
        if value == unlimited {
            self.note(key, &value, &origin);
            return Ok(None);
        }
        let number = as_number(&value, &origin).filter(|number| range.contains(number));
        let Some(number) = number else {
            let (least, most) = (range.start(), range.end());
            let reason = format!(
                "must be a whole number of {unit} from {least} to {most}, or \"{UNLIMITED}\""
            );
            return Err(self.wrong(key, &value, origin, reason));
        };
        self.note(key, &integer(number), &origin);
        Ok(Some(number))
    }

    /// A number by which GitHub knows something, if one was given.
    pub(super) fn id(&mut self, key: &'static str) -> Result<Option<u64>, ConfigError> {
        if self.table.get(key).is_none() {
            return Ok(None);
        }
        self.number(key, 0, 1..=MAX_ID, "GitHub's").map(Some)
    }

    pub(super) fn number(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        unit: &str,
    ) -> Result<u64, ConfigError> {
        self.number_because(key, default, range, unit, "")
    }

    fn number_because(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        unit: &str,
        why: &str,
    ) -> Result<u64, ConfigError> {
        let (value, origin) = self.given(key, integer(default));
        let number = as_number(&value, &origin).filter(|number| range.contains(number));
        let Some(number) = number else {
            let (least, most) = (range.start(), range.end());
            let comma = if why.is_empty() { "" } else { ", " };
            let reason =
                format!("must be a whole number of {unit} from {least} to {most}{comma}{why}");
            return Err(self.wrong(key, &value, origin, reason));
        };
        self.note(key, &integer(number), &origin);
        Ok(number)
    }

    fn text(&self, key: &'static str, default: &str) -> Result<(String, Origin), ConfigError> {
        let (value, origin) = self.given(key, Value::String(default.to_owned()));
        match value {
            Value::String(text) => Ok((text, origin)),
            other => {
                let reason = "must be a string in quotes".to_owned();
                Err(self.wrong(key, &other, origin, reason))
            }
        }
    }

    pub(super) fn given(&self, key: &'static str, default: Value) -> (Value, Origin) {
        self.table
            .get(key)
            .map_or((default, Origin::Default), |entry| {
                (entry.value.clone(), entry.origin.clone())
            })
    }

    pub(super) fn note(&mut self, key: &'static str, value: &Value, origin: &Origin) {
        if self.notes_defaults || *origin != Origin::Default {
            self.block.push(key, value, origin);
        }
    }

    /// A wrong value that may be a secret, unless `is_plain`.
    fn wrong_unless(
        &self,
        is_plain: bool,
        key: &'static str,
        value: &Value,
        origin: Origin,
        reason: String,
    ) -> ConfigError {
        if is_plain {
            return self.wrong(key, value, origin, reason);
        }
        ConfigError::Value {
            origin,
            key: self.table.section.key(key),
            value: HIDDEN.to_owned(),
            reason,
        }
    }

    fn misplaced_secret(&self, key: &'static str, origin: Origin) -> ConfigError {
        ConfigError::Value {
            origin,
            key: self.table.section.key(key),
            value: HIDDEN.to_owned(),
            reason: "has in it what looks like a token or key, which does not belong there; \
                     correct or remove it"
                .to_owned(),
        }
    }

    pub(super) fn wrong(
        &self,
        key: &'static str,
        value: &Value,
        origin: Origin,
        reason: String,
    ) -> ConfigError {
        ConfigError::Value {
            origin,
            key: self.table.section.key(key),
            value: value.to_string(),
            reason,
        }
    }
}

fn as_number(value: &Value, origin: &Origin) -> Option<u64> {
    match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        Value::String(text) if text_is_allowed(origin) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Environment and flags have only text; in the file a quoted number is a mistake.
pub(super) fn text_is_allowed(origin: &Origin) -> bool {
    matches!(origin, Origin::Environment(_) | Origin::Flag(_))
}

fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
