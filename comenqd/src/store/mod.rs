//! The durable queue as a few named operations: insert, claim, conclude, list, …
//!
//! Decides what is durable and when. Called by `queue` only. Each operation is one transaction;
//! its answer leaves after the sync that covers it (see `commit`). No sled type leaks out, so that
//! another engine can stand behind these operations one day.
//!
//! The layout is in `keys`, the records in `record`, the files and versions in `format`, the
//! states in `transition`; `index` keeps all of it in step.

mod administering;
mod agenda;
mod alone;
mod blocks;
mod census;
mod check;
mod claiming;
mod commit;
mod compact;
mod dating;
mod engine;
mod error;
mod expiring;
mod files;
mod forecast;
mod format;
mod halts;
mod index;
mod jobs;
mod keys;
mod listing;
mod log;
mod looking;
mod migrate;
mod news;
mod owners;
mod posting;
mod pruning;
mod purging;
mod quota;
mod record;
mod recovery;
mod space;
mod texts;
mod transfer;
mod transition;
mod tree;
mod turns;
mod txn;
mod urgent;
mod verbs;
mod waits;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use comenq_proto::{CommentBody, JobId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::clock::{Clock, Mark, UnixMs};
pub use agenda::{Agenda, AgendaQuery};
pub use alone::read_entry;
pub use check::Report;
pub use claiming::{Claim, ClaimOutcome, Claimed};
use commit::{Message, Task};
use engine::Engine;
pub use error::StoreError;
use error::words;
pub use forecast::{ForecastQuery, Foreseen, Foresight, Standing};
pub use halts::{Halted, Halts, Paused};
pub use jobs::{Inserted, NewJob, Rehearsed};
pub use listing::{BadCursor, Cursor, ListFilter, ListQuery, Page, Seen};
pub use looking::LookConclusion;
pub use news::{Committed, Happened, News, Observer};
pub use owners::Barred;
pub use posting::{Conclusion, LaneKey, Moment, Note};
pub use pruning::{Keep, Pruned};
pub use quota::{Exceeded, Quota, Usage};
pub use record::{
    Attempt, Expiry, Failure, Halt, Hold, Job, KnownIdentity, Lane, LogEntry, LogKind, Outcome,
    OwnerWait, Wait, WaitKind,
};
pub use recovery::Recovered;
pub use space::Room;
pub use transfer::{ExportCursor, ExportPage, Imported};
pub use transition::State;
pub use turns::Field;
use txn::Txn;
pub use verbs::{Changed, Retried};

/// What people do to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Never post it, or never again.
    Cancel,
    /// Give it another text.
    Edit {
        /// The text.
        body: CommentBody,
        /// Bytes that its user may have in unfinished jobs.
        max_body_bytes: u64,
    },
    /// Keep it until it is released.
    Hold,
    /// Let it go on.
    Release,
    /// Revive a dead letter.
    Retry,
    /// Bring it to the front of its user's.
    Bump,
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
    /// The running program, to do in another process what takes memory; in this one without it.
    pub program: Option<PathBuf>,
    /// Tells when the store was taken over.
    pub clock: Arc<Clock>,
    /// Hears of every change once it is durable, also of what opening repairs.
    pub observer: Option<Arc<dyn Observer>>,
}

/// Replaces the store's files by a compact copy. Whoever calls it holds the queue's lock: this is
/// what the daemon runs in a process of its own.
///
/// # Errors
/// [`StoreError`] says why it is as it was.
pub fn compact(queue: &Path) -> Result<(), StoreError> {
    compact::replace(queue)
}

/// Checks everything in a queue that nobody uses.
///
/// # Errors
/// [`StoreError`] where it cannot be checked: it is in use, or cannot be opened.
pub fn check(queue: &Path) -> Result<Report, StoreError> {
    check::queue(queue)
}

/// Fills a queue that is empty, or missing, with the lines of an export: all of it or nothing.
///
/// # Errors
/// [`StoreError`] says what is wrong with the queue or with which line.
pub fn import(queue: &Path, lines: &mut dyn std::io::BufRead) -> Result<Imported, StoreError> {
    transfer::queue(queue, lines)
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
    id: u128,
    /// Of the operations that only tell and may take long, one at a time waits for the commit
    /// thread: whatever clients ask, what changes something waits behind one of them at most.
    telling: Arc<Semaphore>,
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
                if opened.send(Ok((engine.id(), recovery))).is_ok() {
                    commit::serve(engine, &inbox, &live);
                }
            }
            Err(error) => drop(opened.send(Err(error))),
        };
        std::thread::Builder::new()
            .name("commit".to_owned())
            .spawn(thread)
            .map_err(|error| StoreError::Unavailable(format!("cannot start a thread: {error}")))?;
        let (id, recovery) = result.await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable(
                "the queue's files are damaged (sled panicked): restore them from a backup"
                    .to_owned(),
            ))
        })?;
        Ok((
            Self {
                tasks,
                id,
                telling: Arc::new(Semaphore::new(1)),
            },
            recovery,
        ))
    }

    /// Which store this is: random, and the same for its whole life.
    #[must_use]
    pub fn id(&self) -> u128 {
        self.id
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
        self.send(run, witnessed)?;
        result.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Runs one that only tells and may take long. Cancel-safe: one that nobody waits for any more
    /// is still the only one that waits for the commit thread.
    async fn tell<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Txn<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.turn_to_tell().await?;
        self.run(false, move |txn| {
            let done = operation(txn);
            drop(turn);
            done
        })
        .await
    }

    /// Those who ask take turns, first come, first served.
    async fn turn_to_tell(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let turn = Arc::clone(&self.telling).acquire_owned().await;
        turn.map_err(|_| gone())
    }

    fn send(
        &self,
        run: Box<dyn FnOnce(&mut Engine) -> commit::Reply + Send>,
        witnessed: bool,
    ) -> Result<(), StoreError> {
        let task = Message::Task(Task { run, witnessed });
        self.tasks.send(task).map_err(|_| gone())
    }

    /// Stores jobs, or finds those their keys stand for: all or none.
    ///
    /// # Errors
    /// [`StoreError::InBatch`] names the first that cannot be stored; [`StoreError::Commit`].
    pub async fn insert_all(&self, new: Vec<NewJob>) -> Result<Vec<Inserted>, StoreError> {
        self.run(false, move |txn| jobs::insert_all(txn, &new))
            .await
    }

    /// What [`Store::insert_all`] would give just now: the same operation, of which nothing stays.
    ///
    /// # Errors
    /// Those it would have.
    pub async fn check_all(&self, new: Vec<NewJob>) -> Result<Rehearsed, StoreError> {
        let turn = self.turn_to_tell().await?;
        let (answer, result) = oneshot::channel();
        let run = Box::new(move |engine: &mut Engine| {
            let done = engine.rehearse(|txn| jobs::rehearse(txn, &new));
            drop(turn);
            let reply: commit::Reply = Box::new(move |fate| drop(answer.send(fate.and(done))));
            reply
        });
        self.send(run, false)?;
        result.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Finds the job that a submission's key stands for, if it was stored before.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`]; [`StoreError::Damaged`].
    pub async fn find(&self, new: NewJob) -> Result<Option<Inserted>, StoreError> {
        self.run(false, move |txn| jobs::find(txn, &new)).await
    }

    /// Unfinished jobs of each account.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub async fn unfinished_by_account(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.run(false, |txn| jobs::unfinished_by_account(txn))
            .await
    }

    /// Reads a job and its text.
    ///
    /// # Errors
    /// [`StoreError::NoSuchJob`]; [`StoreError::Damaged`].
    pub async fn get(&self, id: JobId) -> Result<(Job, String), StoreError> {
        self.run(false, move |txn| jobs::get(txn, id)).await
    }

    /// Reads what became of a job's attempts and looks, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub async fn log(&self, id: JobId) -> Result<Vec<LogEntry>, StoreError> {
        self.run(false, move |txn| log::read(txn, id)).await
    }

    /// Reads a job without its text.
    ///
    /// # Errors
    /// [`StoreError::NoSuchJob`]; [`StoreError::Damaged`].
    pub async fn peek(&self, id: JobId) -> Result<Job, StoreError> {
        self.run(false, move |txn| index::load(txn, id)).await
    }

    /// Reads the unfinished job with the lowest id: one step into their index, however many there
    /// are.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub async fn oldest(&self) -> Result<Option<Job>, StoreError> {
        self.run(false, |txn| jobs::oldest(txn)).await
    }

    /// What a user has in the queue.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub async fn usage(&self, uid: u32, now: UnixMs) -> Result<Usage, StoreError> {
        self.run(false, move |txn| quota::usage(txn, uid, now))
            .await
    }

    /// Reads some lines of an export: at most `max_lines`, and no more once they reach
    /// `max_bytes`, so that the last one may go beyond.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if what belongs to no job cannot be read; a job that cannot is named
    /// in a line.
    pub async fn export(
        &self,
        after: Option<ExportCursor>,
        max_lines: usize,
        max_bytes: usize,
    ) -> Result<ExportPage, StoreError> {
        self.run(false, move |txn| {
            transfer::page(txn, after, max_lines, max_bytes)
        })
        .await
    }

    /// Reads a page of jobs.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if an index cannot be read; damaged jobs are named in the page.
    pub async fn list(&self, query: ListQuery) -> Result<Page, StoreError> {
        self.tell(move |txn| listing::list(txn, &query)).await
    }

    /// Does what people do to a job.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while it is being posted; [`StoreError::Unresolved`] where its outcome
    /// forbids it; [`StoreError::WrongState`]; [`StoreError::NoSuchJob`].
    pub async fn change(&self, id: JobId, verb: Verb, at: Moment) -> Result<Changed, StoreError> {
        self.run(false, move |txn| match &verb {
            Verb::Cancel => verbs::cancel(txn, id, at),
            Verb::Edit {
                body,
                max_body_bytes,
            } => verbs::edit(txn, id, body, *max_body_bytes),
            Verb::Hold => verbs::hold(txn, id),
            Verb::Release => verbs::release(txn, id, at.now),
            Verb::Retry => verbs::retry(txn, id, at.now),
            Verb::Bump => verbs::bump(txn, id),
        })
        .await
    }

    /// Revives dead letters of one reason, some at a time: those of `uid`, or everybody's.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; [`StoreError::Commit`].
    pub async fn retry_failed(
        &self,
        reason: Failure,
        uid: Option<u32>,
        after: Option<(UnixMs, JobId)>,
        now: Mark,
    ) -> Result<Retried, StoreError> {
        self.run(false, move |txn| {
            verbs::retry_failed(txn, reason, uid, after, now)
        })
        .await
    }

    /// Removes some of the finished jobs that are no longer kept. `now` is GitHub's time.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; [`StoreError::Commit`].
    pub async fn prune(&self, keep: Keep, now: UnixMs) -> Result<Pruned, StoreError> {
        self.run(false, move |txn| pruning::prune(txn, keep, now))
            .await
    }

    /// How many jobs there are in each state.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub async fn counts(&self) -> Result<BTreeMap<State, u64>, StoreError> {
        self.run(false, |txn| jobs::counts(txn)).await
    }

    /// Whether no account has anything to do, now or later.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub async fn is_at_rest(&self) -> Result<bool, StoreError> {
        self.run(false, |txn| agenda::is_at_rest(txn)).await
    }

    /// How much room there is on the disk.
    ///
    /// # Errors
    /// [`StoreError::Commit`].
    pub async fn room(&self) -> Result<Room, StoreError> {
        self.run(false, |txn| Ok(txn.room)).await
    }

    /// Brings due jobs into line and tells what there is to do.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; [`StoreError::Commit`].
    pub async fn agenda(&self, query: AgendaQuery) -> Result<Agenda, StoreError> {
        self.run(false, move |txn| agenda::agenda(txn, &query))
            .await
    }

    /// Foresees the next posts of an account.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if an index cannot be read.
    pub async fn forecast(&self, query: ForecastQuery) -> Result<Foresight, StoreError> {
        self.tell(move |txn| forecast::forecast(txn, &query)).await
    }

    /// Where a job stands among those that its account will post.
    ///
    /// # Errors
    /// [`StoreError::NoSuchJob`]; [`StoreError::Damaged`].
    pub async fn place(&self, id: JobId, query: ForecastQuery) -> Result<Standing, StoreError> {
        self.tell(move |txn| forecast::place(txn, id, &query)).await
    }

    /// Takes the next job. When it returns, the claim, the pace and the witness are durable.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; [`StoreError::Commit`].
    pub async fn claim(&self, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        self.run(true, move |txn| claiming::claim(txn, &claim))
            .await
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
        note: Note,
        at: Moment,
    ) -> Result<Job, StoreError> {
        self.run(false, move |txn| {
            posting::conclude(txn, id, &lane, conclusion, note, at)
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
        note: Note,
        at: Moment,
    ) -> Result<Job, StoreError> {
        self.run(false, move |txn| {
            looking::conclude_look(txn, id, &lane, conclusion, note, at)
        })
        .await
    }

    /// Makes a whole lane wait, or blocks an account.
    ///
    /// # Errors
    /// [`StoreError::Commit`].
    pub async fn set_wait(
        &self,
        account: String,
        lane: LaneKey,
        wait: Wait,
    ) -> Result<(), StoreError> {
        self.run(false, move |txn| {
            waits::set_wait(txn, &account, &lane, wait)
        })
        .await
    }

    /// Lets a blocked account, and owners that bar it, be tried again; says whether any were.
    ///
    /// # Errors
    /// [`StoreError::Commit`].
    pub async fn resume(&self, account: String) -> Result<bool, StoreError> {
        self.run(false, move |txn| waits::resume(txn, &account))
            .await
    }

    /// Ends a queued job whose condition does not hold.
    ///
    /// # Errors
    /// [`StoreError::NoSuchJob`]; [`StoreError::Commit`].
    pub async fn fail_precondition(
        &self,
        id: JobId,
        reason: String,
        note: Note,
        wall: UnixMs,
    ) -> Result<Job, StoreError> {
        self.run(false, move |txn| {
            claiming::fail_precondition(txn, id, &reason, note, wall)
        })
        .await
    }

    /// Ends a queued job for good.
    ///
    /// # Errors
    /// [`StoreError::NoSuchJob`]; [`StoreError::Commit`].
    pub async fn fail(
        &self,
        id: JobId,
        failure: Failure,
        reason: String,
        wall: UnixMs,
    ) -> Result<Job, StoreError> {
        self.run(false, move |txn| {
            claiming::fail(txn, id, failure, &reason, wall)
        })
        .await
    }

    /// Puts a queued job off until a time.
    ///
    /// # Errors
    /// [`StoreError::NoSuchJob`]; [`StoreError::Commit`].
    pub async fn put_off(
        &self,
        id: JobId,
        until: UnixMs,
        reason: String,
    ) -> Result<Job, StoreError> {
        self.run(false, move |txn| claiming::put_off(txn, id, until, &reason))
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
            waits::set_identity(txn, &account, &identity)
        })
        .await
    }
}

fn gone() -> StoreError {
    StoreError::Commit("the commit thread has ended".to_owned())
}

#[cfg(test)]
pub(crate) mod tests;
