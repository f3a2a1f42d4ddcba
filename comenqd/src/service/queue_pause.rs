//! `queue_pause`: nothing more is posted, by all accounts or by one.

use comenq_proto::{QueueChangeReply, QueuePause, WireError};

use super::{Answer, Caller, Service, halting};
use crate::queue::Halted;

/// Stops posting; what is under way is finished, and looks go on.
pub(super) async fn queue_pause(
    service: &Service,
    caller: Caller,
    request: QueuePause,
) -> Result<Answer<QueueChangeReply>, WireError> {
    let what = halting::what(service, request.account)?;
    let changed = match &what {
        Halted::Account(account) => format!("account {account} is paused"),
        Halted::Queue | Halted::Intake => "the queue is paused".to_owned(),
    };
    let is_new = halting::halt(service, caller, what, request.reason).await?;
    Ok(halting::reply(is_new, changed, "it was paused already"))
}
