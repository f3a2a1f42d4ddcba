//! Which account posts a comment.
//!
//! Decides by the name that was asked for, by the host of the link and by the rules. Accounts are
//! never changed to get round a limit: a job keeps the one it was accepted for.

use comenq_proto::{ErrorCode, Target, WireError};

use super::Account;
use super::submission::Judge;
use crate::policy::Denied;

/// The account that is taken where several could.
const DEFAULT: &str = "default";

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
        if !account.serves(host) {
            return Err(wrong_host(host, [account]));
        }
        allowed(judge, account, target)?;
        return Ok(account);
    }
    let serving: Vec<&Account> = accounts.iter().filter(|it| it.serves(host)).collect();
    let Some(first) = serving.first() else {
        return Err(wrong_host(host, accounts));
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

fn allowed(judge: &Judge<'_>, account: &Account, target: &Target) -> Result<(), WireError> {
    judge
        .rules
        .may_post_to(judge.uid, &account.name, target)
        .map_err(|denied| refusal(&denied))
}

/// A rule's refusal as the client gets it.
pub(super) fn refusal(denied: &Denied) -> WireError {
    let code = match denied {
        Denied::Account { .. } => ErrorCode::AccountNotAllowed,
        Denied::Repository { .. } => ErrorCode::RepositoryNotAllowed,
    };
    WireError::new(code, denied.to_string())
}

fn unknown(judge: &Judge<'_>, name: &str) -> WireError {
    let shown: String = name.chars().take(40).collect();
    let names: Vec<&str> = judge.rules.accounts_of(judge.uid).collect();
    WireError::new(
        ErrorCode::UnknownAccount,
        format!("there is no account {shown:?}"),
    )
    .with_detail(format!("you may use {}", names.join(", ")))
}

/// A link must lead to where the account posts: a comment meant for one host must not end up
/// under the same name on another.
fn wrong_host<'a>(
    given: Option<&str>,
    accounts: impl IntoIterator<Item = &'a Account>,
) -> WireError {
    let shown: String = given.unwrap_or_default().chars().take(80).collect();
    let hosts: Vec<&str> = accounts
        .into_iter()
        .filter_map(|account| account.web_host.as_deref())
        .collect();
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
