//! `job_cancel`, `job_edit`, `job_hold`, `job_release`, `job_retry`, `job_bump`: what people do to
//! a job that they have.
//!
//! Decides whose job it may be and what the reply says. What each verb means is the store's; why
//! one is not possible is worded by `words`.

mod words;

use comenq_proto::{
    ErrorCode, JobBump, JobCancel, JobCancelReply, JobChangeReply, JobEdit, JobHold, JobId,
    JobRelease, JobRetry, WireError,
};

pub(super) use words::Deed;

use super::{Answer, Caller, Service, authorize, error, get, submission, view};
use crate::queue::{Changed, Job, QueueError, State, Verb};

type Reply = Result<Answer<JobChangeReply>, WireError>;

/// Never post this job, or never again.
pub(super) async fn cancel(
    service: &Service,
    caller: Caller,
    request: JobCancel,
) -> Result<Answer<JobCancelReply>, WireError> {
    let id = own(service, caller, request.id, "cancel").await?.id;
    let done = change(service, id, Verb::Cancel).await?;
    let changed = done.changed.then(|| match done.job.state {
        State::Cancelled => format!("cancelled #{id}"),
        _ => format!("#{id} will not be posted again; its outcome is still looked for"),
    });
    let reply = JobCancelReply {
        may_have_been_posted: done.job.may_have_been_posted(),
        job: view::job(done.job, None, true),
    };
    Ok(Answer::about(id, reply).changing(changed))
}

/// Give a waiting job another text.
pub(super) async fn edit(service: &Service, caller: Caller, request: JobEdit) -> Reply {
    let job = own(service, caller, request.id, "edit").await?;
    let settings = service.settings();
    let account = settings.account(&job.account);
    let body = submission::body(request.body, &account, &settings)?;
    let rules = service.rules.get();
    let verb = Verb::Edit {
        body,
        max_body_bytes: rules.limits(job.uid).max_queued_bytes,
    };
    let done = change(service, job.id, verb).await?;
    Ok(reply(done, "edited", Vec::new()))
}

/// Keep a job until it is released.
pub(super) async fn hold(service: &Service, caller: Caller, request: JobHold) -> Reply {
    let id = own(service, caller, request.id, "hold").await?.id;
    let done = change(service, id, Verb::Hold).await?;
    Ok(reply(done, "held", Vec::new()))
}

/// Let a held job go on.
pub(super) async fn release(service: &Service, caller: Caller, request: JobRelease) -> Reply {
    let id = own(service, caller, request.id, "release").await?.id;
    let done = change(service, id, Verb::Release).await?;
    let notes = looks_first(&done);
    Ok(reply(done, "released", notes))
}

/// Revive a dead letter.
pub(super) async fn retry(service: &Service, caller: Caller, request: JobRetry) -> Reply {
    let id = own(service, caller, request.id, "retry").await?.id;
    let done = change(service, id, Verb::Retry).await?;
    let notes = if done.changed {
        looks_first(&done)
    } else {
        vec![format!("it is {} already", done.job.state.as_str())]
    };
    Ok(reply(done, "revived", notes))
}

/// Bring a job to the front of its user's.
pub(super) async fn bump(service: &Service, caller: Caller, request: JobBump) -> Reply {
    let id = own(service, caller, request.id, "bump").await?.id;
    let done = change(service, id, Verb::Bump).await?;
    Ok(reply(done, "brought to the front", Vec::new()))
}

fn looks_first(done: &Changed) -> Vec<String> {
    let waits = done.changed && done.job.state == State::Uncertain;
    let note = "it may have been posted already: it is looked for first, and posted only if it is \
                not there";
    waits.then(|| note.to_owned()).into_iter().collect()
}

/// The job, if it is the peer's own or the peer an admin.
async fn own(service: &Service, caller: Caller, id: u64, verb: &str) -> Result<Job, WireError> {
    let id = get::job_id(id)?;
    // Nobody's job becomes somebody else's, so looking first is no race.
    let stored = service.queue.peek(id).await;
    let job = stored.map_err(|it| error::to_wire(&it))?;
    if authorize::owns(caller, &job) {
        return Ok(job);
    }
    let text = format!("job #{id} belongs to uid {}, not to you", job.uid);
    Err(WireError::new(ErrorCode::NotAllowed, text)
        .with_detail(format!("its owner or an administrator can {verb} it")))
}

async fn change(service: &Service, id: JobId, verb: Verb) -> Result<Changed, WireError> {
    let deed = Deed::from(&verb);
    match service.queue.change(id, verb).await {
        Ok(changed) => Ok(changed),
        Err(refused) => Err(worded(service, deed, id, &refused).await),
    }
}

/// Why a verb is not possible, by the job as it stands.
pub(super) async fn worded(
    service: &Service,
    deed: Deed,
    id: JobId,
    refused: &QueueError,
) -> WireError {
    // As it stands now: what forbade it may have happened since it was looked at.
    let job = service.queue.peek(id).await.ok();
    let worded = job.and_then(|job| words::refusal(deed, &job, refused));
    worded.unwrap_or_else(|| error::to_wire(refused))
}

/// The job after the change, and the log's line of it.
pub(super) fn reply(done: Changed, what: &str, notes: Vec<String>) -> Answer<JobChangeReply> {
    let id = done.job.id;
    let changed = done.changed.then(|| format!("{what}: #{id}"));
    let job = view::job(done.job, None, true);
    Answer::about(id, JobChangeReply { job, notes }).changing(changed)
}
