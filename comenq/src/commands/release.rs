//! `comenq release`: let these held jobs go on.

use comenq_proto::{Job, JobRelease, JobState};

use super::{Context, each, words::name};
use crate::{cli::JobsArgs, exit::Exit, failure::Failure};

pub(super) fn run(args: &JobsArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    each::change(&args.ids, context, |id| JobRelease { id }, sentence)
}

fn sentence(job: &Job) -> String {
    match job.state {
        JobState::Queued => format!("{} is queued", name(job)),
        JobState::Uncertain => format!(
            "{} may have been posted already: GitHub is asked first",
            name(job)
        ),
        state => format!("{} is {state}", name(job)),
    }
}
