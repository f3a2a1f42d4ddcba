//! The queue: the one place where inbound and outbound meet.
//!
//! Decides nothing about a job (the store's transactions do); it joins the store, the worker's
//! wake-up and what the worker last said of its lane. Called by `service` and `worker`, which
//! never call each other. Works without a store too: then every operation says why there is none.

mod lane;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use comenq_proto::{CommentBody, JobId, SubmitKey, Target};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::clock::{Clock, UnixMs};
use crate::store::{self, Store};

pub use crate::store::{
    BadCursor, Cancelled, Cursor, Inserted as Submitted, Job, ListQuery, Page, State,
    StoreError as QueueError,
};
pub use lane::{LaneReport, Phase};

/// What the service hands over: validated and authorised.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Who submits it.
    pub uid: u32,
    /// Which account is to post it.
    pub account: String,
    /// Where it goes.
    pub target: Target,
    /// The text.
    pub body: CommentBody,
    /// Makes a retried submission find this job instead of storing another.
    pub key: Option<SubmitKey>,
    /// Higher goes first among this user's jobs.
    pub priority: i8,
    /// Not to be posted before.
    pub not_before: Option<UnixMs>,
}

/// A handle on the queue; cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Arc<Clock>,
    /// The open store, or why there is none.
    store: RwLock<Result<Store, String>>,
    /// Wakes the worker. A permit is kept while it is not listening, so no wake-up is lost.
    work: Notify,
    /// Wakes whoever shows the queue's state.
    changed: Notify,
    lane: RwLock<LaneReport>,
}

impl Queue {
    /// A queue without a store yet.
    #[must_use]
    pub fn new(clock: Arc<Clock>, lane: LaneReport) -> Self {
        Self(Arc::new(Shared {
            clock,
            store: RwLock::new(Err("the queue is being opened".to_owned())),
            work: Notify::new(),
            changed: Notify::new(),
            lane: RwLock::new(lane),
        }))
    }

    /// Puts the open store behind the queue, or says why there is none.
    pub fn attach(&self, store: Result<Store, String>) {
        *self.0.store.write().unwrap_or_else(PoisonError::into_inner) = store;
        self.0.work.notify_one();
        self.0.changed.notify_one();
    }

    /// The store, for the worker's operations and for closing it.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`] with the reason.
    pub fn store(&self) -> Result<Store, QueueError> {
        let store = self.0.store.read().unwrap_or_else(PoisonError::into_inner);
        store.clone().map_err(QueueError::Unavailable)
    }

    /// Whether there is a store, or why not.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn store_health(&self) -> Result<(), String> {
        let store = self.0.store.read().unwrap_or_else(PoisonError::into_inner);
        store.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    /// Accepts a job; durable when it returns. A dropped future leaves the job stored or not.
    ///
    /// # Errors
    /// [`QueueError::KeyReused`], [`QueueError::Unavailable`], [`QueueError::Commit`].
    pub async fn submit(&self, new: NewJob) -> Result<Submitted, QueueError> {
        let new = store::NewJob {
            uid: new.uid,
            account: new.account,
            target: new.target,
            body: new.body,
            key: new.key,
            priority: new.priority,
            not_before: new.not_before,
            created_at: self.0.clock.wall(),
        };
        let submitted = self.store()?.insert(new).await?;
        self.wake();
        Ok(submitted)
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

    /// Cancels a job, or makes sure that an uncertain one is never posted again. Idempotent.
    ///
    /// # Errors
    /// [`QueueError::Busy`], [`QueueError::WrongState`], [`QueueError::NoSuchJob`],
    /// [`QueueError::Unavailable`].
    pub async fn cancel(&self, id: JobId) -> Result<Cancelled, QueueError> {
        let cancelled = self.store()?.cancel(id, self.0.clock.wall()).await?;
        self.wake();
        Ok(cancelled)
    }

    /// How many jobs there are in each state.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    pub async fn counts(&self) -> Result<BTreeMap<State, u64>, QueueError> {
        self.store()?.counts().await
    }

    /// What the worker last said of its lane.
    #[must_use]
    pub fn lane(&self) -> LaneReport {
        self.0
            .lane
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// When a job at `position` (1 is next) is expected to be posted; `None` if nothing will be,
    /// as things stand.
    #[must_use]
    pub fn expected_at(&self, position: u64) -> Option<UnixMs> {
        self.lane().expected_at(position, self.0.clock.wall())
    }

    /// Replaces what is known of the lane.
    pub fn report(&self, lane: LaneReport) {
        let mut last = self.0.lane.write().unwrap_or_else(PoisonError::into_inner);
        if *last != lane {
            *last = lane;
            self.0.changed.notify_one();
        }
    }

    /// Ready when there may be something new to do. For the worker alone: create it before
    /// looking at the queue, so that nothing that happens in between is missed.
    pub fn woken(&self) -> Notified<'_> {
        self.0.work.notified()
    }

    /// Ready when the queue's state changed since the last time. For one listener alone.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    fn wake(&self) {
        self.0.work.notify_one();
        self.0.changed.notify_one();
    }
}
