//! Durations, and what is said of them.

use std::time::{Duration, Instant};

use crate::Failure;

/// The durations of one thing done many times.
#[derive(Debug)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    /// Does both `times` times in turns, so that whatever else the machine does
    /// meets floor and figure alike: the floor's durations, then the figure's.
    pub(crate) fn in_turns(
        times: usize,
        mut floor: impl FnMut() -> Result<(), Failure>,
        mut figure: impl FnMut() -> Result<Duration, Failure>,
    ) -> Result<(Self, Self), Failure> {
        let (mut floors, mut figures) = (Vec::new(), Vec::new());
        for _ in 0..times {
            floors.push(timed(&mut floor)?);
            figures.push(figure()?);
        }
        Ok((Self::of(floors), Self::of(figures)))
    }

    /// Does one thing `times` times.
    pub(crate) fn time(
        times: usize,
        mut once: impl FnMut() -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let all: Result<_, _> = (0..times).map(|_| timed(&mut once)).collect();
        Ok(Self::of(all?))
    }

    fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
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

/// How long it takes once.
pub(crate) fn timed(mut once: impl FnMut() -> Result<(), Failure>) -> Result<Duration, Failure> {
    let start = Instant::now();
    once()?;
    Ok(start.elapsed())
}
