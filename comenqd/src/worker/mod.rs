//! The outbound loop of one account: what the pacer says, the worker does.
//!
//! Decides nothing by itself: `pacer` says what is next, `github` does it, `retry` judges the
//! outcome, the queue's store keeps it. Started by `app`, told nothing by anybody but the queue.
//!
//! It must never be aborted while a POST runs: on a stop it finishes what it does and returns.

mod look;
mod post;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, UnixMs};
use crate::github::{GitHub, Identity, Trouble, TroubleKind};
use crate::notify::Pulse;
use crate::pacer::{self, Pace, Plan};
use crate::queue::{LaneReport, Phase, Queue, QueueError};
use crate::retry::{self, LaneWait, Policy};
use crate::store::{Agenda, KnownIdentity, LaneKey, Wait, WaitKind};

/// How long to leave the store alone after it could not be used.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// The longest sleep: a job may be cancelled, the machine suspended, the clocks learn.
const GLANCE: Duration = Duration::from_secs(2);

/// How long one operation of the store may take: its commit's deadline and some.
const STORE_DEADLINE: Duration = Duration::from_secs(65);

/// How old GitHub's time may be when an attempt begins: its comment is looked for by that time.
const FRESH: Duration = Duration::from_secs(60);

/// What a request takes at most beyond its own timeout.
const REQUEST_GRACE: Duration = Duration::from_secs(5);

/// What the worker must know of the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account it posts for.
    pub account: String,
    /// The API's host.
    pub host: String,
    /// Where the token comes from; for people.
    pub token_source: Option<String>,
    /// The lane's times.
    pub pace: Pace,
    /// How patient it is.
    pub policy: Policy,
    /// How long one request may take.
    pub request_timeout: Duration,
}

impl Settings {
    /// What is known of the lane before anything happened.
    #[must_use]
    pub fn first_report(&self) -> LaneReport {
        LaneReport {
            account: self.account.clone(),
            host: self.host.clone(),
            login: None,
            token_source: self.token_source.clone(),
            cooldown: self.pace.cooldown,
            phase: if self.token_source.is_some() {
                Phase::Idle
            } else {
                Phase::NoToken
            },
            reason: None,
            next_post_at: None,
        }
    }
}

/// When to look at the queue again.
enum Next {
    /// At once.
    Now,
    /// Then, whatever happens in between.
    After(Duration),
    /// Then, or when the queue changes.
    AfterOrWoken(Duration),
}

/// Posts the jobs of one account.
pub struct Worker<G> {
    queue: Queue,
    github: G,
    clock: Arc<Clock>,
    settings: Settings,
    pulse: Pulse,
    identity: Option<Identity>,
    report: LaneReport,
    stop: CancellationToken,
}

impl<G> std::fmt::Debug for Worker<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl<G: GitHub> Worker<G> {
    /// A worker over its parts.
    pub fn new(
        queue: Queue,
        github: G,
        clock: Arc<Clock>,
        settings: Settings,
        pulse: Pulse,
    ) -> Self {
        let report = settings.first_report();
        Self {
            queue,
            github,
            clock,
            settings,
            pulse,
            identity: None,
            report,
            stop: CancellationToken::new(),
        }
    }

    /// Works until `stop`. Returns only between two things: a running POST is finished and its
    /// outcome stored. A running look is dropped: it can be made again.
    pub async fn run(mut self, stop: CancellationToken) {
        let queue = self.queue.clone();
        self.stop = stop.clone();
        while !stop.is_cancelled() {
            self.pulse.busy_for(STORE_DEADLINE);
            // Registered before looking: what is queued from here on wakes us.
            let woken = queue.woken();
            let next = match self.step().await {
                Ok(next) => next,
                Err(QueueError::Unavailable(_)) => Next::AfterOrWoken(STORE_RETRY),
                Err(error) => self.queue_failed(&error),
            };
            let (span, wakeable) = match next {
                Next::Now => continue,
                Next::After(span) => (span, false),
                Next::AfterOrWoken(span) => (span, true),
            };
            self.pulse.beat();
            let glance = span.min(GLANCE).min(self.pulse.period());
            tokio::select! {
                () = stop.cancelled() => {}
                () = woken, if wakeable => {}
                () = tokio::time::sleep(glance) => {}
            }
        }
    }

    /// Says so once, and where people look: nothing is posted until somebody mends it.
    fn queue_failed(&mut self, error: &QueueError) -> Next {
        let reason = format!("the queue cannot be used: {error}");
        if self.report.reason.as_deref() != Some(&reason) {
            tracing::error!("nothing is posted: {reason}");
        }
        self.show(Phase::Blocked, Some(reason), None);
        Next::After(STORE_RETRY)
    }

    async fn step(&mut self) -> Result<Next, QueueError> {
        if self.settings.token_source.is_none() {
            return Ok(Next::After(GLANCE));
        }
        let (account, host) = (self.settings.account.clone(), self.settings.host.clone());
        let agenda = self
            .queue
            .store()?
            .agenda(account, host, self.clock.wall())
            .await?;
        for (id, why) in &agenda.damaged {
            tracing::error!(
                job_id = id.get(),
                "job #{id} cannot be looked for, its target waits: {why}"
            );
        }
        let is_fresh = self.clock.github_age().is_some_and(|age| age <= FRESH);
        let identified = self.identity.is_some() && is_fresh;
        let plan = pacer::plan(&agenda, &self.clock, &self.settings.pace, identified);
        if !matches!(plan, Plan::LaneWaits { .. }) {
            self.leave_wait();
        }
        match plan {
            Plan::LaneWaits { wait, left } => {
                self.show(phase_of(wait.kind), Some(wait.reason), Some(left));
                Ok(Next::After(left))
            }
            Plan::AskIdentity => self.ask_identity(&agenda).await,
            Plan::Look(job) => self.look(&agenda, *job).await,
            Plan::Post => self.post(&agenda).await,
            Plan::NotYet { left, slot } => {
                let phase = if slot.is_some() {
                    Phase::WaitingForPace
                } else {
                    Phase::Idle
                };
                self.show(phase, None, slot);
                // With a job ready, one more changes nothing before the slot.
                Ok(if slot.is_some() {
                    Next::After(left)
                } else {
                    Next::AfterOrWoken(left)
                })
            }
            Plan::Idle { due, slot } => {
                self.show(Phase::Idle, None, Some(slot));
                let now = self.clock.wall();
                Ok(Next::AfterOrWoken(due.map_or(GLANCE, |due| due.since(now))))
            }
        }
    }

    /// Asks who we are, which also tells GitHub's time: the cheap request that goes first, and the
    /// probe after every trouble.
    async fn ask_identity(&mut self, agenda: &Agenda) -> Result<Next, QueueError> {
        self.pulse
            .busy_for(self.settings.request_timeout.saturating_add(REQUEST_GRACE));
        let answered = self.github.who_am_i().await;
        match answered.value {
            Ok(identity) => {
                let known = KnownIdentity {
                    host: self.settings.host.clone(),
                    user_id: identity.user_id,
                    login: identity.login.clone(),
                };
                if agenda.identity.as_ref() != Some(&known) || self.report.login.is_none() {
                    tracing::info!(
                        account = self.settings.account,
                        "posting as {} (user {}) at {}",
                        known.login,
                        known.user_id,
                        known.host
                    );
                }
                self.pulse.busy_for(STORE_DEADLINE);
                let store = self.queue.store()?;
                store
                    .set_identity(self.settings.account.clone(), known)
                    .await?;
                self.report.login = Some(identity.login.clone());
                self.identity = Some(identity);
            }
            Err(trouble) => self.wait_for(agenda, &trouble).await?,
        }
        Ok(Next::Now)
    }

    /// Makes the lane wait for a trouble that no attempt met.
    async fn wait_for(&mut self, agenda: &Agenda, trouble: &Trouble) -> Result<(), QueueError> {
        let strikes = agenda.lane.strikes_of(kind_of(trouble.kind));
        let wait = retry::lane_wait(trouble, strikes, &self.settings.policy);
        self.announce(&wait);
        let lane = self.lane_key(agenda);
        self.queue.store()?.set_wait(lane, self.wait(wait)).await
    }

    fn lane_key(&self, agenda: &Agenda) -> LaneKey {
        let known = self.identity.as_ref().map(|identity| identity.user_id);
        let last = agenda.identity.as_ref().map(|identity| identity.user_id);
        LaneKey {
            host: self.settings.host.clone(),
            user_id: known.or(last).unwrap_or(0),
        }
    }

    /// A wait as it is stored. Whatever comes after it begins with a probe.
    fn wait(&mut self, wait: LaneWait) -> Wait {
        self.identity = None;
        Wait {
            kind: kind_of(wait.kind),
            reason: wait.reason,
            since: self.clock.mark(),
            wait_ms: u64::try_from(wait.wait.as_millis()).unwrap_or(u64::MAX),
            token_tag: self.settings.pace.token_tag,
        }
    }

    fn announce(&self, wait: &LaneWait) {
        let what = match wait.kind {
            TroubleKind::Limited => "is limited by GitHub",
            TroubleKind::Blocked => "is blocked until somebody acts",
            TroubleKind::Offline => "cannot reach GitHub",
            TroubleKind::Denied => "is denied by GitHub",
        };
        tracing::warn!(
            account = self.settings.account,
            "account {} {what}, waiting {} s: {}",
            self.settings.account,
            wait.wait.as_secs(),
            wait.reason
        );
    }

    fn leave_wait(&self) {
        if matches!(
            self.report.phase,
            Phase::Limited | Phase::Blocked | Phase::Offline
        ) {
            tracing::info!(
                account = self.settings.account,
                "account {} tries again",
                self.settings.account
            );
        }
    }

    /// Tells the queue what the lane does, and when the next post may go.
    fn show(&mut self, phase: Phase, reason: Option<String>, next: Option<Duration>) {
        let at = next
            .filter(|left| !left.is_zero())
            .map(|left| self.clock.wall().plus(left));
        // A reading of two clocks differs by a little each time: not a change worth telling.
        let at = match (at, self.report.next_post_at) {
            (Some(new), Some(old)) if differs_little(new, old) => Some(old),
            (new, _) => new,
        };
        self.report = LaneReport {
            phase,
            reason,
            next_post_at: at,
            ..self.report.clone()
        };
        self.queue.report(self.report.clone());
    }
}

fn differs_little(one: UnixMs, other: UnixMs) -> bool {
    one.since(other).max(other.since(one)) < Duration::from_secs(1)
}

fn kind_of(kind: TroubleKind) -> WaitKind {
    match kind {
        TroubleKind::Limited => WaitKind::Limited,
        TroubleKind::Blocked => WaitKind::Blocked,
        TroubleKind::Offline => WaitKind::Offline,
        TroubleKind::Denied => WaitKind::Denied,
    }
}

fn phase_of(kind: WaitKind) -> Phase {
    match kind {
        WaitKind::Limited | WaitKind::Denied => Phase::Limited,
        WaitKind::Blocked => Phase::Blocked,
        WaitKind::Offline => Phase::Offline,
    }
}

#[cfg(test)]
mod tests;
