//! `account_resume`: a blocked account, and owners that bar it, are tried again; its pause ends.
//!
//! Decides what is said where nobody's word helps: a limit of GitHub ends by itself.

use comenq_proto::{AccountResume, AccountResumeReply, WireError};

use super::{Answer, Service, error, halting, view};
use crate::queue::{Halted, LaneReport, Phase};

/// Lets the account try again.
pub(super) async fn account_resume(
    service: &Service,
    request: AccountResume,
) -> Result<Answer<AccountResumeReply>, WireError> {
    let account = &request.account;
    let was_paused = halting::lift(service, Halted::Account(account.clone())).await?;
    if !was_paused {
        // First its pause: it may have left the configuration since.
        halting::known_account(service, account)?;
    }
    let resumed = service.queue.resume(account.clone()).await;
    let resumed = resumed.map_err(|it| error::to_wire(&it))? || was_paused;
    let notes = if resumed {
        Vec::new()
    } else {
        let lane = service.queue.lane(account);
        vec![not_blocked(account, lane.as_ref())]
    };
    let changed = resumed.then(|| format!("account {account} is tried again"));
    Ok(Answer::of(AccountResumeReply { notes }).changing(changed))
}

/// Why nothing was done, and what the account waits for instead.
fn not_blocked(account: &str, lane: Option<&LaneReport>) -> String {
    let text = format!("account {account} was not blocked or paused, so nothing was changed");
    let Some(trouble) = lane.and_then(view::trouble) else {
        return text;
    };
    let by_itself = lane.is_some_and(|lane| matches!(lane.phase, Phase::Limited | Phase::Offline));
    let end = if by_itself {
        "; it tries again by itself, and nobody can make that sooner"
    } else {
        ""
    };
    format!("{text}; {trouble}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::sample_lane;

    #[test]
    fn what_nobody_can_resume_is_told() {
        let limited = LaneReport {
            reason: Some("GitHub limits this account".to_owned()),
            ..sample_lane(Phase::Limited)
        };
        assert_eq!(
            not_blocked("default", Some(&limited)),
            "account default was not blocked or paused, so nothing was changed; account default must wait: \
             GitHub limits this account; it tries again by itself, and nobody can make that sooner"
        );
        let idle = sample_lane(Phase::Idle);
        assert_eq!(
            not_blocked("default", Some(&idle)),
            "account default was not blocked or paused, so nothing was changed"
        );
    }
}
