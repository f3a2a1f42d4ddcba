//! `job_get`: one job, and what it waits for.

use comenq_proto::{ErrorCode, JobGet, JobGetReply, JobId, WireError};

use super::{Answer, Service, authorize, error, view};
use crate::server::{Handler as _, Peer};

/// Shows the job; the body only to its owner and to admins.
pub(super) async fn get(
    service: &Service,
    peer: &Peer,
    request: JobGet,
) -> Result<Answer<JobGetReply>, WireError> {
    let id = job_id(request.id)?;
    let stored = service.queue.get(id).await;
    let (job, body) = stored.map_err(|it| error::to_wire(&it))?;
    let is_own = authorize::owns(peer, service.role(peer), &job);
    let waiting_for = view::waiting_for(&job, &service.queue.lane(), service.clock.wall());
    let job = view::job(job, Some(body), is_own);
    Ok(Answer::about(id, JobGetReply { job, waiting_for }))
}

/// A job's id, or that zero is none.
pub(super) fn job_id(id: u64) -> Result<JobId, WireError> {
    JobId::new(id).map_err(|reason| WireError::new(ErrorCode::InvalidId, reason.to_string()))
}
