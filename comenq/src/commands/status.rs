//! `comenq status`: how the daemon is, on one screen, with what to do.

use std::time::Duration;

use comenq_proto::{JobState, LaneStatus, Status, StatusReply};

use super::Context;
use crate::{
    failure::Failure,
    json::StatusDocument,
    output::plain_line,
    times::{Times, span},
};

const NO_TOKEN: &str = "no token: jobs are kept, nothing is posted; \
     put a token into /etc/comenqd/github-token (root, mode 0600) or name a github_token_file, \
     then: systemctl restart comenqd";

pub(super) fn run(context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = context.ask(&Status {})?;
    if context.output.is_json() {
        return context.output.json(StatusDocument::from(&reply));
    }
    let screen = screen(&reply, context.output.times());
    context.output.text(&screen)
}

fn screen(reply: &StatusReply, times: Times) -> String {
    let mut lines = vec![format!(
        "comenqd {}, running since {}",
        reply.daemon_version,
        times.ago(reply.started_at_ms)
    )];
    lines.push(match (reply.store.ok, &reply.store.reason) {
        (true, _) => "store: fine".to_owned(),
        (false, reason) => format!(
            "store: unavailable, {}; no job is taken or posted until it opens, \
             see journalctl -u comenqd",
            reason.as_deref().unwrap_or("for no reason given")
        ),
    });
    let jobs = if reply.store.ok {
        jobs(reply)
    } else {
        "unknown".to_owned()
    };
    lines.push(format!("jobs: {jobs}"));
    for lane in &reply.lanes {
        lines.extend(account(lane, times));
    }
    lines.extend(
        reply
            .degraded
            .iter()
            .map(|what| format!("degraded: {what}")),
    );
    lines.iter().map(|line| plain_line(line) + "\n").collect()
}

/// `3 queued, 1 posting`, in the order of a job's life.
fn jobs(reply: &StatusReply) -> String {
    let rank = |state: &str| JobState::from_text(state);
    let mut counts: Vec<_> = reply
        .counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .collect();
    counts.sort_by_key(|(state, _)| rank(state));
    let said: Vec<_> = counts
        .into_iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    if said.is_empty() {
        return "none".to_owned();
    }
    said.join(", ")
}

fn account(lane: &LaneStatus, times: Times) -> Vec<String> {
    let login = lane.login.as_ref().map(|login| format!(", login {login}"));
    let token = lane
        .token_source
        .as_ref()
        .map(|from| format!(", token from {from}"));
    let mut lines = vec![
        format!(
            "account {} on {}{}{}, at least {} between posts",
            lane.account,
            lane.host,
            login.unwrap_or_default(),
            token.unwrap_or_default(),
            span(Duration::from_millis(lane.cooldown_ms))
        ),
        format!("  {}", doing(lane, times)),
    ];
    if lane.token_source.is_none() {
        lines.push(format!("  {NO_TOKEN}"));
    }
    lines
}

fn doing(lane: &LaneStatus, times: Times) -> String {
    let phase = match lane.phase.as_str() {
        "idle" => "idle",
        "waiting_for_pace" => "waiting for the next turn",
        "posting" => "posting",
        "looking" => "looking whether a comment exists",
        "limited" => "GitHub has limited this account",
        "blocked" => "blocked by GitHub",
        "offline" => "GitHub cannot be reached",
        "no_token" => "waiting for a token",
        other => other,
    };
    let reason = lane.reason.as_ref().map(|reason| format!(": {reason}"));
    let what = match lane.phase.as_str() {
        "limited" | "blocked" | "offline" => "next try",
        "idle" => "a post could go out",
        _ => "next post",
    };
    let next = lane
        .next_post_at_ms
        .map(|at| format!(", {what} {}", times.ahead(at)));
    format!(
        "{phase}{}{}",
        reason.unwrap_or_default(),
        next.unwrap_or_default()
    )
}
