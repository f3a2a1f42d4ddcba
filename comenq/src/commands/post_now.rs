//! `comenq post-now`: this job next, without waiting for the cooldown.

use comenq_proto::{Job, JobState, PostNow};

use super::{Context, each, words::name};
use crate::{cli::JobArgs, exit::Exit, failure::Failure};

pub(super) fn run(args: &JobArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    each::change(&[args.id], context, |id| PostNow { id }, sentence)
}

fn sentence(job: &Job) -> String {
    match job.state {
        JobState::Queued => format!("{} goes next, without waiting for the cooldown", name(job)),
        state => format!("{} is {state}", name(job)),
    }
}
