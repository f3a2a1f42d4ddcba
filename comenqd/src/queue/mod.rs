//! The queue: the one place where inbound and outbound meet.
//!
//! Decides nothing about a job (the store's transactions do); it joins the store, the worker's
//! wake-up and what the worker last said of its lane. Called by `service` and `worker`, which
//! never call each other. Works without a store too: then every operation says why there is none.

mod administering;
mod events;
mod forecast;
mod lane;
mod rate;
mod tally;
mod watching;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use comenq_proto::JobId;
use tokio::sync::{Notify, watch};

use crate::clock::{Clock, UnixMs};
use crate::store::{ExportCursor, ExportPage, Moment, Retried, Store, Usage};
use events::{Bus, LaneNews};
use rate::Rates;
use tally::Tally;

pub use crate::store::{
    BadCursor, Changed, Cursor, Exceeded, Expiry, Failure, Foreseen, Halt, Halted, Halts, Happened,
    Inserted as Submitted, Job, ListFilter, ListQuery, LogEntry, LogKind, NewJob, News, Page,
    Quota, Rehearsed, Room, Seen, State, StoreError as QueueError, Verb,
};
pub use events::{Batch, Event, LaneTrouble, Subscription, What};
#[cfg(test)]
pub(crate) use lane::tests::sample_lane;
pub use lane::{LaneReport, OwnerReport, Phase};
pub use tally::{COMMIT_BOUNDS_US, Counts, Latencies};

/// A handle on the queue; cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Arc<Clock>,
    /// The open store, or why there is none.
    store: RwLock<Result<Store, String>>,
    /// Rises whenever there may be something new to do. Each worker looks whether it has since it
    /// last looked at the queue, so no wake-up is lost.
    work: watch::Sender<u64>,
    /// Wakes whoever shows the queue's state.
    changed: Notify,
    /// What each worker last said, by account.
    lanes: RwLock<BTreeMap<String, LaneReport>>,
    rates: Mutex<Rates>,
    /// What happens, for whoever subscribed.
    bus: Arc<Bus>,
    /// How often what happened.
    tally: Arc<Tally>,
}

impl Queue {
    /// A queue without a store yet. `epoch` tells this run's events from those of another.
    #[must_use]
    pub fn new(clock: Arc<Clock>, epoch: u64) -> Self {
        Self(Arc::new(Shared {
            clock,
            store: RwLock::new(Err("the queue is being opened".to_owned())),
            work: watch::Sender::new(0),
            changed: Notify::new(),
            lanes: RwLock::default(),
            rates: Mutex::default(),
            bus: Arc::new(Bus::new(epoch)),
            tally: Arc::default(),
        }))
    }

    /// Puts the open store behind the queue, or says why there is none.
    pub fn attach(&self, store: Result<Store, String>) {
        *self.0.store.write().unwrap_or_else(PoisonError::into_inner) = store;
        self.wake();
    }

    /// The store, for the worker's operations and for closing it.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`] with the reason.
    pub fn store(&self) -> Result<Store, QueueError> {
        let store = self.0.store.read().unwrap_or_else(PoisonError::into_inner);
        store.clone().map_err(QueueError::Unavailable)
    }

    /// The unfinished job with the lowest id.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`], [`QueueError::Damaged`].
    pub async fn oldest(&self) -> Result<Option<Job>, QueueError> {
        self.store()?.oldest().await
    }

    /// Whether there is a store, or why not.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn store_health(&self) -> Result<(), String> {
        let store = self.0.store.read().unwrap_or_else(PoisonError::into_inner);
        store.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    /// Which store this is: its random id; 0 while there is none.
    #[must_use]
    pub fn store_id(&self) -> u128 {
        self.store().map_or(0, |store| store.id())
    }

    /// Accepts a job; durable when it returns. A dropped future leaves the job stored or not.
    ///
    /// # Errors
    /// [`QueueError::KeyReused`], [`QueueError::Quota`], [`QueueError::Unavailable`],
    /// [`QueueError::Commit`].
    pub async fn submit(&self, new: NewJob, most_per_minute: u32) -> Result<Submitted, QueueError> {
        let submitted = self.submit_all(vec![new], most_per_minute).await;
        if let Err(QueueError::InBatch { source, .. }) = submitted {
            return Err(*source);
        }
        submitted?
            .pop()
            .ok_or_else(|| QueueError::Damaged("a submission came to nothing".to_owned()))
    }

    /// Accepts jobs of one user, all or none.
    ///
    /// # Errors
    /// [`QueueError::InBatch`] names the first that cannot be stored.
    pub async fn submit_all(
        &self,
        mut new: Vec<NewJob>,
        most_per_minute: u32,
    ) -> Result<Vec<Submitted>, QueueError> {
        let Some(uid) = new.first().map(|new| new.uid) else {
            return Ok(Vec::new());
        };
        let now = self.0.clock.boottime();
        let wanted = u32::try_from(new.len()).unwrap_or(u32::MAX);
        // Taken before it is known whether the key stands for a job already: then given back.
        let too_fast = self.rates().take(uid, wanted, most_per_minute, now);
        for new in &mut new {
            new.quota.too_fast = too_fast.clone().err();
        }
        let submitted = match self.store() {
            Ok(store) => store.insert_all(new).await,
            Err(error) => Err(error),
        };
        let added = submitted.as_ref().map_or(0, |submitted| {
            submitted.iter().filter(|it| !it.duplicate).count()
        });
        if too_fast.is_ok() {
            let unused = wanted.saturating_sub(u32::try_from(added).unwrap_or(u32::MAX));
            self.rates().give_back(uid, unused);
        }
        if added > 0 {
            self.wake();
        }
        submitted
    }

    /// What [`Queue::submit_all`] would give just now. Stores nothing, counts nothing, wakes nobody.
    ///
    /// # Errors
    /// Those it would have.
    pub async fn check_all(
        &self,
        mut new: Vec<NewJob>,
        most_per_minute: u32,
    ) -> Result<Rehearsed, QueueError> {
        let wanted = u32::try_from(new.len()).unwrap_or(u32::MAX);
        let now = self.0.clock.boottime();
        let uid = new.first().map_or(0, |new| new.uid);
        let admitted = self.rates().admit(uid, wanted, most_per_minute, now);
        for new in &mut new {
            new.quota.too_fast = admitted.clone().err();
        }
        self.store()?.check_all(new).await
    }

    /// The job that a submission's key stands for, if it was stored before: a repeated submission
    /// finds it, whatever has changed since.
    ///
    /// # Errors
    /// [`QueueError::KeyReused`], [`QueueError::Unavailable`].
    pub async fn find(&self, new: NewJob) -> Result<Option<Submitted>, QueueError> {
        self.store()?.find(new).await
    }

    /// Unfinished jobs of accounts that nobody serves.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`], [`QueueError::Damaged`].
    pub async fn stranded(&self) -> Result<BTreeMap<String, u64>, QueueError> {
        let mut accounts = self.store()?.unfinished_by_account().await?;
        accounts.retain(|account, jobs| *jobs > 0 && self.lane(account).is_none());
        Ok(accounts)
    }

    /// How much room there is on the disk.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    pub async fn room(&self) -> Result<Room, QueueError> {
        self.store()?.room().await
    }

    /// What a user has in the queue.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`], [`QueueError::Damaged`].
    pub async fn usage(&self, uid: u32) -> Result<Usage, QueueError> {
        self.store()?.usage(uid, self.0.clock.best_wall()).await
    }

    /// How many jobs a user submitted within the last minute.
    #[must_use]
    pub fn submits_last_minute(&self, uid: u32) -> u32 {
        self.rates().used(uid, self.0.clock.boottime())
    }

    fn rates(&self) -> std::sync::MutexGuard<'_, Rates> {
        self.0.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job and its text.
    ///
    /// # Errors
    /// [`QueueError::NoSuchJob`], [`QueueError::Damaged`], [`QueueError::Unavailable`].
    pub async fn get(&self, id: JobId) -> Result<(Job, String), QueueError> {
        self.store()?.get(id).await
    }

    /// A job without its text.
    ///
    /// # Errors
    /// [`QueueError::NoSuchJob`], [`QueueError::Damaged`], [`QueueError::Unavailable`].
    pub async fn peek(&self, id: JobId) -> Result<Job, QueueError> {
        self.store()?.peek(id).await
    }

    /// A page of jobs: unfinished by id, then finished, newest first. Jobs that cannot be read are
    /// logged and named in the page.
    ///
    /// # Errors
    /// [`QueueError::Damaged`] for an index, [`QueueError::Unavailable`].
    pub async fn list(&self, query: ListQuery) -> Result<Page, QueueError> {
        let page = self.store()?.list(query).await?;
        for (id, why) in &page.damaged {
            tracing::error!(job_id = id.get(), "job #{id} cannot be listed: {why}");
        }
        Ok(page)
    }

    /// What became of a job's attempts and looks, the oldest first.
    ///
    /// # Errors
    /// [`QueueError::Damaged`], [`QueueError::Unavailable`].
    pub async fn log(&self, id: JobId) -> Result<Vec<LogEntry>, QueueError> {
        self.store()?.log(id).await
    }

    /// Does what people do to a job. Idempotent.
    ///
    /// # Errors
    /// [`QueueError::Busy`], [`QueueError::Unresolved`], [`QueueError::WrongState`],
    /// [`QueueError::NoSuchJob`], [`QueueError::Unavailable`].
    pub async fn change(&self, id: JobId, verb: Verb) -> Result<Changed, QueueError> {
        let changed = self.store()?.change(id, verb, self.moment()).await?;
        self.wake();
        Ok(changed)
    }

    /// Revives dead letters of one reason, some at a time.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`], [`QueueError::Damaged`].
    pub async fn retry_failed(
        &self,
        reason: Failure,
        uid: Option<u32>,
        after: Option<(UnixMs, JobId)>,
    ) -> Result<Retried, QueueError> {
        let now = self.0.clock.mark();
        let retried = self.store()?.retry_failed(reason, uid, after, now).await?;
        self.wake();
        Ok(retried)
    }

    /// Lets a blocked account, and owners that bar it, be tried again; says whether any were.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`], [`QueueError::Commit`].
    pub async fn resume(&self, account: String) -> Result<bool, QueueError> {
        let resumed = self.store()?.resume(account).await?;
        self.wake();
        Ok(resumed)
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.0.clock.mark(),
            wall: self.0.clock.best_wall(),
            jitter: Duration::ZERO,
        }
    }

    /// Some lines of an export of everything.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`], [`QueueError::Damaged`].
    pub async fn export(
        &self,
        after: Option<ExportCursor>,
        max_lines: usize,
        max_bytes: usize,
    ) -> Result<ExportPage, QueueError> {
        self.store()?.export(after, max_lines, max_bytes).await
    }

    /// How many jobs there are in each state.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    pub async fn counts(&self) -> Result<BTreeMap<State, u64>, QueueError> {
        self.store()?.counts().await
    }

    /// Whether no account has anything to do, now or later: nothing is queued, being posted or
    /// uncertain, and no comment is looked for.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`], [`QueueError::Damaged`].
    pub async fn is_at_rest(&self) -> Result<bool, QueueError> {
        self.store()?.is_at_rest().await
    }

    /// What each worker last said of its lane, by account.
    #[must_use]
    pub fn lanes(&self) -> Vec<LaneReport> {
        let lanes = self.0.lanes.read().unwrap_or_else(PoisonError::into_inner);
        lanes.values().cloned().collect()
    }

    /// What the worker of an account last said of its lane; `None`: nobody serves it.
    #[must_use]
    pub fn lane(&self, account: &str) -> Option<LaneReport> {
        let lanes = self.0.lanes.read().unwrap_or_else(PoisonError::into_inner);
        lanes.get(account).cloned()
    }

    /// When a job of that account at `position` (1 is next) is expected to be posted; `None` if
    /// nothing will be, as things stand.
    #[must_use]
    pub fn expected_at(&self, account: &str, position: u64) -> Option<UnixMs> {
        let now = self.0.clock.wall();
        self.lane(account)?.expected_at(position, now)
    }

    /// Replaces what is known of a lane. A worker whose account is no longer served has no say.
    pub fn report(&self, lane: LaneReport) {
        let mut lanes = self.0.lanes.write().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = lanes.get_mut(&lane.account) else {
            return;
        };
        if *last != lane {
            let news = LaneNews::between(last, &lane);
            *last = lane;
            drop(lanes);
            self.0.bus.publish(self.0.clock.best_wall(), news);
            self.0.changed.notify_one();
        }
    }

    /// The accounts that are served and have a credential, each with its tag. One without posts
    /// nothing, so it must not take a turn that it shares.
    #[must_use]
    pub fn accounts(&self) -> Vec<(String, u64)> {
        let lanes = self.0.lanes.read().unwrap_or_else(PoisonError::into_inner);
        let able = lanes.values().filter(|lane| lane.token_source.is_some());
        able.map(|lane| (lane.account.clone(), lane.pace.token_tag))
            .collect()
    }

    /// Says which accounts are served from now on, each with what is known of its lane before
    /// anything happened.
    pub fn set_accounts(&self, first: Vec<LaneReport>) {
        let mut lanes = self.0.lanes.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *lanes);
        let mut news = Vec::new();
        for lane in first {
            let known = before.remove(&lane.account);
            // Of any other trouble its new worker will tell whether it is over.
            let token = known
                .as_ref()
                .filter(|known| [known.phase, lane.phase].contains(&Phase::NoToken));
            news.extend(token.and_then(|known| LaneNews::between(known, &lane)));
            // What a worker said under other settings is no longer true.
            let known = known.filter(|known| {
                (known.pace, &known.token_source) == (lane.pace, &lane.token_source)
            });
            lanes.insert(lane.account.clone(), known.unwrap_or(lane));
        }
        drop(lanes);
        self.0.bus.publish(self.0.clock.best_wall(), news);
        self.wake();
    }

    /// Changes when there may be something new to do. For the workers: mark it seen before looking
    /// at the queue, so that nothing that happens in between is missed.
    #[must_use]
    pub fn woken(&self) -> watch::Receiver<u64> {
        self.0.work.subscribe()
    }

    /// Ready when the queue's state changed since the last time. For one listener alone.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    fn wake(&self) {
        self.0
            .work
            .send_modify(|count| *count = count.wrapping_add(1));
        self.0.changed.notify_one();
    }
}
