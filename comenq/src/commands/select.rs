//! Which jobs a change is for.
//!
//! Decides what ranges and filters stand for, and when somebody is asked first: on a
//! terminal, where they stand for more than one job. A number is taken as it is, for
//! the daemon to refuse; of a range only the jobs that exist and may be changed are
//! meant.

use std::io::Read;

use comenq_proto::{ErrorCode, Job, JobGet, JobId, JobState};

use super::{
    Context,
    pages::{Pages, Wanted},
    words::{count, target},
};
use crate::{
    cli::{Choice, Filter, Span},
    client::CallError,
    exit::Exit,
    failure::Failure,
    output::plain_line,
};

/// Jobs that are shown before somebody is asked.
const SHOWN: usize = 5;
/// The most jobs that one command changes by a filter.
const MOST: usize = 10_000;
/// The longest answer that is read.
const ANSWER_BYTES: usize = 64;

/// What a verb is for.
pub(super) struct Verb {
    /// As it is asked: "cancel 7 jobs?".
    pub(super) name: &'static str,
    /// The states in which it does something; others are left out of a filter.
    pub(super) from: &'static [JobState],
}

/// The numbers of the jobs that are meant, in the order in which they were named.
pub(super) fn jobs(
    choice: &Choice,
    verb: &Verb,
    context: &mut Context<'_>,
) -> Result<Vec<JobId>, Failure> {
    let is_plain = choice.ids.iter().all(|span| !span.is_range()) && choice.filter.is_empty();
    if is_plain && choice.ids.is_empty() {
        let text = format!("{} which jobs? nothing chooses any", verb.name);
        let detail =
            "name them by number, or choose them with --state, --account, --repo or --since";
        return Err(Failure::usage(text).with_detail(detail));
    }
    if is_plain {
        return Ok(choice.ids.iter().map(|span| span.first).collect());
    }
    let found = if choice.filter.is_empty() {
        in_spans(choice, verb, context)?
    } else {
        by_filter(choice, verb, context)?
    };
    if found.is_empty() {
        let text = format!("there is no job to {} among those", verb.name);
        return Err(
            Failure::new(ErrorCode::NoSuchJob.name(), Exit::JobState, text)
                .with_detail("comenq list shows your jobs, comenq list --all everybody's"),
        );
    }
    if found.len() > 1 && !choice.yes && context.terminal.stdin {
        confirm(&found, verb, context)?;
    }
    found
        .iter()
        .map(|(id, _)| JobId::new(*id).map_err(|error| Failure::usage(error.to_string())))
        .collect()
}

/// A job by number, and as it is shown where that is known.
type Found = (u64, Option<Job>);

fn in_spans(
    choice: &Choice,
    verb: &Verb,
    context: &mut Context<'_>,
) -> Result<Vec<Found>, Failure> {
    let mut found: Vec<Found> = Vec::new();
    for Span { first, last } in &choice.ids {
        if first == last {
            found.push((first.get(), None));
            continue;
        }
        for id in first.get()..=last.get() {
            match context.client.call(&JobGet { id }) {
                Ok(reply) if is_meant(&reply.job, choice, verb, context) => {
                    let body = None;
                    found.push((id, Some(Job { body, ..reply.job })));
                }
                Ok(_) => {}
                Err(CallError::Refused(error)) if error.code == ErrorCode::NoSuchJob => {}
                Err(error) => return Err(Failure::of_call(error, &context.client)),
            }
        }
    }
    Ok(found)
}

/// Whether a job in a range is one that the verb does something to.
fn is_meant(job: &Job, choice: &Choice, verb: &Verb, context: &Context<'_>) -> bool {
    let ack = context.client.ack();
    let is_own = ack.is_some_and(|ack| ack.authz.uid == job.uid);
    (choice.all || is_own) && verb.from.contains(&job.state)
}

fn by_filter(
    choice: &Choice,
    verb: &Verb,
    context: &mut Context<'_>,
) -> Result<Vec<Found>, Failure> {
    let mut filter: Filter = choice.filter.clone();
    if filter.state.is_empty() {
        filter.state = verb.from.iter().map(ToString::to_string).collect();
    }
    let is_finished = |state: &String| JobState::from_text(state).is_finished();
    let mut found = Vec::new();
    // Unfinished jobs and those of today stand in one list, older ones in the other.
    for history in [false, true] {
        let mut part = filter.clone();
        part.state.retain(|state| is_finished(state) == history);
        if part.state.is_empty() {
            continue;
        }
        let wanted = Wanted {
            filter: &part,
            all: choice.all,
            history,
            body: false,
            cursor: None,
            limit: None,
        };
        let mut pages = Pages::of(wanted, context.output.times())?;
        while let Some(jobs) = pages.next(context)? {
            found.extend(jobs.into_iter().map(|job| (job.id, Some(job))));
            if found.len() > MOST {
                return Err(Failure::usage(format!(
                    "those are more than {MOST} jobs; choose fewer, with --repo or --since"
                )));
            }
        }
    }
    Ok(found)
}

/// Asks; anything but a yes is a no.
fn confirm(found: &[Found], verb: &Verb, context: &mut Context<'_>) -> Result<(), Failure> {
    if !context.terminal.stderr {
        let text = format!(
            "{} {} jobs? nobody would see the question",
            verb.name,
            found.len()
        );
        return Err(Failure::usage(text).with_detail("-y does not ask"));
    }
    for (id, job) in found.iter().take(SHOWN) {
        let line = match job {
            Some(job) => format!("  #{id} {} {}", job.state, target(job)),
            None => format!("  #{id}"),
        };
        context.output.progress(&line);
    }
    if found.len() > SHOWN {
        context.output.progress("  …");
    }
    let jobs = count(u64::try_from(found.len()).unwrap_or(u64::MAX), "job");
    context.output.ask(&format!("{} {jobs}? [y/N] ", verb.name));
    let answer = line(context.stdin);
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::new("declined", Exit::Usage, "nothing was changed").with_detail("-y does not ask"))
}

/// One line, as far as it can be read.
fn line(source: &mut dyn Read) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while bytes.len() < ANSWER_BYTES && matches!(source.read(&mut byte), Ok(1)) {
        if byte == *b"\n" {
            break;
        }
        bytes.extend(byte);
    }
    plain_line(&String::from_utf8_lossy(&bytes))
}
