//! `job_retry_failed`: dead letters of one reason are revived, some at a time.

use comenq_proto::{ErrorCode, JobId, JobRetryFailed, JobRetryFailedReply, Role, WireError};

use super::{Answer, Caller, Service, error};
use crate::clock::UnixMs;
use crate::queue::{Cursor, Failure};

/// Revives the peer's own, an admin everybody's.
pub(super) async fn retry_failed(
    service: &Service,
    caller: Caller,
    request: JobRetryFailed,
) -> Result<Answer<JobRetryFailedReply>, WireError> {
    let reason = reason(&request.reason)?;
    let after = request.cursor.as_deref().map(cursor).transpose()?;
    let uid = (caller.role != Role::Admin).then_some(caller.uid);
    let retried = service.queue.retry_failed(reason, uid, after).await;
    let retried = retried.map_err(|it| error::to_wire(&it))?;
    let changed = match retried.jobs.len() {
        0 => None,
        count => Some(format!(
            "revived {count} jobs that failed as {}",
            reason.as_str()
        )),
    };
    let next = retried.next.map(|(at, id)| Cursor::Finished(at, id));
    let reply = JobRetryFailedReply {
        retried: retried.jobs.into_iter().map(JobId::get).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    };
    Ok(Answer::of(reply).changing(changed))
}

fn reason(text: &str) -> Result<Failure, WireError> {
    let found = Failure::ALL.into_iter().find(|it| it.as_str() == text);
    found.ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        let known = Failure::ALL.map(Failure::as_str).join(", ");
        WireError::new(
            ErrorCode::InvalidValue,
            format!("{shown:?} is no reason for which a job fails"),
        )
        .with_detail(format!("the reasons are {known}"))
    })
}

fn cursor(text: &str) -> Result<(UnixMs, JobId), WireError> {
    match text.parse() {
        Ok(Cursor::Finished(at, id)) => Ok((at, id)),
        Ok(Cursor::Unfinished(..)) | Err(_) => Err(WireError::new(
            ErrorCode::InvalidCursor,
            "the cursor is not one this daemon gave for this request",
        )
        .with_detail("begin again without a cursor")),
    }
}
