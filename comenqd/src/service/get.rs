//! `job_get`: one job, and what it waits for.

use comenq_proto::{ErrorCode, JobGet, JobGetReply, JobId, WireError};

use super::{Answer, Caller, Service, authorize, error, view};

/// Shows the job; its text, its errors and what was tried only to its owner and to admins.
pub(super) async fn get(
    service: &Service,
    caller: Caller,
    request: JobGet,
) -> Result<Answer<JobGetReply>, WireError> {
    let id = job_id(request.id)?;
    let stored = service.queue.get(id).await;
    let (job, body) = stored.map_err(|it| error::to_wire(&it))?;
    let is_own = authorize::owns(caller, &job);
    let attempt_log = if is_own {
        let log = service.queue.log(id).await;
        log.map_err(|it| error::to_wire(&it))?
    } else {
        Vec::new()
    };
    let lane = service.queue.lane(&job.account);
    let next_look = lane
        .as_ref()
        .and_then(|lane| view::next_look(&job, lane, &service.clock));
    let now = service.clock.wall();
    let waiting_for = match &lane {
        Some(lane) => view::waiting_for(&job, lane, next_look, now),
        None => view::unserved(&job),
    };
    let mut job = view::job(job, Some(body), is_own);
    job.next_look_at_ms = next_look.map(|at| at.0);
    let reply = JobGetReply {
        job,
        waiting_for,
        attempt_log: attempt_log.into_iter().map(view::log_entry).collect(),
    };
    Ok(Answer::about(id, reply))
}

/// A job's id, or that zero is none.
pub(super) fn job_id(id: u64) -> Result<JobId, WireError> {
    JobId::new(id).map_err(|reason| WireError::new(ErrorCode::InvalidId, reason.to_string()))
}
