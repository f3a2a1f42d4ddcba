//! Which account posts a comment.
//!
//! Decides by the name that was asked for, by the host of the link and by the rules. Accounts are
//! never changed to get round a limit: a job keeps the one it was accepted for.

use comenq_proto::{ErrorCode, Target, WireError};

use super::Account;
use super::submission::Judge;
use crate::policy::Denied;

/// The account that is taken where several could: what the keys outside any table make.
pub(super) const DEFAULT: &str = "default";

/// The account for a comment, or why there is none.
pub(super) fn choose<'a>(
    judge: &Judge<'a>,
    asked: Option<&str>,
    host: Option<&str>,
    target: &Target,
) -> Result<&'a Account, WireError> {
    let accounts = judge.settings.accounts.as_slice();
    if let Some(name) = asked {
        let account = accounts.iter().find(|account| account.name == name);
        let account = account.ok_or_else(|| unknown(judge, name))?;
        // Whom an account is not for learns nothing of where it posts.
        usable(judge, account)?;
        if !account.serves(host) {
            return Err(wrong_host(host, &[account]));
        }
        allowed(judge, account, target)?;
        return Ok(account);
    }
    let serving: Vec<&Account> = accounts.iter().filter(|it| it.serves(host)).collect();
    let Some(first) = serving.first() else {
        let mine = mine(judge);
        if let (Some(any), []) = (accounts.first(), mine.as_slice()) {
            usable(judge, any)?;
        }
        return Err(wrong_host(host, &mine));
    };
    let usable: Vec<&Account> = serving
        .iter()
        .copied()
        .filter(|account| allowed(judge, account, target).is_ok())
        .collect();
    let default = usable.iter().find(|account| account.name == DEFAULT);
    match (default, usable.as_slice()) {
        (Some(account), _) | (None, [account]) => Ok(account),
        (None, []) => {
            let default = serving.iter().find(|account| account.name == DEFAULT);
            allowed(judge, default.unwrap_or(first), target)?;
            Ok(first)
        }
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|it| it.name.as_str()).collect();
            let text = format!("several accounts could post this: {}", names.join(", "));
            Err(WireError::new(ErrorCode::AccountNeeded, text).with_detail("name one of them"))
        }
    }
}

/// The accounts that the user may use.
fn mine<'a>(judge: &Judge<'a>) -> Vec<&'a Account> {
    let accounts = judge.settings.accounts.iter();
    accounts
        .filter(|account| judge.rules.may_use(judge.uid, &account.name).is_ok())
        .collect()
}

fn usable(judge: &Judge<'_>, account: &Account) -> Result<(), WireError> {
    let rules = judge.rules;
    let answer = rules.may_use(judge.uid, &account.name);
    answer.map_err(|denied| refusal(judge, &denied))
}

fn allowed(judge: &Judge<'_>, account: &Account, target: &Target) -> Result<(), WireError> {
    let rules = judge.rules;
    let answer = rules.may_post_to(judge.uid, &account.name, target);
    answer.map_err(|denied| refusal(judge, &denied))
}

/// A rule's refusal as the client gets it.
fn refusal(judge: &Judge<'_>, denied: &Denied) -> WireError {
    match denied {
        Denied::Account { uid, account, rule } => {
            let text = format!(
                "uid {uid} may not use account \"{account}\" ({rule} of the daemon's \
                 configuration)"
            );
            WireError::new(ErrorCode::AccountNotAllowed, text).with_detail(match names(judge) {
                Some(names) => {
                    format!("you may use {names}, or ask an administrator to change that rule")
                }
                None => {
                    "you may use no account; ask an administrator to change that rule".to_owned()
                }
            })
        }
        Denied::Repository { .. } => {
            WireError::new(ErrorCode::RepositoryNotAllowed, denied.to_string())
        }
    }
}

/// The names of the accounts that the user may use; `None`: there are none.
fn names(judge: &Judge<'_>) -> Option<String> {
    let mine = mine(judge);
    let names: Vec<&str> = mine.iter().map(|account| account.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn unknown(judge: &Judge<'_>, name: &str) -> WireError {
    let shown: String = name.chars().take(40).collect();
    let text = format!("there is no account {shown:?}");
    WireError::new(ErrorCode::UnknownAccount, text).with_detail(match names(judge) {
        Some(names) => format!("you may use {names}"),
        None => "you may use no account; ask an administrator for one".to_owned(),
    })
}

/// A link must lead to where the account posts: a comment meant for one host must not end up
/// under the same name on another.
fn wrong_host(given: Option<&str>, accounts: &[&Account]) -> WireError {
    let shown: String = given.unwrap_or_default().chars().take(80).collect();
    let mut hosts: Vec<String> = accounts
        .iter()
        .filter_map(|account| account.web_host.as_deref())
        .map(str::to_ascii_lowercase)
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    let text = format!(
        "the link leads to {shown:?}, and this daemon posts to {}",
        hosts.join(", ")
    );
    WireError::new(ErrorCode::WrongHost, text)
        .with_detail("use a link to that host, or the daemon that posts to the other")
}

impl Account {
    /// Whether links to `host` are this account's; `None`: no link was given.
    fn serves(&self, host: Option<&str>) -> bool {
        match (host, &self.web_host) {
            (Some(given), Some(ours)) => given.eq_ignore_ascii_case(ours),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests;
