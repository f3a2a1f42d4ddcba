//! `comenq bump`: put these jobs before all others of their user.
//!
//! Decides the order of several: they are asked for from the last to the first,
//! so that the first one named ends up in front.

use comenq_proto::{Job, JobBump, JobState};

use super::{Context, each, words::name};
use crate::{cli::JobsArgs, exit::Exit, failure::Failure};

pub(super) fn run(args: &JobsArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let ids: Vec<_> = args.ids.iter().rev().copied().collect();
    each::change(&ids, context, |id| JobBump { id }, sentence)
}

fn sentence(job: &Job) -> String {
    match job.state {
        JobState::Queued => format!("{} goes before your other jobs", name(job)),
        state => format!("{} is {state}", name(job)),
    }
}
