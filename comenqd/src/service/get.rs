//! `job_get`: one job, and what it waits for.

use comenq_proto::{ErrorCode, JobGet, JobGetReply, JobId, WireError};

use super::{Answer, Caller, Service, authorize, error, view};
use crate::queue::{Job, LaneReport, QueueError, State};

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
    let (position, expected_at_ms) = match &lane {
        Some(lane) => place(service, &job, lane).await?,
        None => (None, None),
    };
    let mut job = view::job(job, Some(body), is_own);
    job.next_look_at_ms = next_look.map(|at| at.0);
    let reply = JobGetReply {
        job,
        waiting_for,
        attempt_log: attempt_log.into_iter().map(view::log_entry).collect(),
        position,
        expected_at_ms,
    };
    Ok(Answer::about(id, reply))
}

/// Its place among the queued jobs of its account, and when it will probably be posted.
async fn place(
    service: &Service,
    job: &Job,
    lane: &LaneReport,
) -> Result<(Option<u64>, Option<i64>), WireError> {
    if job.state != State::Queued {
        return Ok((None, None));
    }
    let standing = match service.queue.place(job.id, lane).await {
        Ok(standing) => standing,
        // It was purged just now.
        Err(QueueError::NoSuchJob(_)) => return Ok((None, None)),
        Err(other) => return Err(error::to_wire(&other)),
    };
    let expected = match (&standing.foreseen, standing.position) {
        (Some(post), _) => service.queue.foreseen_at(lane, post),
        (None, Some(position)) => service.queue.expected_at(&job.account, position),
        (None, None) => {
            let now = service.clock.due_now();
            let later = job.not_before.max(job.next_attempt_at);
            later.filter(|at| *at > now && !lane.waits_for_a_person())
        }
    };
    Ok((standing.position, expected.map(|at| at.0)))
}

/// A job's id, or that zero is none.
pub(super) fn job_id(id: u64) -> Result<JobId, WireError> {
    JobId::new(id).map_err(|reason| WireError::new(ErrorCode::InvalidId, reason.to_string()))
}
