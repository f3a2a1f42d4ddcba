//! Where a value came from, and how tables are called.
//!
//! Decides the words for places. Used all over `config`, and shown to people in errors and by
//! `--check-config`.

use std::fmt;
use std::path::PathBuf;

use toml::Value;

/// Where a value came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody gave one.
    #[default]
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

/// The dotted name of a table; empty outside any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section(String);

impl Section {
    pub(super) fn account(name: &str) -> Self {
        Self(format!("accounts.{}", bare(name)))
    }

    pub(super) fn policy() -> Self {
        Self("policy".to_owned())
    }

    pub(super) fn user(name: &str) -> Self {
        Self(format!("policy.users.{}", bare(name)))
    }

    /// The key's full name.
    pub(super) fn key(&self, key: &str) -> String {
        if self.0.is_empty() {
            return key.to_owned();
        }
        format!("{}.{key}", self.0)
    }

    /// As the line that begins the table; nothing outside any.
    pub(super) fn header(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        format!("[{}]", self.0)
    }
}

/// A name as TOML writes it in a table's header.
fn bare(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(is_bare) {
        return name.to_owned();
    }
    Value::String(name.to_owned()).to_string()
}
