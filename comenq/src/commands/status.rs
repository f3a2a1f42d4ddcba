//! `comenq status`: how the daemon is, on one screen, with what to do.
//!
//! Decides the words of the screen. What a missing token needs the daemon says
//! itself, in `degraded`: it knows where the account looks for one.

use std::time::Duration;

use anstyle::Style;
use comenq_proto::{
    ConfigStatus, Halt, JobState, LaneStatus, OwnUsage, OwnerStatus, QueueStatus, Status,
    StatusReply, StoreStatus,
};

use super::{Context, words::size};
use crate::{
    failure::Failure,
    json::StatusDocument,
    output::plain_line,
    terminal::{BAD, HEAD, WARNING},
    times::{Times, span},
    units::Units,
};

pub(super) fn run(context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = context.ask(&Status {})?;
    if context.output.is_json() {
        return context.output.json(StatusDocument::from(&reply));
    }
    let look = context.output.look();
    let lines = screen(&reply, context);
    let lines = lines
        .iter()
        .map(|line| look.paint(style(line), plain_line(line)) + "\n");
    let screen: String = lines.collect();
    context.output.text(&screen)
}

/// What somebody should look at stands out, by what its line begins with.
fn style(line: &str) -> Style {
    const STYLES: [(&str, Style); 9] = [
        ("comenqd ", HEAD),
        ("account ", HEAD),
        ("degraded:", BAD),
        ("store: unavailable", BAD),
        ("store: low", BAD),
        ("config:", BAD),
        ("queue:", WARNING),
        ("  to mend it:", WARNING),
        ("  warning:", WARNING),
    ];
    let found = STYLES.iter().find(|(begin, _)| line.starts_with(begin));
    found.map_or(Style::new(), |(_, style)| *style)
}

fn screen(reply: &StatusReply, context: &Context<'_>) -> Vec<String> {
    let times = context.output.times();
    let mut lines = vec![format!(
        "comenqd {}, running since {}",
        reply.daemon_version,
        times.ago(reply.started_at_ms)
    )];
    let units = context.client.address().units();
    lines.push(store(&reply.store, units));
    let jobs = if reply.store.ok {
        jobs(reply)
    } else {
        "unknown".to_owned()
    };
    lines.push(format!("jobs: {jobs}"));
    lines.extend(reply.queue.iter().flat_map(|it| stopped(it, context)));
    for lane in &reply.lanes {
        lines.extend(account(lane, context));
    }
    lines.extend(reply.own.as_ref().map(own));
    lines.extend(reply.config.as_ref().and_then(|it| config(it, context)));
    lines.extend(
        reply
            .degraded
            .iter()
            .map(|what| format!("degraded: {what}")),
    );
    lines
}

fn store(store: &StoreStatus, units: Units) -> String {
    if !store.ok {
        return format!(
            "store: unavailable, {}; no job is taken or posted until it opens, see {}",
            store.reason.as_deref().unwrap_or("for no reason given"),
            units.journalctl("-u comenqd")
        );
    }
    let file = store.file_bytes.map(|bytes| format!(", {}", size(bytes)));
    let free = store
        .free_bytes
        .map(|bytes| format!(", {} free on its disk", size(bytes)));
    let sizes = format!("{}{}", file.unwrap_or_default(), free.unwrap_or_default());
    if store.low_space {
        return format!(
            "store: low on space{sizes}; jobs are posted, but none are taken until there is more"
        );
    }
    format!("store: fine{sizes}")
}

/// What administrators have stopped.
fn stopped(queue: &QueueStatus, context: &Context<'_>) -> Vec<String> {
    let paused = queue.paused.as_ref().map(|halt| {
        format!(
            "queue: paused {}; nothing is posted until comenq resume",
            by(halt, context)
        )
    });
    let draining = queue.draining.as_ref().map(|halt| {
        format!(
            "queue: draining {}; no new jobs are taken until comenq drain --off",
            by(halt, context)
        )
    });
    paused.into_iter().chain(draining).collect()
}

fn by(halt: &Halt, context: &Context<'_>) -> String {
    let why = halt.reason.as_ref().map(|why| format!(" ({why})"));
    format!(
        "since {} by {}{}",
        context.output.times().ago(halt.at_ms),
        context.user(halt.uid),
        why.unwrap_or_default()
    )
}

/// What the asking user has used of what they may use.
fn own(own: &OwnUsage) -> String {
    let per_day = own
        .max_posts_per_day
        .map(|most| format!(" of {most}"))
        .unwrap_or_default();
    let accounts = match own.accounts.as_slice() {
        [] => "you may post with no account".to_owned(),
        names => format!("you may post with {}", names.join(", ")),
    };
    format!(
        "you: {} of {} jobs unfinished, {} of {} of text, {} of {} submissions within a minute, \
         {}{per_day} comments taken within a day; {accounts}",
        own.queued_jobs,
        own.max_queued_jobs,
        size(own.queued_bytes),
        size(own.max_queued_bytes),
        own.submits_last_minute,
        own.max_submits_per_minute,
        own.posts_last_day,
    )
}

/// Only a configuration that was not taken is worth a line.
fn config(config: &ConfigStatus, context: &Context<'_>) -> Option<String> {
    let error = config.error.as_ref()?;
    Some(format!(
        "config: the newest was not taken, the one read {} is in force: {error}; \
         correct it, then: {}",
        context.output.times().ago(config.loaded_at_ms),
        context.client.address().units().look("reload comenqd")
    ))
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

fn account(lane: &LaneStatus, context: &Context<'_>) -> Vec<String> {
    let times = context.output.times();
    let login = lane.login.as_ref().map(|login| format!(", login {login}"));
    let token = lane
        .token_source
        .as_ref()
        .map(|from| format!(", token from {from}"));
    let jitter = (lane.jitter_ms > 0).then(|| {
        let most = span(Duration::from_millis(lane.jitter_ms));
        format!(" and at random up to {most} more")
    });
    let mut lines = vec![
        format!(
            "account {} on {}{}{}, at least {} between posts{}",
            lane.account,
            lane.host,
            login.unwrap_or_default(),
            token.unwrap_or_default(),
            span(Duration::from_millis(lane.cooldown_ms)),
            jitter.unwrap_or_default()
        ),
        format!("  {}", doing(lane, times)),
    ];
    lines.extend(lane.paused.as_ref().map(|halt| {
        format!(
            "  paused {}; comenq resume {} ends that",
            by(halt, context),
            lane.account
        )
    }));
    // Without a token one must be put somewhere first: `degraded` says where.
    let remedy = lane.remedy.as_ref().filter(|_| lane.token_source.is_some());
    lines.extend(remedy.map(|remedy| format!("  to mend it: {remedy}")));
    lines.extend(
        lane.warnings
            .iter()
            .map(|text| format!("  warning: {text}")),
    );
    lines.extend(lane.owners.iter().map(|owner| barred(owner, times)));
    lines
}

fn barred(barred: &OwnerStatus, times: Times) -> String {
    let url = barred.url.as_ref().map(|url| format!(", see {url}"));
    let next = barred
        .next_try_at_ms
        .map(|at| format!(", next try {}", times.ahead(at)));
    format!(
        "  barred by owner {}, whose jobs wait: {}{}{}",
        barred.owner,
        barred.reason,
        url.unwrap_or_default(),
        next.unwrap_or_default()
    )
}

fn doing(lane: &LaneStatus, times: Times) -> String {
    let phase = match lane.phase.as_str() {
        "idle" => "idle",
        "waiting_for_pace" => "waiting for the next turn",
        "posting" => "posting",
        "looking" => "looking whether a comment exists",
        // With a reason it is GitHub's, and says so itself.
        "limited" if lane.reason.is_some() => "limited",
        "limited" => "GitHub has limited this account",
        "blocked" => "blocked by GitHub",
        "offline" => "GitHub cannot be reached",
        "no_token" => "waiting for a token, nothing is posted",
        "paused" => "posts nothing",
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
