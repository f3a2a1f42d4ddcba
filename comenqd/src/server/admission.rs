//! The places of the server as its tasks hold them.
//!
//! Decides nothing: [`Users`] does, and here it meets the time and the limits in force. A
//! [`Place`] belongs to one connection, and is free again when that is gone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Limits;
use super::users::{Refusal, Users};

/// Who is here, and who may come.
#[derive(Debug)]
pub(super) struct Admission {
    users: Mutex<Users>,
    limits: watch::Receiver<Limits>,
    started: Instant,
}

/// One taken place.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    uid: u32,
}

impl Admission {
    pub(super) fn new(limits: watch::Receiver<Limits>) -> Self {
        Self {
            users: Mutex::default(),
            limits,
            started: Instant::now(),
        }
    }

    /// A place for a connection of this user, or why there is none.
    pub(super) fn admit(self: &Arc<Self>, uid: u32) -> Result<Place, Refusal> {
        let limits = self.limits.borrow();
        self.users().admit(uid, self.now(), &limits)?;
        Ok(Place {
            admission: Arc::clone(self),
            uid,
        })
    }

    /// The limits in force.
    pub(super) fn limits(&self) -> watch::Ref<'_, Limits> {
        self.limits.borrow()
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn users(&self) -> MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Counts a request, or tells how much too early it is.
    pub(super) fn request(&self) -> Result<(), Duration> {
        let admission = &self.admission;
        let limits = admission.limits.borrow();
        admission
            .users()
            .request(self.uid, admission.now(), &limits)
    }

    /// Counts a broken rule. Who breaks too many is not let in again for a while; the log says so
    /// once.
    pub(super) fn violation(&self) {
        let admission = &self.admission;
        let limits = admission.limits.borrow();
        let is_new = admission
            .users()
            .violation(self.uid, admission.now(), &limits);
        if is_new {
            tracing::warn!(
                peer_uid = self.uid,
                "uid {} broke the protocol more than {} times within a minute; no connection of it \
                 is served for {} s",
                self.uid,
                limits.violations_per_minute,
                limits.refusal.as_secs()
            );
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = self.admission.now();
        self.admission.users().leave(self.uid, now);
    }
}
