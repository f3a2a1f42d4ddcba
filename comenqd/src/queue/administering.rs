//! What administrators order: stops, one job at once, one job gone.
//!
//! Decides nothing (the store's transactions do); wakes the workers. Called by `service`.

use comenq_proto::JobId;

use super::{Changed, Halt, Halted, Halts, Queue, QueueError};
use crate::clock::UnixMs;

impl Queue {
    /// Stops something; says whether it was not stopped before. A post that is under way is
    /// finished.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`], [`QueueError::Commit`].
    pub async fn halt(
        &self,
        what: Halted,
        uid: u32,
        reason: Option<String>,
    ) -> Result<bool, QueueError> {
        let since = self.0.clock.best_wall();
        let halt = Halt { since, uid, reason };
        let is_new = self.store()?.halt(what.clone(), halt).await?;
        if is_new {
            self.tell_halt(what, true);
        }
        self.wake();
        Ok(is_new)
    }

    /// Tells who listens; that no jobs are taken concerns nobody who has some.
    fn tell_halt(&self, what: Halted, is_halted: bool) {
        match what {
            Halted::Queue => self.tell_pause(None, is_halted),
            Halted::Account(account) => self.tell_pause(Some(account), is_halted),
            Halted::Intake => {}
        }
    }

    /// Ends a stop; says whether there was one.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`], [`QueueError::Commit`].
    pub async fn lift(&self, what: Halted) -> Result<bool, QueueError> {
        let was_halted = self.store()?.lift(what.clone()).await?;
        if was_halted {
            self.tell_halt(what, false);
        }
        self.wake();
        Ok(was_halted)
    }

    /// Everything that is stopped.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`], [`QueueError::Damaged`].
    pub async fn halts(&self) -> Result<Halts, QueueError> {
        self.store()?.halts().await
    }

    /// Lets a queued job be posted next, whatever the cooldown. Idempotent.
    ///
    /// # Errors
    /// [`QueueError::Unresolved`], [`QueueError::Waits`], [`QueueError::Busy`],
    /// [`QueueError::WrongState`], [`QueueError::NoSuchJob`], [`QueueError::Unavailable`].
    pub async fn post_now(&self, id: JobId) -> Result<Changed, QueueError> {
        let store = self.store()?;
        let account = store.peek(id).await?.account;
        let host = self.lane(&account).map(|lane| lane.host);
        let others = self.lanes().into_iter();
        let others = others.filter(|lane| Some(&lane.host) == host.as_ref());
        let accounts = others.map(|lane| lane.account).collect();
        let now = self.0.clock.due_now();
        let changed = store.post_now(id, accounts, now).await?;
        self.wake();
        Ok(changed)
    }

    /// Removes a finished job, its text and its log; says whether it was there still.
    ///
    /// # Errors
    /// [`QueueError::Unresolved`], [`QueueError::WrongState`], [`QueueError::NoSuchJob`],
    /// [`QueueError::Unavailable`].
    pub async fn purge(&self, id: JobId) -> Result<bool, QueueError> {
        // By a clock that nobody has confirmed, a key could be forgotten too early: then never.
        let now = self.0.clock.github_now().unwrap_or(UnixMs(i64::MAX));
        let purged = self.store()?.purge(id, now).await?;
        self.wake();
        Ok(purged)
    }
}
