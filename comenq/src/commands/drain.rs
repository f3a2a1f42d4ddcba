//! `comenq drain`: take no new jobs, post those that are queued.

use comenq_proto::QueueDrain;

use super::{Context, resume::told};
use crate::{cli::DrainArgs, failure::Failure};

pub(super) fn run(args: DrainArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = QueueDrain {
        off: args.off,
        reason: args.reason,
    };
    let reply = context.ask(&request)?;
    let text = if request.off {
        "new jobs are taken again"
    } else {
        "no new jobs are taken; those that are queued are posted; comenq drain --off ends that"
    };
    told(None, &reply.notes, text, context)
}
