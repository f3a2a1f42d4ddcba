//! One worker for each account, for as long as the configuration has it.
//!
//! Decides which workers a new configuration replaces. A worker that is replaced finishes what it
//! does, with the client it has; the next one of its account begins when it is over.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::{AccountConfig, Config};
use crate::github::{self, Http};
use crate::notify::Watchdog;
use crate::pacer::Pace;
use crate::retry::{self, Policy};
use crate::worker::{Settings, Shared, Worker};

/// Builds workers and knows those that run.
pub(super) struct Workers {
    shared: Shared,
    /// The process's; those of the hosts are made from it.
    clock: Arc<Clock>,
    clocks: BTreeMap<String, Arc<Clock>>,
    watchdog: Arc<Watchdog>,
    tracker: TaskTracker,
    stop: CancellationToken,
    running: BTreeMap<String, Running>,
    /// Those whose account is no longer served, until it comes back.
    leaving: BTreeMap<String, Running>,
}

/// What a worker was built from, and how it is ended.
struct Running {
    settings: Settings,
    stop: CancellationToken,
    /// Dropped when the worker has ended.
    ended: oneshot::Receiver<()>,
}

/// A worker that is about to run.
pub(super) struct Planned {
    settings: Settings,
    clock: Arc<Clock>,
    github: Http,
}

impl Workers {
    pub(super) fn new(
        shared: Shared,
        clock: Arc<Clock>,
        watchdog: Arc<Watchdog>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            shared,
            clock,
            clocks: BTreeMap::new(),
            watchdog,
            tracker: TaskTracker::new(),
            stop,
            running: BTreeMap::new(),
            leaving: BTreeMap::new(),
        }
    }

    /// What a configuration's accounts need, built but not running: whatever is wrong is known
    /// before anything changes.
    ///
    /// # Errors
    /// Which account's client cannot work as configured.
    pub(super) fn plan(&mut self, config: &Config) -> Result<Vec<Planned>, github::SettingsError> {
        let mut planned = Vec::new();
        for account in &config.accounts {
            let settings = worker_settings(config, account);
            let clock = self.clocks.entry(settings.host.clone());
            let clock = clock.or_insert_with(|| Arc::new(Clock::of_host(&self.clock)));
            planned.push(Planned {
                github: Http::new(github_settings(config, account), Arc::clone(clock))?,
                clock: Arc::clone(clock),
                settings,
            });
        }
        Ok(planned)
    }

    /// Puts these in the place of those that run. Who did not change goes on undisturbed.
    pub(super) fn apply(&mut self, planned: Vec<Planned>) {
        let first = planned.iter().map(|it| it.settings.first_report());
        let first = first.collect();
        let mut before = std::mem::take(&mut self.running);
        for planned in planned {
            let name = planned.settings.account.clone();
            let old = before.remove(&name).or_else(|| self.leaving.remove(&name));
            let running = match old {
                Some(old) if old.settings == planned.settings && !old.stop.is_cancelled() => old,
                old => self.start(planned, old),
            };
            self.running.insert(name, running);
        }
        for (name, gone) in before {
            tracing::warn!(
                account = name,
                "account \"{name}\" is not in the configuration any more: its jobs wait until it is \
                 again"
            );
            gone.stop.cancel();
            // It may still be posting when its account comes back.
            self.leaving.insert(name, gone);
        }
        self.shared.queue.set_accounts(first);
    }

    fn start(&self, planned: Planned, old: Option<Running>) -> Running {
        let Planned {
            settings,
            clock,
            github,
        } = planned;
        let stop = self.stop.child_token();
        let (over, ended) = oneshot::channel();
        let (shared, watchdog) = (self.shared.clone(), Arc::clone(&self.watchdog));
        let (token, kept) = (stop.clone(), settings.clone());
        self.tracker.spawn(async move {
            if let Some(old) = old {
                old.stop.cancel();
                // It never sends: it is dropped.
                drop(old.ended.await);
            }
            // Under watch from now on: it did not answer while it waited.
            let pulse = watchdog.register_for("worker", settings.account.clone());
            let dice = fastrand::Rng::new();
            let worker = Worker::new(shared, github, clock, settings, pulse, dice);
            worker.run(token).await;
            drop(over);
        });
        Running {
            settings: kept,
            stop,
            ended,
        }
    }

    /// Tells all of them to stop: one has failed, and the process is about to end.
    pub(super) fn stop_all(&self) {
        for running in self.running.values() {
            running.stop.cancel();
        }
    }

    /// Waits for all of them, after the stop.
    pub(super) async fn end(self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Ready when one has ended by itself.
    pub(super) async fn failed(&mut self) {
        if self.running.is_empty() {
            return std::future::pending().await;
        }
        let ended = self
            .running
            .values_mut()
            .map(|running| Box::pin(&mut running.ended));
        let mut ended: Vec<_> = ended.collect();
        std::future::poll_fn(|context| {
            for one in &mut ended {
                if one.as_mut().poll(context).is_ready() {
                    return std::task::Poll::Ready(());
                }
            }
            std::task::Poll::Pending
        })
        .await;
    }
}

fn github_settings(config: &Config, account: &AccountConfig) -> github::Settings {
    github::Settings {
        api_url: account.api_url.clone(),
        credential: account.credential.clone(),
        timeout: config.github_api_timeout,
        user_agent: format!("comenqd/{}", env!("CARGO_PKG_VERSION")),
    }
}

fn worker_settings(config: &Config, account: &AccountConfig) -> Settings {
    Settings {
        account: account.name.to_string(),
        host: account.api_url.host(),
        api_url: account.api_url.as_str().to_owned(),
        token_source: account.credential_source.clone(),
        token_trouble: account.credential_trouble.clone(),
        remedy: account.remedy.to_owned(),
        manager: config.manager,
        marker: account.marker,
        pace: Pace {
            cooldown: account.cooldown,
            floor: account.api_url.least_cooldown(),
            jitter: account.jitter,
            look_delay: config.look_delay,
            longest_wait: retry::longest_wait(config.backoff_max),
            token_tag: tag(account),
        },
        policy: Policy {
            backoff_min: config.backoff_min,
            backoff_max: config.backoff_max,
            max_attempts: config.max_attempts,
            max_age: config.max_age,
        },
        request_timeout: config.github_api_timeout,
    }
}

/// What a blocked account waited for is over when this changes: another credential, or another
/// comenqd, for GitHub retires versions of its API.
fn tag(account: &AccountConfig) -> u64 {
    account.credential.tag() ^ u64::from(crc32fast::hash(env!("CARGO_PKG_VERSION").as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::api_url::ApiUrl;
    use crate::clock::Clock;
    use crate::clock::tests::Hands;
    use crate::github::Credential;
    use crate::manager::Manager;
    use crate::notify::Notifier;
    use crate::policy::Rules;
    use crate::queue::{Phase, Queue, sample_lane};
    use crate::worker::Lanes;

    fn planned(clock: &Arc<Clock>, name: &str, source: Option<&str>) -> Planned {
        let github = github::Settings {
            api_url: ApiUrl::parse("http://127.0.0.1:1").unwrap(),
            credential: Credential::None,
            timeout: Duration::from_secs(1),
            user_agent: "test".to_owned(),
        };
        let settings = Settings {
            account: name.to_owned(),
            host: "127.0.0.1:1".to_owned(),
            api_url: String::new(),
            token_source: source.map(str::to_owned),
            token_trouble: None,
            remedy: "systemctl restart comenqd".to_owned(),
            manager: Manager::System,
            marker: false,
            pace: sample_lane(Phase::Idle).pace,
            policy: Policy {
                backoff_min: Duration::from_secs(60),
                backoff_max: Duration::from_secs(3600),
                max_attempts: 3,
                max_age: Duration::from_secs(3600),
            },
            request_timeout: Duration::from_secs(1),
        };
        Planned {
            settings,
            github: Http::new(github, Arc::clone(clock)).unwrap(),
            clock: Arc::clone(clock),
        }
    }

    #[tokio::test]
    async fn an_account_without_a_token_is_shown_but_takes_no_turn() {
        let clock = Arc::new(Clock::new(Hands::new(1, Duration::from_secs(1000))));
        let shared = Shared {
            queue: Queue::new(Arc::clone(&clock), 1),
            lanes: Lanes::default(),
            rules: Rules::default(),
        };
        let watchdog = Watchdog::new(Notifier::system(), Arc::clone(&clock), None);
        let stop = CancellationToken::new();
        let own = Arc::clone(&clock);
        let mut workers = Workers::new(shared.clone(), own, Arc::new(watchdog), stop.clone());
        let both = [("default", Some("a file")), ("bare", None)];
        let both = both.map(|(name, source)| planned(&clock, name, source));
        workers.apply(both.into());
        assert_eq!(shared.queue.accounts(), [("default".to_owned(), 1)]);
        let bare = shared.queue.lane("bare").unwrap();
        assert_eq!(bare.phase, Phase::NoToken);
        stop.cancel();
        workers.end().await;
    }
}
