//! `comenq hold`: keep these jobs from being posted until they are released.

use comenq_proto::{Job, JobHold, JobState};

use super::{
    Context, each,
    select::{self, Verb},
    words::name,
};
use crate::{cli::SelectArgs, exit::Exit, failure::Failure};

const HOLD: Verb = Verb {
    name: "hold",
    from: &[JobState::Queued],
};

pub(super) fn run(args: &SelectArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let ids = select::jobs(&args.choice, &HOLD, context)?;
    each::change(&ids, context, |id| JobHold { id }, sentence)
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
