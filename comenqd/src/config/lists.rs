//! Values that are lists: repositories, users, accounts.
//!
//! Decides how a list is written, and that `*` means everything. In the environment the items stand
//! between commas. Called by the files for accounts and policy.

use std::collections::BTreeSet;

use toml::Value;

use super::ConfigError;
use super::keys::nearest;
use super::origin::Origin;
use super::users;
use super::values::{Values, text_is_allowed};
use crate::policy::RepoGlob;

/// What allows every account or user.
const ALL: &str = "*";
/// What allows every repository.
const ALL_REPOSITORIES: &str = "*/*";

impl Values<'_> {
    /// Patterns for repositories; `None` where they cover everything.
    pub(super) fn repositories(
        &mut self,
        key: &'static str,
        default: Option<&[RepoGlob]>,
    ) -> Result<Option<Vec<RepoGlob>>, ConfigError> {
        let Some((items, value, origin)) = self.items(key)? else {
            let shown = default.map(|globs| globs.iter().map(RepoGlob::as_str).collect());
            self.note_default(key, &shown.unwrap_or_else(|| vec![ALL_REPOSITORIES]));
            return Ok(default.map(<[_]>::to_vec));
        };
        let mut globs = Vec::new();
        for item in &items {
            let Value::String(text) = item else {
                let reason = format!("{item} must be a string like \"octocat/*\"");
                return Err(self.wrong(key, &value, origin, reason));
            };
            match RepoGlob::parse(text) {
                Ok(glob) => globs.push(glob),
                Err(error) => {
                    let reason = format!("{item} {error}");
                    return Err(self.wrong(key, &value, origin, reason));
                }
            }
        }
        self.note(key, &Value::Array(items), &origin);
        let everything = globs.iter().any(|glob| glob.as_str() == ALL_REPOSITORIES);
        Ok((!everything).then_some(globs))
    }

    /// Users, by name or number; `None` where everyone is meant.
    pub(super) fn users(
        &mut self,
        key: &'static str,
        lookup: users::Lookup,
    ) -> Result<Option<BTreeSet<u32>>, ConfigError> {
        let Some((items, value, origin)) = self.items(key)? else {
            self.note_default(key, &[ALL]);
            return Ok(None);
        };
        let mut uids = BTreeSet::new();
        let mut everyone = false;
        for item in &items {
            let name = match item {
                Value::String(text) if text == ALL => {
                    everyone = true;
                    continue;
                }
                Value::String(text) => text.clone(),
                Value::Integer(number) => number.to_string(),
                other => {
                    let reason = format!("{other} must be a user's name in quotes, or a number");
                    return Err(self.wrong(key, &value, origin, reason));
                }
            };
            match users::resolve(&name, lookup) {
                Ok(uid) => {
                    uids.insert(uid);
                }
                Err(error) => return Err(self.wrong(key, &value, origin, error.to_string())),
            }
        }
        self.note(key, &Value::Array(items), &origin);
        Ok((!everyone).then_some(uids))
    }

    /// Names of accounts that exist; `None` where all are meant.
    pub(super) fn account_names(
        &mut self,
        key: &'static str,
        default: Option<&BTreeSet<String>>,
        existing: &BTreeSet<String>,
    ) -> Result<Option<BTreeSet<String>>, ConfigError> {
        let Some((items, value, origin)) = self.items(key)? else {
            let shown = default.map(|names| names.iter().map(String::as_str).collect());
            self.note_default(key, &shown.unwrap_or_else(|| vec![ALL]));
            return Ok(default.cloned());
        };
        let mut names = BTreeSet::new();
        for item in &items {
            let Value::String(name) = item else {
                let reason = format!("{item} must be an account's name, in quotes");
                return Err(self.wrong(key, &value, origin, reason));
            };
            if name != ALL && !existing.contains(name) {
                let reason = no_such_account(name, existing);
                return Err(self.wrong(key, &value, origin, reason));
            }
            names.insert(name.clone());
        }
        self.note(key, &Value::Array(items), &origin);
        Ok((!names.contains(ALL)).then_some(names))
    }

    /// The items of a list, with the list itself and its place; `None` where none was given.
    fn items(&self, key: &'static str) -> Result<Option<(Vec<Value>, Value, Origin)>, ConfigError> {
        let Some(entry) = self.table().get(key) else {
            return Ok(None);
        };
        let origin = entry.origin.clone();
        let items = match &entry.value {
            Value::Array(items) => items.clone(),
            Value::String(text) if text_is_allowed(&origin) => {
                let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
                let items: Vec<_> = items.map(|item| Value::String(item.to_owned())).collect();
                // As for a token: more likely a variable that failed to be filled in than the wish
                // to allow nothing, which the file can express.
                if items.is_empty() {
                    let reason = "names nothing; write what is allowed, with commas between, or \
                                  remove it to allow everything"
                        .to_owned();
                    return Err(self.wrong(key, &entry.value, origin, reason));
                }
                items
            }
            other => {
                let reason = "must be a list in brackets, like [\"one\", \"two\"]".to_owned();
                return Err(self.wrong(key, other, origin, reason));
            }
        };
        Ok(Some((items, entry.value.clone(), origin)))
    }

    fn note_default(&mut self, key: &'static str, items: &[&str]) {
        let items = items.iter().map(|item| Value::String((*item).to_owned()));
        self.note(key, &Value::Array(items.collect()), &Origin::Default);
    }
}

fn no_such_account(name: &str, existing: &BTreeSet<String>) -> String {
    let known = existing.iter().map(String::as_str);
    nearest(name, known).map_or_else(
        || {
            let known: Vec<_> = existing.iter().map(String::as_str).collect();
            format!(
                "there is no account \"{name}\"; there are: {}",
                known.join(", ")
            )
        },
        |near| format!("there is no account \"{name}\"; did you mean \"{near}\"?"),
    )
}
