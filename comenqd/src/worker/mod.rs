//! The outbound loop of one account: what the pacer says, the worker does.
//!
//! Decides nothing by itself: `pacer` says what is next, `github` does it, `retry` judges the
//! outcome, the queue's store keeps it. Started by `app`, told nothing by anybody but the queue.
//!
//! It must never be aborted while a POST runs: on a stop it finishes what it does and returns.

mod lanes;
mod look;
mod notices;
mod post;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, UnixMs};
use crate::github::{GitHub, Identity};
use crate::manager::Manager;
use crate::notify::Pulse;
use crate::pacer::{self, Pace, Plan};
use crate::policy::Rules;
use crate::queue::{LaneReport, OwnerReport, Phase, Queue, QueueError};
use crate::retry::Policy;
use crate::store::{Agenda, AgendaQuery, Barred, KnownIdentity, LaneKey, Moment};

pub use lanes::Lanes;
use notices::Notices;

/// How long to leave the store alone after it could not be used.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// The longest sleep: a job may be cancelled, the machine suspended, the clocks learn.
const GLANCE: Duration = Duration::from_secs(2);

/// The shortest sleep before a time that people chose: clocks differ a little.
const LEAST_SLEEP: Duration = Duration::from_millis(50);

/// How long one operation of the store may take: its commit's deadline and some.
const STORE_DEADLINE: Duration = Duration::from_secs(65);

/// How old GitHub's time may be when an attempt begins: its comment is looked for by that time.
const FRESH: Duration = Duration::from_secs(60);

/// What a request takes at most beyond its own timeout.
const REQUEST_GRACE: Duration = Duration::from_secs(5);

/// What the worker must know of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The account it posts for.
    pub account: String,
    /// The API's host.
    pub host: String,
    /// The whole address of the API: a worker of another is another worker.
    pub api_url: String,
    /// Where the token comes from; for people.
    pub token_source: Option<String>,
    /// Why there is none, where something was passed that is no token.
    pub token_trouble: Option<String>,
    /// What to run once what is wrong with it is mended.
    pub remedy: String,
    /// Whose commands and places people are told.
    pub manager: Manager,
    /// Each comment gets an invisible mark.
    pub marker: bool,
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
            remedy: self.remedy.clone(),
            manager: self.manager,
            pace: self.pace,
            phase: if self.token_source.is_some() {
                Phase::Idle
            } else {
                Phase::NoToken
            },
            reason: self.token_trouble.clone(),
            next_post_at: None,
            owners: Vec::new(),
            warnings: Vec::new(),
            token_expires_at: None,
        }
    }
}

/// What all workers share.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The queue.
    pub queue: Queue,
    /// One at a time in each lane.
    pub lanes: Lanes,
    /// Who may post where: asked again when a target turns out to be elsewhere.
    pub rules: Rules,
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
    shared: Shared,
    queue: Queue,
    github: G,
    clock: Arc<Clock>,
    settings: Settings,
    pulse: Pulse,
    /// What chance adds to waits.
    dice: fastrand::Rng,
    identity: Option<Identity>,
    notices: Notices,
    report: LaneReport,
    woken: watch::Receiver<u64>,
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
    /// A worker over its parts. `clock` is the one that `github` teaches its host's time.
    pub fn new(
        shared: Shared,
        github: G,
        clock: Arc<Clock>,
        settings: Settings,
        pulse: Pulse,
        dice: fastrand::Rng,
    ) -> Self {
        let report = settings.first_report();
        let queue = shared.queue.clone();
        let woken = queue.woken();
        Self {
            shared,
            queue,
            github,
            clock,
            settings,
            pulse,
            dice,
            identity: None,
            notices: Notices::default(),
            report,
            woken,
            stop: CancellationToken::new(),
        }
    }

    /// Works until `stop`. Returns only between two things: a running POST is finished and its
    /// outcome stored. A running look is dropped: it can be made again.
    pub async fn run(mut self, stop: CancellationToken) {
        self.stop = stop.clone();
        self.queue.report(self.report.clone());
        while !stop.is_cancelled() {
            self.pulse.busy_for(STORE_DEADLINE);
            // Registered before looking: what is queued from here on wakes us.
            self.woken.mark_unchanged();
            let next = match self.turn().await {
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
                // The sender lives in the queue, which we hold.
                Ok(()) = self.woken.changed(), if wakeable => {}
                () = tokio::time::sleep(glance) => {}
            }
        }
    }

    /// One step, alone in its lane.
    async fn turn(&mut self) -> Result<Next, QueueError> {
        if self.settings.token_source.is_none() {
            return Ok(Next::After(GLANCE));
        }
        let Some(identity) = &self.identity else {
            // Nothing is posted before it is known as whom.
            return self.step().await;
        };
        let lane = LaneKey {
            host: self.settings.host.clone(),
            user_id: identity.user_id,
        };
        let lanes = self.shared.lanes.clone();
        let entered = lanes.enter(&lane);
        tokio::pin!(entered);
        let _alone = loop {
            tokio::select! {
                alone = &mut entered => break alone,
                () = self.stop.cancelled() => return Ok(Next::Now),
                () = tokio::time::sleep(self.pulse.period()) => self.pulse.beat(),
            }
        };
        self.pulse.busy_for(STORE_DEADLINE);
        self.step().await
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
        let query = AgendaQuery {
            account: self.settings.account.clone(),
            host: self.settings.host.clone(),
            accounts: self.queue.accounts(),
            unable: self
                .queue
                .unable_beside(&self.settings.account, &self.settings.host),
            longest_wait: self.settings.pace.longest_wait,
            clock: Arc::clone(&self.clock),
        };
        let agenda = self.queue.store()?.agenda(query).await?;
        self.tell_agenda(&agenda);
        let is_fresh = self.clock.github_age().is_some_and(|age| age <= FRESH);
        let identified = self.identity.is_some() && is_fresh;
        let pace = self.pace_of_lane(&agenda);
        let plan = pacer::plan(&agenda, &self.clock, &pace, identified);
        if !matches!(plan, Plan::LaneWaits { .. } | Plan::Blocked { .. }) {
            self.leave_wait();
        }
        match plan {
            Plan::Blocked { wait } => {
                self.identity = None;
                self.show(Phase::Blocked, Some(wait.reason), None);
                Ok(Next::AfterOrWoken(GLANCE))
            }
            Plan::LaneWaits { wait, left } => {
                self.show(trouble::phase_of(wait.kind), Some(wait.reason), Some(left));
                Ok(Next::After(left))
            }
            Plan::AskIdentity => self.ask_identity(&agenda).await,
            Plan::Look(job) => self.look(&agenda, *job).await,
            Plan::Post => self.post(&agenda, None).await,
            Plan::PostNow(id) => self.post(&agenda, Some(id)).await,
            Plan::Paused { paused, left } => {
                let words = trouble::paused(&paused, &self.settings.account);
                self.show(Phase::Paused, Some(words), None);
                Ok(Next::AfterOrWoken(left.unwrap_or(GLANCE)))
            }
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
                let left = due.map_or(GLANCE, |due| due.since(self.clock.due_now()));
                Ok(Next::AfterOrWoken(left.max(LEAST_SLEEP)))
            }
        }
    }

    /// The slowest pace of the accounts that share the lane: none may break another's.
    fn pace_of_lane(&self, agenda: &Agenda) -> Pace {
        let mut pace = self.settings.pace;
        for name in &agenda.sharing {
            if let Some(lane) = self.queue.lane(name) {
                pace.cooldown = pace.cooldown.max(lane.pace.cooldown);
            }
        }
        pace
    }

    /// Asks who we are, which also tells GitHub's time: the cheap request that goes first, and the
    /// probe after every trouble.
    async fn ask_identity(&mut self, agenda: &Agenda) -> Result<Next, QueueError> {
        self.pulse
            .busy_for(self.settings.request_timeout.saturating_add(REQUEST_GRACE));
        let answered = self.github.who_am_i().await;
        self.take_notices(&answered.notices);
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

    fn lane_key(&self, agenda: &Agenda) -> LaneKey {
        let known = self.identity.as_ref().map(|identity| identity.user_id);
        let last = agenda.identity.as_ref().map(|identity| identity.user_id);
        LaneKey {
            host: self.settings.host.clone(),
            user_id: known.or(last).unwrap_or(0),
        }
    }

    /// This moment, and what chance adds to the interval that begins with it.
    fn moment(&mut self) -> Moment {
        let most = u64::try_from(self.settings.pace.jitter.as_millis()).unwrap_or(u64::MAX);
        Moment {
            now: self.clock.mark(),
            wall: self.clock.best_wall(),
            jitter: Duration::from_millis(self.dice.u64(0..=most)),
        }
    }

    /// What the agenda found beside work.
    fn tell_agenda(&mut self, agenda: &Agenda) {
        for (id, why) in &agenda.damaged {
            tracing::error!(
                job_id = id.get(),
                "job #{id} cannot be looked for, its target waits: {why}"
            );
        }
        for id in &agenda.expired {
            tracing::info!(job_id = id.get(), "job #{id}: expired before it was posted");
        }
        let now = self.clock.wall();
        let report = |barred: &Barred| OwnerReport {
            owner: barred.owner.clone(),
            reason: barred.wait.reason.clone(),
            url: barred.wait.url.clone(),
            next_try_at: now.plus(barred.left),
        };
        let known = |barred: &Barred| self.report.owners.iter().any(|it| it.owner == barred.owner);
        if agenda.barred.len() != self.report.owners.len() || !agenda.barred.iter().all(known) {
            self.report.owners = agenda.barred.iter().map(report).collect();
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

#[cfg(test)]
mod tests;
