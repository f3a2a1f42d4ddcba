//! What all connections and the controlling test share: the world under its
//! lock, the clock, and the place where held requests wait.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::clock::Clock;
use super::comment::Comment;
use super::fault::Pause;
use super::persist;
use super::record::{Record, since_start};
use super::world::{Draft, World};

/// The stand-in's common state.
#[derive(Debug)]
pub(super) struct Shared {
    world: Mutex<World>,
    pub(super) clock: Clock,
    /// The API root without a slash at its end: `http://127.0.0.1:4711/api/v3`.
    pub(super) base_url: String,
    /// What stands before each path: empty or `/api/v3`.
    pub(super) prefix: String,
    pub(super) start: Instant,
    state: Option<PathBuf>,
    releases: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(
        world: World,
        clock: Clock,
        base_url: String,
        prefix: String,
        state: Option<PathBuf>,
    ) -> Arc<Self> {
        Arc::new(Self {
            world: Mutex::new(world),
            clock,
            base_url,
            prefix,
            start: Instant::now(),
            state,
            releases: watch::Sender::new(0),
        })
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a comment and, where a state file is kept, writes it down before
    /// anybody can be told of it.
    pub(super) fn create(&self, world: &mut World, draft: Draft<'_>) -> Comment {
        let comment = world.create(draft, self.clock.epoch_seconds());
        if let Some(path) = &self.state {
            persist::save_or_complain(path, &world.comments);
        }
        comment
    }

    /// Remembers a request as it arrives; returns its place.
    pub(super) fn remember(&self, mut record: Record) -> usize {
        let mut world = self.world();
        record.seq = world.records.len();
        let seq = record.seq;
        world.records.push(record);
        seq
    }

    /// Notes what a request got.
    pub(super) fn answered(&self, seq: usize, status: Option<u16>) {
        let now = since_start(self.start, Instant::now());
        if let Some(record) = self.world().records.get_mut(seq) {
            record.status = status;
            record.answered_ms = Some(now);
        }
    }

    /// Lets all requests go on that are held until released.
    pub(super) fn release(&self) {
        self.releases.send_modify(|count| *count += 1);
    }

    /// Holds the caller.
    pub(super) async fn hold(&self, pause: Option<Pause>) {
        match pause {
            None => {}
            Some(Pause::Ms(ms)) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Some(Pause::UntilReleased) => {
                let mut releases = self.releases.subscribe();
                // An error means the stand-in is being taken down: go on.
                drop(releases.changed().await);
            }
        }
    }
}
