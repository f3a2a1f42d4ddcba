//! `queue_drain`: no new jobs are taken; those in the queue are posted.

use comenq_proto::{QueueChangeReply, QueueDrain, WireError};

use super::{Answer, Caller, Service, halting};
use crate::queue::Halted;

/// Takes no more jobs, or takes them again.
pub(super) async fn queue_drain(
    service: &Service,
    caller: Caller,
    request: QueueDrain,
) -> Result<Answer<QueueChangeReply>, WireError> {
    if request.off {
        let was = halting::lift(service, Halted::Intake).await?;
        let changed = "the queue takes jobs again".to_owned();
        return Ok(halting::reply(was, changed, "it was not being drained"));
    }
    let is_new = halting::halt(service, caller, Halted::Intake, request.reason).await?;
    let changed = "the queue is drained: it takes no more jobs".to_owned();
    Ok(halting::reply(
        is_new,
        changed,
        "it was being drained already",
    ))
}
