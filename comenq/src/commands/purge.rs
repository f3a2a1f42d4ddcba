//! `comenq purge`: remove finished jobs, their text and their log, at once.

use comenq_proto::{JobPurge, JobPurgeReply};

use super::{Context, each};
use crate::{
    cli::JobsArgs,
    exit::Exit,
    failure::Failure,
    json::{PurgeJson, PurgedJson},
};

pub(super) fn run(args: &JobsArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    each::each(&args.ids, context, |id| JobPurge { id }, report)
}

fn report(replies: &[JobPurgeReply], context: &mut Context<'_>) -> Result<(), Failure> {
    let output = &mut context.output;
    if output.is_json() {
        let purged = replies.iter().map(PurgedJson::from).collect();
        return output.json(PurgeJson { purged });
    }
    for JobPurgeReply { id, notes } in replies {
        for note in notes {
            output.note(&format!("#{id}: {note}"));
        }
    }
    // One with a note was gone before.
    let gone = replies.iter().filter(|reply| reply.notes.is_empty());
    let lines: Vec<String> = gone
        .map(|reply| format!("#{} is gone\n", reply.id))
        .collect();
    output.text(&lines.concat())
}
