//! What administrators order, as operations of the store.
//!
//! Decides nothing: joins the commit thread to `halts`, `urgent` and `purging`. Called by `queue`.

use comenq_proto::JobId;

use super::record::Halt;
use super::{Changed, Halted, Halts, Store, StoreError, halts, purging, urgent};
use crate::clock::UnixMs;

impl Store {
    /// Stops something; says whether it was not stopped before.
    ///
    /// # Errors
    /// [`StoreError::Commit`].
    pub async fn halt(&self, what: Halted, halt: Halt) -> Result<bool, StoreError> {
        self.run(false, move |txn| halts::halt(txn, &what, halt))
            .await
    }

    /// Ends a stop; says whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Commit`].
    pub async fn lift(&self, what: Halted) -> Result<bool, StoreError> {
        self.run(false, move |txn| halts::lift(txn, &what)).await
    }

    /// Everything that is stopped.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub async fn halts(&self) -> Result<Halts, StoreError> {
        self.run(false, |txn| halts::all(txn)).await
    }

    /// Lets a queued job be posted next, whatever the cooldown. `accounts` are those that post to
    /// the same host.
    ///
    /// # Errors
    /// [`StoreError::Unresolved`] while something of its target is not known;
    /// [`StoreError::Waits`]; [`StoreError::WrongState`], [`StoreError::Busy`];
    /// [`StoreError::NoSuchJob`].
    pub async fn post_now(
        &self,
        id: JobId,
        accounts: Vec<String>,
        now: UnixMs,
    ) -> Result<Changed, StoreError> {
        self.run(false, move |txn| urgent::post_now(txn, id, &accounts, now))
            .await
    }

    /// Removes a finished job; says whether it was there still.
    ///
    /// # Errors
    /// [`StoreError::Unresolved`]; [`StoreError::WrongState`], [`StoreError::Busy`];
    /// [`StoreError::NoSuchJob`].
    pub async fn purge(&self, id: JobId, now: UnixMs) -> Result<bool, StoreError> {
        self.run(false, move |txn| purging::purge(txn, id, now))
            .await
    }
}
