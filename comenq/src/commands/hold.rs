//! `comenq hold`: keep these jobs from being posted until they are released.

use comenq_proto::{Job, JobHold, JobState};

use super::{Context, each, words::name};
use crate::{cli::JobsArgs, exit::Exit, failure::Failure};

pub(super) fn run(args: &JobsArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    each::change(&args.ids, context, |id| JobHold { id }, sentence)
}

fn sentence(job: &Job) -> String {
    match job.state {
        JobState::Held => format!(
            "{} is held; let it go on with comenq release {}",
            name(job),
            job.id
        ),
        state => format!("{} is {state}", name(job)),
    }
}
