//! What each user takes of the server: places, requests, patience.
//!
//! Decides whom of those that connect the server serves, which request comes too fast, and which
//! user has broken the protocol so often that it is refused for a while. All of it belongs to the
//! *user*: connecting again resets nothing. Asked by [`super::admission`]; pure, and time is an
//! argument. Must not know of sockets or of what a request means.
//!
//! Root is never refused, or an administrator could not look into what an attack does: it has no
//! limit on its own connections, may take the places kept back, and its violations are only logged.
//! Its requests are paced like everybody's, for that is only a wait.

use std::collections::HashMap;
use std::time::Duration;

use super::Limits;

/// The user who administers the host.
pub(super) const ROOT: u32 = 0;

/// Users without a connection that are remembered at most, in a few hundred kilobytes: more than a
/// host has people. One user can appear as tens of thousands, through user namespaces.
const MOST_ABSENT: usize = 4096;

/// How often those of whom nothing need be remembered are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Why a connection is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// All places are taken.
    Crowded,
    /// The user has as many as one user may have.
    TooMany,
    /// The user asks too fast; so much later it may ask again.
    TooFast(Duration),
    /// The user kept breaking the protocol, and is refused for so much longer.
    Violator(Duration),
}

/// All users that have taken something.
#[derive(Debug, Default)]
pub(super) struct Users {
    known: HashMap<u32, User>,
    connections: usize,
    swept: Duration,
}

/// One of them.
#[derive(Debug, Default)]
struct User {
    connections: usize,
    requests: Bucket,
    violations: Bucket,
    refused_until: Duration,
    seen: Duration,
}

/// Something that may happen so often in a while and, after a quiet time, several times at once: a
/// bucket that drains steadily, of which only the moment is kept when it will be empty.
#[derive(Debug, Default, Clone, Copy)]
struct Bucket {
    empty_at: Duration,
}

impl Bucket {
    /// Adds one, which takes `each` to drain, if no more than `most` are then in it; else tells how
    /// long until that is so.
    fn take(&mut self, now: Duration, each: Duration, most: u32) -> Result<(), Duration> {
        let filled = self.empty_at.max(now).saturating_add(each);
        let over = filled
            .saturating_sub(now)
            .saturating_sub(each.saturating_mul(most));
        if over.is_zero() {
            self.empty_at = filled;
            return Ok(());
        }
        Err(over)
    }
}

impl User {
    fn is_forgettable(&self, now: Duration) -> bool {
        self.connections == 0
            && self.requests.empty_at <= now
            && self.violations.empty_at <= now
            && self.refused_until <= now
    }
}

impl Users {
    /// Gives the user a place, or says why not. A connection counts as a request: it costs as much.
    pub(super) fn admit(
        &mut self,
        uid: u32,
        now: Duration,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        self.make_room(uid, now);
        let taken = self.connections;
        let user = self.known.entry(uid).or_default();
        user.seen = now;
        if uid == ROOT {
            if taken >= limits.connections {
                return Err(Refusal::Crowded);
            }
        } else {
            if user.refused_until > now {
                return Err(Refusal::Violator(user.refused_until.saturating_sub(now)));
            }
            if user.connections >= limits.user_connections {
                return Err(Refusal::TooMany);
            }
            if taken >= limits.connections.saturating_sub(limits.root_reserve) {
                return Err(Refusal::Crowded);
            }
            let (each, most) = limits.request_pace();
            user.requests
                .take(now, each, most)
                .map_err(Refusal::TooFast)?;
        }
        user.connections = user.connections.saturating_add(1);
        self.connections = taken.saturating_add(1);
        Ok(())
    }

    /// Gives back a place that [`Users::admit`] gave.
    pub(super) fn leave(&mut self, uid: u32, now: Duration) {
        if let Some(user) = self.known.get_mut(&uid) {
            user.connections = user.connections.saturating_sub(1);
            user.seen = now;
            self.connections = self.connections.saturating_sub(1);
        }
    }

    /// Counts a request, or tells how much too early it is.
    pub(super) fn request(
        &mut self,
        uid: u32,
        now: Duration,
        limits: &Limits,
    ) -> Result<(), Duration> {
        let (each, most) = limits.request_pace();
        let user = self.known.entry(uid).or_default();
        user.requests.take(now, each, most)
    }

    /// Counts a violation; returns whether the user is refused from now on and was not before.
    pub(super) fn violation(&mut self, uid: u32, now: Duration, limits: &Limits) -> bool {
        let (each, most) = limits.violation_pace();
        let user = self.known.entry(uid).or_default();
        if user.violations.take(now, each, most).is_ok() || uid == ROOT {
            return false;
        }
        let was_refused = user.refused_until > now;
        user.refused_until = now.saturating_add(limits.refusal);
        !was_refused
    }

    /// Forgets whom nothing need be remembered of, and if that is not enough whoever was seen
    /// longest ago without a connection.
    fn make_room(&mut self, uid: u32, now: Duration) {
        let is_due = now.saturating_sub(self.swept) >= SWEEP_EVERY;
        // Of the known, at most as many as there are connections have one.
        let is_full = self.known.len() >= MOST_ABSENT.saturating_add(self.connections);
        if !is_due && (!is_full || self.known.contains_key(&uid)) {
            return;
        }
        self.swept = now;
        self.known.retain(|_, user| !user.is_forgettable(now));
        if self.known.len() < MOST_ABSENT.saturating_add(self.connections) {
            return;
        }
        let absent = self.known.iter().filter(|(_, user)| user.connections == 0);
        let stalest = absent
            .min_by_key(|(_, user)| user.seen)
            .map(|(uid, _)| *uid);
        if let Some(uid) = stalest {
            self.known.remove(&uid);
        }
    }
}

#[cfg(test)]
mod tests;
