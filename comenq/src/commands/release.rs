//! `comenq release`: let these held jobs go on.

use comenq_proto::{Job, JobRelease, JobState};

use super::{
    Context, each,
    select::{self, Verb},
    words::name,
};
use crate::{cli::SelectArgs, exit::Exit, failure::Failure};

const RELEASE: Verb = Verb {
    name: "release",
    from: &[JobState::Held],
};

pub(super) fn run(args: &SelectArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let ids = select::jobs(&args.choice, &RELEASE, context)?;
    each::change(&ids, context, |id| JobRelease { id }, sentence)
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
