//! Opens the queue's store, again and again if need be.
//!
//! Decides how often. A daemon without its store still answers, and says why it cannot serve.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::catalogue;
use crate::notify::{Pulse, Watchdog};
use crate::queue::Queue;
use crate::store::{Liveness, Options, Recovery, Store};

/// Between two tries, once the first has failed.
const RETRY: Duration = Duration::from_secs(5);

/// How long opening may take: a long log is replayed, many jobs are held.
const OPEN_DEADLINE: Duration = Duration::from_secs(600);

/// Tells that the store failed while it was in use.
#[derive(Debug, Clone, Default)]
pub(super) struct Failed {
    token: CancellationToken,
    reason: Arc<OnceLock<String>>,
}

impl Failed {
    /// Ready with the reason once the store has failed.
    pub(super) async fn wait(&self) -> String {
        self.token.cancelled().await;
        self.reason.get().cloned().unwrap_or_default()
    }
}

/// How the commit thread is watched.
struct CommitLife {
    pulse: Pulse,
    failed: Failed,
}

impl Liveness for CommitLife {
    fn alive(&self) {
        self.pulse.beat();
    }

    fn period(&self) -> Duration {
        self.pulse.period()
    }

    fn busy_for(&self, deadline: Duration) {
        self.pulse.busy_for(deadline);
    }

    fn failed(&self, reason: &str) {
        // The first reason is the one that explains the others.
        drop(self.failed.reason.set(reason.to_owned()));
        self.failed.token.cancel();
    }
}

/// Opens the store for the queue.
pub(super) struct Opener {
    queue: Queue,
    options: Options,
    watchdog: Arc<Watchdog>,
    failed: Failed,
}

impl Opener {
    pub(super) fn new(queue: Queue, options: Options, watchdog: Arc<Watchdog>) -> Self {
        Self {
            queue,
            options,
            watchdog,
            failed: Failed::default(),
        }
    }

    pub(super) fn failed(&self) -> Failed {
        self.failed.clone()
    }

    /// Tries once and puts what comes of it behind the queue.
    pub(super) async fn try_once(&self) {
        self.open(self.options.clone()).await;
    }

    /// Tries until there is a store, then waits for the end.
    pub(super) async fn keep_trying(self, stop: CancellationToken) {
        let options = Options {
            lock_patience: Duration::ZERO,
            ..self.options.clone()
        };
        while self.queue.store_health().is_err() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RETRY) => self.open(options.clone()).await,
            }
        }
        stop.cancelled().await;
    }

    async fn open(&self, options: Options) {
        let life = CommitLife {
            pulse: self.watchdog.register("commit"),
            failed: self.failed.clone(),
        };
        life.pulse.busy_for(OPEN_DEADLINE);
        let path = options.path.display().to_string();
        match Store::open(options, Arc::new(life)).await {
            Ok((store, recovery)) => {
                tracing::info!("the queue {path} is open");
                tell(&recovery);
                self.queue.attach(Ok(store));
            }
            Err(error) => {
                let reason = error.to_string();
                // Once: it is tried every few seconds.
                if self.queue.store_health() != Err(reason.clone()) {
                    tracing::error!("no jobs can be taken or posted: {reason}");
                }
                self.queue.attach(Err(reason));
            }
        }
    }
}

fn tell(recovery: &Recovery) {
    if recovery.held > 0 {
        tracing::warn!(
            message_id = catalogue::JOBS_RESTORED,
            "the queue was last used on another host: {} unfinished jobs are held, for that host \
             may have posted them",
            recovery.held
        );
    }
    for id in &recovery.unresolved.uncertain {
        tracing::warn!(
            message_id = catalogue::JOB_UNCERTAIN,
            job_id = id.get(),
            "job #{id}: comenqd ended while it was being posted; looking before posting"
        );
    }
    for (id, why) in &recovery.unresolved.damaged {
        tracing::error!(
            job_id = id.get(),
            "job #{id} cannot be read, its target waits: {why}"
        );
    }
}
