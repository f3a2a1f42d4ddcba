//! What time it is, by three clocks that disagree.
//!
//! Decides how a moment is written down so that a later process, or a later boot, can still tell
//! how long ago it was. Called by everything that waits. Knows nothing of jobs.
//!
//! - `CLOCK_BOOTTIME` measures waits: it never jumps and counts suspend, but dies with the boot.
//! - GitHub's clock (its `Date` header) matches comments and bridges reboots.
//! - Our wall clock is for showing times to people and for times that people chose. Nothing that
//!   decides whether a comment goes out rests on it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A wall-clock time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// This time and `wait` more; saturates.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(millis(wait)))
    }

    /// This time less `span`; saturates.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let ms = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }
}

impl From<SystemTime> for UnixMs {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self(millis(after)),
            Err(before) => Self(millis(before.duration()).saturating_neg()),
        }
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A moment as it is written to disk: comparable within its boot by `boottime_ms`, across boots
/// by `github`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which boot: the kernel's random boot id.
    pub boot: u128,
    /// `CLOCK_BOOTTIME` in milliseconds.
    pub boottime_ms: u64,
    /// GitHub's clock at that moment, where this process had seen one.
    pub github: Option<UnixMs>,
}

/// Where the raw readings come from; the tests turn their own hands.
pub trait TimeSource: Send + Sync {
    /// The kernel's boot id.
    fn boot_id(&self) -> u128;
    /// `CLOCK_BOOTTIME`: time since boot, suspend included.
    fn boottime(&self) -> Duration;
    /// The wall clock.
    fn wall(&self) -> UnixMs;
}

/// The process's clock: raw readings, and what GitHub's answers taught of GitHub's time.
pub struct Clock {
    source: Arc<dyn TimeSource>,
    started: Duration,
    /// GitHub's time and the `CLOCK_BOOTTIME` at which we read it.
    github: Mutex<Option<(UnixMs, Duration)>>,
    /// Learns all that this one learns.
    whole: Option<Arc<Clock>>,
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock")
            .field("now", &self.mark())
            .finish_non_exhaustive()
    }
}

impl Clock {
    /// A clock over `source`; this moment counts as the start of the process.
    #[must_use]
    pub fn new(source: Arc<dyn TimeSource>) -> Self {
        let started = source.boottime();
        Self {
            source,
            started,
            github: Mutex::new(None),
            whole: None,
        }
    }

    /// The clock of one API host: each has a time of its own, by which its comments are matched.
    /// `whole` learns from all of them, for what people chose and count by the calendar.
    #[must_use]
    pub fn of_host(whole: &Arc<Self>) -> Self {
        Self {
            source: Arc::clone(&whole.source),
            started: whole.started,
            github: Mutex::new(None),
            whole: Some(Arc::clone(whole)),
        }
    }

    /// A clock over the kernel's clocks.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Arc::new(SystemTimeSource::new()))
    }

    /// The wall clock, for people.
    #[must_use]
    pub fn wall(&self) -> UnixMs {
        self.source.wall()
    }

    /// The wall clock where GitHub's does not contradict it, else GitHub's: for what people are
    /// told, and count by the calendar. GitHub's own has whole seconds and would seem to run back.
    #[must_use]
    pub fn best_wall(&self) -> UnixMs {
        let wall = self.wall();
        match self.github_now() {
            Some(github) if github.since(wall).max(wall.since(github)) > CONTRADICTION => github,
            _ => wall,
        }
    }

    /// GitHub's time where it is known, else the wall clock's: decides what is due of the times
    /// that people chose.
    #[must_use]
    pub fn due_now(&self) -> UnixMs {
        self.github_now().unwrap_or_else(|| self.wall())
    }

    /// Time since boot.
    #[must_use]
    pub fn boottime(&self) -> Duration {
        self.source.boottime()
    }

    /// This moment.
    #[must_use]
    pub fn mark(&self) -> Mark {
        let now = self.boottime();
        self.mark_at(now)
    }

    /// The moment this process started.
    #[must_use]
    pub fn start_mark(&self) -> Mark {
        self.mark_at(self.started)
    }

    fn mark_at(&self, boottime: Duration) -> Mark {
        let github = self.known_github().map(|(date, read_at)| {
            if boottime >= read_at {
                date.plus(boottime.saturating_sub(read_at))
            } else {
                date.minus(read_at.saturating_sub(boottime))
            }
        });
        Mark {
            boot: self.source.boot_id(),
            boottime_ms: u64::try_from(boottime.as_millis()).unwrap_or(u64::MAX),
            github,
        }
    }

    /// GitHub's time now: its last `Date` and the time since then. `None` until an answer was
    /// seen. Never ahead of GitHub's own clock: a `Date` is older than its arrival.
    #[must_use]
    pub fn github_now(&self) -> Option<UnixMs> {
        self.mark().github
    }

    /// How long ago GitHub's time was last read. What has passed since is counted by our own
    /// oscillator, which drifts and is slewed.
    #[must_use]
    pub fn github_age(&self) -> Option<Duration> {
        self.known_github()
            .map(|(_, read_at)| self.boottime().saturating_sub(read_at))
    }

    /// Takes the `Date` of an answer that arrived just now.
    pub fn learn_github(&self, date: UnixMs) {
        let read_at = self.boottime();
        *self.github.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, read_at));
        if let Some(whole) = &self.whole {
            whole.learn_github(date);
        }
    }

    fn known_github(&self) -> Option<(UnixMs, Duration)> {
        *self.github.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// GitHub's time at an earlier `mark`, from what is known now. `None` where `mark` is of
    /// another boot and had none.
    #[must_use]
    pub fn github_at(&self, mark: Mark) -> Option<UnixMs> {
        let now = self.mark();
        match now.github {
            Some(github) if now.boot == mark.boot => {
                let ago = now.boottime_ms.saturating_sub(mark.boottime_ms);
                Some(github.minus(Duration::from_millis(ago)))
            }
            _ => mark.github,
        }
    }

    /// How much of `span` is still to pass since `mark`.
    ///
    /// Same boot: `CLOCK_BOOTTIME` decides. Another boot: GitHub's clock, with
    /// `BRIDGE_SLACK` on top; and where it is unknown the whole span counts from the start of
    /// this process. So never less than what is due, and at most one `span` more.
    #[must_use]
    pub fn remaining(&self, mark: Mark, span: Duration) -> Duration {
        let now = self.mark();
        let elapsed = if now.boot == mark.boot {
            Duration::from_millis(now.boottime_ms.saturating_sub(mark.boottime_ms))
        } else if let (Some(then), Some(today)) = (mark.github, now.github) {
            today.since(then).saturating_sub(BRIDGE_SLACK)
        } else {
            self.boottime().saturating_sub(self.started)
        };
        span.saturating_sub(elapsed)
    }
}

/// How far two readings of GitHub's clock may differ: a `Date` has whole seconds and is as old as
/// its way to us.
const BRIDGE_SLACK: Duration = Duration::from_secs(5);

/// How far our wall clock may be from GitHub's before it counts as wrong.
const CONTRADICTION: Duration = Duration::from_secs(60);

/// The kernel's clocks.
struct SystemTimeSource {
    boot_id: u128,
}

impl SystemTimeSource {
    fn new() -> Self {
        Self {
            boot_id: read_boot_id().unwrap_or_else(|| uuid::Uuid::new_v4().as_u128()),
        }
    }
}

/// The boot id of this boot; without one every start counts as a boot of its own, which only
/// lengthens waits. See <https://man7.org/linux/man-pages/man4/random.4.html>.
fn read_boot_id() -> Option<u128> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(uuid::Uuid::parse_str(text.trim()).ok()?.as_u128())
}

impl TimeSource for SystemTimeSource {
    fn boot_id(&self) -> u128 {
        self.boot_id
    }

    fn boottime(&self) -> Duration {
        nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME)
            .map_or(Duration::ZERO, Duration::from)
    }

    fn wall(&self) -> UnixMs {
        SystemTime::now().into()
    }
}

#[cfg(test)]
pub(crate) mod tests;
