//! Lengths of time that people chose, and the dates they become.
//!
//! Decides where a job stands in an index of dates. A length of time that was given before GitHub's
//! time was known is no date yet: our own clock may be years off. It stands in front of all dates
//! until GitHub's time tells which one it is. Called by `index`, and by whoever reads such an index.

use std::time::Duration;

use super::record::Job;
use crate::clock::{Clock, Mark, UnixMs};

/// Where those stand that have no date yet.
pub(super) const NO_DATE: UnixMs = UnixMs(i64::MIN);

/// Where an entry for `date` stands, which was given as `span_ms` if it was a length of time.
pub(super) fn place(date: UnixMs, span_ms: Option<u64>, accepted: Option<Mark>) -> UnixMs {
    let is_guess = accepted.is_some_and(|accepted| accepted.github.is_none());
    if span_ms.is_some() && is_guess {
        NO_DATE
    } else {
        date
    }
}

/// How much of a length of time is left; `None` where it was none.
pub(super) fn left(
    span_ms: Option<u64>,
    accepted: Option<Mark>,
    clock: &Clock,
) -> Option<Duration> {
    Some(clock.remaining(accepted?, Duration::from_millis(span_ms?)))
}

/// Gives a job that is not to be posted before a length of time its date. `now` is GitHub's time.
pub(super) fn date_start(job: &mut Job, clock: &Clock, now: UnixMs) {
    if let Some(left) = left(job.not_before_span_ms, job.accepted, clock) {
        job.not_before = Some(now.plus(left));
        job.not_before_span_ms = None;
    }
}
