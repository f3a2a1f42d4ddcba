//! `comenq wait`, and what `post --wait` does: until jobs are posted, or never will be.
//!
//! Decides what is said of a wait, however it ends, and what the exit code says: what
//! is known by then is always told. The waiting itself is [`waiting`](super::waiting)'s.

use std::{collections::HashSet, time::Duration};

use comenq_proto::{Job, JobId, JobState};

use super::{
    Context,
    phase::{Progress, ending},
    waiting::{End, Outcome, until_finished},
};
use crate::{
    cli::WaitArgs,
    exit::Exit,
    failure::Failure,
    json::{JobJson, JobsJson},
    output::plain_line,
    times::span,
};

pub(super) fn run(args: &WaitArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let mut ids: Vec<_> = args.ids.iter().copied().map(JobId::get).collect();
    let mut known = HashSet::new();
    ids.retain(|id| known.insert(*id));
    let progress = Progress::new(!context.output.is_json(), context);
    let outcome = until_finished(&ids, args.limit, progress, context)?;
    let output = &mut context.output;
    if output.is_json() {
        let jobs = outcome.jobs.iter().map(JobJson::from).collect();
        output.json(JobsJson { jobs })?;
    } else {
        let posted = outcome.jobs.iter().filter(|job| is_posted(job));
        let lines: String = posted.map(|job| plain_line(&ending(job)) + "\n").collect();
        output.text(&lines)?;
    }
    ended(&outcome, args.limit, context)
}

fn is_posted(job: &Job) -> bool {
    job.state == JobState::Posted
}

/// What a wait comes to: each job that will not be posted is told, and what is left.
pub(super) fn ended(
    outcome: &Outcome,
    limit: Option<Duration>,
    context: &mut Context<'_>,
) -> Result<Exit, Failure> {
    let finished = outcome.jobs.iter().filter(|job| job.state.is_finished());
    let missed: Vec<_> = finished.filter(|job| !is_posted(job)).collect();
    for job in &missed {
        context.output.failure(&not_posted(job));
    }
    match outcome.end {
        End::Finished if missed.is_empty() => Ok(Exit::Done),
        End::Finished => Ok(Exit::NotPosted),
        End::TimeUp => Err(time_up(&outcome.left, limit)),
        End::Interrupted => Ok(interrupted(&outcome.left, context)),
    }
}

/// What is said of a job that will not be posted.
fn not_posted(job: &Job) -> Failure {
    let failure = Failure::new("not_posted", Exit::NotPosted, ending(job));
    let detail = match job.state {
        JobState::Failed => format!(
            "see what was tried: comenq show {0}; again: comenq retry {0}",
            job.id
        ),
        _ => format!("see its story: comenq show {}", job.id),
    };
    failure.with_detail(detail)
}

/// What is said of jobs that were not waited for to their end.
fn time_up(left: &[u64], limit: Option<Duration>) -> Failure {
    let after = limit.map(|it| format!(" after {}", span(it)));
    let ids = words(left, "#");
    let message = format!(
        "the time is up{}, not finished: {ids}",
        after.unwrap_or_default()
    );
    let detail = format!(
        "nothing is lost: what was queued stays queued; to go on: comenq wait {}",
        words(left, "")
    );
    Failure::new("timed_out", Exit::TimedOut, message).with_detail(detail)
}

/// Says that nothing was lost by Ctrl-C, and how to take it back.
fn interrupted(left: &[u64], context: &mut Context<'_>) -> Exit {
    let ids = words(left, "");
    context.output.note(&format!(
        "no longer waiting, but still queued; to go on: comenq wait {ids}; never to post: \
         comenq cancel {ids}"
    ));
    Exit::Interrupted
}

fn words(ids: &[u64], sign: &str) -> String {
    let ids: Vec<_> = ids.iter().map(|id| format!("{sign}{id}")).collect();
    ids.join(" ")
}
