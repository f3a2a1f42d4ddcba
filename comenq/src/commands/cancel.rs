//! `comenq cancel`: never post these jobs.

use comenq_proto::{JobCancel, JobCancelReply, JobState};

use super::{
    Context,
    each::each,
    select::{self, Verb},
    words::name,
};
use crate::{
    cli::SelectArgs,
    exit::Exit,
    failure::Failure,
    json::{JobJson, JobsJson},
    output::plain_line,
};

const CANCEL: Verb = Verb {
    name: "cancel",
    from: &[JobState::Queued, JobState::Held, JobState::Uncertain],
};

pub(super) fn run(args: &SelectArgs, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let ids = select::jobs(&args.choice, &CANCEL, context)?;
    each(&ids, context, |id| JobCancel { id }, report)
}

fn report(replies: &[JobCancelReply], context: &mut Context<'_>) -> Result<(), Failure> {
    if context.output.is_json() {
        let jobs = replies.iter().map(|reply| {
            let job = JobJson::from(&reply.job);
            job.may_have_been_posted(reply.may_have_been_posted)
        });
        let jobs = jobs.collect();
        return context.output.json(JobsJson { jobs });
    }
    let text: String = replies
        .iter()
        .map(|reply| plain_line(&sentence(reply)) + "\n")
        .collect();
    context.output.text(&text)
}

fn sentence(reply: &JobCancelReply) -> String {
    let job = &reply.job;
    let name = name(job);
    match (reply.may_have_been_posted, job.state) {
        (true, _) => format!("{name} may have been posted; it will never be reposted"),
        (false, JobState::Cancelled) => format!("cancelled {name}"),
        (false, state) => format!("{name} is {state}"),
    }
}
