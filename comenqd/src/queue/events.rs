//! What happened, for whoever wants to hear of it as it happens.
//!
//! Decides how much is kept and when a reader has missed something. There is one ring of events for
//! all readers and no buffer of anybody's own, so memory is bounded however slow they are. Written
//! by the commit thread once a change is durable, and by the workers' reports; read by
//! `service::subscribe`. Must not know how an event looks on the wire, nor who may see it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use comenq_proto::EVENTS_KEPT;
use tokio::sync::watch;
use tokio::time::Instant;

use super::lane::{LaneReport, Phase};
use crate::clock::UnixMs;
use crate::store::News;

/// For each reader there is, a reader waits so long between two times that it is served: what
/// happens meanwhile goes out together. So all readers together take no more than a part of the
/// processor, however much happens: two hundred are served every 50 ms, with up to five thousand
/// events a second each; one alone keeps up with whatever the disk can store.
const PACE_PER_READER: Duration = Duration::from_micros(250);

/// A timer cannot wait for less.
const LEAST_PACE: Duration = Duration::from_millis(1);

/// Events a reader takes at once: what it does not read is kept for it until writing times out, with
/// the longest reasons 64 KiB.
const MOST_AT_ONCE: usize = 32;

/// How an event may be shown: whole, or without what is only its owner's to see.
const SHAPES: usize = 2;

/// One event. Shared by all readers.
#[derive(Debug)]
pub struct Event {
    /// Its place: rises by one from event to event.
    pub seq: u64,
    /// When it was made known.
    pub at: UnixMs,
    /// What happened.
    pub what: What,
    shown: [OnceLock<Arc<[u8]>>; SHAPES],
}

impl Event {
    /// How it is shown, whole or not: made once, for all readers.
    pub fn shown(&self, whole: bool, make: impl FnOnce(&Self) -> Vec<u8>) -> Arc<[u8]> {
        let [partly, wholly] = &self.shown;
        let shape = if whole { wholly } else { partly };
        Arc::clone(shape.get_or_init(|| make(self).into()))
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Something to a job.
    Job(News),
    /// An account waits, or does not any more.
    Lane(LaneNews),
    /// Posting was paused or goes on.
    Pause {
        /// Of this account; `None`: of all.
        account: Option<String>,
        /// It is paused.
        paused: bool,
    },
}

/// How an account's lane is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneNews {
    /// The account.
    pub account: String,
    /// What keeps it from posting.
    pub trouble: Option<LaneTrouble>,
    /// Why, in words.
    pub reason: Option<String>,
    /// When it tries again.
    pub next_try_at: Option<UnixMs>,
}

/// What keeps a lane from posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneTrouble {
    /// GitHub limits it.
    Limited,
    /// A person must act, or give it a token.
    Blocked,
    /// GitHub cannot be reached.
    Offline,
}

impl LaneNews {
    /// What a report says of a lane's trouble.
    fn of(lane: &LaneReport) -> Self {
        let trouble = match lane.phase {
            Phase::Limited => Some(LaneTrouble::Limited),
            Phase::Blocked | Phase::NoToken => Some(LaneTrouble::Blocked),
            Phase::Offline => Some(LaneTrouble::Offline),
            // A pause is told by itself.
            Phase::Idle
            | Phase::WaitingForPace
            | Phase::Posting
            | Phase::Looking
            | Phase::Paused => None,
        };
        Self {
            account: lane.account.clone(),
            trouble,
            reason: lane.reason.clone().filter(|_| trouble.is_some()),
            next_try_at: lane.next_post_at.filter(|_| trouble.is_some()),
        }
    }

    /// What is new since the last report, if anything is.
    pub(super) fn between(last: &LaneReport, lane: &LaneReport) -> Option<What> {
        let news = Self::of(lane);
        (news != Self::of(last)).then_some(What::Lane(news))
    }
}

/// The ring and those who wait for it to grow.
#[derive(Debug)]
pub(super) struct Bus {
    /// Which run of the daemon this is.
    epoch: u64,
    ring: Mutex<Ring>,
    /// The last event's place.
    head: watch::Sender<u64>,
    readers: AtomicU64,
    /// Events that readers missed.
    missed: AtomicU64,
}

#[derive(Debug, Default)]
struct Ring {
    head: u64,
    events: VecDeque<Arc<Event>>,
}

impl Ring {
    fn push(&mut self, at: UnixMs, what: What) {
        self.head += 1;
        if self.events.len() >= EVENTS_KEPT {
            self.events.pop_front();
        }
        self.events.push_back(Arc::new(Event {
            seq: self.head,
            at,
            what,
            shown: Default::default(),
        }));
    }

    /// The place before the oldest event that is kept.
    fn before_oldest(&self) -> u64 {
        let kept = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        self.head.saturating_sub(kept)
    }
}

impl Bus {
    pub(super) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            ring: Mutex::default(),
            head: watch::Sender::new(0),
            readers: AtomicU64::new(0),
            missed: AtomicU64::new(0),
        }
    }

    /// Tells what happened. Waits for no reader.
    pub(super) fn publish(&self, at: UnixMs, what: impl IntoIterator<Item = What>) {
        let (before, head) = {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            let before = ring.head;
            for what in what {
                ring.push(at, what);
            }
            (before, ring.head)
        };
        if head != before {
            self.head.send_replace(head);
        }
    }

    /// How long a reader waits between two times that it is served.
    fn pace(&self) -> Duration {
        let readers = u32::try_from(self.readers()).unwrap_or(u32::MAX);
        PACE_PER_READER.saturating_mul(readers).max(LEAST_PACE)
    }

    pub(super) fn readers(&self) -> u64 {
        self.readers.load(Ordering::Relaxed)
    }

    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// A reader of what comes after a position, if that is still known; else of what comes from
    /// now on.
    pub(super) fn subscribe(self: &Arc<Self>, after: Option<(u64, u64)>) -> Subscription {
        let head = self.head.subscribe();
        let seen = {
            let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            let known = after.filter(|(epoch, seq)| {
                *epoch == self.epoch && (ring.before_oldest()..=ring.head).contains(seq)
            });
            known.map_or(ring.head, |(_, seq)| seq)
        };
        self.readers.fetch_add(1, Ordering::Relaxed);
        Subscription {
            is_gapless: after.is_none_or(|after| after == (self.epoch, seen)),
            bus: Arc::clone(self),
            seen,
            head,
            served_at: None,
        }
    }
}

/// What a reader gets.
#[derive(Debug)]
pub enum Batch {
    /// What happened, in order.
    Events(Vec<Arc<Event>>),
    /// The reader was too slow: so many are lost.
    Lagged(u64),
}

/// One reader's place in the ring.
#[derive(Debug)]
pub struct Subscription {
    bus: Arc<Bus>,
    seen: u64,
    is_gapless: bool,
    head: watch::Receiver<u64>,
    /// When it was last served.
    served_at: Option<Instant>,
}

impl Subscription {
    /// Which run of the daemon, and the last event that is behind this reader.
    #[must_use]
    pub fn position(&self) -> (u64, u64) {
        (self.bus.epoch, self.seen)
    }

    /// Nothing is missing since the position that was asked for.
    #[must_use]
    pub fn is_gapless(&self) -> bool {
        self.is_gapless
    }

    /// Waits for what happens next. Cancel-safe.
    pub async fn next(&mut self) -> Batch {
        if let Some(served_at) = self.served_at {
            tokio::time::sleep_until(served_at + self.bus.pace()).await;
        }
        loop {
            self.head.mark_unchanged();
            if let Some(batch) = self.take() {
                return batch;
            }
            drop(self.head.changed().await);
        }
    }

    fn take(&mut self) -> Option<Batch> {
        let ring = self.bus.ring.lock();
        let ring = ring.unwrap_or_else(PoisonError::into_inner);
        let oldest = ring.before_oldest();
        if self.seen < oldest {
            let missed = oldest - self.seen;
            self.seen = oldest;
            self.bus.missed.fetch_add(missed, Ordering::Relaxed);
            return Some(Batch::Lagged(missed));
        }
        let from = usize::try_from(self.seen - oldest).unwrap_or(usize::MAX);
        let new = ring.events.iter().skip(from).take(MOST_AT_ONCE);
        let new: Vec<_> = new.cloned().collect();
        self.seen = new.last()?.seq;
        self.served_at = Some(Instant::now());
        Some(Batch::Events(new))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.bus.readers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
