//! `comenq edit`: give a job another text, while it is queued or held.

use comenq_proto::{ErrorCode, JobEdit, JobGet, JobState};

use super::{Context, body, words::name};
use crate::{cli::EditArgs, exit::Exit, failure::Failure, json::ChangeJson, output::plain_line};

pub(super) fn run(args: EditArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let id = args.id.get();
    let is_given = args.body.is_some() || args.from.file.is_some();
    let written = if !is_given && (args.from.editor || context.terminal.stdin) {
        let text = present(id, context)?;
        body::edit(&text, &format!("the comment of job #{id}"), context)?
    } else {
        body::read(
            args.body,
            &args.from,
            &format!("the comment of job #{id}"),
            context,
        )?
    };
    let reply = context.ask(&JobEdit {
        id,
        body: written.body.as_str().to_owned(),
    });
    let reply = written.handed(reply)?;
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

/// The text of a job that can be edited: nobody writes one to be refused.
fn present(id: u64, context: &mut Context<'_>) -> Result<String, Failure> {
    let job = context.ask(&JobGet { id })?.job;
    if !matches!(job.state, JobState::Queued | JobState::Held) {
        let text = format!(
            "{} is {}: it cannot be edited any more",
            name(&job),
            job.state
        );
        return Err(
            Failure::new(ErrorCode::WrongState.name(), Exit::JobState, text)
                .with_detail("only queued and held jobs can be edited"),
        );
    }
    let refused = format!("{} is another user's: its text is not shown", name(&job));
    let refused = Failure::new(ErrorCode::NotAllowed.name(), Exit::Refused, refused);
    job.body.ok_or(refused)
}
