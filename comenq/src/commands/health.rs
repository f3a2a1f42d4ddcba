//! `comenq health`: whether the daemon is well, for probes: the exit code says it.
//!
//! Decides the exit code, 0 for healthy and 1 for degraded, and the words of the screen.

use std::time::Duration;

use comenq_proto::{Degraded, Health, HealthReply, LaneHealth, OldestJob, PartHealth, StoreHealth};

use super::{Context, words::size};
use crate::{
    exit::Exit,
    failure::Failure,
    json::HealthDocument,
    output::plain_line,
    terminal::{BAD, GOOD},
    times::{Times, span},
};

pub(super) fn run(context: &mut Context<'_>) -> Result<Exit, Failure> {
    let reply = context.ask(&Health {})?;
    if context.output.is_json() {
        context.output.json(HealthDocument::from(&reply))?;
    } else {
        let (style, word) = if reply.healthy {
            (GOOD, "healthy")
        } else {
            (BAD, "degraded")
        };
        let first = context.output.look().paint(style, word);
        let screen = screen(&reply, context.output.times());
        context.output.text(&format!("{first}\n{screen}"))?;
    }
    Ok(if reply.healthy {
        Exit::Done
    } else {
        Exit::Trouble
    })
}

fn screen(reply: &HealthReply, times: Times) -> String {
    let mut lines: Vec<_> = reply.degraded.iter().map(degraded).collect();
    lines.push(store(&reply.store));
    lines.push(parts(&reply.parts));
    lines.extend(reply.lanes.iter().map(|lane| account(lane, times)));
    let clock = if reply.clock_confirmed {
        "clock: GitHub has told the time"
    } else {
        "clock: GitHub has not told the time yet, for nothing was asked of it"
    };
    let offset = reply.clock_offset_ms.map(|offset| {
        let side = if offset < 0 { "behind" } else { "ahead of" };
        let off = Duration::from_millis(offset.unsigned_abs());
        format!("; ours is {} {side} it", span(off))
    });
    lines.push(format!("{clock}{}", offset.unwrap_or_default()));
    lines.extend(reply.oldest.as_ref().map(oldest));
    lines.push(format!(
        "connections: {}, of which {} carry events; running for {}",
        reply.connections,
        reply.subscribers,
        span(Duration::from_millis(reply.uptime_ms))
    ));
    lines.iter().map(|line| plain_line(line) + "\n").collect()
}

fn degraded(what: &Degraded) -> String {
    format!("  {}: {}", what.code, what.message)
}

fn store(store: &StoreHealth) -> String {
    if !store.writable {
        return "store: cannot be used".to_owned();
    }
    let free = store
        .free_bytes
        .map(|bytes| format!(", {} free on its disk", size(bytes)));
    let latency = store.commit_p50_us.zip(store.commit_p99_us);
    let latency = latency.map(|(p50, p99)| format!(", a commit takes {p50} µs, seldom {p99} µs"));
    format!(
        "store: fine{}{}",
        free.unwrap_or_default(),
        latency.unwrap_or_default()
    )
}

fn parts(parts: &[PartHealth]) -> String {
    let name = |part: &PartHealth| match &part.account {
        Some(account) => format!("{} of {account}", part.part),
        None => part.part.clone(),
    };
    let silent: Vec<_> = parts.iter().filter(|part| !part.alive).map(name).collect();
    if silent.is_empty() {
        return format!("parts: all {} answer", parts.len());
    }
    format!("parts: no answer from {}", silent.join(", "))
}

fn account(lane: &LaneHealth, times: Times) -> String {
    let reason = lane.reason.as_ref().map(|reason| format!(": {reason}"));
    let next = lane
        .next_post_at_ms
        .map(|at| format!(", next {}", times.ahead(at)));
    format!(
        "account {}: {}{}{}",
        lane.account,
        lane.phase.replace('_', " "),
        reason.unwrap_or_default(),
        next.unwrap_or_default()
    )
}

fn oldest(job: &OldestJob) -> String {
    format!(
        "oldest unfinished job: #{}, {}, {} old",
        job.id,
        job.state,
        span(Duration::from_millis(job.age_ms))
    )
}
