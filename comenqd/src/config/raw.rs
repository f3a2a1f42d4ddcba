//! The settings as they were written, each with where: file, environment, flags.
//!
//! Decides which source wins. Called by [`super::load`]; must not know what any key means.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;

use toml::Value;

use super::keys::Kind;
use super::origin::{Origin, Section};
use super::{ConfigError, Sources, file};

/// What every environment variable of ours begins with.
const ENV_PREFIX: &str = "COMENQD_";

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// As parsed from TOML; from environment and flags always a string.
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// One table of the configuration, or what stands outside any.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) section: Section,
    /// Where it begins.
    pub(super) origin: Origin,
    entries: BTreeMap<&'static str, Entry>,
}

impl Table {
    pub(super) fn new(section: Section, origin: Origin) -> Self {
        Self {
            section,
            origin,
            entries: BTreeMap::new(),
        }
    }

    /// The value of `key`, if it was given.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// The first of `keys` that was given.
    pub(super) fn first_of(&self, keys: &[&'static str]) -> Option<(&'static str, &Entry)> {
        keys.iter()
            .find_map(|key| self.get(key).map(|entry| (*key, entry)))
    }

    /// The given keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.entries.keys().copied()
    }

    pub(super) fn insert(&mut self, key: &'static str, value: Value, origin: Origin) {
        self.entries.insert(key, Entry { value, origin });
    }
}

/// All values that were given, the strongest source's for each key.
#[derive(Debug, Default)]
pub(super) struct Raw {
    /// What stands outside any table; environment and flags speak of these alone.
    pub(super) flat: Table,
    pub(super) accounts: BTreeMap<String, Table>,
    pub(super) policy: Table,
    pub(super) users: BTreeMap<String, Table>,
    /// The file's own token, which the environment's does not replace: `unset` there asks on.
    pub(super) file_token: Option<Entry>,
    /// The file, if it holds a token: then who may read it matters, whichever source wins.
    pub(super) file_with_token: Option<(File, PathBuf)>,
}

impl Raw {
    /// Collects them all.
    pub(super) fn collect(sources: &Sources) -> Result<Self, ConfigError> {
        let mut raw = file::read(sources)?;
        raw.read_environment(&sources.env)?;
        for (key, flag, value) in sources.flags.settings() {
            let origin = Origin::Flag(flag);
            raw.insert_text(Kind::Flat.known(key, &origin)?, value, origin)?;
        }
        Ok(raw)
    }

    fn read_environment(&mut self, env: &BTreeMap<OsString, OsString>) -> Result<(), ConfigError> {
        for (name, value) in env {
            let Some(name) = name.to_str() else { continue };
            let Some(key) = name.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            let origin = Origin::Environment(name.to_owned());
            let key = Kind::Flat.known(&key.to_ascii_lowercase(), &origin)?;
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
            key: key.to_owned(),
            value: "(not shown)".to_owned(),
            reason: "is not valid UTF-8; write it in UTF-8".to_owned(),
        })?;
        self.flat.insert(key, Value::String(value), origin);
        Ok(())
    }
}
