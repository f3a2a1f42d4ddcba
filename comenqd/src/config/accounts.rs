//! The accounts: those of `[accounts.NAME]`, and the one that the keys outside any table make.
//!
//! Decides which accounts there are and what holds for each. Called by [`super::load`]. Knows
//! nothing of lanes: two accounts of one login share one, which only GitHub can tell.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::effective::Block;
use super::keys::FLAT_ACCOUNT;
use super::origin::{Origin, Section};
use super::raw::{Raw, Table};
use super::values::Values;
use super::{ConfigError, DAY, Sources, WEEK, credential};
use crate::api_url::ApiUrl;
use crate::github::Credential;
use crate::policy::{AccountRules, RepoGlob};

/// The account that the keys outside any table make.
const DEFAULT: &str = "default";

/// Longest name of an account.
const MAX_NAME_CHARS: usize = 39;

/// The name of an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

/// Why a text is no name of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must begin with a letter and have 1 to {MAX_NAME_CHARS} of the characters a-z, 0-9, - and _"
)]
pub struct AccountNameError;

impl AccountName {
    /// Checks a name. It becomes part of the names of files and systemd credentials, and travels.
    ///
    /// # Errors
    /// Where it has other characters than those, or too many.
    pub fn parse(text: &str) -> Result<Self, AccountNameError> {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        let is_name = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(is_allowed)
            && text.len() <= MAX_NAME_CHARS;
        is_name
            .then(|| Self(text.to_owned()))
            .ok_or(AccountNameError)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One account.
#[derive(Debug, Clone)]
pub struct AccountConfig {
    /// What it is called here.
    pub name: AccountName,
    /// In whose name it posts; without one jobs are taken and nothing is posted.
    pub credential: Credential,
    /// Where the credential came from, for people.
    pub credential_source: Option<String>,
    /// Why there is none, where something was passed that is no credential.
    pub credential_trouble: Option<String>,
    /// Whether a reload reads it again there.
    pub credential_reloads: bool,
    /// What to run after replacing the credential.
    pub remedy: &'static str,
    /// Where its GitHub API is.
    pub api_url: ApiUrl,
    /// Least time between two of its posts.
    pub cooldown: Duration,
    /// Up to so much is added to each wait.
    pub jitter: Duration,
    /// Where it may post; `None`: everywhere.
    pub allowed_repositories: Option<Vec<RepoGlob>>,
    /// Who may use it; `None`: everyone.
    pub allowed_users: Option<BTreeSet<u32>>,
    /// Whether its comments carry the invisible mark that makes them findable.
    pub marker: bool,
    /// The table it stands in, with brackets; empty outside any.
    section: String,
}

impl AccountConfig {
    /// What holds for it, whoever asks.
    pub(super) fn rules(&self) -> AccountRules {
        AccountRules {
            allowed_users: self.allowed_users.clone(),
            allowed_repositories: self.allowed_repositories.clone(),
            section: self.section.clone(),
        }
    }
}

/// The keys whose names differ between the table and the place outside any.
struct Names {
    api_url: &'static str,
    marker: &'static str,
}

const FLAT_NAMES: Names = Names {
    api_url: "github_api_url",
    marker: "comment_marker",
};

const TABLE_NAMES: Names = Names {
    api_url: "api_url",
    marker: "marker",
};

/// All accounts, `default` first, then by name; and what to print of them.
pub(super) fn load(
    sources: &Sources,
    raw: &Raw,
) -> Result<(Vec<AccountConfig>, Vec<Block>), ConfigError> {
    credential::refuse_exposed_config(sources, raw)?;
    let loader = Loader { sources, raw };
    let mut accounts = Vec::new();
    accounts.extend(loader.flat()?);
    let mut tables: Vec<_> = raw.accounts.iter().collect();
    tables.sort_by_key(|(name, _)| (*name != DEFAULT, *name));
    for (name, table) in tables {
        accounts.push(loader.account(name, table, &TABLE_NAMES)?);
    }
    Ok(accounts.into_iter().unzip())
}

struct Loader<'a> {
    sources: &'a Sources,
    raw: &'a Raw,
}

impl Loader<'_> {
    /// The account `default` of the keys outside any table, where there is one.
    fn flat(&self) -> Result<Option<(AccountConfig, Block)>, ConfigError> {
        let flat = &self.raw.flat;
        let given = flat.first_of(&FLAT_ACCOUNT);
        if self.raw.accounts.contains_key(DEFAULT) {
            return given.map_or(Ok(None), |(key, entry)| {
                Err(stray(
                    key,
                    &entry.origin,
                    "means the account \"default\", and so does [accounts.default]; move it there, \
                     or remove that table",
                ))
            });
        }
        // A token out of sight may be there: then nothing is wrong with the others either.
        let may_be = self.raw.accounts.is_empty() || credential::are_out_of_sight(self.sources);
        let loaded = self.account(DEFAULT, flat, &FLAT_NAMES)?;
        if may_be || self.is_configured(&loaded.0) {
            return Ok(Some(loaded));
        }
        given.map_or(Ok(None), |(key, entry)| {
            Err(stray(
                key,
                &entry.origin,
                "means the account \"default\", which has no credential, while other accounts have \
                 tables of their own; move it into the table [accounts.NAME] that it is for, or \
                 give a token outside the tables too",
            ))
        })
    }

    fn is_configured(&self, account: &AccountConfig) -> bool {
        let files = ["github_token_file", "app_id", "installation_id"];
        account.credential_source.is_some() || self.raw.flat.first_of(&files).is_some()
    }

    fn account(
        &self,
        name: &str,
        table: &Table,
        names: &Names,
    ) -> Result<(AccountConfig, Block), ConfigError> {
        let mut values = Values::new(table);
        let api_url = values.api_url(names.api_url)?;
        let floor = api_url.least_cooldown().as_secs();
        let why = if api_url.is_github_com() {
            "for it posts to api.github.com"
        } else {
            ""
        };
        let key = "cooldown_period_seconds";
        let cooldown = values.seconds_because(key, 960, floor..=WEEK, why)?;
        let jitter = values.seconds("cooldown_jitter_seconds", 0, 0..=DAY)?;
        let marker = values.boolean(names.marker, false)?;
        let allowed_users = values.users("allowed_users", self.sources.lookup_user)?;
        let allowed_repositories = values.repositories("allowed_repositories", None)?;
        let found = self.credential(name, table, &mut values)?;
        let name = AccountName::parse(name).map_err(|reason| ConfigError::Name {
            origin: table.origin.clone(),
            what: "an account",
            name: name.to_owned(),
            reason: reason.to_string(),
        })?;
        // What posts is a token that GitHub gives for the key.
        let credential_source = match (&found.credential, found.source) {
            (Credential::App { .. }, Some(source)) => {
                Some(format!("the App's private key, {source}"))
            }
            (_, source) => source,
        };
        let account = AccountConfig {
            name,
            credential: found.credential,
            credential_source,
            credential_trouble: found.trouble,
            credential_reloads: found.reloads,
            remedy: found.remedy,
            api_url,
            cooldown,
            jitter,
            allowed_repositories,
            allowed_users,
            marker,
            section: table.section.header(),
        };
        Ok((account, values.finish()))
    }

    fn credential(
        &self,
        name: &str,
        table: &Table,
        values: &mut Values<'_>,
    ) -> Result<credential::Found, ConfigError> {
        let of_default = [format!("-{DEFAULT}"), String::new()];
        let of_other = [format!("-{name}")];
        let suffixes = match (name == DEFAULT, table.section == Section::default()) {
            (true, true) => of_default.get(1..).unwrap_or_default(),
            (true, false) => &of_default,
            (false, _) => &of_other,
        };
        let app_id = values.id("app_id")?;
        let installation_id = values.id("installation_id")?;
        values.note_given("github_token_file");
        values.note_given("app_key_file");
        let search = credential::Search {
            sources: self.sources,
            raw: self.raw,
            table,
            account: name,
            suffixes,
            app_id,
            installation_id,
        };
        let found = search.find()?;
        values.remark(&match (&found.credential, &found.source) {
            (Credential::App { .. }, Some(source)) => format!("private key: from {source}"),
            (_, Some(source)) => format!("github_token: from {source}"),
            (_, None) if credential::are_out_of_sight(self.sources) => {
                "credential: none here; what systemd passes to the service cannot be seen"
                    .to_owned()
            }
            (_, None) => "github_token: none; jobs are stored, but nothing is posted until one is \
                          configured"
                .to_owned(),
        });
        Ok(found)
    }
}

fn stray(key: &'static str, origin: &Origin, reason: &'static str) -> ConfigError {
    ConfigError::Stray {
        origin: origin.clone(),
        key,
        reason,
    }
}
