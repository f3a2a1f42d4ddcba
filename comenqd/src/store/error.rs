//! Why an operation of the store did not happen.
//!
//! Decides the kinds and their words; what a client is told is `service`'s.

use comenq_proto::JobId;

use super::quota::Exceeded;
use super::record::Halt;

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
    /// The disk is nearly full: what was taken is posted, but nothing more is taken.
    #[error(
        "the disk of the queue is nearly full: {free} are free, {needed} are needed; free some \
         space there"
    )]
    Full {
        /// How much is free.
        free: String,
        /// How much must be.
        needed: String,
    },
    /// An attempt of the job may have reached GitHub.
    #[error("job #{0} may have been posted already, which is not known yet")]
    Unresolved(JobId),
    /// The job or its account waits for something that nobody can shorten.
    #[error("job #{id} waits for {what}")]
    Waits {
        /// The job.
        id: JobId,
        /// What for.
        what: String,
    },
    /// No jobs are taken until an administrator says so.
    #[error(
        "the queue is being drained, so no new comments are taken{}",
        because(_0)
    )]
    Draining(Halt),
    /// Its user has as much in the queue as is allowed.
    #[error("{0}")]
    Quota(Exceeded),
    /// One job of a batch cannot be stored, so none was.
    #[error("job {} of the batch: {source}", index + 1)]
    InBatch {
        /// Which, from 0.
        index: usize,
        /// Why not.
        source: Box<StoreError>,
    },
    /// A record cannot be trusted.
    #[error("the queue is damaged: {0}")]
    Damaged(String),
}

fn because(halt: &Halt) -> String {
    let reason = halt.reason.as_deref();
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        Self::Commit(words(error))
    }
}

/// sled words an I/O error for its developers; people want the kernel's words.
pub(super) fn words(error: sled::Error) -> String {
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
