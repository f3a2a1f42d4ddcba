//! The accounts at work, and the configuration that is in force.
//!
//! Decides what a reload changes: accounts, pace, rules, limits and the log's level, together. A
//! configuration that cannot be used changes nothing; the log and `status` say why. Ends with the
//! workers.

use std::sync::Arc;
use std::time::Duration;

use comenq_proto::DegradedCode;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::reader::Reader;
use super::workers::{Planned, Workers};
use crate::catalogue;
use crate::clock::{Clock, UnixMs};
use crate::config::{self, Config, Sources};
use crate::github::SettingsError;
use crate::github::look::Marker;
use crate::logging::LogHandle;
use crate::notify::{Notifier, Watchdog};
use crate::server::{self, Limits};
use crate::service::{self, Account, Service};
use crate::store::Keep;
use crate::worker::Shared;

/// Where a configuration comes from, and where it goes beside the workers.
pub(super) struct Parts {
    pub(super) sources: Sources,
    pub(super) log: LogHandle,
    pub(super) clock: Arc<Clock>,
    pub(super) notifier: Notifier,
    pub(super) service: Arc<Service>,
    pub(super) keep: watch::Sender<Keep>,
    pub(super) limits: watch::Sender<Limits>,
    pub(super) idle_exit: watch::Sender<Option<Duration>>,
}

/// The accounts at work.
pub(super) struct Accounts {
    parts: Parts,
    config: Config,
    shared: Shared,
    workers: Workers,
    reader: Reader<Config>,
}

impl Accounts {
    /// Starts a worker for each account.
    ///
    /// # Errors
    /// An account whose client cannot work as configured.
    pub(super) fn start(
        parts: Parts,
        config: Config,
        shared: Shared,
        watchdog: Arc<Watchdog>,
        stop: CancellationToken,
    ) -> Result<Self, SettingsError> {
        let clock = Arc::clone(&parts.clock);
        let mut workers = Workers::new(shared.clone(), clock, watchdog, stop);
        let planned = workers.plan(&config)?;
        workers.apply(planned);
        Ok(Self {
            parts,
            config,
            shared,
            workers,
            reader: Reader::default(),
        })
    }

    /// Reloads whenever `wishes` changes, until `stop`; then waits for the workers. Returns early
    /// if one ends by itself.
    pub(super) async fn run(mut self, mut wishes: watch::Receiver<u64>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.workers.failed() => {
                    // The others finish what they do before the queue is closed.
                    self.workers.stop_all();
                    break;
                }
                Ok(()) = wishes.changed() => {
                    self.parts.notifier.reloading();
                    let sources = self.parts.sources.clone();
                    let load = move || config::load(&sources).map_err(|error| error.to_string());
                    let Some(loaded) = self.reader.read(&stop, load).await else {
                        break;
                    };
                    self.reload(loaded);
                    self.parts.notifier.ready();
                }
            }
        }
        self.workers.end().await;
    }

    fn reload(&mut self, loaded: Result<Config, String>) {
        let planned = loaded.and_then(|config| {
            let planned = self.workers.plan(&config).map_err(|it| it.to_string())?;
            Ok((config, planned))
        });
        match planned {
            Ok((config, planned)) => self.take_over(config, planned),
            Err(reason) => self.refuse(reason),
        }
    }

    fn refuse(&self, reason: String) {
        tracing::error!(
            message_id = catalogue::CONFIG_REFUSED,
            code = DegradedCode::ConfigRefused.as_str(),
            "the configuration was not reloaded, what was in force still is: {reason}"
        );
        let settings = service::Settings {
            config_error: Some(reason),
            ..(*self.parts.service.settings()).clone()
        };
        self.parts.service.set_settings(settings);
    }

    fn take_over(&mut self, config: Config, planned: Vec<Planned>) {
        let waiting = self.config.unreloadable_differences(&config);
        for stays in &waiting {
            tracing::warn!("reload: {stays}");
        }
        let config = config.as_reloaded(&self.config);
        for fixed in config.fixed_credentials() {
            tracing::info!("reload: {fixed}");
        }
        if let Err(error) = self.parts.log.set_level(config.log_level) {
            tracing::warn!("reload: {error}");
        }
        let before = self.parts.service.settings();
        let now = self.parts.clock.wall();
        let settings = service::Settings {
            waits_for_restart: waiting,
            ..service_settings(&config, before.own_uid, before.started_at, now)
        };
        self.shared.rules.set(config.policy.clone());
        self.parts.service.set_settings(settings);
        self.parts.keep.send_replace(keep(&config));
        self.parts.limits.send_replace(limits(&config));
        // Only a change begins the idle time anew.
        self.parts
            .idle_exit
            .send_if_modified(|span| std::mem::replace(span, config.idle_exit) != config.idle_exit);
        self.workers.apply(planned);
        tracing::info!("configuration reloaded: {}", one_line(&config));
        self.config = config;
    }
}

/// A configuration as the log shows it.
#[must_use]
pub fn one_line(config: &Config) -> String {
    let text = config.render();
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

pub(super) fn keep(config: &Config) -> Keep {
    Keep {
        jobs: config.keep_finished_jobs,
        age: config.keep_finished,
    }
}

/// The server's limits: the protocol's, what the configuration changes of them, and both within the
/// descriptors this process may open.
pub(super) fn limits(config: &Config) -> Limits {
    let serving = config.serving;
    let chosen = Limits {
        connections: serving.max_connections,
        user_connections: serving.max_connections_per_user,
        requests_per_second: serving.max_requests_per_second,
        violations_per_minute: serving.max_violations_per_minute,
        refusal: serving.refusal,
        idle_timeout: serving.idle_timeout,
        ..Limits::new(usize::MAX)
    };
    chosen.within(server::descriptors())
}

pub(super) fn service_settings(
    config: &Config,
    own_uid: u32,
    started_at: UnixMs,
    loaded_at: UnixMs,
) -> service::Settings {
    let account = |account: &config::AccountConfig| Account {
        name: account.name.to_string(),
        web_host: account.api_url.web_host(),
        marker_chars: if account.marker {
            Marker::MAX_CHARACTERS
        } else {
            0
        },
    };
    service::Settings {
        accounts: config.accounts.iter().map(account).collect(),
        max_body_chars: config.max_body_chars,
        own_uid,
        access: config.access,
        started_at,
        loaded_at,
        config_error: None,
        waits_for_restart: Vec::new(),
    }
}
