//! `job_check`: what submissions would give, without making them.
//!
//! Decides only the words. What is allowed is judged where a submission is, by the same code, and
//! the store does what it would do and takes it back.

use comenq_proto::{JobCheck, JobCheckReply, JobChecked, JobId, MAX_ENTRIES, WireError};

use super::submit::{self, Judged};
use super::{Answer, Caller, Service, fitting};
use crate::queue::Submitted;

/// Tells what the submissions would give; stores nothing.
pub(super) async fn check(
    service: &Service,
    caller: Caller,
    request: JobCheck,
) -> Result<Answer<JobCheckReply>, WireError> {
    // One alone is refused as it would be by itself.
    let told = if request.jobs.len() == 1 {
        |_, error| error
    } else {
        submit::in_batch
    };
    let Judged { new, known, most } = submit::judge(service, caller, request.jobs, told).await?;
    let rehearsed = service.queue.check_all(new, most).await;
    let rehearsed = rehearsed.map_err(|it| submit::of_batch(&it, &known, told))?;
    let stored = submit::join(rehearsed.inserted, known);
    let notes = submit::troubles(service, &stored);
    let exists = |id: JobId| id.get() <= rehearsed.last_job;
    let jobs = stored.iter().map(|it| checked(service, it, exists));
    let reply = JobCheckReply {
        jobs: jobs.collect(),
        notes,
    };
    Ok(Answer::of(fitting::check(reply)))
}

/// What is told of one; jobs that were only imagined are not named.
fn checked(service: &Service, stored: &Submitted, exists: impl Fn(JobId) -> bool) -> JobChecked {
    let job = &stored.job;
    if stored.duplicate {
        let note = if exists(job.id) {
            format!("its key is known: it is job #{}", job.id)
        } else {
            "its key came before in the same check".to_owned()
        };
        return JobChecked {
            account: job.account.clone(),
            duplicate_of: Some(if exists(job.id) { job.id.get() } else { 0 }),
            notes: vec![note],
            ..JobChecked::default()
        };
    }
    let same = stored.same_text_as.filter(|id| exists(*id));
    let replaced = stored.superseded.iter().copied().filter(|id| exists(*id));
    let superseded: Vec<_> = replaced.map(JobId::get).take(MAX_ENTRIES).collect();
    let (position, expected_at_ms) = submit::place(service, stored);
    JobChecked {
        account: job.account.clone(),
        duplicate_of: None,
        position,
        expected_at_ms,
        not_before_ms: job.not_before.map(|at| at.0),
        expires_at_ms: job.expiry.map(|expiry| expiry.at_ms.0),
        same_text_as: same.map(JobId::get),
        notes: notes(stored, same, &superseded),
        superseded,
    }
}

fn notes(stored: &Submitted, same: Option<JobId>, superseded: &[u64]) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(same) = same {
        notes.push(format!("job #{same} has the same text for the same target"));
    }
    match superseded {
        [] => {}
        [one] => notes.push(format!("would replace #{one}")),
        [first, ..] => notes.push(format!(
            "would replace {} jobs, from #{first}",
            superseded.len()
        )),
    }
    if stored.job.superseded_by.is_some() {
        notes.push("a later one of the same check replaces it".to_owned());
    }
    notes
}
