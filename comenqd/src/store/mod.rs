//! The durable queue as a few named operations: insert, claim, conclude, list, …
//!
//! Decides what is durable and when. Called by `queue` only. Each operation is one transaction;
//! its answer leaves after the sync that covers it (see `commit`). No sled type leaks out, so that
//! another engine can stand behind these operations one day.
//!
//! The layout is in `keys`, the records in `record`, the files and versions in `format`, the
//! states in `transition`; `index` keeps all of it in step.

mod agenda;
mod commit;
mod format;
mod index;
mod jobs;
mod keys;
mod listing;
mod looking;
mod posting;
mod record;
mod recovery;
mod transition;
mod txn;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use comenq_proto::JobId;
use tokio::sync::oneshot;

use crate::clock::{Clock, Mark, UnixMs};
pub use agenda::Agenda;
use commit::{Engine, Message, Task};
pub use jobs::{Cancelled, Inserted, NewJob};
pub use listing::{BadCursor, Cursor, ListQuery, Page};
pub use looking::LookConclusion;
pub use posting::{Claim, ClaimOutcome, Claimed, Conclusion, LaneKey};
pub use record::{Attempt, Job, KnownIdentity, Lane, Wait, WaitKind};
pub use recovery::Recovered;
pub use transition::State;
use txn::Txn;

/// Why an operation of the store did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no store to work with.
    #[error("{0}")]
    Unavailable(String),
    /// It may or may not have become durable; the process is about to exit.
    #[error("the queue could not be written: {0}")]
    Commit(String),
    /// The submit key stands for another submission.
    #[error("the key {key} was used for job #{job}, which has another target or body")]
    KeyReused {
        /// The key.
        key: String,
        /// The job it stands for.
        job: JobId,
    },
    /// No job has this number.
    #[error("there is no job #{0}")]
    NoSuchJob(JobId),
    /// The job's state forbids it.
    #[error("job #{id} is {state}")]
    WrongState {
        /// The job.
        id: JobId,
        /// Its state.
        state: &'static str,
    },
    /// The job is being posted at this moment.
    #[error("job #{0} is being posted right now")]
    Busy(JobId),
    /// A record cannot be trusted.
    #[error("the queue is damaged: {0}")]
    Damaged(String),
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        Self::Commit(words(error))
    }
}

/// sled words an I/O error for its developers; people want the kernel's words.
fn words(error: sled::Error) -> String {
    match error {
        sled::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            format!("{error}; free some space there")
        }
        sled::Error::Io(error) => error.to_string(),
        sled::Error::Corruption { .. } => {
            "its files are damaged; restore them from a backup, or move them away to begin with an \
             empty queue"
                .to_owned()
        }
        other => other.to_string(),
    }
}

/// How the commit thread shows that it lives.
pub trait Liveness: Send + Sync {
    /// It answered a tick.
    fn alive(&self);
    /// How often it is to answer while idle.
    fn period(&self) -> Duration;
    /// It works on a group and will be back within `deadline`.
    fn busy_for(&self, deadline: Duration);
    /// It ended: the process must exit.
    fn failed(&self, reason: &str);
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// The queue's directory; created (0700) if missing.
    pub path: PathBuf,
    /// How long a lock that another process holds is waited for.
    pub lock_patience: Duration,
    /// Which host this is, where it says.
    pub machine: Option<String>,
    /// Hold unfinished jobs of a store that was last used on another host.
    pub hold_restored_jobs: bool,
    /// Tells when the store was taken over.
    pub clock: Arc<Clock>,
}

/// What opening repaired.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// Jobs held because the store came from another host.
    pub held: usize,
    /// Jobs whose POST may have been on the way.
    pub unresolved: Recovered,
}

/// A handle on an open store; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    tasks: mpsc::Sender<Message>,
}

impl Store {
    /// Opens the store on a thread of its own, which lives until [`Store::close`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] says what is wrong with it and what to do.
    ///
    /// Cancel-safe: a store that nobody waits for closes itself.
    pub async fn open(
        options: Options,
        live: Arc<dyn Liveness>,
    ) -> Result<(Self, Recovery), StoreError> {
        let (tasks, inbox) = mpsc::channel();
        let (opened, result) = oneshot::channel();
        // A panic of sled while it reads damaged files drops `opened`, which tells.
        let thread = move || match Engine::open(&options) {
            Ok((engine, recovery)) => {
                if opened.send(Ok(recovery)).is_ok() {
                    commit::serve(engine, &inbox, &live);
                }
            }
            Err(error) => drop(opened.send(Err(error))),
        };
        std::thread::Builder::new()
            .name("commit".to_owned())
            .spawn(thread)
            .map_err(|error| StoreError::Unavailable(format!("cannot start a thread: {error}")))?;
        let recovery = result.await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable(
                "the queue's files are damaged (sled panicked): restore them from a backup"
                    .to_owned(),
            ))
        })?;
        Ok((Self { tasks }, recovery))
    }

    /// Syncs, writes the witness and closes. Operations sent before it are done first.
    ///
    /// # Errors
    /// [`StoreError::Commit`] if the last sync failed.
    pub async fn close(&self) -> Result<(), StoreError> {
        let (closed, result) = oneshot::channel();
        let reply = Box::new(move |fate| drop(closed.send(fate)));
        self.tasks.send(Message::Close(reply)).map_err(|_| gone())?;
        result.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Runs one transaction on the commit thread. Not cancel-safe in its effect: a dropped future
    /// leaves the transaction to happen or not.
    async fn run<T: Send + 'static>(
        &self,
        witnessed: bool,
        operation: impl FnOnce(&mut Txn<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, result) = oneshot::channel();
        let run = Box::new(move |engine: &mut Engine| {
            let done = engine.transact(operation);
            let reply: commit::Reply = Box::new(move |fate| {
                // Whoever asked may have gone; what was done stays done.
                drop(answer.send(fate.and(done)));
            });
            reply
        });
        self.tasks
            .send(Message::Task(Task { run, witnessed }))
            .map_err(|_| gone())?;
        result.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Stores a job, or finds the one its key stands for.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`]; [`StoreError::Commit`].
    pub async fn insert(&self, new: NewJob) -> Result<Inserted, StoreError> {
        self.run(false, move |txn| jobs::insert(txn, &new)).await
    }

    /// Reads a job and its text.
    ///
    /// # Errors
    /// [`StoreError::NoSuchJob`]; [`StoreError::Damaged`].
    pub async fn get(&self, id: JobId) -> Result<(Job, String), StoreError> {
        self.run(false, move |txn| jobs::get(txn, id)).await
    }

    /// Reads a job without its text.
    ///
    /// # Errors
    /// [`StoreError::NoSuchJob`]; [`StoreError::Damaged`].
    pub async fn peek(&self, id: JobId) -> Result<Job, StoreError> {
        self.run(false, move |txn| index::load(txn, id)).await
    }

    /// Reads a page of jobs.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if an index cannot be read; damaged jobs are named in the page.
    pub async fn list(&self, query: ListQuery) -> Result<Page, StoreError> {
        self.run(false, move |txn| listing::list(txn, &query)).await
    }

    /// Cancels a job. Idempotent.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while it is being posted; [`StoreError::WrongState`] once it is over;
    /// [`StoreError::NoSuchJob`].
    pub async fn cancel(&self, id: JobId, now: UnixMs) -> Result<Cancelled, StoreError> {
        self.run(false, move |txn| jobs::cancel(txn, id, now)).await
    }

    /// How many jobs there are in each state.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub async fn counts(&self) -> Result<BTreeMap<State, u64>, StoreError> {
        self.run(false, |txn| jobs::counts(txn)).await
    }

    /// Brings due jobs into line and tells what there is to do.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; [`StoreError::Commit`].
    pub async fn agenda(
        &self,
        account: String,
        host: String,
        now: UnixMs,
    ) -> Result<Agenda, StoreError> {
        self.run(false, move |txn| agenda::agenda(txn, &account, &host, now))
            .await
    }

    /// Takes the next job. When it returns, the claim, the pace and the witness are durable.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; [`StoreError::Commit`].
    pub async fn claim(&self, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        self.run(true, move |txn| posting::claim(txn, &claim)).await
    }

    /// Concludes the running attempt of a job.
    ///
    /// # Errors
    /// [`StoreError::WrongState`] if no attempt is running.
    pub async fn conclude(
        &self,
        id: JobId,
        lane: LaneKey,
        conclusion: Conclusion,
        now: Mark,
        wall: UnixMs,
    ) -> Result<Job, StoreError> {
        self.run(false, move |txn| {
            posting::conclude(txn, id, &lane, conclusion, now, wall)
        })
        .await
    }

    /// Which of these comments belong to jobs other than `id`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub async fn owned_by_others(
        &self,
        host: String,
        comments: Vec<u64>,
        id: JobId,
    ) -> Result<Vec<u64>, StoreError> {
        self.run(false, move |txn| {
            looking::owned_by_others(txn, &host, &comments, id)
        })
        .await
    }

    /// Concludes a look.
    ///
    /// # Errors
    /// [`StoreError::WrongState`] if the job is not one to look for.
    pub async fn conclude_look(
        &self,
        id: JobId,
        lane: LaneKey,
        conclusion: LookConclusion,
        now: Mark,
        wall: UnixMs,
    ) -> Result<Job, StoreError> {
        self.run(false, move |txn| {
            looking::conclude_look(txn, id, &lane, conclusion, now, wall)
        })
        .await
    }

    /// Makes a whole lane wait.
    ///
    /// # Errors
    /// [`StoreError::Commit`].
    pub async fn set_wait(&self, lane: LaneKey, wait: Wait) -> Result<(), StoreError> {
        self.run(false, move |txn| posting::set_wait(txn, &lane, wait))
            .await
    }

    /// Remembers who an account is, and returns that lane.
    ///
    /// # Errors
    /// [`StoreError::Commit`].
    pub async fn set_identity(
        &self,
        account: String,
        identity: KnownIdentity,
    ) -> Result<Lane, StoreError> {
        self.run(false, move |txn| {
            posting::set_identity(txn, &account, &identity)
        })
        .await
    }
}

fn gone() -> StoreError {
    StoreError::Commit("the commit thread has ended".to_owned())
}

#[cfg(test)]
pub(crate) mod tests;
