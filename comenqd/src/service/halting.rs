//! What `queue_pause`, `queue_resume` and `queue_drain` have in common.
//!
//! Decides which accounts can be named, what reasons are acceptable and how a stop is told. Called by
//! those verbs, `account_resume` and `status`.

use comenq_proto::{ErrorCode, Halt as WireHalt, QueueChangeReply, WireError};

use super::{Answer, Caller, Service, error};
use crate::queue::{Halt, Halted};

/// Longest reason of a stop, in characters: it stands in one line of `status`.
const MAX_REASON_CHARS: usize = 200;

/// The account of that name, if there is one.
pub(super) fn known_account(service: &Service, name: &str) -> Result<(), WireError> {
    let settings = service.settings();
    let mut names = settings.accounts.iter().map(|it| it.name.as_str());
    if names.any(|known| known == name) {
        return Ok(());
    }
    let shown: String = name.chars().take(40).collect();
    let names: Vec<&str> = settings
        .accounts
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let text = format!("there is no account {shown:?}");
    Err(WireError::new(ErrorCode::UnknownAccount, text)
        .with_detail(format!("there are {}", names.join(", "))))
}

/// What a request means to pause or resume.
pub(super) fn what(service: &Service, account: Option<String>) -> Result<Halted, WireError> {
    let Some(account) = account else {
        return Ok(Halted::Queue);
    };
    known_account(service, &account)?;
    Ok(Halted::Account(account))
}

/// Stops something.
pub(super) async fn halt(
    service: &Service,
    caller: Caller,
    what: Halted,
    reason: Option<String>,
) -> Result<bool, WireError> {
    let reason = reason.map(acceptable).transpose()?;
    let halted = service.queue.halt(what, caller.uid, reason).await;
    halted.map_err(|it| error::to_wire(&it))
}

/// Ends a stop.
pub(super) async fn lift(service: &Service, what: Halted) -> Result<bool, WireError> {
    let lifted = service.queue.lift(what).await;
    lifted.map_err(|it| error::to_wire(&it))
}

fn acceptable(reason: String) -> Result<String, WireError> {
    let is_line = !reason.chars().any(char::is_control) && !reason.trim().is_empty();
    if is_line && reason.chars().count() <= MAX_REASON_CHARS {
        return Ok(reason);
    }
    let text = format!("the reason must be one line of 1 to {MAX_REASON_CHARS} characters");
    Err(WireError::new(ErrorCode::InvalidValue, text))
}

/// The reply, with a note where nothing had to be done.
pub(super) fn reply(
    is_changed: bool,
    changed: String,
    otherwise: &str,
) -> Answer<QueueChangeReply> {
    let notes = if is_changed {
        Vec::new()
    } else {
        vec![otherwise.to_owned()]
    };
    Answer::of(QueueChangeReply { notes }).changing(is_changed.then_some(changed))
}

/// The taking of jobs is stopped; a pause is told of each account.
pub(super) fn draining(halt: &Halt) -> String {
    let why = halt.reason.as_deref();
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    format!(
        "uid {} drains the queue{why}: no new jobs are taken until `comenq drain --off`",
        halt.uid
    )
}

/// A stop as it travels.
pub(super) fn to_wire(halt: Halt) -> WireHalt {
    WireHalt {
        at_ms: halt.since.0,
        uid: halt.uid,
        reason: halt.reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line() {
        assert_eq!(acceptable("new disk".to_owned()).unwrap(), "new disk");
        assert!(acceptable("ü".repeat(200)).is_ok());
        for wrong in ["", "  ", "a\nb", &"x".repeat(201)] {
            let error = acceptable(wrong.to_owned()).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidValue, "{wrong:?}");
        }
    }
}
