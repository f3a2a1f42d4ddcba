//! The states of a job and the one table of allowed transitions.
//!
//! Decides what may follow what. Called by the store's operations, inside the transaction that
//! makes the change: a check made anywhere else could be overtaken. Knows no reasons and no I/O.

use serde::{Deserialize, Serialize};

/// Where a job stands. The names are on disk: they are only ever added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for its turn.
    Queued,
    /// Claimed: its POST may be on the way.
    Posting,
    /// The comment exists.
    Posted,
    /// The comment may exist: we look before we post.
    Uncertain,
    /// Dead letter.
    Failed,
    /// Waits for a person.
    Held,
    /// Will not be posted: somebody said so.
    Cancelled,
    /// Will not be posted: its time is over.
    Expired,
}

impl State {
    /// Every state, in the order in which people read them.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Posting,
        Self::Posted,
        Self::Uncertain,
        Self::Failed,
        Self::Held,
        Self::Cancelled,
        Self::Expired,
    ];

    /// The name on the wire, on disk and on the screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Posting => "posting",
            Self::Posted => "posted",
            Self::Uncertain => "uncertain",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Nothing more will happen to the job by itself.
    #[must_use]
    pub fn is_finished(self) -> bool {
        matches!(
            self,
            Self::Posted | Self::Failed | Self::Cancelled | Self::Expired
        )
    }

    /// The byte of a count's key.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Posting => 1,
            Self::Posted => 2,
            Self::Uncertain => 3,
            Self::Failed => 4,
            Self::Held => 5,
            Self::Cancelled => 6,
            Self::Expired => 7,
        }
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The table: may a job go from `self` to `next`?
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use State::{Cancelled, Expired, Failed, Held, Posted, Posting, Queued, Uncertain};
        match self {
            // Failed: its text cannot be read.
            Queued => matches!(next, Posting | Held | Cancelled | Expired | Failed),
            // Back to queued: nothing was sent, or the account's trouble. Held: a restored store.
            Posting => matches!(next, Posted | Uncertain | Queued | Failed | Held),
            Uncertain => matches!(next, Posted | Queued | Failed | Cancelled | Held),
            Held => matches!(next, Queued | Cancelled | Uncertain | Posted | Expired),
            // A dead letter can be revived.
            Failed => matches!(next, Queued | Uncertain),
            Posted | Cancelled | Expired => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_stays_over() {
        for state in [State::Posted, State::Cancelled, State::Expired] {
            assert!(
                State::ALL.iter().all(|next| !state.may_become(*next)),
                "{state:?}"
            );
        }
    }

    #[test]
    fn an_uncertain_job_never_goes_straight_to_posting() {
        assert!(!State::Uncertain.may_become(State::Posting));
        assert!(!State::Failed.may_become(State::Posting));
        assert!(State::Queued.may_become(State::Posting));
    }

    #[test]
    fn an_unresolved_job_never_expires() {
        for state in [State::Posting, State::Uncertain] {
            assert!(!state.may_become(State::Expired), "{state:?}");
        }
    }

    #[test]
    fn codes_come_back() {
        for state in State::ALL {
            assert_eq!(State::from_code(state.code()), Some(state));
        }
    }
}
