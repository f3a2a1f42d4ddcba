//! The commit thread: the only one that touches an open store.
//!
//! Decides when a transaction is durable. Operations queue up; the thread takes all that wait
//! (at most [`GROUP_LIMIT`]), runs each in a transaction of its own, applies and syncs them all at
//! once, and only then answers. Reads go through it too, so that no answer speaks of a state that a power
//! cut could take back.
//!
//! A failed sync, or a panic of sled, ends the thread: nothing of that group is acknowledged and
//! the process is told to exit, for what is on disk is known again only after reopening.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::{Liveness, StoreError};

/// Operations that share one sync at most: bounds the wait of the first.
pub(super) const GROUP_LIMIT: usize = 256;

/// How long one group may take before it counts as stalled.
const COMMIT_DEADLINE: Duration = Duration::from_secs(60);

/// Answers an operation once its group's fate is known.
pub(super) type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// One operation: runs in a transaction, returns how to answer.
pub(super) struct Task {
    /// Does the work.
    pub(super) run: Box<dyn FnOnce(&mut Engine) -> Reply + Send>,
    /// The witness must cover it before it is answered.
    pub(super) witnessed: bool,
}

/// What is sent to the thread.
pub(super) enum Message {
    /// An operation.
    Task(Task),
    /// Sync, write the witness, close the store, and say how it went.
    Close(Box<dyn FnOnce(Result<(), StoreError>) + Send>),
}

/// Serves operations until told to close, or until the store fails.
pub(super) fn serve(mut engine: Engine, tasks: &Receiver<Message>, live: &Arc<dyn Liveness>) {
    loop {
        live.alive();
        engine.look_for_room();
        let first = match tasks.recv_timeout(live.period()) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return close(engine, Box::new(|_| ())),
        };
        live.busy_for(COMMIT_DEADLINE);
        engine.look_for_room();
        let (group, end) = gather(first, tasks);
        let done = catch_unwind(AssertUnwindSafe(|| run(&mut engine, group)));
        let fate = done.unwrap_or_else(|_| {
            Err(StoreError::Commit(
                "the store panicked; its files may be damaged".to_owned(),
            ))
        });
        if let Err(error) = fate {
            live.failed(&error.to_string());
            // sled may panic again in its Drop; the process is about to exit anyway.
            std::mem::forget(engine);
            return;
        }
        if let Some(closed) = end {
            return close(engine, closed);
        }
    }
}

type Closed = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

fn gather(first: Message, tasks: &Receiver<Message>) -> (Vec<Task>, Option<Closed>) {
    let mut group = Vec::new();
    let mut message = Ok(first);
    loop {
        match message {
            Ok(Message::Task(task)) => group.push(task),
            Ok(Message::Close(closed)) => return (group, Some(closed)),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => return (group, None),
        }
        if group.len() >= GROUP_LIMIT {
            return (group, None);
        }
        message = tasks.try_recv();
    }
}

/// Applies a group, syncs once, answers everybody.
fn run(engine: &mut Engine, group: Vec<Task>) -> Result<(), StoreError> {
    let started = Instant::now();
    let witnessed = group.iter().any(|task| task.witnessed);
    let replies: Vec<Reply> = group.into_iter().map(|task| (task.run)(engine)).collect();
    let wrote = engine.has_changes();
    let mut fate = engine.sync();
    if (witnessed || engine.has_drifted()) && fate.is_ok() {
        fate = engine.witness();
    }
    let took = started.elapsed();
    for reply in replies {
        reply(fate.clone());
    }
    // Behind the answers: whoever waits for one goes before whoever merely watches.
    if wrote && fate.is_ok() {
        engine.tell(Some(took));
    }
    fate
}

/// Answers only once the files are closed and unlocked: another process may open them at once.
fn close(mut engine: Engine, closed: Closed) {
    let ended = catch_unwind(AssertUnwindSafe(move || {
        engine.sync().and_then(|()| engine.witness())
    }));
    closed(ended.unwrap_or_else(|_| Err(StoreError::Commit("the store panicked".to_owned()))));
}
