//! What the worker last said of its lane.
//!
//! Decides only when a place in line is expected to be served. Written by the worker, read by the
//! service and by whoever shows the daemon's state.

use crate::clock::UnixMs;
use crate::manager::Manager;
use crate::pacer::Pace;

/// What a lane does just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing to do.
    Idle,
    /// The next job waits for its slot.
    WaitingForPace,
    /// A POST is running.
    Posting,
    /// A listing is being read.
    Looking,
    /// GitHub limits or forbids.
    Limited,
    /// A person must act.
    Blocked,
    /// No way to GitHub.
    Offline,
    /// There is no token.
    NoToken,
    /// An administrator lets it post nothing.
    Paused,
}

impl Phase {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::WaitingForPace => "waiting_for_pace",
            Self::Posting => "posting",
            Self::Looking => "looking",
            Self::Limited => "limited",
            Self::Blocked => "blocked",
            Self::Offline => "offline",
            Self::NoToken => "no_token",
            Self::Paused => "paused",
        }
    }
}

/// A lane as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneReport {
    /// The account.
    pub account: String,
    /// The API's host.
    pub host: String,
    /// Who posts, once GitHub said so.
    pub login: Option<String>,
    /// Where the token comes from; `None`: there is none.
    pub token_source: Option<String>,
    /// What to run once what is wrong with the account is mended.
    pub remedy: String,
    /// Whose commands and places people are told.
    pub manager: Manager,
    /// The times of the lane.
    pub pace: Pace,
    /// What it does just now.
    pub phase: Phase,
    /// Why it waits.
    pub reason: Option<String>,
    /// When the next post, or the next try after a trouble, may go out.
    pub next_post_at: Option<UnixMs>,
    /// Owners that bar the account.
    pub owners: Vec<OwnerReport>,
    /// What GitHub warns of: the token's end, and what it will not serve any more.
    pub warnings: Vec<String>,
    /// When the token ends, once GitHub has said so.
    pub token_expires_at: Option<UnixMs>,
}

/// An owner that bars an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerReport {
    /// The owner, in lower case.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Where somebody mends it.
    pub url: Option<String>,
    /// When one of its jobs tries again.
    pub next_try_at: UnixMs,
}

impl LaneReport {
    /// What mends an account that is blocked, as half a sentence.
    #[must_use]
    pub fn how_to_mend(&self) -> String {
        format!(
            "put right what is wrong; then run `{}` if the token or key is another, or `comenq \
             resume {}` to try again with the same",
            self.remedy, self.account
        )
    }

    /// Nothing of it is posted until somebody acts.
    #[must_use]
    pub fn waits_for_a_person(&self) -> bool {
        matches!(self.phase, Phase::NoToken | Phase::Blocked | Phase::Paused)
    }

    /// When a job at `position` is expected to be posted.
    #[must_use]
    pub fn expected_at(&self, position: u64, now: UnixMs) -> Option<UnixMs> {
        if self.waits_for_a_person() {
            return None;
        }
        let next = self.next_post_at.filter(|at| *at > now).unwrap_or(now);
        let before = u32::try_from(position.saturating_sub(1)).unwrap_or(u32::MAX);
        Some(next.plus(self.pace.cooldown.saturating_mul(before)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;

    /// A lane that does this, for the tests of what is said of it.
    pub(crate) fn sample_lane(phase: Phase) -> LaneReport {
        LaneReport {
            account: "default".to_owned(),
            host: "api.github.com".to_owned(),
            login: None,
            token_source: None,
            remedy: "systemctl restart comenqd".to_owned(),
            manager: Manager::System,
            pace: Pace {
                cooldown: Duration::from_secs(960),
                floor: Duration::from_secs(8),
                jitter: Duration::ZERO,
                look_delay: Duration::from_secs(60),
                longest_wait: Duration::from_secs(3601),
                token_tag: 1,
            },
            phase,
            reason: None,
            next_post_at: None,
            owners: Vec::new(),
            warnings: Vec::new(),
            token_expires_at: None,
        }
    }

    #[test]
    fn a_place_in_line_is_expected_as_many_cooldowns_later() {
        let now = UnixMs(1_000_000);
        let paced = LaneReport {
            next_post_at: Some(UnixMs(1_100_000)),
            ..sample_lane(Phase::WaitingForPace)
        };
        assert_eq!(paced.expected_at(1, now), Some(UnixMs(1_100_000)));
        assert_eq!(
            paced.expected_at(3, now),
            Some(UnixMs(1_100_000 + 1_920_000))
        );
        let late = UnixMs(1_200_000);
        assert_eq!(paced.expected_at(1, late), Some(late), "never in the past");
        assert!(paced.expected_at(u64::MAX, now).is_some());
    }

    #[test]
    fn nothing_is_expected_of_an_account_that_waits_for_a_person() {
        for phase in [Phase::NoToken, Phase::Blocked, Phase::Paused] {
            assert_eq!(sample_lane(phase).expected_at(1, UnixMs(0)), None);
        }
        assert!(
            sample_lane(Phase::Limited)
                .expected_at(1, UnixMs(0))
                .is_some()
        );
    }
}
