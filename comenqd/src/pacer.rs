//! When may the next request go, and why not yet?
//!
//! Decides, from the store's agenda and the clock's readings, the one thing to do next. Called by
//! the worker before everything it does. Pure: it reads no clock by itself and asks nobody.
//!
//! The order is the promise: a lane in trouble sends nothing at all; what may have been posted is
//! looked for before anything of its target is posted; and no POST goes before its slot. A pause stops
//! posts, not looks; an administrator's word shortens a slot, never below GitHub's floor.

use std::time::Duration;

use comenq_proto::JobId;

use crate::clock::{Clock, UnixMs};
use crate::store::{Agenda, Job, Paused, Wait, WaitKind};

/// The configured times of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From one POST to the next.
    pub cooldown: Duration,
    /// The same for a job that need not wait for the cooldown.
    pub floor: Duration,
    /// What chance may add to that.
    pub jitter: Duration,
    /// From the end of an attempt to the first look for it.
    pub look_delay: Duration,
    /// The longest wait for a trouble; one that was stored under other settings may be longer.
    pub longest_wait: Duration,
    /// Which token is in use.
    pub token_tag: u64,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Somebody must mend the account.
    Blocked {
        /// Why.
        wait: Wait,
    },
    /// The whole lane waits.
    LaneWaits {
        /// Why.
        wait: Wait,
        /// How much longer.
        left: Duration,
    },
    /// Ask who we are: it tells GitHub's time, without which waits of another boot count in full.
    AskIdentity,
    /// Look for a job of unknown outcome.
    Look(Box<Job>),
    /// Claim and post.
    Post,
    /// Claim and post this one, before the cooldown is over.
    PostNow(JobId),
    /// An administrator lets it post nothing.
    Paused {
        /// Who, and since when.
        paused: Paused,
        /// Until there is something else to do.
        left: Option<Duration>,
    },
    /// Nothing may go yet.
    NotYet {
        /// Until something may.
        left: Duration,
        /// Until the next POST may; `None` if no job is ready.
        slot: Option<Duration>,
    },
    /// Nothing to do. `due`: when the next job that waits for a time joins its line.
    Idle {
        /// That time, by the wall clock that people chose it by.
        due: Option<UnixMs>,
        /// Until the next POST may go, were there one.
        slot: Duration,
    },
}

/// The next thing to do. `identified`: this process knows who it posts as, and GitHub's time.
#[must_use]
pub fn plan(agenda: &Agenda, clock: &Clock, pace: &Pace, identified: bool) -> Plan {
    if let Some(wait) = &agenda.blocked {
        return Plan::Blocked { wait: wait.clone() };
    }
    if let Some((wait, left)) = lane_wait(agenda, clock, pace) {
        return Plan::LaneWaits {
            wait: wait.clone(),
            left,
        };
    }
    let waits_for_a_time = agenda.undated || agenda.next_due.is_some();
    if waits_for_a_time && clock.github_now().is_none() {
        return Plan::AskIdentity;
    }
    let slot = slot(agenda, clock, pace);
    let look = next_look(agenda, clock, pace);
    let post = next_post(agenda, clock, pace, slot);
    let Some(left) = earlier(look.map(|(_, left)| left), post) else {
        return match &agenda.paused {
            Some(paused) => pause(paused, None),
            None => Plan::Idle {
                due: agenda.next_due,
                slot,
            },
        };
    };
    let is_unknown = clock.github_now().is_none() && is_from_another_boot(agenda, clock);
    if is_unknown || (!identified && left.is_zero()) {
        return Plan::AskIdentity;
    }
    if let Some((job, left)) = look
        && left.is_zero()
    {
        return Plan::Look(Box::new(job.clone()));
    }
    if let Some(paused) = &agenda.paused {
        return pause(paused, Some(left));
    }
    match agenda.urgent {
        Some(id) if floor_slot(agenda, clock, pace).is_zero() => Plan::PostNow(id),
        _ if agenda.ready && slot.is_zero() => Plan::Post,
        _ => Plan::NotYet { left, slot: post },
    }
}

fn pause(paused: &Paused, left: Option<Duration>) -> Plan {
    Plan::Paused {
        paused: paused.clone(),
        left,
    }
}

fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

/// How long until a job may be posted; `None` if none is ready. A pause ends with no time.
fn next_post(agenda: &Agenda, clock: &Clock, pace: &Pace, slot: Duration) -> Option<Duration> {
    if agenda.paused.is_some() {
        return None;
    }
    let urgent = agenda.urgent.map(|_| floor_slot(agenda, clock, pace));
    earlier(urgent, agenda.ready.then_some(slot))
}

/// The lane's wait, if it is not over. Format 1 kept a block here: a new token need not wait for
/// what the old one was blocked for.
fn lane_wait<'a>(agenda: &'a Agenda, clock: &Clock, pace: &Pace) -> Option<(&'a Wait, Duration)> {
    let wait = agenda.lane.wait.as_ref()?;
    if wait.kind == WaitKind::Blocked && wait.token_tag != pace.token_tag {
        return None;
    }
    let span = Duration::from_millis(wait.wait_ms).min(pace.longest_wait);
    let left = clock.remaining(wait.since, span);
    (!left.is_zero()).then_some((wait, left))
}

/// How long until the lane's next POST may go.
fn slot(agenda: &Agenda, clock: &Clock, pace: &Pace) -> Duration {
    let jitter = Duration::from_millis(agenda.lane.jitter_ms).min(pace.jitter);
    agenda.lane.pace.map_or(Duration::ZERO, |last| {
        clock.remaining(last, pace.cooldown.saturating_add(jitter))
    })
}

/// The same for a job that need not wait for the cooldown: GitHub's own floor.
fn floor_slot(agenda: &Agenda, clock: &Clock, pace: &Pace) -> Duration {
    let last = agenda.lane.pace;
    last.map_or(Duration::ZERO, |last| clock.remaining(last, pace.floor))
}

/// The look that falls due first, and how long until then.
fn next_look<'a>(agenda: &'a Agenda, clock: &Clock, pace: &Pace) -> Option<(&'a Job, Duration)> {
    let left = |job: &Job| {
        job.look_from.map_or(Duration::ZERO, |from| {
            clock.remaining(from, look_wait(job, pace))
        })
    };
    agenda
        .looks
        .iter()
        .map(|job| (job, left(job)))
        .min_by_key(|(_, left)| *left)
}

/// How long after [`Job::look_from`] a job is looked for. The first look waits until GitHub surely lists what it created; the second is a backoff too.
#[must_use]
pub fn look_wait(job: &Job, pace: &Pace) -> Duration {
    if job.empty_looks == 0 {
        pace.look_delay
    } else {
        pace.look_delay.max(pace.cooldown)
    }
}

fn is_from_another_boot(agenda: &Agenda, clock: &Clock) -> bool {
    let boot = clock.mark().boot;
    let looks = agenda.looks.iter().filter_map(|job| job.look_from);
    agenda
        .lane
        .pace
        .into_iter()
        .chain(looks)
        .any(|mark| mark.boot != boot)
}

#[cfg(test)]
mod tests;
