//! What a job that is waited for does just now, as a bar or as lines.
//!
//! Decides the words of a phase, when it is another one, and how it is shown: on a
//! terminal a bar that fills until the expected time, else a line a phase. All of it
//! goes to standard error: what was waited for is the answer.

use std::{collections::BTreeMap, time::Duration};

use comenq_proto::{Job, JobGetReply, JobState};

use super::{
    Context,
    bars::{Bar, Bars},
    words::{name, ordinal, trouble},
};
use crate::{
    output::{Output, plain_line},
    terminal::is_dumb,
    times::{Times, countdown},
};

/// Columns and rows of a terminal that does not say.
const DEFAULT_SIZE: (usize, usize) = (80, 24);

/// Of the job whose turn is next.
const NEXT: &str = "next";

/// What a job waits for, as the daemon says it, without how long that is: each look would find
/// another phase.
fn without_time(what: &str) -> &str {
    let begins_with_number = |rest: &str| rest.starts_with(|it: char| it.is_ascii_digit());
    let found = what.rmatch_indices(" in ").find(|(at, sign)| {
        let rest = what.get(at + sign.len()..);
        rest.is_some_and(begins_with_number)
    });
    let cut = found.map_or(Some(what), |(at, _)| what.get(..at));
    cut.unwrap_or(what).trim_end_matches(',')
}

/// What a job waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Phase {
    /// In words, without a time.
    text: String,
    /// When it is expected to be over.
    until_ms: Option<i64>,
}

impl Phase {
    fn of(reply: &JobGetReply) -> Self {
        let job = &reply.job;
        let until_ms = reply
            .expected_at_ms
            .or(job.next_look_at_ms)
            .or(job.next_attempt_at_ms);
        let text = match (job.state, reply.position) {
            (JobState::Queued, Some(1)) => NEXT.to_owned(),
            (JobState::Queued, Some(position)) => format!("{} in line", ordinal(position)),
            (JobState::Queued | JobState::Uncertain, _) => match &reply.waiting_for {
                Some(what) => format!("{}, waits for {}", job.state, without_time(what)),
                None => job.state.to_string(),
            },
            (JobState::Held, _) => format!("held; let it go on with comenq release {}", job.id),
            (state, _) => state.to_string(),
        };
        Self {
            text,
            until_ms: until_ms.filter(|_| !job.state.is_finished()),
        }
    }

    /// `next in 12:04`; `2nd in line, in 28:04`.
    fn counting(&self, times: Times) -> String {
        let left = self.until_ms.map(|at| times.until(at));
        match left.filter(|left| !left.is_zero()) {
            Some(left) if self.text == NEXT => format!("{NEXT} in {}", countdown(left)),
            Some(left) => format!("{}, in {}", self.text, countdown(left)),
            None => self.text.clone(),
        }
    }
}

/// `#7 for owner/repo#123: posted https://…`, of a job that is finished.
pub(super) fn ending(job: &Job) -> String {
    let url = job.comment_url.as_ref().map(|url| format!(" {url}"));
    let code = job.failure.map(|code| format!(" ({code})"));
    let why = trouble(job).map(|why| format!(": {why}"));
    let newer = job.superseded_by.map(|id| format!(", superseded by #{id}"));
    format!(
        "{}: {}{}{}{}{}",
        name(job),
        job.state,
        code.unwrap_or_default(),
        newer.unwrap_or_default(),
        url.unwrap_or_default(),
        why.unwrap_or_default()
    )
}

/// Shows phases.
pub(super) enum Progress {
    /// To nobody.
    Silent,
    /// As lines: the last text of each job.
    Lines(BTreeMap<u64, String>),
    /// As bars: the jobs by number, and what stands on a terminal of that size.
    Bars(BTreeMap<u64, Shown>, Bars, fn() -> Option<(usize, usize)>),
}

/// What a bar tells.
pub(super) struct Shown {
    phase: Phase,
    head: String,
    since_ms: i64,
}

impl Progress {
    pub(super) fn new(is_shown: bool, context: &Context<'_>) -> Self {
        if !is_shown {
            return Self::Silent;
        }
        let terminal = context.terminal;
        if terminal.stderr && !is_dumb(context.environment) {
            return Self::Bars(BTreeMap::new(), Bars::default(), terminal.size);
        }
        Self::Lines(BTreeMap::new())
    }

    /// Whether anybody sees it.
    pub(super) const fn is_shown(&self) -> bool {
        !matches!(self, Self::Silent)
    }

    /// How often it changes by itself.
    pub(super) const fn tick(&self) -> Option<Duration> {
        match self {
            Self::Bars(..) => Some(Duration::from_secs(1)),
            Self::Lines(_) | Self::Silent => None,
        }
    }

    /// Tells what a job does now; nothing if that is no news.
    pub(super) fn tell(&mut self, reply: &JobGetReply, output: &mut Output<'_>) {
        let phase = Phase::of(reply);
        let head = name(&reply.job);
        let times = output.times();
        match self {
            Self::Silent => {}
            Self::Lines(told) => {
                if told.get(&reply.job.id) == Some(&phase.text) {
                    return;
                }
                let until = phase
                    .until_ms
                    .map(|at| format!(", expected {}", times.ahead(at)));
                let until = until.unwrap_or_default();
                output.progress(&format!("{head}: {}{until}", phase.text));
                told.insert(reply.job.id, phase.text);
            }
            Self::Bars(jobs, ..) => {
                let now = times.now_ms();
                let shown = jobs.entry(reply.job.id).or_insert_with(|| Shown {
                    phase: phase.clone(),
                    head,
                    since_ms: now,
                });
                shown.phase = phase;
                self.passes(output);
            }
        }
    }

    /// Time has passed.
    pub(super) fn passes(&mut self, output: &mut Output<'_>) {
        if let Self::Bars(jobs, bars, size) = self {
            let times = output.times();
            let size = size().unwrap_or(DEFAULT_SIZE);
            bars.draw(jobs.values().map(|it| it.bar(times)), size, output);
        }
    }

    /// Nothing more of this job.
    pub(super) fn end(&mut self, id: u64, output: &mut Output<'_>) {
        if let Self::Bars(jobs, ..) = self {
            jobs.remove(&id);
            self.passes(output);
        }
    }

    /// Nothing more at all.
    pub(super) fn clear(&mut self, output: &mut Output<'_>) {
        if let Self::Bars(_, bars, _) = self {
            bars.clear(output);
        }
    }
}

impl Shown {
    fn bar(&self, times: Times) -> Bar {
        let positive = |ms: i64| u64::try_from(ms).unwrap_or(0);
        let until = self.phase.until_ms;
        let total = until.map_or(0, |at| positive(at - self.since_ms));
        let text = format!("{}: {}", self.head, self.phase.counting(times));
        Bar {
            // A job that waits for nothing has no way to go.
            passed: positive(times.now_ms() - self.since_ms).min(total),
            total: total.max(1),
            text: plain_line(&text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_wait_is_makes_no_other_phase() {
        for (what, without) in [
            ("its time, in 1 min 40 s", "its time"),
            (
                "the pace: the next comment may go out in 30 s",
                "the pace: the next comment may go out",
            ),
            ("an owner in trouble", "an owner in trouble"),
            ("somebody in 5 words in 3 s", "somebody in 5 words"),
            ("", ""),
        ] {
            assert_eq!(without_time(what), without);
        }
    }
}
