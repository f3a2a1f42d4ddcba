//! Counts of what happened since the start, for health and metrics.
//!
//! Decides what is counted and how commit latencies are summed up. Written by the commit thread
//! through [`super::watching`], read by the service. Knows no format.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::store::{Committed, Happened, Outcome};

/// Commits whose latency is remembered one by one, for the percentiles of now.
const RECENT: usize = 1024;

/// The upper bounds of the histogram's buckets, in microseconds: from a sync of a fast disk to the
/// deadline of a group, in the steps that are usual for histograms.
pub const COMMIT_BOUNDS_US: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// What was counted. All of it since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Jobs that were accepted.
    pub submitted: u64,
    /// What happened to jobs.
    pub jobs: BTreeMap<&'static str, u64>,
    /// What attempts to post came to.
    pub attempts: BTreeMap<&'static str, u64>,
    /// How long commits took.
    pub commits: Latencies,
}

/// How long commits took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latencies {
    /// How many there were.
    pub count: u64,
    /// All of them together, in microseconds.
    pub sum_us: u64,
    /// How many took at most as long as each of [`COMMIT_BOUNDS_US`], and longer than the one
    /// before it; the last: longer than all.
    pub buckets: [u64; COMMIT_BOUNDS_US.len() + 1],
}

/// The events that are counted, by their names in the metrics.
const COUNTED: [(Happened, &str); 6] = [
    (Happened::Posted, "posted"),
    (Happened::Failed, "failed"),
    (Happened::Deferred, "deferred"),
    (Happened::Uncertain, "uncertain"),
    (Happened::Cancelled, "cancelled"),
    (Happened::Expired, "expired"),
];

/// Counts.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    counts: Counts,
    /// The last latencies in microseconds, a ring.
    recent: Vec<u64>,
    next: usize,
}

impl Tally {
    /// Counts what a group came to.
    pub(super) fn count(&self, committed: &Committed) {
        let mut inner = self.lock();
        let counts = &mut inner.counts;
        for news in &committed.news {
            counts.submitted += u64::from(news.is_new);
            let name = COUNTED.iter().find(|(kind, _)| *kind == news.happened);
            if let Some((_, name)) = name {
                *counts.jobs.entry(name).or_default() += 1;
            }
        }
        for outcome in &committed.attempts {
            *counts
                .attempts
                .entry(Outcome::as_str(*outcome))
                .or_default() += 1;
        }
        if let Some(took) = committed.took {
            inner.time(took);
        }
    }

    /// What was counted; also what never happened, with zero.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = self.lock().counts.clone();
        for (_, name) in COUNTED {
            counts.jobs.entry(name).or_default();
        }
        counts
    }

    /// Of the last commits, how long half of them took at most, and 99 of 100; in microseconds.
    pub(super) fn percentiles_us(&self) -> Option<(u64, u64)> {
        let mut recent = self.lock().recent.clone();
        recent.sort_unstable();
        let at = |percent: usize| {
            let rank = (recent.len() * percent).div_ceil(100);
            recent.get(rank.saturating_sub(1)).copied()
        };
        at(50).zip(at(99))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn time(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let commits = &mut self.counts.commits;
        commits.count += 1;
        commits.sum_us = commits.sum_us.saturating_add(us);
        let bucket = COMMIT_BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(bucket) = commits.buckets.get_mut(bucket) {
            *bucket += 1;
        }
        match self.recent.get_mut(self.next) {
            Some(oldest) => *oldest = us,
            None => self.recent.push(us),
        }
        self.next = (self.next + 1) % RECENT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(us: u64) -> Committed {
        Committed {
            took: Some(Duration::from_micros(us)),
            ..Committed::default()
        }
    }

    #[test]
    fn percentiles_are_those_of_the_last_commits() {
        let tally = Tally::default();
        assert_eq!(tally.percentiles_us(), None);
        tally.count(&took(7));
        assert_eq!(tally.percentiles_us(), Some((7, 7)));
        for us in 1..=100 {
            tally.count(&took(us));
        }
        assert_eq!(tally.percentiles_us(), Some((50, 99)));
        for _ in 0..RECENT {
            tally.count(&took(1_000_000));
        }
        assert_eq!(tally.percentiles_us(), Some((1_000_000, 1_000_000)));
        assert_eq!(tally.lock().recent.len(), RECENT);
    }

    #[test]
    fn a_latency_is_in_the_bucket_of_its_bound() {
        let tally = Tally::default();
        for us in [100, 101, 10_000_001] {
            tally.count(&took(us));
        }
        let commits = tally.counts().commits;
        assert_eq!((commits.count, commits.sum_us), (3, 10_000_202));
        assert_eq!(commits.buckets.first(), Some(&1));
        assert_eq!(commits.buckets.get(1), Some(&1));
        assert_eq!(commits.buckets.last(), Some(&1));
    }

    #[test]
    fn a_comment_whose_address_is_found_later_is_posted_once() {
        let tally = Tally::default();
        let news = |happened| crate::store::News {
            happened,
            is_new: false,
            id: comenq_proto::JobId::new(1).unwrap(),
            uid: 1,
            account: "default".into(),
            target: "o/r#1".into(),
            state: crate::store::State::Posted,
            comment_url: None,
            next_attempt_at: None,
            reason: None,
            failure: None,
            superseded_by: None,
        };
        tally.count(&Committed {
            news: vec![news(Happened::Posted), news(Happened::Located)],
            ..Committed::default()
        });
        assert_eq!(tally.counts().jobs.get("posted"), Some(&1));
    }

    #[test]
    fn attempts_are_counted_by_outcome_and_what_never_happened_is_zero() {
        let tally = Tally::default();
        tally.count(&Committed {
            attempts: vec![Outcome::Posted, Outcome::Limited, Outcome::Posted],
            ..Committed::default()
        });
        let counts = tally.counts();
        assert_eq!(counts.attempts, [("limited", 1), ("posted", 2)].into());
        assert_eq!(counts.jobs.len(), COUNTED.len());
        assert!(counts.jobs.values().all(|count| *count == 0));
        assert_eq!(counts.commits, Latencies::default(), "nothing was timed");
    }
}
