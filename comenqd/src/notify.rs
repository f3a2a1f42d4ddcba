//! What systemd hears of us: ready, status, stopping, and that every part still works.
//!
//! Decides when the watchdog is pinged: only while each part that registered is fresh, which
//! means that it answered a tick within the watchdog's interval or is inside a deadline it
//! declared itself. So an idle daemon lives, a slow but bounded POST lives, and a stalled part
//! gets the process restarted. Built by `app`; the parts hold a [`Pulse`]. Knows nothing of what
//! the parts do. Without systemd nothing here does anything.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// How the messages leave; the tests listen here.
type Outlet = dyn Fn(&[NotifyState<'_>]) -> io::Result<()> + Send + Sync;

/// Sends state changes to systemd.
#[derive(Clone)]
pub struct Notifier {
    send: Arc<Outlet>,
    /// The last status, so that saying the same again costs nothing.
    status: Arc<Mutex<String>>,
}

impl std::fmt::Debug for Notifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifier")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Notifier {
    /// A notifier to the socket that systemd named (`NOTIFY_SOCKET`), if it did.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Arc::new(sd_notify::notify))
    }

    fn new(send: Arc<Outlet>) -> Self {
        Self {
            send,
            status: Arc::default(),
        }
    }

    /// Start-up is over: store and socket are there.
    pub fn ready(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// One line for `systemctl status`; repeating the last one is free.
    pub fn status(&self, text: &str) {
        let mut last = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != text {
            text.clone_into(&mut last);
            self.tell(&[NotifyState::Status(text)]);
        }
    }

    /// A reload has begun; [`Self::ready`] ends it.
    pub fn reloading(&self) {
        let mut states = vec![NotifyState::Reloading];
        states.extend(NotifyState::monotonic_usec_now().ok());
        self.tell(&states);
    }

    /// Shutdown has begun.
    pub fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// Asks for `more` time to start or to stop. Only before [`Self::ready`] or after
    /// [`Self::stopping`]: in between it would merely postpone the watchdog.
    pub fn extend_timeout(&self, more: Duration) {
        let usec = u32::try_from(more.as_micros()).unwrap_or(u32::MAX);
        self.tell(&[NotifyState::ExtendTimeoutUsec(usec)]);
    }

    /// Runs `work`, asking for time again and again while it lasts. Only before [`Self::ready`]
    /// or after [`Self::stopping`]. As cancel-safe as `work`.
    pub async fn extending<F: Future>(&self, work: F) -> F::Output {
        let mut work = std::pin::pin!(work);
        let mut tick = tokio::time::interval(EXTEND_EVERY);
        loop {
            tokio::select! {
                biased;
                output = &mut work => return output,
                _ = tick.tick() => self.extend_timeout(EXTEND_EVERY.saturating_mul(3)),
            }
        }
    }

    fn ping(&self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if let Err(error) = (self.send)(states) {
            tracing::warn!(%error, "cannot notify systemd");
        }
    }
}

/// How often [`Notifier::extending`] asks; each time for thrice as much, so that one late tick
/// does no harm.
const EXTEND_EVERY: Duration = Duration::from_secs(5);

/// How often a part should beat where no watchdog waits for it: `health` still tells within a
/// minute that one does not.
const UNHURRIED: Duration = Duration::from_secs(12);

/// Within this a part must beat where no watchdog waits for it.
const UNWATCHED: Duration = Duration::from_secs(60);

/// One part's sign of life.
#[derive(Debug)]
struct Part {
    name: &'static str,
    /// The account it works for.
    account: Option<String>,
    /// `CLOCK_BOOTTIME` in milliseconds until which this part needs to prove nothing.
    fresh_until_ms: AtomicU64,
}

/// Whether a part answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartState {
    /// Which.
    pub name: &'static str,
    /// The account it works for.
    pub account: Option<String>,
    /// It answered a tick in time, or is inside a deadline that it declared.
    pub alive: bool,
}

/// A part's handle: it beats, or says for how long it will not. Dropping it leaves the watch:
/// a part that ended is not a part that stalled.
#[derive(Debug, Clone)]
pub struct Pulse {
    part: Arc<Part>,
    clock: Arc<Clock>,
    interval: Duration,
}

impl Pulse {
    /// "I answer." Also ends what [`Self::busy_for`] began.
    pub fn beat(&self) {
        self.fresh_for(self.interval);
    }

    /// "I shall not answer for at most `span`": a declared deadline, instead of beats.
    pub fn busy_for(&self, span: Duration) {
        self.fresh_for(span.max(self.interval));
    }

    /// How often to beat while idle: often enough for the watchdog, seldom enough to sleep.
    #[must_use]
    pub fn period(&self) -> Duration {
        // A fifth: beats come before the check that happens every quarter.
        (self.interval / 5).min(UNHURRIED)
    }

    fn fresh_for(&self, span: Duration) {
        let until = millis(self.clock.boottime().saturating_add(span));
        self.part.fresh_until_ms.store(until, Ordering::Relaxed);
    }
}

/// Pings systemd while every registered part is fresh.
#[derive(Debug)]
pub struct Watchdog {
    notifier: Notifier,
    clock: Arc<Clock>,
    /// `None`: nobody watches us.
    interval: Option<Duration>,
    parts: Mutex<Vec<Weak<Part>>>,
}

impl Watchdog {
    /// A watchdog as systemd asked for it (`WATCHDOG_USEC`), or one that does nothing.
    #[must_use]
    pub fn system(notifier: Notifier, clock: Arc<Clock>) -> Self {
        Self::new(notifier, clock, sd_notify::watchdog_enabled())
    }

    /// A watchdog that must be pinged within each `interval`.
    #[must_use]
    pub fn new(notifier: Notifier, clock: Arc<Clock>, interval: Option<Duration>) -> Self {
        Self {
            notifier,
            clock,
            interval: interval.filter(|interval| !interval.is_zero()),
            parts: Mutex::default(),
        }
    }

    /// Takes a part under watch, fresh as of now, until its last [`Pulse`] is dropped.
    pub fn register(&self, name: &'static str) -> Pulse {
        self.watch(name, None)
    }

    /// The same for a part that works for one account.
    pub fn register_for(&self, name: &'static str, account: String) -> Pulse {
        self.watch(name, Some(account))
    }

    fn watch(&self, name: &'static str, account: Option<String>) -> Pulse {
        let part = Arc::new(Part {
            name,
            account,
            fresh_until_ms: AtomicU64::new(0),
        });
        self.registered().push(Arc::downgrade(&part));
        let pulse = Pulse {
            part,
            clock: Arc::clone(&self.clock),
            interval: self.interval.unwrap_or(UNWATCHED),
        };
        pulse.beat();
        pulse
    }

    /// The parts, and whether each answers.
    #[must_use]
    pub fn parts(&self) -> Vec<PartState> {
        let now = millis(self.clock.boottime());
        let parts = self.present().into_iter();
        parts
            .map(|part| PartState {
                name: part.name,
                account: part.account.clone(),
                alive: part.fresh_until_ms.load(Ordering::Relaxed) >= now,
            })
            .collect()
    }

    /// Pings until `stop`; where nobody waits for that, it only forgives time in which nobody
    /// ran. Cancel-safe.
    pub async fn run(&self, stop: CancellationToken) {
        let period = self.interval.unwrap_or(UNWATCHED) / 4;
        let mut stalled = Vec::new();
        let mut due = self.clock.boottime();
        let mut tick = tokio::time::interval(period);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            let now = self.clock.boottime();
            self.forgive(now.saturating_sub(due), period);
            due = now.saturating_add(period);
            if self.interval.is_some() {
                self.check(now, &mut stalled);
            }
        }
    }

    /// The check itself came late: the machine was suspended or the process stopped. Time in
    /// which nobody ran counts against nobody. (If it is this task that was held up, systemd has
    /// missed its pings.)
    fn forgive(&self, late: Duration, period: Duration) {
        if late > period {
            for part in self.present() {
                let ms = millis(late);
                part.fresh_until_ms.fetch_add(ms, Ordering::Relaxed);
            }
        }
    }

    /// Pings, or says once who keeps it from doing so.
    fn check(&self, now: Duration, stalled: &mut Vec<&'static str>) {
        let now = millis(now);
        let late: Vec<_> = self
            .present()
            .into_iter()
            .filter(|part| part.fresh_until_ms.load(Ordering::Relaxed) < now)
            .map(|part| part.name)
            .collect();
        if late.is_empty() {
            self.notifier.ping();
        }
        for part in late.iter().filter(|part| !stalled.contains(part)) {
            tracing::error!(
                part,
                "a part of the daemon has stalled: no watchdog ping until it answers"
            );
        }
        for part in stalled.iter().filter(|part| !late.contains(part)) {
            tracing::warn!(part, "the stalled part answers again");
        }
        *stalled = late;
    }

    fn present(&self) -> Vec<Arc<Part>> {
        let mut parts = self.registered();
        parts.retain(|part| part.strong_count() > 0);
        parts.iter().filter_map(Weak::upgrade).collect()
    }

    fn registered(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Part>>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
