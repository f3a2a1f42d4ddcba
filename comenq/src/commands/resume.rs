//! `comenq resume`: end a pause of the queue, or let an account try again.
//!
//! Decides that the queue and an account are asked for apart: a blocked account
//! is not helped by the queue, nor the queue by an account.

use comenq_proto::{AccountResume, QueueResume};

use super::Context;
use crate::{
    cli::ResumeArgs, failure::Failure, json::NotesJson, json::ResumeJson, output::plain_line,
};

pub(super) fn run(args: ResumeArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let Some(account) = args.account else {
        let reply = context.ask(&QueueResume::default())?;
        let text = "comments are posted again; comenq status shows how it fares";
        return told(None, &reply.notes, text, context);
    };
    let request = AccountResume { account };
    let reply = context.ask(&request)?;
    let text = format!(
        "account {} tries again; comenq status shows how it fares",
        request.account
    );
    told(Some(&request.account), &reply.notes, &text, context)
}

/// What came of it. A daemon with something to say did nothing: it notes why.
pub(super) fn told(
    account: Option<&str>,
    notes: &[String],
    text: &str,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let output = &mut context.output;
    if output.is_json() {
        return match account {
            Some(account) => output.json(ResumeJson { account, notes }),
            None => output.json(NotesJson { notes }),
        };
    }
    for note in notes {
        output.note(note);
    }
    if !notes.is_empty() {
        return Ok(());
    }
    output.text(&(plain_line(text) + "\n"))
}
