//! `comenq show`: one job as a small story, and what was tried.

use std::time::Duration;

use comenq_proto::{FailureCode, Job, JobGet, JobGetReply, JobState, LogEntry, LogKind, Role};

use super::{
    Context,
    words::{count, ordinal, target, trouble},
};
use crate::{
    cli::ShowArgs,
    failure::Failure,
    json::{LogEntryJson, ShowJson},
    output::plain_line,
    terminal::{Look, of_state},
    times::{Times, rfc3339, span},
};

pub(super) fn run(args: &ShowArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = context.ask(&JobGet { id: args.id.get() })?;
    if context.output.is_json() {
        return context.output.json(ShowJson {
            job: (&reply.job).into(),
            waiting_for: reply.waiting_for.as_deref(),
            position: reply.position,
            expected_at: reply.expected_at_ms.and_then(rfc3339),
            attempt_log: reply.attempt_log.iter().map(LogEntryJson::from).collect(),
        });
    }
    let may_change = context
        .client
        .ack()
        .is_none_or(|ack| ack.authz.role == Role::Admin || ack.authz.uid == reply.job.uid);
    let user = context.user(reply.job.uid);
    let (times, look) = (context.output.times(), context.output.look());
    let story = story(&reply, &user, may_change, times, look);
    context.output.text(&story)
}

fn story(reply: &JobGetReply, user: &str, may_change: bool, times: Times, look: Look) -> String {
    let job = &reply.job;
    let mut lines = vec![
        format!("job #{} for {}: {}", job.id, target(job), job.state),
        format!(
            "submitted {} by {user}, to be posted as account {}",
            times.ago(job.created_at_ms),
            job.account
        ),
    ];
    lines.extend(wishes(job, times));
    if job.attempts > 0 {
        lines.push(format!("tried {}", count(u64::from(job.attempts), "time")));
    }
    lines.extend(trouble(job).map(|why| format!("last trouble: {why}")));
    lines.extend(outlook(reply, times));
    lines.extend(ending(job, may_change, times));
    if !reply.attempt_log.is_empty() {
        lines.push("what was done:".to_owned());
        lines.extend(reply.attempt_log.iter().map(|entry| logged(entry, times)));
    }
    let mut lines = lines.iter().map(|line| plain_line(line));
    let first = look.paint(of_state(job.state), lines.next().unwrap_or_default());
    let body = job.body.iter().flat_map(|body| body.lines());
    let body = body.map(|line| format!("    {}", plain_line(line)));
    let gap = job.body.is_some().then(String::new);
    let story = [first].into_iter().chain(lines).chain(gap).chain(body);
    story.map(|line| line + "\n").collect()
}

/// What comes next, of a job that is not finished.
fn outlook(reply: &JobGetReply, times: Times) -> Vec<String> {
    let job = &reply.job;
    if job.state.is_finished() {
        return Vec::new();
    }
    let expected = reply.expected_at_ms;
    let expected = expected.map(|at| format!(", expected about {}", times.ahead(at)));
    let place = reply.position.map(ordinal);
    let place = place.map(|place| format!("{place} in line{}", expected.unwrap_or_default()));
    let next = job
        .next_attempt_at_ms
        .map(|at| format!("next try: {}", times.ahead(at)));
    let look = job
        .next_look_at_ms
        .map(|at| format!("next look: {}", times.ahead(at)));
    let wait = reply
        .waiting_for
        .as_ref()
        .map(|what| format!("waits for: {what}"));
    [next, look, place, wait].into_iter().flatten().collect()
}

/// What its submitter asked for besides posting it.
fn wishes(job: &Job, times: Times) -> Vec<String> {
    let not_before = job.not_before_ms;
    let expires = job.expires_at_ms.filter(|_| !job.state.is_finished());
    [
        not_before.map(|time| format!("not before {}", times.near(time))),
        expires.map(|time| format!("never after {}", times.ahead(time))),
        (job.priority != 0).then(|| format!("priority {}", job.priority)),
        job.if_open
            .then(|| "only while the issue is open".to_owned()),
        job.replace_key
            .as_ref()
            .map(|key| format!("superseded by newer ones with replace key {key}")),
        job.moved_to
            .as_ref()
            .map(|target| format!("its target has moved to {target}")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `  12:09 attempt 1: unknown, status 502, bad gateway, wait 60 s (request A1:B2)`.
fn logged(entry: &LogEntry, times: Times) -> String {
    let kind = match entry.kind {
        LogKind::Attempt => "attempt",
        LogKind::Look => "look",
        LogKind::Unknown => "step",
    };
    let outcome = match entry.outcome.as_str() {
        "not_sent" => "not sent",
        "unknown" => "outcome unknown",
        "denied" => "denied for no known reason",
        "blocked" => "the account is blocked",
        "offline" => "GitHub was not reached",
        "owner_blocked" => "the owner bars the account",
        "precondition" => "the issue is not open",
        "found" => "the comment is there",
        "ambiguous" => "a comment that may be it has another text",
        "nothing" => "the comment is not there",
        "gone" => "the issue is not there",
        other => other,
    };
    let parts = [
        Some(outcome.to_owned()),
        entry.status.map(|status| format!("status {status}")),
        entry.detail.clone(),
        entry
            .wait_ms
            .map(|wait| format!("wait {}", span(Duration::from_millis(wait)))),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let request = entry.github_request_id.as_ref();
    format!(
        "  {} {kind} {}: {}{}",
        times.clock(entry.at_ms),
        entry.number,
        parts.join(", "),
        request
            .map(|id| format!(" (request {id})"))
            .unwrap_or_default()
    )
}

/// How it ended, or what its state means for the user.
fn ending(job: &Job, may_change: bool, times: Times) -> Vec<String> {
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
        JobState::Failed => format!(
            "{}{}",
            format!("given up {when}").trim_end(),
            why(job, may_change)
        ),
        JobState::Cancelled => match job.superseded_by {
            Some(newer) => format!("superseded by #{newer} {when}"),
            None => format!("cancelled {when}"),
        },
        JobState::Expired => format!("expired {when} without being posted"),
        JobState::Held if may_change => format!(
            "held: it is not posted until somebody releases it: comenq release {}",
            job.id
        ),
        JobState::Held => "held: it is not posted until its owner releases it".to_owned(),
        JobState::Queued | JobState::Posting | JobState::Unknown => return Vec::new(),
    };
    let elsewhere = url.filter(|_| job.state != JobState::Posted);
    let is_open = job.may_have_been_posted && job.state.is_finished();
    let may = is_open.then(|| "it may have been posted all the same: look at GitHub".to_owned());
    [
        Some(meaning),
        elsewhere.map(|url| format!("see {url}")),
        may,
    ]
    .into_iter()
    .flatten()
    .map(|line| line.trim_end().to_owned())
    .collect()
}

/// ` (locked); to try again: comenq retry 7`, the latter for who may.
fn why(job: &Job, may_change: bool) -> String {
    let failure = job.failure.filter(|code| *code != FailureCode::Unknown);
    let code = failure.map(|code| format!(" ({code})")).unwrap_or_default();
    let retry = may_change.then(|| format!("; to try again: comenq retry {}", job.id));
    code + &retry.unwrap_or_default()
}
