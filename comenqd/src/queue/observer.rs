//! Hears from the store what became durable.
//!
//! Decides nothing: it counts, and tells whoever subscribed. Runs on the commit thread, behind the
//! sync that made it true; holds neither the queue nor the store.

use std::sync::Arc;

use super::events::{Bus, What};
use super::tally::Tally;
use crate::clock::Clock;
use crate::store::{Committed, Observer};

/// Passes on what the commit thread tells.
#[derive(Debug)]
pub(super) struct Herald {
    pub(super) clock: Arc<Clock>,
    pub(super) bus: Arc<Bus>,
    pub(super) tally: Arc<Tally>,
}

impl Observer for Herald {
    fn committed(&self, committed: Committed) {
        self.tally.count(&committed);
        let news = committed.news.into_iter().map(What::Job);
        self.bus.publish(self.clock.best_wall(), news);
    }
}
