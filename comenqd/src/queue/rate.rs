//! How fast a user submits.
//!
//! Decides whether a submission is one too many within a minute. Kept in memory: a restart forgets
//! a minute. Time is an argument.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::store::Exceeded;

const MINUTE: Duration = Duration::from_secs(60);

/// The submissions of the last minute, by user.
#[derive(Debug, Default)]
pub(super) struct Rates(HashMap<u32, VecDeque<(Duration, u32)>>);

impl Rates {
    /// Counts `wanted` submissions at `now`, or says why they are too many.
    pub(super) fn take(
        &mut self,
        uid: u32,
        wanted: u32,
        most: u32,
        now: Duration,
    ) -> Result<(), Exceeded> {
        self.admit(uid, wanted, most, now)?;
        let times = self.0.entry(uid).or_default();
        // A second has one entry, so that a fast user costs no more than a slow one.
        match times.back_mut() {
            Some((at, count)) if at.as_secs() == now.as_secs() => *count += wanted,
            _ => times.push_back((now, wanted)),
        }
        Ok(())
    }

    /// Says why `wanted` submissions at `now` would be too many, if they would; counts none.
    pub(super) fn admit(
        &mut self,
        uid: u32,
        wanted: u32,
        most: u32,
        now: Duration,
    ) -> Result<(), Exceeded> {
        let used = self.used(uid, now);
        if used.saturating_add(wanted) <= most {
            return Ok(());
        }
        let oldest = self.0.get(&uid).and_then(|times| times.front());
        let frees_in = oldest.map_or(MINUTE, |(at, _)| {
            MINUTE.saturating_sub(now.saturating_sub(*at))
        });
        Err(Exceeded {
            what: "too many submissions of yours within a minute",
            key: "max_submits_per_minute",
            limit: most.into(),
            used: used.into(),
            frees_in: Some(frees_in),
            is_hopeless: wanted > most,
        })
    }

    /// Takes back the last submissions of a user: nothing came of them.
    pub(super) fn give_back(&mut self, uid: u32, mut unused: u32) {
        let Some(times) = self.0.get_mut(&uid) else {
            return;
        };
        while unused > 0
            && let Some((_, count)) = times.back_mut()
        {
            let taken = unused.min(*count);
            *count -= taken;
            unused -= taken;
            if *count == 0 {
                times.pop_back();
            }
        }
    }

    /// How many submissions a user made within the last minute.
    pub(super) fn used(&mut self, uid: u32, now: Duration) -> u32 {
        let Some(times) = self.0.get_mut(&uid) else {
            return 0;
        };
        while times
            .front()
            .is_some_and(|(at, _)| now.saturating_sub(*at) >= MINUTE)
        {
            times.pop_front();
        }
        let used = times.iter().map(|(_, count)| *count).sum();
        if times.is_empty() {
            self.0.remove(&uid);
        }
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_minute_has_its_limit_and_frees_when_its_oldest_is_over() {
        let mut rates = Rates::default();
        assert!(rates.take(1, 2, 3, at(100)).is_ok());
        assert!(rates.take(1, 1, 3, at(130)).is_ok());
        let refused = rates.take(1, 1, 3, at(140)).unwrap_err();
        assert_eq!((refused.limit, refused.used), (3, 3));
        assert_eq!(refused.frees_in, Some(at(20)));
        assert!(rates.take(2, 3, 3, at(140)).is_ok(), "another user");
        assert!(rates.take(1, 2, 3, at(160)).is_ok());
        assert_eq!(rates.used(1, at(160)), 3);
    }

    #[test]
    fn what_came_to_nothing_is_given_back() {
        let mut rates = Rates::default();
        rates.take(1, 2, 3, at(100)).unwrap();
        rates.take(1, 1, 3, at(101)).unwrap();
        rates.give_back(1, 2);
        assert_eq!(rates.used(1, at(102)), 1);
        rates.give_back(1, 9);
        assert_eq!(rates.used(1, at(102)), 0);
    }

    #[test]
    fn whoever_only_asks_uses_nothing_up() {
        let mut rates = Rates::default();
        for _ in 0..9 {
            assert!(rates.admit(1, 3, 3, at(0)).is_ok());
        }
        assert_eq!(rates.used(1, at(0)), 0);
        rates.take(1, 2, 3, at(0)).unwrap();
        assert!(rates.admit(1, 2, 3, at(1)).is_err());
    }

    #[test]
    fn a_batch_beyond_the_limit_is_refused_whole() {
        let mut rates = Rates::default();
        assert!(rates.take(1, 4, 3, at(0)).is_err());
        assert_eq!(rates.used(1, at(0)), 0);
    }
}
