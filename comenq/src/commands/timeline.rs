//! `comenq list --timeline`: the coming posts of each account against the clock.
//!
//! Decides the drawing: time runs downwards, an account is a column, and a longer
//! pause is a longer way. Where the columns would be too narrow the accounts stand
//! below each other. What the daemon expects is an estimate: a new job may go first.

use std::{collections::BTreeMap, time::Duration};

use comenq_proto::{FEATURE_FORECAST, Forecast, ForecastPost, ForecastReply, LaneForecast, Ping};

use super::{
    Context,
    words::{count, cut, padded},
};
use crate::{
    failure::Failure,
    json::ForecastDocument,
    output::plain_line,
    terminal::{FAINT, HEAD},
    times::{Times, span},
};

/// What the clock takes at most: `2026-11-21 12:41 (in 120 min)`, and the gap behind it.
const CLOCK: usize = 31;
/// The narrowest column of an account.
const NARROWEST: usize = 30;
/// The widest, where a line has no end.
const WIDEST: usize = 60;
/// Between two accounts.
const GAP: usize = 2;
/// So many lines at most stand for a pause.
const LONGEST_PAUSE: i64 = 3;

pub(super) fn run(
    account: Option<String>,
    limit: Option<u32>,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    context.ask(&Ping {})?;
    if !context.client.has(FEATURE_FORECAST) {
        return Err(Failure::too_old("tell what goes when"));
    }
    let reply = context.ask(&Forecast { account, limit })?;
    if context.output.is_json() {
        return context.output.json(ForecastDocument::from(&reply));
    }
    let text = screen(&reply, context);
    context.output.text(&text)
}

fn screen(reply: &ForecastReply, context: &Context<'_>) -> String {
    let is_timed =
        |lane: &&LaneForecast| lane.posts.iter().any(|post| post.expected_at_ms.is_some());
    let drawn: Vec<_> = reply.lanes.iter().filter(is_timed).collect();
    let look = context.output.look();
    let room = look.width.map_or(WIDEST * drawn.len().max(1), |width| {
        width.saturating_sub(CLOCK)
    });
    let together = (room / drawn.len().max(1)).min(WIDEST) >= NARROWEST;
    let per_drawing = if together { drawn.len().max(1) } else { 1 };
    let mut text = String::new();
    for lanes in drawn.chunks(per_drawing) {
        if !text.is_empty() {
            text.push('\n');
        }
        let width = (room / lanes.len().max(1)).clamp(NARROWEST.min(room), WIDEST);
        text.push_str(&drawing(lanes, width, context));
    }
    let times = context.output.times();
    for lane in reply.lanes.iter().filter(|lane| !is_timed(lane)) {
        text.push_str(&(plain_line(&untimed(lane, times)) + "\n"));
    }
    text
}

/// Of an account of which nothing is expected.
fn untimed(lane: &LaneForecast, times: Times) -> String {
    let account = &lane.account;
    if lane.queued == 0 {
        let next = lane
            .next_post_at_ms
            .map(|at| format!("; a post could go {}", times.ahead(at)));
        return format!(
            "account {account}: nothing is queued{}",
            next.unwrap_or_default()
        );
    }
    let reason = lane.reason.as_ref().map(|reason| format!(": {reason}"));
    format!(
        "account {account}, {}: {} queued, none expected{}",
        lane.phase.replace('_', " "),
        count(lane.queued, "job"),
        reason.unwrap_or_default()
    )
}

/// These accounts side by side.
fn drawing(lanes: &[&LaneForecast], width: usize, context: &Context<'_>) -> String {
    let look = context.output.look();
    let times = context.output.times();
    let line = |clock: &str, cells: Vec<String>| {
        let cells = cells.iter().map(|cell| fitted(cell, width));
        let cells: String = cells.collect();
        format!("{clock:CLOCK$}{cells}").trim_end().to_owned()
    };
    let heads = lanes.iter().map(|lane| lane.account.clone()).collect();
    let paces = lanes
        .iter()
        .map(|lane| format!("every {}", span(Duration::from_millis(lane.cooldown_ms))));
    let mut drawn = vec![
        look.paint(HEAD, line("", heads)),
        look.paint(FAINT, line("", paces.collect())),
    ];
    let pause = lanes.iter().map(|lane| lane.cooldown_ms).min().unwrap_or(0);
    let pause = i64::try_from(pause).unwrap_or(i64::MAX).max(1);
    let mut before: Option<i64> = None;
    for (at, posts) in rows(lanes) {
        let skipped = before.map_or(0, |before| (at - before) / pause - 1);
        for _ in 0..skipped.clamp(0, LONGEST_PAUSE) {
            drawn.push(look.paint(FAINT, line("", vec!["│".to_owned(); lanes.len()])));
        }
        let cells = posts.iter().map(|post| match post {
            None => "│".to_owned(),
            Some(post) => format!(
                "● #{} {} {}",
                post.job_id,
                post.target,
                context.user(post.uid)
            ),
        });
        drawn.push(line(&times.ahead(at), cells.collect()));
        before = Some(at);
    }
    let more = lanes.iter().map(|lane| {
        let shown = u64::try_from(lane.posts.len()).unwrap_or(u64::MAX);
        match lane.queued.saturating_sub(shown) {
            0 => String::new(),
            more => format!("… {more} more"),
        }
    });
    let more = line("", more.collect());
    if !more.is_empty() {
        drawn.push(look.paint(FAINT, more));
    }
    drawn.join("\n") + "\n"
}

/// What goes when: for each time, a post or none of each account.
fn rows<'a>(lanes: &[&'a LaneForecast]) -> BTreeMap<i64, Vec<Option<&'a ForecastPost>>> {
    let mut rows: BTreeMap<i64, Vec<Option<&ForecastPost>>> = BTreeMap::new();
    for (column, lane) in lanes.iter().enumerate() {
        for post in &lane.posts {
            let Some(at) = post.expected_at_ms else {
                continue;
            };
            let row = rows.entry(at).or_insert_with(|| vec![None; lanes.len()]);
            if let Some(place) = row.get_mut(column) {
                *place = Some(post);
            }
        }
    }
    rows
}

/// As wide as that, with a gap behind.
fn fitted(text: &str, width: usize) -> String {
    let shown = cut(&plain_line(text), width.saturating_sub(GAP));
    padded(&shown, width)
}
