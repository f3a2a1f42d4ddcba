//! `job_cancel`: never post this job, or never again.

use comenq_proto::{ErrorCode, JobCancel, JobCancelReply, WireError};

use super::{Answer, Service, authorize, error, get, view};
use crate::queue::State;
use crate::server::{Handler as _, Peer};

/// Cancels the peer's own job, an admin's any. Idempotent.
pub(super) async fn cancel(
    service: &Service,
    peer: &Peer,
    request: JobCancel,
) -> Result<Answer<JobCancelReply>, WireError> {
    let id = get::job_id(request.id)?;
    // Nobody's job becomes somebody else's, so looking first is no race.
    let stored = service.queue.peek(id).await;
    let job = stored.map_err(|it| error::to_wire(&it))?;
    if !authorize::owns(peer, service.role(peer), &job) {
        let text = format!("job #{id} belongs to uid {}, not to you", job.uid);
        return Err(WireError::new(ErrorCode::NotAllowed, text)
            .with_detail("its owner, root or the daemon's own user can cancel it"));
    }
    let cancelled = service.queue.cancel(id).await;
    let cancelled = cancelled.map_err(|it| error::to_wire(&it))?;
    let changed = match cancelled.job.state {
        State::Cancelled => format!("cancelled #{id}"),
        _ => format!("#{id} will not be posted again; its outcome is still looked for"),
    };
    let reply = JobCancelReply {
        job: view::job(cancelled.job, None, true),
        may_have_been_posted: cancelled.may_have_been_posted,
    };
    Ok(Answer::about(id, reply).changing(Some(changed)))
}
