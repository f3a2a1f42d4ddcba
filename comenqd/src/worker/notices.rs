//! What GitHub's headers warn of: said once a day in the log, and always in `status`.
//!
//! Decides when it is said again. Fed by every answer.

use std::time::Duration;

use super::Worker;
use crate::clock::UnixMs;
use crate::github::{GitHub, Notice, NoticeKind};

/// Until the same warning is logged again.
const AGAIN: Duration = Duration::from_secs(24 * 3600);

/// The warnings in force, each with when it was last logged.
#[derive(Debug, Default)]
pub(super) struct Notices(Vec<(Notice, Duration)>);

impl Notices {
    /// Takes a warning that came at `now`, the time since boot. Says whether it is to be logged.
    fn take(&mut self, notice: &Notice, now: Duration) -> bool {
        let same = |(known, _): &&mut (Notice, Duration)| known.kind == notice.kind;
        let Some((known, logged)) = self.0.iter_mut().find(same) else {
            self.0.push((notice.clone(), now));
            return true;
        };
        let is_new = known.text != notice.text;
        known.clone_from(notice);
        let is_due = is_new || now.saturating_sub(*logged) >= AGAIN;
        if is_due {
            *logged = now;
        }
        is_due
    }

    /// When the token ends, by the last answer that told it.
    fn token_end(&self) -> Option<UnixMs> {
        let mut known = self.0.iter().map(|(notice, _)| notice);
        known
            .find(|notice| notice.kind == NoticeKind::TokenExpires)?
            .at
    }

    fn texts(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|(notice, _)| notice.text.clone())
            .collect()
    }
}

impl<G: GitHub> Worker<G> {
    /// Remembers what an answer warned of.
    pub(super) fn take_notices(&mut self, notices: &[Notice]) {
        let now = self.clock.boottime();
        let account = self.settings.account.as_str();
        for notice in notices {
            if self.notices.take(notice, now) {
                let text = &notice.text;
                match notice.kind {
                    NoticeKind::TokenExpires => {
                        tracing::info!(account, "account {account}: {text}");
                    }
                    NoticeKind::Sunset | NoticeKind::Deprecation => {
                        tracing::warn!(account, "account {account}: {text}");
                    }
                }
            }
        }
        self.report.warnings = self.notices.texts();
        self.report.token_expires_at = self.notices.token_end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_warning_is_logged_once_a_day_and_a_new_one_at_once() {
        let notice = |text: &str| Notice {
            kind: NoticeKind::Sunset,
            at: None,
            text: text.to_owned(),
        };
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let mut notices = Notices::default();
        assert!(notices.take(&notice("ends in May"), hours(1)));
        assert!(!notices.take(&notice("ends in May"), hours(24)));
        assert!(notices.take(&notice("ends in May"), hours(25)));
        assert!(notices.take(&notice("ends in June"), hours(26)));
        assert!(!notices.take(&notice("ends in June"), hours(27)));
        assert_eq!(notices.texts(), ["ends in June"]);
    }
}
