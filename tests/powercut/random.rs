//! Choices that a seed repeats.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// xorshift64*: small, and the same everywhere for one seed.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// From `COMENQ_POWERCUT_SEED`, else from the clock; prints which.
    pub(crate) fn seeded() -> Self {
        let given = std::env::var("COMENQ_POWERCUT_SEED")
            .ok()
            .map(|seed| seed.parse().expect("COMENQ_POWERCUT_SEED is a number"));
        let now = || {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_secs()
        };
        let seed: u64 = given.unwrap_or_else(now);
        println!("COMENQ_POWERCUT_SEED={seed}");
        Self::new(seed)
    }

    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Another one, for another thread.
    pub(crate) fn fork(&mut self) -> Self {
        Self::new(self.below(u64::MAX))
    }

    /// A number below the bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    /// One of so many.
    pub(crate) fn pick(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap()
    }

    /// Whether one of `chances` comes true.
    pub(crate) fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    /// A time below `most`, to the microsecond.
    pub(crate) fn moment(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(most.as_micros()).unwrap()))
    }
}
