//! Builds the parts, joins them, and takes them down in order.
//!
//! Decides what runs beside what and what an end means; nobody else joins parts. Called by `main`.
//!
//! Start: listener, queue (waiting for a held lock), a worker for each account, accept loop, READY. A queue that
//! cannot be opened is served as unavailable and tried again. Stop: accept no more, connections
//! finish their request, the worker finishes its POST, the store syncs and closes. A part that
//! ends by itself, or a store that fails, ends the process with an error.

mod accounts;
mod idle;
mod keeper;
mod opener;
mod reader;
mod status;
mod workers;

pub use accounts::one_line;

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use accounts::{Accounts, Parts};
use opener::Opener;

use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::github;
use crate::groups::{self, Groups};
use crate::logging::LogHandle;
use crate::notify::{Notifier, Watchdog};
use crate::policy::Rules;
use crate::queue::Queue;
use crate::server::{self, Listener, listener};
use crate::service::Service;
use crate::shutdown::Shutdown;
use crate::store::Options;
use crate::worker::{Lanes, Shared};

/// How long a lock that another process holds is waited for at the start.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// How long replies may take to leave when the store has failed: nothing else is worth waiting
/// for, and the next start finds out what is on disk.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How the process is configured, and where that came from.
#[derive(Debug)]
pub struct Setup {
    /// What is in force.
    pub config: Config,
    /// Where a reload reads it again.
    pub sources: Sources,
    /// Its level changes with a reload.
    pub log: LogHandle,
}

/// What the process was given by its surroundings.
pub struct Surroundings {
    /// The sockets that systemd passed.
    pub fds: Vec<OwnedFd>,
    /// The user it runs as.
    pub euid: u32,
    /// Which host this is, where it says.
    pub machine: Option<String>,
    /// Somebody restarts us: systemd.
    pub supervised: bool,
    /// The running program itself.
    pub program: Option<PathBuf>,
    /// How users' groups are found: [`groups::lookup`].
    pub groups: groups::Lookup,
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
pub fn run(setup: Setup, surroundings: Surroundings) -> Result<u8, AppError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(serve(setup, surroundings));
    // A connection that does not end must not keep the process.
    runtime.shutdown_background();
    ended
}

/// A socket of systemd's has the mode that its unit says, which may not be what was meant.
fn check_socket(listener: &Listener, is_public: bool) {
    match (listener.is_open_to_all(), is_public) {
        (Some(true), false) => tracing::error!(
            "everybody may connect to the socket, and without public_status whoever connects may \
             post: set SocketMode=0660 in comenq.socket, or public_status = true"
        ),
        (Some(false), true) => tracing::warn!(
            "public_status is true, but the socket is for its owner and group alone: set \
             SocketMode=0666 in comenq.socket"
        ),
        _ => {}
    }
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

async fn serve(setup: Setup, surroundings: Surroundings) -> Result<u8, AppError> {
    let config = setup.config;
    let shutdown = Shutdown::install()?;
    let clock = Arc::new(Clock::system());
    let notifier = Notifier::system();
    let is_public = config.access.public_status;
    let listener = listener::open(surroundings.fds, &config.socket_path, is_public)?;
    check_socket(&listener, is_public);
    let queue = Queue::new(Arc::clone(&clock), epoch());
    let watchdog = Arc::new(Watchdog::system(notifier.clone(), Arc::clone(&clock)));
    let options = Options {
        path: config.queue_path.clone(),
        lock_patience: LOCK_PATIENCE,
        machine: surroundings.machine,
        hold_restored_jobs: config.hold_restored_jobs,
        clock: Arc::clone(&clock),
        program: surroundings.program,
        observer: Some(queue.observer()),
    };
    let opener = Opener::new(queue.clone(), options, Arc::clone(&watchdog));
    let mut daemon = Daemon::new(shutdown, notifier.clone(), queue.clone(), opener.failed());
    let stop = daemon.shutdown.token();
    tokio::select! {
        () = notifier.extending(opener.try_once()) => {}
        () = stop.cancelled() => {}
    }

    let now = clock.wall();
    let settings = accounts::service_settings(&config, surroundings.euid, now, now);
    let rules = Rules::new(config.policy.clone());
    let service = Arc::new(Service::new(
        queue.clone(),
        Arc::clone(&clock),
        rules.clone(),
        Arc::clone(&watchdog),
        Groups::new(surroundings.groups, Arc::clone(&clock)),
        settings,
    ));
    let (keep, kept) = watch::channel(accounts::keep(&config));
    let (limits, limits_in_force) = watch::channel(accounts::limits(&config));
    let (idle_exit, idle_span) = watch::channel(config.idle_exit);
    let (presence, leave) = server::presence::presence();
    let leave = listener.is_inherited().then_some(leave);
    let parts = Parts {
        sources: setup.sources,
        log: setup.log,
        clock: Arc::clone(&clock),
        notifier: notifier.clone(),
        service: Arc::clone(&service),
        keep,
        limits,
        idle_exit,
    };
    let shared = Shared {
        queue: queue.clone(),
        lanes: Lanes::default(),
        rules,
    };
    let accounts = Accounts::start(parts, config, shared, Arc::clone(&watchdog), stop.clone())?;
    let accept = watchdog.register("accept");
    let serving = server::run(
        listener,
        Arc::clone(&service),
        limits_in_force,
        presence,
        accept,
        stop.clone(),
    );
    daemon.part("the accept loop", async move {
        if let Err(error) = serving.await {
            tracing::error!("cannot serve: {error}");
        }
    });
    let working = accounts.run(daemon.shutdown.reload_requested(), stop.clone());
    daemon.part("a worker", working);
    let keeping = keeper::keep_house(queue.clone(), clock, kept, stop.clone());
    daemon.part("keeping house", keeping);
    let ending = idle::watch(queue.clone(), leave, idle_span, stop.clone());
    daemon.part("watching for the end", ending);
    daemon.part("opening the queue", opener.keep_trying(stop));
    let end = daemon.end.clone();
    daemon.watcher("the watchdog", async move { watchdog.run(end).await });
    let line = status::show(queue, service, notifier.clone(), daemon.end.clone());
    daemon.watcher("the status line", line);
    notifier.ready();
    tracing::info!("comenqd {} is ready", env!("CARGO_PKG_VERSION"));
    daemon.run(surroundings.supervised).await
}

impl Daemon {
    fn new(shutdown: Shutdown, notifier: Notifier, queue: Queue, failed: opener::Failed) -> Self {
        Self {
            shutdown,
            notifier,
            queue,
            failed,
            parts: JoinSet::new(),
            watchers: JoinSet::new(),
            end: CancellationToken::new(),
        }
    }

    fn part(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        self.parts.spawn(named(name, part));
    }

    fn watcher(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        self.watchers.spawn(named(name, part));
    }

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
                // A POST under way may take longer than systemd waits by itself.
                let notifier = self.notifier.clone();
                let clean = notifier.extending(self.stop_parts()).await;
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

/// What tells this run's events from those of another: below 2^53, so that JSON can hold it.
fn epoch() -> u64 {
    fastrand::u64(1..1 << 53)
}

async fn named(name: &'static str, part: impl Future<Output = ()>) -> &'static str {
    part.await;
    name
}

fn part_ended(ended: &Result<&'static str, tokio::task::JoinError>) -> AppError {
    AppError::PartEnded(ended.as_ref().copied().unwrap_or("a part that panicked"))
}
