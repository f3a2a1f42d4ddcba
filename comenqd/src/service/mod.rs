//! What each endpoint means.
//!
//! Decides nothing itself: it finds the verb, checks the role, decodes the body and encodes the
//! reply. The server calls it with bytes; the verbs, one file each, speak to the queue. Wire types
//! end here: the queue never sees one.

mod account;
mod account_resume;
mod audit;
mod authorize;
mod change;
mod check;
mod condition;
mod error;
mod fitting;
mod forecast;
mod get;
mod halting;
mod health;
mod job_purge;
mod list;
mod metrics;
mod ping;
mod post_now;
mod queue_drain;
mod queue_pause;
mod queue_resume;
mod reply_size;
mod retry_failed;
mod status;
mod store_export;
mod submission;
mod submit;
mod subscribe;
mod traffic;
mod view;

use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use authorize::Caller;
use comenq_proto::{
    AccountResume, Degraded, ErrorCode, Forecast, Health, JobBump, JobCancel, JobCheck, JobEdit,
    JobGet, JobHold, JobId, JobList, JobPurge, JobRelease, JobRetry, JobRetryFailed, JobSubmit,
    JobSubmitBatch, Metrics, Ping, PostNow, QueueDrain, QueuePause, QueueResume, Request, Role,
    Status, StoreExport, Subscribe, WireError, from_slice, to_bytes,
};

use crate::clock::{Clock, UnixMs};
use crate::groups::Groups;
use crate::notify::Watchdog;
use crate::policy::{Access, Rules};
use crate::queue::Queue;
use crate::server::{EventSource, Handler, Peer, Reply, Traffic};

/// What the service must know of the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The accounts that post.
    pub accounts: Vec<Account>,
    /// Longest comment accepted, in characters.
    pub max_body_chars: usize,
    /// The user the daemon runs as: an admin beside root.
    pub own_uid: u32,
    /// Who may do what.
    pub access: Access,
    /// When the process started.
    pub started_at: UnixMs,
    /// When the configuration was loaded.
    pub loaded_at: UnixMs,
    /// Why a newer configuration is not in force.
    pub config_error: Option<String>,
    /// What of the configuration takes effect only with a restart, in words.
    pub waits_for_restart: Vec<String>,
}

/// An account as those see it who submit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// The host of links to its issues; `None`: any (an API on this machine).
    pub web_host: Option<String>,
    /// Characters that it adds to each comment.
    pub marker_chars: usize,
}

impl Settings {
    /// The account of that name. A job may have one that is no longer configured.
    fn account(&self, name: &str) -> Account {
        let known = self.accounts.iter().find(|account| account.name == name);
        known.cloned().unwrap_or_default()
    }
}

/// Answers the requests of all connections.
pub struct Service {
    queue: Queue,
    clock: Arc<Clock>,
    rules: Rules,
    /// Knows which parts of the daemon answer.
    watchdog: Arc<Watchdog>,
    counters: traffic::Counters,
    /// When this began, by the clock that does not jump.
    began: Duration,
    /// Jobs that nobody posts, and when they were last counted.
    stranded: Mutex<Option<(Duration, condition::Stranded)>>,
    groups: Groups,
    settings: RwLock<Arc<Settings>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("settings", &self.settings())
            .finish_non_exhaustive()
    }
}

impl Service {
    /// A service over `queue`.
    #[must_use]
    pub fn new(
        queue: Queue,
        clock: Arc<Clock>,
        rules: Rules,
        watchdog: Arc<Watchdog>,
        groups: Groups,
        settings: Settings,
    ) -> Self {
        Self {
            queue,
            began: clock.boottime(),
            clock,
            rules,
            watchdog,
            counters: traffic::Counters::default(),
            stranded: Mutex::default(),
            groups,
            settings: RwLock::new(Arc::new(settings)),
        }
    }

    /// What is in force. Ask once for a whole request.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other settings in force.
    pub fn set_settings(&self, settings: Settings) {
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// What is wrong, for whoever shows it; without what only administrators may see.
    pub async fn degraded(&self) -> Vec<Degraded> {
        let settings = self.settings();
        condition::examine(self, &settings, false).await.degraded
    }

    fn stranded(&self) -> MutexGuard<'_, Option<(Duration, condition::Stranded)>> {
        self.stranded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn uptime(&self) -> Duration {
        self.clock.boottime().saturating_sub(self.began)
    }
}

impl Handler for Service {
    fn note(&self, traffic: Traffic<'_>) {
        self.counters.count(traffic);
    }

    async fn role(&self, peer: &Peer) -> Role {
        let settings = self.settings();
        authorize::role(peer, settings.own_uid, &settings.access, &self.groups).await
    }

    fn largest_reply(&self, endpoint: &str) -> usize {
        reply_size::of(endpoint)
    }

    async fn handle(&self, peer: &Peer, endpoint: &str, _: u64, body: &[u8]) -> Reply {
        let role = self.role(peer).await;
        let access = self.settings().access;
        let reply = match authorize::check(role, endpoint, &access) {
            Ok(()) => {
                let uid = peer.uid;
                self.answer(Caller { uid, role }, endpoint, body).await
            }
            Err(refusal) => Reply::refused(refusal),
        };
        if !authorize::is_audited(endpoint) {
            return reply;
        }
        audit::complete(reply, body)
    }
}

impl Service {
    /// One line a verb.
    async fn answer(&self, caller: Caller, endpoint: &str, body: &[u8]) -> Reply {
        match endpoint {
            JobSubmit::ENDPOINT => call(body, |it| submit::submit(self, caller, it)).await,
            JobSubmitBatch::ENDPOINT => {
                call(body, |it| submit::submit_batch(self, caller, it)).await
            }
            JobCheck::ENDPOINT => call(body, |it| check::check(self, caller, it)).await,
            JobGet::ENDPOINT => call(body, |it| get::get(self, caller, it)).await,
            JobList::ENDPOINT => call(body, |it| list::list(self, caller, it)).await,
            JobCancel::ENDPOINT => call(body, |it| change::cancel(self, caller, it)).await,
            JobEdit::ENDPOINT => call(body, |it| change::edit(self, caller, it)).await,
            JobHold::ENDPOINT => call(body, |it| change::hold(self, caller, it)).await,
            JobRelease::ENDPOINT => call(body, |it| change::release(self, caller, it)).await,
            JobRetry::ENDPOINT => call(body, |it| change::retry(self, caller, it)).await,
            JobBump::ENDPOINT => call(body, |it| change::bump(self, caller, it)).await,
            JobRetryFailed::ENDPOINT => {
                call(body, |it| retry_failed::retry_failed(self, caller, it)).await
            }
            PostNow::ENDPOINT => call(body, |it| post_now::post_now(self, it)).await,
            JobPurge::ENDPOINT => call(body, |it| job_purge::job_purge(self, it)).await,
            QueuePause::ENDPOINT => {
                call(body, |it| queue_pause::queue_pause(self, caller, it)).await
            }
            QueueResume::ENDPOINT => call(body, |it| queue_resume::queue_resume(self, it)).await,
            QueueDrain::ENDPOINT => {
                call(body, |it| queue_drain::queue_drain(self, caller, it)).await
            }
            AccountResume::ENDPOINT => {
                call(body, |it| account_resume::account_resume(self, it)).await
            }
            StoreExport::ENDPOINT => call(body, |it| store_export::store_export(self, it)).await,
            Status::ENDPOINT => call(body, |_: Status| status::status(self, caller)).await,
            Ping::ENDPOINT => call(body, |_: Ping| ping::ping()).await,
            Health::ENDPOINT => call(body, |_: Health| health::health(self, caller)).await,
            Metrics::ENDPOINT => call(body, |_: Metrics| metrics::metrics(self)).await,
            Forecast::ENDPOINT => call(body, |it| forecast::forecast(self, it)).await,
            Subscribe::ENDPOINT => {
                let mut events = None;
                let reply = call(body, |it| ready(begin(self, caller, &it, &mut events))).await;
                Reply { events, ..reply }
            }
            _ => Reply::refused(authorize::unknown_endpoint()),
        }
    }
}

/// A verb's reply, and what the log says of it.
#[derive(Debug)]
struct Answer<T> {
    reply: T,
    job_id: Option<u64>,
    changed: Option<String>,
}

impl<T> Answer<T> {
    fn of(reply: T) -> Self {
        Self {
            reply,
            job_id: None,
            changed: None,
        }
    }

    fn about(id: JobId, reply: T) -> Self {
        Self {
            job_id: Some(id.get()),
            ..Self::of(reply)
        }
    }

    fn changing(self, changed: Option<String>) -> Self {
        Self { changed, ..self }
    }
}

/// Begins a stream of events, which the server carries once the reply has left.
fn begin(
    service: &Service,
    caller: Caller,
    request: &Subscribe,
    events: &mut Option<Box<dyn EventSource>>,
) -> Result<Answer<comenq_proto::SubscribeReply>, WireError> {
    let (answer, source) = subscribe::subscribe(service, caller, request)?;
    *events = Some(source);
    Ok(answer)
}

/// From a request's bytes over its verb to the reply's bytes.
async fn call<R, F>(body: &[u8], verb: impl FnOnce(R) -> F) -> Reply
where
    R: Request,
    F: Future<Output = Result<Answer<R::Reply>, WireError>>,
{
    let request = match from_slice::<R>(body) {
        Ok(request) => request,
        Err(error) => {
            let text = format!("the body is not a {}: {error}", R::ENDPOINT);
            return Reply::refused(WireError::new(ErrorCode::BadRequest, text));
        }
    };
    match verb(request).await {
        Ok(answer) => Reply {
            result: to_bytes(&answer.reply).map_err(|error| {
                tracing::error!(%error, "cannot encode a reply");
                WireError::new(ErrorCode::Internal, error.to_string())
            }),
            job_id: answer.job_id,
            changed: answer.changed,
            events: None,
            audited: false,
        },
        Err(refusal) => Reply::refused(refusal),
    }
}
