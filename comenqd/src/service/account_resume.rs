//! `account_resume`: a blocked account, and owners that bar it, are tried again.

use comenq_proto::{AccountResume, AccountResumeReply, ErrorCode, WireError};

use super::{Answer, Service, error};

/// Lets the account try again.
pub(super) async fn account_resume(
    service: &Service,
    request: AccountResume,
) -> Result<Answer<AccountResumeReply>, WireError> {
    let settings = service.settings();
    let account = &request.account;
    if !settings.accounts.iter().any(|it| it.name == *account) {
        let shown: String = account.chars().take(40).collect();
        let names: Vec<&str> = settings
            .accounts
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        return Err(WireError::new(
            ErrorCode::UnknownAccount,
            format!("there is no account {shown:?}"),
        )
        .with_detail(format!("there are {}", names.join(", "))));
    }
    let resumed = service.queue.resume(account.clone()).await;
    let resumed = resumed.map_err(|it| error::to_wire(&it))?;
    let notes = if resumed {
        Vec::new()
    } else {
        vec![format!("account {account} was not blocked")]
    };
    let changed = resumed.then(|| format!("account {account} is tried again"));
    Ok(Answer::of(AccountResumeReply { notes }).changing(changed))
}
