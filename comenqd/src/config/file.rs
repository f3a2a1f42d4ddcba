//! The configuration file: from TOML to tables of known keys, each value with its line.
//!
//! Decides which tables there may be. Called by [`super::raw`]; must not know what any key means.
//! No error of it quotes the file: a line may hold the token.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize as _;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Value};

use super::accounts::AccountName;
use super::keys::Kind;
use super::origin::{Origin, Section};
use super::raw::{Raw, Table};
use super::reading::{self, read_bounded};
use super::sourced::UNSET;
use super::{ConfigError, Sources};

/// No configuration file is larger; a device or a log given by mistake is.
const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

const WHAT: &str = "configuration file";
const ADVICE: &str = "check the path and that the daemon's user may read it";

/// Reads the file; where none is named, it may be absent.
pub(super) fn read(sources: &Sources) -> Result<Raw, ConfigError> {
    let explicit = sources.flags.config.as_ref();
    let path = explicit.unwrap_or(&sources.default_config);
    let file = match reading::open(path) {
        Ok(file) => file,
        Err(error) if error.is_not_found() && explicit.is_none() => {
            return Ok(Raw {
                policy: Table::new(Section::policy(), Origin::Default),
                ..Raw::default()
            });
        }
        Err(error) => return Err(error.into_error(path, WHAT, ADVICE)),
    };
    let text = read_bounded(&file, path, WHAT, MAX_CONFIG_BYTES)?;
    let mut raw = Document { path, text: &text }.tables()?;
    raw.file_token = raw.flat.get("github_token").cloned();
    let token = raw.file_token.as_ref().map(|entry| &entry.value);
    if token.is_some_and(|token| token.as_str() != Some(UNSET)) {
        raw.file_with_token = Some((file, path.to_owned()));
    }
    Ok(raw)
}

/// A key and what stands behind it.
type Item<'a> = (Origin, String, Spanned<DeValue<'a>>);

/// The text of a file that is being read.
struct Document<'a> {
    path: &'a Path,
    text: &'a str,
}

impl<'a> Document<'a> {
    fn tables(&self) -> Result<Raw, ConfigError> {
        let parsed = DeTable::parse(self.text).map_err(|error| self.syntax(&error))?;
        let mut raw = Raw {
            policy: Table::new(Section::policy(), Origin::Default),
            ..Raw::default()
        };
        for (origin, name, value) in self.items(parsed.into_inner()) {
            match name.as_str() {
                "accounts" => self.accounts(&mut raw, value, &origin)?,
                "policy" => self.policy(&mut raw, value, origin)?,
                _ => self.insert(&mut raw.flat, Kind::Flat, &name, value, origin)?,
            }
        }
        Ok(raw)
    }

    fn accounts(
        &self,
        raw: &mut Raw,
        value: Spanned<DeValue<'a>>,
        origin: &Origin,
    ) -> Result<(), ConfigError> {
        let accounts = table("accounts", value, origin, "[accounts.bot]")?;
        for (origin, name, value) in self.items(accounts) {
            if let Err(reason) = AccountName::parse(&name) {
                return Err(ConfigError::Name {
                    origin,
                    what: "an account",
                    name,
                    reason: reason.to_string(),
                });
            }
            let section = Section::account(&name);
            let full_name = format!("accounts.{name}");
            let items = table(&full_name, value, &origin, "[accounts.bot]")?;
            let filled = self.filled(section, origin, Kind::Account, items)?;
            raw.accounts.insert(name, filled);
        }
        Ok(())
    }

    fn policy(
        &self,
        raw: &mut Raw,
        value: Spanned<DeValue<'a>>,
        origin: Origin,
    ) -> Result<(), ConfigError> {
        let items = table("policy", value, &origin, "[policy]")?;
        raw.policy = Table::new(Section::policy(), origin);
        for (origin, name, value) in self.items(items) {
            if name == "users" {
                self.users(raw, value, &origin)?;
            } else {
                self.insert(&mut raw.policy, Kind::Policy, &name, value, origin)?;
            }
        }
        Ok(())
    }

    fn users(
        &self,
        raw: &mut Raw,
        value: Spanned<DeValue<'a>>,
        origin: &Origin,
    ) -> Result<(), ConfigError> {
        let users = table("policy.users", value, origin, "[policy.users.alice]")?;
        for (origin, name, value) in self.items(users) {
            let full_name = format!("policy.users.{name}");
            let items = table(&full_name, value, &origin, "[policy.users.alice]")?;
            let filled = self.filled(Section::user(&name), origin, Kind::User, items)?;
            raw.users.insert(name, filled);
        }
        Ok(())
    }

    fn filled(
        &self,
        section: Section,
        origin: Origin,
        kind: Kind,
        items: DeTable<'a>,
    ) -> Result<Table, ConfigError> {
        let mut table = Table::new(section, origin);
        for (origin, name, value) in self.items(items) {
            self.insert(&mut table, kind, &name, value, origin)?;
        }
        Ok(table)
    }

    fn insert(
        &self,
        table: &mut Table,
        kind: Kind,
        name: &str,
        value: Spanned<DeValue<'a>>,
        origin: Origin,
    ) -> Result<(), ConfigError> {
        let key = kind.known(name, &origin)?;
        let value = Value::deserialize(ValueDeserializer::from(value)).map_err(|error| {
            // The parser takes numbers of any size, and says of this only which types it wanted.
            if error.message().contains("as i128") {
                return ConfigError::Syntax {
                    origin: origin.clone(),
                    reason: format!("the number of {key} is larger than {}", i64::MAX),
                };
            }
            self.syntax(&error)
        })?;
        table.insert(key, value, origin);
        Ok(())
    }

    /// The items in the order they were written, so that the first mistake is the one told.
    fn items(&self, table: DeTable<'a>) -> Vec<Item<'a>> {
        let mut items: Vec<_> = table.into_iter().collect();
        items.sort_by_key(|(name, _)| name.span().start);
        let items = items.into_iter();
        items
            .map(|(name, value)| {
                let origin = self.place(&name.span());
                (origin, name.into_inner().into_owned(), value)
            })
            .collect()
    }

    fn place(&self, span: &Range<usize>) -> Origin {
        Origin::File {
            path: self.path.to_owned(),
            line: Some(line_of(self.text, span.start)),
        }
    }

    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        ConfigError::Syntax {
            origin: self.place(&error.span().unwrap_or_default()),
            reason: error.message().to_owned(),
        }
    }
}

/// What must be a table is one.
fn table<'a>(
    key: &str,
    value: Spanned<DeValue<'a>>,
    origin: &Origin,
    example: &str,
) -> Result<DeTable<'a>, ConfigError> {
    match value.into_inner() {
        DeValue::Table(table) => Ok(table),
        other => Err(ConfigError::Value {
            origin: origin.clone(),
            key: key.to_owned(),
            value: format!("({})", other.type_str()),
            reason: format!("must be a table of keys; write it like {example}"),
        }),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let newlines = text.bytes().take(offset).filter(|byte| *byte == b'\n');
    newlines.count().saturating_add(1)
}
