//! `job_submit` and `job_submit_batch`: comments become durable jobs.

use comenq_proto::{
    ErrorCode, JobSubmit, JobSubmitBatch, JobSubmitBatchReply, JobSubmitReply, MAX_ENTRIES,
    WireError,
};

use super::submission::{self, Judge};
use super::{Answer, Caller, Service, error, fitting, view};
use crate::queue::{NewJob, QueueError, Submitted};

/// Stores the comment; durable when it returns.
pub(super) async fn submit(
    service: &Service,
    caller: Caller,
    request: JobSubmit,
) -> Result<Answer<JobSubmitReply>, WireError> {
    let (settings, rules) = (service.settings(), service.rules.get());
    let judge = Judge {
        uid: caller.uid,
        settings: &settings,
        rules: &rules,
        clock: &service.clock,
    };
    let most = rules.limits(caller.uid).max_submits_per_minute;
    let stored = match judge.parse(&request) {
        Ok(new) => {
            let stored = service.queue.submit(new, most).await;
            stored.map_err(|it| error::to_wire(&it))?
        }
        Err(refusal) => found(service, caller.uid, &request).await?.ok_or(refusal)?,
    };
    let id = stored.job.id;
    let changed = (!stored.duplicate).then(|| format!("queued #{id} for {}", stored.job.target));
    let trouble = trouble(service, &stored.job.account);
    let mut reply = reply(service, stored);
    reply.notes.extend(trouble);
    Ok(Answer::about(id, reply).changing(changed))
}

/// Stores all of the comments or none; durable when it returns.
pub(super) async fn submit_batch(
    service: &Service,
    caller: Caller,
    request: JobSubmitBatch,
) -> Result<Answer<JobSubmitBatchReply>, WireError> {
    let Judged { new, known, most } = judge(service, caller, request.jobs, in_batch).await?;
    let stored = service.queue.submit_all(new, most).await;
    let stored = stored.map_err(|it| of_batch(&it, &known, in_batch))?;
    let stored = join(stored, known);
    let added: Vec<_> = stored.iter().filter(|it| !it.duplicate).collect();
    let changed = match added.as_slice() {
        [] => None,
        [first, ..] => Some(format!(
            "queued {} jobs from #{}",
            added.len(),
            first.job.id
        )),
    };
    let notes = troubles(service, &stored);
    let replies = stored.into_iter().map(|stored| JobSubmitReply {
        notes: Vec::new(),
        ..reply(service, stored)
    });
    let reply = JobSubmitBatchReply {
        jobs: replies.collect(),
        notes,
    };
    Ok(Answer::of(fitting::batch(reply)).changing(changed))
}

/// Submissions that were judged: those to store, and those that were known before and would be
/// refused today.
pub(super) struct Judged {
    pub(super) new: Vec<NewJob>,
    /// With where they stand among all.
    pub(super) known: Vec<(usize, Submitted)>,
    /// How many a minute the user may submit.
    pub(super) most: u32,
}

/// Judges the submissions of a batch. `told` makes of a refusal that of the one job.
pub(super) async fn judge(
    service: &Service,
    caller: Caller,
    jobs: Vec<JobSubmit>,
    told: fn(usize, WireError) -> WireError,
) -> Result<Judged, WireError> {
    if jobs.is_empty() {
        let text = "the batch is empty; it has 1 to 500 jobs";
        return Err(WireError::new(ErrorCode::InvalidValue, text));
    }
    let (settings, rules) = (service.settings(), service.rules.get());
    let judge = Judge {
        uid: caller.uid,
        settings: &settings,
        rules: &rules,
        clock: &service.clock,
    };
    let mut new = Vec::new();
    let mut known = Vec::new();
    for (index, job) in jobs.into_iter().enumerate() {
        match judge.parse(&job) {
            Ok(job) => new.push(job),
            Err(refusal) => {
                let found = found(service, caller.uid, &job).await;
                let found = found.and_then(|found| found.ok_or(refusal));
                known.push((index, found.map_err(|error| told(index, error))?));
            }
        }
    }
    let most = rules.limits(caller.uid).max_submits_per_minute;
    Ok(Judged { new, known, most })
}

/// The refusal of those that were to be stored.
pub(super) fn of_batch(
    error: &QueueError,
    known: &[(usize, Submitted)],
    told: fn(usize, WireError) -> WireError,
) -> WireError {
    match error {
        QueueError::InBatch { index, source } => {
            told(before(known, *index), error::to_wire(source))
        }
        other => error::to_wire(other),
    }
}

/// All of a batch in their order.
pub(super) fn join(mut stored: Vec<Submitted>, known: Vec<(usize, Submitted)>) -> Vec<Submitted> {
    for (index, found) in known {
        stored.insert(index.min(stored.len()), found);
    }
    stored
}

/// What the users of these accounts should know.
pub(super) fn troubles(service: &Service, stored: &[Submitted]) -> Vec<String> {
    let mut accounts: Vec<&str> = stored.iter().map(|it| it.job.account.as_str()).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let troubles = accounts
        .into_iter()
        .filter_map(|account| trouble(service, account));
    troubles.take(MAX_ENTRIES).collect()
}

/// The job of an earlier try, although the submission would be refused today: who repeats it wants
/// to know what became of it.
async fn found(
    service: &Service,
    uid: u32,
    request: &JobSubmit,
) -> Result<Option<Submitted>, WireError> {
    let Some(known) = submission::identity(uid, request) else {
        return Ok(None);
    };
    let found = service.queue.find(known).await;
    found.map_err(|it| error::to_wire(&it))
}

/// Where in the batch the job is that was the `nth` of those not known before.
fn before(known: &[(usize, Submitted)], nth: usize) -> usize {
    known
        .iter()
        .fold(nth, |at, (index, _)| if *index <= at { at + 1 } else { at })
}

pub(super) fn in_batch(index: usize, error: WireError) -> WireError {
    WireError {
        message: format!("job {} of the batch: {}", index + 1, error.message),
        ..error
    }
}

fn trouble(service: &Service, account: &str) -> Option<String> {
    service
        .queue
        .lane(account)
        .and_then(|lane| view::trouble(&lane))
}

fn reply(service: &Service, stored: Submitted) -> JobSubmitReply {
    let mut notes = Vec::new();
    if let Some(same) = stored.same_text_as {
        notes.push(format!(
            "job #{same} has the same text for the same target; `comenq cancel {}` if this one is \
             a mistake",
            stored.job.id
        ));
    }
    for id in &stored.superseded {
        notes.push(format!("replaces #{id}, which is cancelled"));
    }
    notes.truncate(MAX_ENTRIES / 2);
    let (position, expected_at_ms) = place(service, &stored);
    let superseded = stored.superseded.iter().take(MAX_ENTRIES);
    JobSubmitReply {
        duplicate: stored.duplicate,
        position,
        expected_at_ms,
        notes,
        same_text_as: stored.same_text_as.map(comenq_proto::JobId::get),
        superseded: superseded.map(|id| id.get()).collect(),
        job: view::job(stored.job, None, true),
    }
}

/// Its place in line, and when its turn will probably come.
pub(super) fn place(service: &Service, stored: &Submitted) -> (Option<u64>, Option<i64>) {
    let now = service.clock.due_now();
    let early = stored.job.not_before.filter(|at| *at > now);
    // One whose time has not come is not in line yet.
    let position = stored.position.filter(|_| early.is_none());
    let expected = position
        .and_then(|position| service.queue.expected_at(&stored.job.account, position))
        .or(early);
    (position, expected.map(|time| time.0))
}
