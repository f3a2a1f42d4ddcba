//! What is kept of who posts: pace, waits, identity.
//!
//! Decides what of it is on disk. A lane is (api host, user id): two accounts with one login share
//! it. What only one account or one owner meets is kept for that account or owner.

use serde::{Deserialize, Serialize};

use super::clip;
use crate::clock::Mark;

/// The durable state of a lane: who posts, as (api host, user id).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// When the last POST ended, or was claimed if it has not.
    pub pace: Option<Mark>,
    /// The last wait of the whole lane; it may be over.
    pub wait: Option<Wait>,
    /// Waits of that kind in a row, without a post or a refusal in between.
    pub strikes: u32,
    /// What chance adds to the interval that counts from `pace`.
    #[serde(default)]
    pub jitter_ms: u64,
}

impl Lane {
    /// How often in a row the lane was in this kind of trouble.
    #[must_use]
    pub fn strikes_of(&self, kind: WaitKind) -> u32 {
        match &self.wait {
            Some(wait) if wait.kind == kind => self.strikes,
            _ => 0,
        }
    }

    /// Somebody answered: whatever it waited for is over.
    pub(in crate::store) fn answered(&mut self) {
        (self.wait, self.strikes) = (None, 0);
    }

    pub(in crate::store) fn strike(&mut self, mut wait: Wait) {
        self.strikes = self.strikes_of(wait.kind).saturating_add(1);
        wait.reason = clip(&wait.reason);
        self.wait = Some(wait);
    }
}

/// Why a whole lane waits, and how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// What kind of trouble, as the worker names it.
    pub kind: WaitKind,
    /// For people.
    pub reason: String,
    /// When it began.
    pub since: Mark,
    /// How long it lasts.
    pub wait_ms: u64,
    /// Which token was in use: another one may try at once.
    pub token_tag: u64,
}

/// Why the jobs of one owner wait on an account: single sign-on, a list of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerWait {
    /// For people.
    pub reason: String,
    /// Where a person mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it began.
    pub since: Mark,
    /// How long until one job tries again.
    pub wait_ms: u64,
    /// Waits in a row.
    pub strikes: u32,
}

/// Kinds of waits of a lane. The names are on disk: they are only ever added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitKind {
    /// A rate limit.
    Limited,
    /// GitHub forbids, for a reason of its own.
    Denied,
    /// A person must act: kept for the account, and over when its token changes or an
    /// administrator resumes it.
    Blocked,
    /// No way to GitHub.
    Offline,
}

/// Who an account last was, so that a lane's wait is known before GitHub is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownIdentity {
    /// The API's host.
    pub host: String,
    /// GitHub's numeric id.
    pub user_id: u64,
    /// GitHub's login.
    pub login: String,
}
