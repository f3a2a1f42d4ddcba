//! Who may post how much, as whom, and where.
//!
//! Decides, from the rules that `config` read, what one user may do; asked by the service at each
//! submission and by the worker when a job's target turns out to be elsewhere. Pure: it has no
//! clock, counts nothing and knows no names of users but those in its own rules. The rules hold for
//! everyone, administrators included, who can change them.

mod access;
mod glob;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use comenq_proto::Target;

pub use access::Access;
pub use glob::{RepoGlob, RepoGlobError};
pub use rules::Rules;

/// What one user may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Most unfinished jobs at one time.
    pub max_queued_jobs: u64,
    /// Most bytes of text in them.
    pub max_queued_bytes: u64,
    /// Most submissions within a minute.
    pub max_submits_per_minute: u32,
    /// Most posts within a day; `None`: no such limit.
    pub max_posts_per_day: Option<u64>,
    /// The accounts that may be used; `None`: all.
    pub allowed_accounts: Option<BTreeSet<String>>,
    /// The repositories that may be posted to; `None`: all.
    pub allowed_repositories: Option<Vec<RepoGlob>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_queued_jobs: 1000,
            max_queued_bytes: 64 * 1024 * 1024,
            max_submits_per_minute: 600,
            max_posts_per_day: None,
            allowed_accounts: None,
            allowed_repositories: None,
        }
    }
}

/// The limits of one user, where some are that user's own.
#[derive(Debug, Clone, PartialEq)]
pub struct UserRules {
    /// The user's name as the configuration has it: `[policy.users.NAME]`.
    pub name: String,
    /// All limits, those of `[policy]` included.
    pub limits: Limits,
    /// The keys that are the user's own.
    pub own_keys: BTreeSet<&'static str>,
}

/// What holds for one account, whoever asks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountRules {
    /// Who may use it; `None`: everyone.
    pub allowed_users: Option<BTreeSet<u32>>,
    /// Where it may post; `None`: everywhere.
    pub allowed_repositories: Option<Vec<RepoGlob>>,
    /// Where its keys stand: `[accounts.NAME]`; empty for the keys outside any table.
    pub section: String,
}

/// A key of the configuration and where it stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The key.
    pub key: &'static str,
    /// Its table, with the brackets; empty outside any table.
    pub section: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key)?;
        if self.section.is_empty() {
            return Ok(());
        }
        write!(f, " in {}", self.section)
    }
}

/// Why something is not allowed; names the rule that an administrator would change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The user may not use the account.
    #[error(
        "uid {uid} may not use account \"{account}\" ({rule} of the daemon's configuration); use \
         another account, or ask an administrator to change that rule"
    )]
    Account {
        /// The user.
        uid: u32,
        /// The account.
        account: String,
        /// What forbids it.
        rule: Rule,
    },
    /// The user, or the account, may not post to the repository.
    #[error(
        "uid {uid} may not post to {repository} as account \"{account}\" ({rule} of the daemon's \
         configuration does not cover it); ask an administrator to change that rule"
    )]
    Repository {
        /// The user.
        uid: u32,
        /// The account.
        account: String,
        /// `owner/repo`.
        repository: String,
        /// What forbids it.
        rule: Rule,
    },
}

/// All rules.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    everyone: Limits,
    users: BTreeMap<u32, UserRules>,
    accounts: BTreeMap<String, AccountRules>,
}

impl Policy {
    /// Joins the limits of everyone, those of single users, and the rules of each account.
    #[must_use]
    pub fn new(
        everyone: Limits,
        users: BTreeMap<u32, UserRules>,
        accounts: BTreeMap<String, AccountRules>,
    ) -> Self {
        Self {
            everyone,
            users,
            accounts,
        }
    }

    /// What the user may do.
    #[must_use]
    pub fn limits(&self, uid: u32) -> &Limits {
        self.users
            .get(&uid)
            .map_or(&self.everyone, |user| &user.limits)
    }

    /// Where the user's limit of that name is set: what an administrator would change.
    #[must_use]
    pub fn rule(&self, uid: u32, key: &'static str) -> Rule {
        let own = self
            .users
            .get(&uid)
            .filter(|user| user.own_keys.contains(key));
        let section = own.map_or_else(
            || "[policy]".to_owned(),
            |user| format!("[policy.users.{}]", user.name),
        );
        Rule { key, section }
    }

    /// The accounts that the user may use, in the order of their names.
    pub fn accounts_of(&self, uid: u32) -> impl Iterator<Item = &str> {
        self.accounts
            .keys()
            .map(String::as_str)
            .filter(move |account| self.may_use(uid, account).is_ok())
    }

    /// Whether the user may use the account. Whether there is such an account is not asked here.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn may_use(&self, uid: u32, account: &str) -> Result<(), Denied> {
        let denied = |rule| {
            Err(Denied::Account {
                uid,
                account: account.to_owned(),
                rule,
            })
        };
        let own = self.limits(uid).allowed_accounts.as_ref();
        if own.is_some_and(|allowed| !allowed.contains(account)) {
            return denied(self.rule(uid, "allowed_accounts"));
        }
        match self.accounts.get(account) {
            Some(rules) if !rules.admits(uid) => denied(rules.rule("allowed_users")),
            _ => Ok(()),
        }
    }

    /// Whether the user may post there as that account: the one question that answers all.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn may_post_to(&self, uid: u32, account: &str, target: &Target) -> Result<(), Denied> {
        self.may_use(uid, account)?;
        let denied = |rule| {
            Err(Denied::Repository {
                uid,
                account: account.to_owned(),
                repository: format!("{}/{}", target.owner, target.repo),
                rule,
            })
        };
        if !covers(self.limits(uid).allowed_repositories.as_deref(), target) {
            return denied(self.rule(uid, "allowed_repositories"));
        }
        match self.accounts.get(account) {
            Some(rules) if !covers(rules.allowed_repositories.as_deref(), target) => {
                denied(rules.rule("allowed_repositories"))
            }
            _ => Ok(()),
        }
    }
}

impl AccountRules {
    fn admits(&self, uid: u32) -> bool {
        let allowed = self.allowed_users.as_ref();
        allowed.is_none_or(|allowed| allowed.contains(&uid))
    }

    fn rule(&self, key: &'static str) -> Rule {
        let section = self.section.clone();
        Rule { key, section }
    }
}

fn covers(allowed: Option<&[RepoGlob]>, target: &Target) -> bool {
    allowed.is_none_or(|globs| globs.iter().any(|glob| glob.matches(target)))
}
