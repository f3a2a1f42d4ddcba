//! Doing the same to several jobs.
//!
//! Decides that one job that cannot be changed does not keep the others from
//! it: each is tried, each refusal is told, and the first one is the exit code.
//! Called by the commands that take several ids.

use std::slice;

use comenq_proto::{Job, JobChangeReply, JobId, Request};

use super::Context;
use crate::{
    exit::Exit,
    failure::Failure,
    json::{ChangeJson, ChangesJson},
    output::plain_line,
};

/// Asks once for each id. As text, what becomes of each is told as it comes; as JSON,
/// all of it at the end.
pub(super) fn each<R: Request>(
    ids: &[JobId],
    context: &mut Context<'_>,
    request: impl Fn(u64) -> R,
    report: impl Fn(&[R::Reply], &mut Context<'_>) -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let is_json = context.output.is_json();
    let mut replies = Vec::new();
    let mut refused = Vec::new();
    let mut exit = Exit::Done;
    for id in ids {
        match context.ask(&request(id.get())) {
            Ok(reply) if is_json => replies.push(reply),
            Ok(reply) => report(slice::from_ref(&reply), context)?,
            Err(failure) => {
                if exit == Exit::Done {
                    exit = failure.exit;
                }
                // Unreachable for one is unreachable for all.
                let is_over = failure.exit == Exit::Unreachable;
                if is_json {
                    refused.push(failure);
                } else {
                    context.output.failure(&failure);
                }
                if is_over {
                    break;
                }
            }
        }
    }
    if is_json && (refused.is_empty() || !replies.is_empty()) {
        report(&replies, context)?;
    }
    for failure in &refused {
        context.output.failure(failure);
    }
    Ok(exit)
}

/// The same for a change whose reply is the job, said in one sentence each.
pub(super) fn change<R: Request<Reply = JobChangeReply>>(
    ids: &[JobId],
    context: &mut Context<'_>,
    request: impl Fn(u64) -> R,
    sentence: fn(&Job) -> String,
) -> Result<Exit, Failure> {
    each(ids, context, request, |replies, context| {
        report(replies, context, sentence)
    })
}

fn report(
    replies: &[JobChangeReply],
    context: &mut Context<'_>,
    sentence: fn(&Job) -> String,
) -> Result<(), Failure> {
    let output = &mut context.output;
    if output.is_json() {
        let jobs = replies.iter().map(ChangeJson::from).collect();
        return output.json(ChangesJson { jobs });
    }
    for JobChangeReply { job, notes } in replies {
        for note in notes {
            output.note(&format!("#{}: {note}", job.id));
        }
    }
    let text: String = replies
        .iter()
        .map(|reply| plain_line(&sentence(&reply.job)) + "\n")
        .collect();
    output.text(&text)
}
