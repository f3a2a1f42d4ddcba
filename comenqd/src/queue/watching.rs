//! Whoever watches the queue: hears from the store what became durable, counts it and tells it on.
//!
//! Decides nothing. [`Herald`] runs on the commit thread, behind the sync that made it true; it holds
//! neither the queue nor the store. The rest is what `service` asks.

use std::sync::Arc;

use super::Queue;
use super::events::{Bus, Subscription, What};
use super::tally::{Counts, Tally};
use crate::clock::Clock;
use crate::store::{Committed, Observer};

/// Passes on what the commit thread tells.
#[derive(Debug)]
struct Herald {
    clock: Arc<Clock>,
    bus: Arc<Bus>,
    tally: Arc<Tally>,
}

impl Observer for Herald {
    fn committed(&self, committed: Committed) {
        self.tally.count(&committed);
        let news = committed.news.into_iter().map(What::Job);
        self.bus.publish(self.clock.best_wall(), news);
    }
}

impl Queue {
    /// Whom the store tells what became durable.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(Herald {
            clock: Arc::clone(&self.0.clock),
            bus: Arc::clone(&self.0.bus),
            tally: Arc::clone(&self.0.tally),
        })
    }

    /// What happens from now on, or after a position of this run that is still kept.
    #[must_use]
    pub fn subscribe(&self, after: Option<(u64, u64)>) -> Subscription {
        self.0.bus.subscribe(after)
    }

    /// Tells that posting was paused or goes on, of one account or of all; once that is durable.
    pub fn tell_pause(&self, account: Option<String>, paused: bool) {
        let now = self.0.clock.best_wall();
        self.0.bus.publish(now, [What::Pause { account, paused }]);
    }

    /// How many subscribed, and how many events they missed.
    #[must_use]
    pub fn readers(&self) -> (u64, u64) {
        (self.0.bus.readers(), self.0.bus.missed())
    }

    /// What was counted since the start.
    #[must_use]
    pub fn tally(&self) -> Counts {
        self.0.tally.counts()
    }

    /// Of the last commits, how long half of them took at most, and 99 of 100; in microseconds.
    #[must_use]
    pub fn commit_percentiles_us(&self) -> Option<(u64, u64)> {
        self.0.tally.percentiles_us()
    }
}
