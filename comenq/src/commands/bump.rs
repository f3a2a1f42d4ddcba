//! `comenq bump`: put these jobs before all others of their user.
//!
//! Decides the order of several: they are asked for from the last to the first,
//! so that the first one named ends up in front.

use comenq_proto::{Job, JobBump, JobState};

use super::{
    Context, each,
    select::{self, Verb},
    words::name,
};
use crate::{cli::SelectArgs, exit::Exit, failure::Failure};

const BUMP: Verb = Verb {
    name: "bump",
    from: &[JobState::Queued],
};

pub(super) fn run(args: &SelectArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let mut ids = select::jobs(&args.choice, &BUMP, context)?;
    ids.reverse();
    each::change(&ids, context, |id| JobBump { id }, sentence)
}

fn sentence(job: &Job) -> String {
    match job.state {
        JobState::Queued => format!("{} goes before your other jobs", name(job)),
        state => format!("{} is {state}", name(job)),
    }
}
