//! `comenq post --dry-run`: what a submission would give.
//!
//! Decides that whatever can be known without the daemon is an answer already: one
//! that cannot be reached, or is too old to be asked, is a note.

use comenq_proto::{ErrorCode, JobCheck, JobCheckReply, JobChecked, JobSubmit};

use super::{Context, words::ordinal};
use crate::{
    client::CallError,
    failure::Failure,
    json::{CheckJson, CheckedJson},
    output::plain_line,
    times::Times,
};

/// Says what would become of these.
pub(super) fn run(jobs: Vec<JobSubmit>, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = JobCheck { jobs };
    let reply = match context.client.call(&request) {
        Ok(reply) => Some(reply),
        Err(error) => {
            let why = locally(&error).map(ToOwned::to_owned);
            let failure = Failure::of_call(error, &context.client);
            let Some(why) = why else { return Err(failure) };
            let why = why.replace("{}", &failure.message);
            context.output.note(&format!("checked here only: {why}"));
            None
        }
    };
    report(&request.jobs, reply.as_ref(), context)
}

/// Why nobody could be asked, where that is no error.
const fn locally(error: &CallError) -> Option<&'static str> {
    match error {
        CallError::Unreachable(_) | CallError::Tunnel(_) => Some("{}"),
        CallError::Refused(error) if matches!(error.code, ErrorCode::UnknownEndpoint) => {
            Some("this comenqd is too old to be asked what it would do")
        }
        _ => None,
    }
}

fn report(
    jobs: &[JobSubmit],
    reply: Option<&JobCheckReply>,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let checked = reply.map(|reply| reply.jobs.as_slice()).unwrap_or_default();
    let pairs = jobs
        .iter()
        .enumerate()
        .map(|(at, job)| (job, checked.get(at)));
    let output = &mut context.output;
    if output.is_json() {
        return output.json(CheckJson {
            asked_daemon: reply.is_some(),
            would_queue: pairs.map(CheckedJson::from).collect(),
            notes: reply
                .map(|reply| reply.notes.as_slice())
                .unwrap_or_default(),
        });
    }
    for note in reply.iter().flat_map(|reply| &reply.notes) {
        output.note(note);
    }
    for note in checked.iter().flat_map(|job| &job.notes) {
        output.note(note);
    }
    let times = output.times();
    let lines: String = pairs
        .map(|(job, checked)| plain_line(&sentence(job, checked, times)) + "\n")
        .collect();
    output.text(&lines)
}

/// `would queue for owner/repo#123 as default: 3rd in line, expected about 12:41 (in 31 min)`.
fn sentence(job: &JobSubmit, checked: Option<&JobChecked>, times: Times) -> String {
    let target = format!("{}/{}#{}", job.owner, job.repo, job.number);
    let Some(checked) = checked else {
        return format!("would queue for {target}{}", wishes(job, None, times));
    };
    if checked.duplicate_of == Some(0) {
        return format!("would be one with an earlier line that has this key: {target}");
    }
    if let Some(id) = checked.duplicate_of {
        return format!("was queued before with this key: #{id} for {target}");
    }
    let wishes = wishes(job, Some(checked), times);
    format!("would queue for {target} as {}{wishes}", checked.account)
}

/// What was wished, and what will come of it as far as that is known: `: held, 3rd in line`.
fn wishes(job: &JobSubmit, checked: Option<&JobChecked>, times: Times) -> String {
    let from_now = |ms: Option<u64>| {
        let ms = i64::try_from(ms?).ok()?;
        Some(times.now_ms().saturating_add(ms))
    };
    let not_before = job.not_before_ms.or(from_now(job.delay_ms));
    let expires = job.expires_at_ms.or(from_now(job.expires_in_ms));
    let expected = checked.and_then(|it| it.expected_at_ms);
    let parts = [
        job.hold.then(|| "held until it is released".to_owned()),
        not_before.map(|at| format!("not before {}", times.chosen(at))),
        expires.map(|at| format!("never after {}", times.chosen(at))),
        checked
            .and_then(|it| it.position)
            .map(|at| format!("{} in line", ordinal(at))),
        expected.map(|at| format!("expected about {}", times.ahead(at))),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return String::new();
    }
    format!(": {}", parts.join(", "))
}
