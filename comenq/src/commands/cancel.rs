//! `comenq cancel`: never post these jobs.
//!
//! Decides that one job that cannot be cancelled does not keep the others from
//! it: each is tried, each refusal is told, and the first one is the exit code.

use comenq_proto::{JobCancel, JobCancelReply, JobState};

use super::{Context, words::target};
use crate::{
    cli::CancelArgs,
    exit::Exit,
    failure::Failure,
    json::{CancelJson, CancelledJson},
    output::plain_line,
};

pub(super) fn run(args: &CancelArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let mut replies = Vec::new();
    let mut refused = Vec::new();
    for id in &args.ids {
        match context.ask(&JobCancel { id: id.get() }) {
            Ok(reply) => replies.push(reply),
            // Unreachable for one is unreachable for all.
            Err(failure) if failure.exit == Exit::Unreachable => {
                refused.push(failure);
                break;
            }
            Err(failure) => refused.push(failure),
        }
    }
    if refused.is_empty() || !replies.is_empty() {
        report(&replies, context)?;
    }
    let mut exit = Exit::Done;
    for failure in &refused {
        let code = context.output.failure(failure);
        if exit == Exit::Done {
            exit = code;
        }
    }
    Ok(exit)
}

fn report(replies: &[JobCancelReply], context: &mut Context<'_>) -> Result<(), Failure> {
    if context.output.is_json() {
        let jobs = replies.iter().map(|reply| CancelledJson {
            job: (&reply.job).into(),
            may_have_been_posted: reply.may_have_been_posted,
        });
        let jobs = jobs.collect();
        return context.output.json(CancelJson { jobs });
    }
    let text: String = replies
        .iter()
        .map(|reply| plain_line(&sentence(reply)) + "\n")
        .collect();
    context.output.text(&text)
}

fn sentence(reply: &JobCancelReply) -> String {
    let job = &reply.job;
    let name = format!("#{} for {}", job.id, target(job));
    match (reply.may_have_been_posted, job.state) {
        (true, _) => format!("{name} may have been posted; it will never be reposted"),
        (false, JobState::Cancelled) => format!("cancelled {name}"),
        (false, state) => format!("{name} is {state}"),
    }
}
