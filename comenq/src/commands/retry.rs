//! `comenq retry`: revive failed jobs, by number or all of one reason.
//!
//! Decides that of a reason every page is asked for, and that what was revived
//! is told even when a later page fails.

use comenq_proto::{Job, JobRetry, JobRetryFailed, JobState};

use super::{
    Context, each,
    select::{self, Verb},
    words::name,
};
use crate::{cli::RetryArgs, exit::Exit, failure::Failure, json::RetriedJson, output::plain_line};

const RETRY: Verb = Verb {
    name: "retry",
    from: &[JobState::Failed],
};

pub(super) fn run(args: RetryArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    if let Some(reason) = args.reason {
        return all_of(reason, context);
    }
    let ids = select::jobs(&args.choice, &RETRY, context)?;
    each::change(&ids, context, |id| JobRetry { id }, sentence)
}

fn sentence(job: &Job) -> String {
    match job.state {
        JobState::Queued => format!("{} is queued again", name(job)),
        JobState::Uncertain => format!(
            "{} may have been posted already: GitHub is asked first",
            name(job)
        ),
        state => format!("{} is {state}", name(job)),
    }
}

fn all_of(reason: String, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let mut request = JobRetryFailed {
        reason,
        cursor: None,
    };
    let mut retried = Vec::new();
    let end = loop {
        match context.ask(&request) {
            Ok(page) => {
                retried.extend(page.retried);
                // The same cursor again would never end.
                if page.next_cursor.is_none() || page.next_cursor == request.cursor {
                    break Ok(Exit::Done);
                }
                request.cursor = page.next_cursor;
            }
            Err(failure) => break Err(failure),
        }
    };
    if end.is_ok() || !retried.is_empty() {
        report(&request.reason, &retried, context)?;
    }
    end
}

fn report(reason: &str, retried: &[u64], context: &mut Context<'_>) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.json(RetriedJson { reason, retried });
    }
    if retried.is_empty() {
        let text = format!("no job that you may change failed with {reason}");
        return context.output.text(&(plain_line(&text) + "\n"));
    }
    let lines: Vec<_> = retried
        .iter()
        .map(|id| format!("#{id} is revived"))
        .collect();
    context.output.text(&(lines.join("\n") + "\n"))
}
