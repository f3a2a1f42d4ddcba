//! `comenq edit`: give a job another text, while it is queued or held.

use comenq_proto::JobEdit;

use super::{Context, body, words::name};
use crate::{cli::EditArgs, failure::Failure, json::ChangeJson, output::plain_line};

pub(super) fn run(args: EditArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let body = body::read(args.body, args.file.as_deref(), context)?;
    let reply = context.ask(&JobEdit {
        id: args.id.get(),
        body: body.into_string(),
    })?;
    let output = &mut context.output;
    if output.is_json() {
        return output.json(ChangeJson::from(&reply));
    }
    for note in &reply.notes {
        output.note(note);
    }
    let text = format!("{} has the new text", name(&reply.job));
    output.text(&(plain_line(&text) + "\n"))
}
