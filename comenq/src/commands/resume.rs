//! `comenq resume`: let a paused account try again.
//!
//! Decides that a daemon with something to say did nothing: it notes why.

use comenq_proto::AccountResume;

use super::Context;
use crate::{cli::ResumeArgs, failure::Failure, json::ResumeJson, output::plain_line};

pub(super) fn run(args: ResumeArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = AccountResume {
        account: args.account,
    };
    let reply = context.ask(&request)?;
    let output = &mut context.output;
    if output.is_json() {
        return output.json(ResumeJson {
            account: &request.account,
            notes: &reply.notes,
        });
    }
    for note in &reply.notes {
        output.note(note);
    }
    if !reply.notes.is_empty() {
        return Ok(());
    }
    let text = format!(
        "account {} tries again; comenq status shows how it fares",
        request.account
    );
    output.text(&(plain_line(&text) + "\n"))
}
