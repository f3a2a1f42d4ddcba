//! `comenq show`: one job as a small story.

use comenq_proto::{Job, JobGet, JobGetReply, JobState};

use super::{
    Context,
    words::{count, target},
};
use crate::{cli::ShowArgs, failure::Failure, json::ShowJson, output::plain_line, times::Times};

pub(super) fn run(args: &ShowArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = context.ask(&JobGet { id: args.id.get() })?;
    if context.output.is_json() {
        return context.output.json(ShowJson {
            job: (&reply.job).into(),
            waiting_for: reply.waiting_for.as_deref(),
        });
    }
    let story = story(&reply, context.output.times());
    context.output.text(&story)
}

fn story(reply: &JobGetReply, times: Times) -> String {
    let job = &reply.job;
    let mut lines = vec![
        format!("job #{} for {}: {}", job.id, target(job), job.state),
        format!(
            "submitted {} by uid {}, to be posted as account {}",
            times.ago(job.created_at_ms),
            job.uid,
            job.account
        ),
    ];
    let at = |time: i64| times.ahead(time);
    lines.extend(
        job.not_before_ms
            .map(|time| format!("not before {}", at(time))),
    );
    if job.attempts > 0 {
        lines.push(format!("tried {}", count(u64::from(job.attempts), "time")));
    }
    lines.extend(
        job.last_error
            .as_ref()
            .map(|why| format!("last trouble: {why}")),
    );
    if !job.state.is_finished() {
        let next = job.next_attempt_at_ms;
        lines.extend(next.map(|time| format!("next try: {}", at(time))));
        lines.extend(
            reply
                .waiting_for
                .as_ref()
                .map(|what| format!("waits for: {what}")),
        );
    }
    lines.extend(ending(job, times));
    let mut story: String = lines.iter().map(|line| plain_line(line) + "\n").collect();
    if let Some(body) = &job.body {
        story.push('\n');
        story.extend(
            body.lines()
                .map(|line| format!("    {}\n", plain_line(line))),
        );
    }
    story
}

/// How it ended, or what its state means for the user.
fn ending(job: &Job, times: Times) -> Vec<String> {
    let when = job
        .finished_at_ms
        .map(|at| times.ago(at))
        .unwrap_or_default();
    let url = job.comment_url.as_deref();
    let meaning = match job.state {
        JobState::Posted => format!(
            "posted {when}: {}",
            url.unwrap_or("its URL is not known yet")
        ),
        JobState::Uncertain if job.cancel_requested => {
            "it may have been posted; it will never be reposted".to_owned()
        }
        JobState::Uncertain => "it was sent, but no answer came; \
             before anything is posted again GitHub is asked whether the comment exists"
            .to_owned(),
        JobState::Failed => format!("given up {when}"),
        JobState::Cancelled => format!("cancelled {when}"),
        JobState::Expired => format!("expired {when} without being posted"),
        JobState::Held => "held: it is not posted until somebody releases it".to_owned(),
        JobState::Queued | JobState::Posting | JobState::Unknown => return Vec::new(),
    };
    let elsewhere = url.filter(|_| job.state != JobState::Posted);
    [Some(meaning), elsewhere.map(|url| format!("see {url}"))]
        .into_iter()
        .flatten()
        .map(|line| line.trim_end().to_owned())
        .collect()
}
