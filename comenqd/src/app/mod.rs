//! Builds the parts, joins them, and takes them down in order.
//!
//! Decides what runs beside what and what an end means; nobody else joins parts. Called by `main`.
//!
//! Start: listener, queue (waiting for a held lock), accept loop, worker, READY. A queue that
//! cannot be opened is served as unavailable and tried again. Stop: accept no more, connections
//! finish their request, the worker finishes its POST, the store syncs and closes. A part that
//! ends by itself, or a store that fails, ends the process with an error.

mod opener;
mod status;

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::github::{self, Http};
use crate::notify::{Notifier, Watchdog};
use crate::pacer::Pace;
use crate::queue::Queue;
use crate::retry::{self, Policy};
use crate::secret::Secret;
use crate::server::{self, Limits, listener};
use crate::service::{self, Service};
use crate::shutdown::Shutdown;
use crate::store::Options;
use crate::worker::{self, Worker};
use opener::Opener;

/// The one account there is.
const ACCOUNT: &str = "default";

/// How long a lock that another process holds is waited for at the start.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// Attempts of unknown outcome before a job is given up: GitHub wants us to give up in the end.
const MAX_UNKNOWN_ATTEMPTS: u32 = 5;

/// How long replies may take to leave when the store has failed: nothing else is worth waiting
/// for, and the next start finds out what is on disk.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the process was given by its surroundings.
#[derive(Debug)]
pub struct Surroundings {
    /// The sockets that systemd passed.
    pub fds: Vec<OwnedFd>,
    /// The user it runs as.
    pub euid: u32,
    /// Which host this is, where it says.
    pub machine: Option<String>,
    /// Somebody restarts us: systemd.
    pub supervised: bool,
}

/// Why the daemon could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The runtime or a signal handler could not be had.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
    /// There is nothing to listen on.
    #[error(transparent)]
    Listen(#[from] listener::ListenError),
    /// The GitHub client cannot work as configured.
    #[error(transparent)]
    GitHub(#[from] github::SettingsError),
    /// A part ended by itself.
    #[error("{0} ended unexpectedly; exiting, to be started again")]
    PartEnded(&'static str),
    /// What is on disk is known again only after a restart.
    #[error("the queue failed, exiting: {0}")]
    StoreFailed(String),
}

/// Runs until told to stop; returns the exit code.
///
/// # Errors
/// What kept it from starting, or from going on.
pub fn run(config: Config, surroundings: Surroundings) -> Result<u8, AppError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(serve(config, surroundings));
    // A connection that does not end must not keep the process.
    runtime.shutdown_background();
    ended
}

/// What is shared by building and taking down.
struct Daemon {
    shutdown: Shutdown,
    notifier: Notifier,
    queue: Queue,
    failed: opener::Failed,
    /// They stop when told to, each in its own time.
    parts: JoinSet<&'static str>,
    /// They watch the others to the end.
    watchers: JoinSet<&'static str>,
    /// Cancelled when the others are over.
    end: CancellationToken,
}

async fn serve(config: Config, surroundings: Surroundings) -> Result<u8, AppError> {
    let shutdown = Shutdown::install()?;
    let clock = Arc::new(Clock::system());
    let notifier = Notifier::system();
    let listener = listener::open(surroundings.fds, &config.socket_path)?;
    let github = Http::new(github_settings(&config), Arc::clone(&clock))?;
    let settings = worker_settings(&config);
    let queue = Queue::new(Arc::clone(&clock), settings.first_report());
    let watchdog = Arc::new(Watchdog::system(notifier.clone(), Arc::clone(&clock)));
    let options = Options {
        path: config.queue_path.clone(),
        lock_patience: LOCK_PATIENCE,
        machine: surroundings.machine,
        hold_restored_jobs: config.hold_restored_jobs,
        clock: Arc::clone(&clock),
    };
    let opener = Opener::new(queue.clone(), options, Arc::clone(&watchdog));
    let mut daemon = Daemon {
        shutdown,
        notifier: notifier.clone(),
        queue: queue.clone(),
        failed: opener.failed(),
        parts: JoinSet::new(),
        watchers: JoinSet::new(),
        end: CancellationToken::new(),
    };
    let stop = daemon.shutdown.token();
    tokio::select! {
        () = notifier.extending(opener.try_once()) => {}
        () = stop.cancelled() => {}
    }

    let service = service::Settings {
        account: ACCOUNT.to_owned(),
        web_host: config.github_api_url.web_host(),
        max_body_chars: config.max_body_chars,
        own_uid: surroundings.euid,
        started_at: clock.wall(),
    };
    let service = Arc::new(Service::new(queue.clone(), Arc::clone(&clock), service));
    let accept = watchdog.register("accept");
    let serving = server::run(
        listener,
        service,
        Limits::of_process(),
        accept,
        stop.clone(),
    );
    daemon.parts.spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!("cannot serve: {error}");
        }
        "the accept loop"
    });
    let worker = Worker::new(
        queue.clone(),
        github,
        clock,
        settings,
        watchdog.register("worker"),
    );
    daemon
        .parts
        .spawn(named("the worker", worker.run(stop.clone())));
    daemon
        .parts
        .spawn(named("opening the queue", opener.keep_trying(stop)));
    let end = daemon.end.clone();
    let pings = async move { watchdog.run(end).await };
    daemon.watchers.spawn(named("the watchdog", pings));
    let line = status::show(queue, notifier.clone(), daemon.end.clone());
    daemon.watchers.spawn(named("the status line", line));
    notifier.ready();
    tracing::info!("comenqd {} is ready", env!("CARGO_PKG_VERSION"));
    daemon.run(surroundings.supervised).await
}

impl Daemon {
    /// Waits for the stop, or for whatever forces one.
    async fn run(mut self, supervised: bool) -> Result<u8, AppError> {
        let stop = self.shutdown.token();
        let forced = tokio::select! {
            biased;
            reason = self.failed.wait() => Some(AppError::StoreFailed(reason)),
            () = stop.cancelled() => None,
            Some(ended) = self.parts.join_next() => Some(part_ended(&ended)),
            Some(ended) = self.watchers.join_next() => Some(part_ended(&ended)),
        };
        self.notifier.stopping();
        stop.cancel();
        match forced {
            Some(error @ AppError::StoreFailed(_)) => {
                tokio::time::sleep(LAST_WORDS).await;
                return Err(error);
            }
            forced => {
                let clean = self.stop_parts().await;
                if let Some(error) = forced {
                    return Err(error);
                }
                clean?;
            }
        }
        Ok(self
            .shutdown
            .cause()
            .map_or(0, |signal| signal.exit_code(supervised)))
    }

    /// Lets accept loop and worker finish, then closes the store, then ends the rest.
    async fn stop_parts(&mut self) -> Result<(), AppError> {
        tokio::select! {
            () = async { while self.parts.join_next().await.is_some() {} } => {}
            reason = self.failed.wait() => return Err(AppError::StoreFailed(reason)),
        }
        if let Ok(store) = self.queue.store() {
            store
                .close()
                .await
                .map_err(|error| AppError::StoreFailed(error.to_string()))?;
        }
        self.end.cancel();
        while self.watchers.join_next().await.is_some() {}
        tracing::info!("stopped");
        Ok(())
    }
}

async fn named(name: &'static str, part: impl Future<Output = ()>) -> &'static str {
    part.await;
    name
}

fn part_ended(ended: &Result<&'static str, tokio::task::JoinError>) -> AppError {
    AppError::PartEnded(ended.as_ref().copied().unwrap_or("a part that panicked"))
}

fn github_settings(config: &Config) -> github::Settings {
    github::Settings {
        api_url: config.github_api_url.clone(),
        token: config.token.as_ref().map(|token| token.secret.clone()),
        timeout: config.github_api_timeout,
        user_agent: format!("comenqd/{}", env!("CARGO_PKG_VERSION")),
    }
}

fn worker_settings(config: &Config) -> worker::Settings {
    let token = config.token.as_ref();
    worker::Settings {
        account: ACCOUNT.to_owned(),
        host: config.github_api_url.host(),
        token_source: token.map(|token| token.source.clone()),
        pace: Pace {
            cooldown: config.cooldown,
            look_delay: config.look_delay,
            longest_wait: retry::longest_wait(config.backoff_max),
            token_tag: token.map_or(0, |token| tag(&token.secret)),
        },
        policy: Policy {
            backoff_min: config.backoff_min,
            backoff_max: config.backoff_max,
            max_unknown_attempts: MAX_UNKNOWN_ATTEMPTS,
        },
        request_timeout: config.github_api_timeout,
    }
}

/// Tells one token from another without telling either: what a blocked lane waited for is over
/// when there is a new one.
fn tag(token: &Secret) -> u64 {
    let digest: [u8; 32] = Sha256::digest(token.expose()).into();
    digest
        .first_chunk::<8>()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
