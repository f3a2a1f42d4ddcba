//! `queue_resume`: a pause ends.
//!
//! Decides that the queue's pause and those of accounts are apart: each ends by its own word.

use comenq_proto::{QueueChangeReply, QueueResume, WireError};

use super::{Answer, Service, error, halting};
use crate::queue::Halted;

/// Posts again.
pub(super) async fn queue_resume(
    service: &Service,
    request: QueueResume,
) -> Result<Answer<QueueChangeReply>, WireError> {
    let what = halting::what(service, request.account)?;
    let changed = match &what {
        Halted::Account(account) => format!("account {account} is paused no more"),
        Halted::Queue | Halted::Intake => "the queue is paused no more".to_owned(),
    };
    let is_of_queue = what == Halted::Queue;
    let was_paused = halting::lift(service, what).await?;
    let mut answer = halting::reply(was_paused, changed, "it was not paused");
    if is_of_queue {
        let halts = service.queue.halts().await;
        let halts = halts.map_err(|it| error::to_wire(&it))?;
        let still = halts.accounts.keys();
        let ended = if was_paused {
            "the queue is paused no more, but "
        } else {
            ""
        };
        let note = |account| {
            format!("{ended}account {account} is still paused; `comenq resume {account}` ends that")
        };
        answer.reply.notes.extend(still.map(note));
        answer.reply.notes.truncate(comenq_proto::MAX_ENTRIES);
    }
    Ok(answer)
}
