//! Durations, and what is said of them.

use std::time::{Duration, Instant};

use crate::Failure;

/// The durations of one thing done many times.
#[derive(Debug)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    /// Does it `times` times; each call says itself how long the part took that counts.
    pub(crate) fn collect(
        times: usize,
        mut once: impl FnMut() -> Result<Duration, Failure>,
    ) -> Result<Self, Failure> {
        let mut all = Vec::with_capacity(times);
        for _ in 0..times {
            all.push(once()?);
        }
        all.sort_unstable();
        Ok(Self(all))
    }

    /// Does it `times` times and takes the whole of each.
    pub(crate) fn time(
        times: usize,
        mut once: impl FnMut() -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        Self::collect(times, || {
            let start = Instant::now();
            once()?;
            Ok(start.elapsed())
        })
    }

    /// The middle one.
    pub(crate) fn p50(&self) -> Duration {
        self.at(50)
    }

    /// The one that 99 in 100 do not exceed.
    pub(crate) fn p99(&self) -> Duration {
        self.at(99)
    }

    fn at(&self, percent: usize) -> Duration {
        let index = self.0.len().saturating_sub(1) * percent / 100;
        self.0.get(index).copied().unwrap_or_default()
    }

    /// How many a second, one after the other.
    pub(crate) fn per_second(&self) -> f64 {
        let total: Duration = self.0.iter().sum();
        per_second(self.0.len(), total)
    }
}

/// `count` things in `total`, as a rate.
pub(crate) fn per_second(count: usize, total: Duration) -> f64 {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    f64::from(count) / total.as_secs_f64()
}
