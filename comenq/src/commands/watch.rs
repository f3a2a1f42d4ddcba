//! `comenq watch`: what happens, a line for each event, until somebody stops it.
//!
//! Decides that a broken connection is taken up again where it broke, and the words of an event.
//! Heartbeats only show that the daemon is there, so they are not printed.

use std::{
    thread,
    time::{Duration, Instant},
};

use comenq_proto::{Event, EventKind, FEATURE_EVENTS, JobId, Ping, Subscribe};

use super::Context;
use crate::{
    cli::WatchArgs, client::CallError, failure::Failure, json::EventDocument, output::plain_line,
    terminal::of_state, times::Times,
};

/// Before a stream is taken up again: one that breaks at once each time must not be asked for
/// without a pause.
const PAUSE: Duration = Duration::from_millis(100);

/// A reader that has gone is noticed within this.
const NOTICE: Duration = Duration::from_secs(1);

/// So many heartbeats may be missed before the daemon counts as gone.
const BEATS: u32 = 2;

pub(super) fn run(args: &WatchArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    context.end_on_interrupt()?;
    require_events(context)?;
    let mut request = Subscribe {
        ids: args.ids.iter().copied().map(JobId::get).collect(),
        mine: args.ids.is_empty() && !args.all,
        after: None,
    };
    loop {
        let reply = context.ask(&request)?;
        request.after.get_or_insert(reply.position);
        let patience = Duration::from_millis(reply.heartbeat_ms).saturating_mul(BEATS);
        if !follow(patience, &mut request, context)? {
            return Ok(());
        }
        // The same stream goes on with the next request, on another connection; that one says it
        // if the daemon does not come back.
        context.client.hang_up();
        thread::sleep(PAUSE);
    }
}

/// Prints what comes, until the stream breaks or says nothing for so long; whether anybody still
/// reads.
fn follow(
    patience: Duration,
    request: &mut Subscribe,
    context: &mut Context<'_>,
) -> Result<bool, Failure> {
    let mut heard = Instant::now();
    while heard.elapsed() < patience {
        let left = patience.saturating_sub(heard.elapsed());
        match context.client.next_event(left.min(NOTICE)) {
            Ok(Some(event)) => {
                heard = Instant::now();
                request.after = Some(event.position);
                if !print(&event, context)? {
                    return Ok(false);
                }
            }
            // A signal, or nothing yet.
            Ok(None) if (context.terminal.is_read)() => {}
            Ok(None) => return Ok(false),
            Err(CallError::Lost { .. }) => break,
            Err(error) => return Err(Failure::of_call(error, &context.client)),
        }
    }
    Ok(true)
}

/// A daemon without events is told apart before it is asked for them.
fn require_events(context: &mut Context<'_>) -> Result<(), Failure> {
    context.ask(&Ping {})?;
    if context.client.has(FEATURE_EVENTS) {
        return Ok(());
    }
    Err(Failure::too_old("tell what happens as it happens"))
}

/// Prints an event; whether anybody still reads.
fn print(event: &Event, context: &mut Context<'_>) -> Result<bool, Failure> {
    if event.kind == EventKind::Heartbeat {
        return Ok(true);
    }
    if context.output.is_json() {
        return context.output.json_line(EventDocument::from(event));
    }
    let line = plain_line(&words(event, context.output.times()));
    let style = event.state.map(of_state).unwrap_or_default();
    let line = context.output.look().paint(style, line);
    context.output.line(&(line + "\n"))
}

/// One event on one line: when, which job or account, what, and why.
fn words(event: &Event, times: Times) -> String {
    let when = times.clock(event.at_ms);
    let about = match (event.job_id, &event.target, &event.account) {
        (Some(id), Some(target), _) => format!("#{id} for {target}: "),
        (Some(id), None, _) => format!("#{id}: "),
        (None, _, Some(account)) => format!("account {account}: "),
        (None, _, None) => String::new(),
    };
    let url = event.comment_url.as_ref().map(|url| format!(" {url}"));
    let until = event
        .next_attempt_at_ms
        .map(|at| format!(", next try {}", times.ahead(at)));
    let instead = event
        .superseded_by
        .map(|id| format!(", superseded by #{id}"));
    let why = event.reason.as_ref().map(|reason| format!(": {reason}"));
    format!(
        "{when} {about}{}{}{}{}{}",
        what(event),
        url.unwrap_or_default(),
        until.unwrap_or_default(),
        instead.unwrap_or_default(),
        why.unwrap_or_default()
    )
}

fn what(event: &Event) -> String {
    let text = match event.kind {
        EventKind::Claimed => "being posted",
        EventKind::Bumped => "brought to the front",
        EventKind::Uncertain => "uncertain, looking whether it was posted",
        EventKind::LaneLimited => "limited by GitHub",
        EventKind::LaneBlocked => "blocked until somebody acts",
        EventKind::LaneOffline => "cannot reach GitHub",
        EventKind::LaneOk => "can post again",
        EventKind::QueuePaused => "posting is paused",
        EventKind::QueueResumed => "posting goes on",
        EventKind::Snapshot => {
            "what happened before this is not known; comenq list shows how things stand"
        }
        EventKind::Lagged => {
            let missed = event.missed.unwrap_or_default();
            return format!("{missed} events were missed; comenq list shows how things stand");
        }
        EventKind::Unknown => "something this client does not know",
        kind => kind.as_str(),
    };
    text.to_owned()
}
