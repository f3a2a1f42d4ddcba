//! What is wrong with the daemon, if anything: one list for `status`, `health`, `metrics`, the
//! status line and the log.
//!
//! Decides what counts as degraded, its code and its words. Costs no more than the number of
//! accounts: nothing here reads the jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use comenq_proto::{Degraded, DegradedCode, MAX_ENTRIES};
use tokio::time::timeout;

use super::{Service, Settings, halting, view};
use crate::notify::PartState;
use crate::queue::{Halt, Job, LaneReport, Phase, QueueError, Room};

/// How long the store may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
const STALLED: &str = "the store does not answer; is its disk overloaded or failing?";

/// How old a count of stranded jobs may be: making it costs as much as there are users.
const STRANDED_AGE: Duration = Duration::from_secs(60);

/// What is wrong with the store, in words.
pub(super) type StoreTrouble = (DegradedCode, String);

/// Jobs that nobody posts, by account.
pub(super) type Stranded = BTreeMap<String, u64>;

/// How the daemon is.
pub(super) struct Condition {
    /// What is wrong with the store.
    pub(super) store: Option<StoreTrouble>,
    /// Room on its disk.
    pub(super) room: Room,
    /// The unfinished job with the lowest id.
    pub(super) oldest: Option<Job>,
    /// The accounts.
    pub(super) lanes: Vec<LaneReport>,
    /// The parts under watch.
    pub(super) parts: Vec<PartState>,
    /// What is wrong.
    pub(super) degraded: Vec<Degraded>,
}

/// Asks the store and everybody else. `details`: whoever asks may see a mistake in the
/// configuration.
pub(super) async fn examine(service: &Service, settings: &Settings, details: bool) -> Condition {
    let oldest = timeout(PATIENCE, service.queue.oldest()).await;
    let (oldest, trouble) = match oldest {
        Ok(Ok(oldest)) => (oldest, None),
        // One job that cannot be read says nothing of the others.
        Ok(Err(QueueError::Damaged(_) | QueueError::NoSuchJob(_))) => (None, None),
        Ok(Err(error)) => (None, Some(unavailable(error.to_string()))),
        Err(_) => (None, Some(stalled())),
    };
    let room = timeout(PATIENCE, service.queue.room()).await;
    let room = room.ok().and_then(Result::ok).unwrap_or_default();
    let halts = timeout(PATIENCE, service.queue.halts()).await;
    let stranded = stranded_lately(service).await;
    let lanes = service.queue.lanes();
    let parts = service.watchdog.parts();
    let found = Found {
        store: trouble.clone(),
        low_space: room.low,
        parts: &parts,
        config_error: config_error(settings, details),
        draining: halts.ok().and_then(Result::ok).and_then(|it| it.intake),
        stranded,
        settings,
        lanes: &lanes,
    };
    Condition {
        degraded: found.list(),
        store: trouble,
        room,
        oldest,
        lanes,
        parts,
    }
}

/// The store cannot be used.
pub(super) fn unavailable(reason: String) -> StoreTrouble {
    (DegradedCode::StoreUnavailable, reason)
}

/// The store does not answer.
pub(super) fn stalled() -> StoreTrouble {
    (DegradedCode::StoreStalled, STALLED.to_owned())
}

/// Why the newest configuration is not in force. A mistake in it may be a secret in the wrong place.
pub(super) fn config_error(settings: &Settings, details: bool) -> Option<String> {
    let error = settings.config_error.as_ref()?;
    Some(if details {
        error.clone()
    } else {
        "it has a mistake, which administrators see".to_owned()
    })
}

/// Jobs of accounts that nobody serves, as of now.
pub(super) async fn stranded(service: &Service) -> Stranded {
    let stranded = timeout(PATIENCE, service.queue.stranded()).await;
    stranded.ok().and_then(Result::ok).unwrap_or_default()
}

/// The same as of a while ago.
async fn stranded_lately(service: &Service) -> Stranded {
    let now = service.clock.boottime();
    let known = service.stranded().clone();
    if let Some((at, known)) = known
        && now.saturating_sub(at) < STRANDED_AGE
    {
        return known;
    }
    let fresh = stranded(service).await;
    *service.stranded() = Some((now, fresh.clone()));
    fresh
}

/// What was found, before it is worded.
pub(super) struct Found<'a> {
    pub(super) store: Option<StoreTrouble>,
    pub(super) low_space: bool,
    pub(super) parts: &'a [PartState],
    pub(super) config_error: Option<String>,
    pub(super) draining: Option<Halt>,
    pub(super) stranded: Stranded,
    pub(super) settings: &'a Settings,
    pub(super) lanes: &'a [LaneReport],
}

impl Found<'_> {
    /// All that is wrong, what concerns everybody first.
    pub(super) fn list(self) -> Vec<Degraded> {
        let of_all = |code, message| Degraded {
            code,
            account: None,
            message,
        };
        let store = self.store.map(|(code, message)| of_all(code, message));
        let low_space = self.low_space.then(|| {
            let text = "the disk of the queue is nearly full: comments are posted, but none are \
                        taken; free some space there";
            of_all(DegradedCode::LowSpace, text.to_owned())
        });
        let parts = self
            .parts
            .iter()
            .filter(|part| !part.alive)
            .map(stalled_part);
        let config = self.config_error.map(|error| {
            let text = format!("the last reload failed, what was in force still is: {error}");
            of_all(DegradedCode::ConfigRefused, text)
        });
        let draining = self.draining.as_ref();
        let draining = draining.map(|it| of_all(DegradedCode::Draining, halting::draining(it)));
        let stranded = self.stranded.into_iter().map(|(account, jobs)| Degraded {
            code: DegradedCode::JobsStranded,
            message: format!(
                "{jobs} unfinished jobs wait for account {account}, which is not in the \
                 configuration: put it back, or cancel them"
            ),
            account: Some(account),
        });
        let waiting = self.settings.waits_for_restart.iter();
        let waiting = waiting.map(|what| of_all(DegradedCode::RestartNeeded, what.clone()));
        store
            .into_iter()
            .chain(low_space)
            .chain(parts)
            .chain(config)
            .chain(draining)
            .chain(stranded)
            .chain(waiting)
            .chain(self.lanes.iter().filter_map(lane))
            .take(MAX_ENTRIES)
            .collect()
    }
}

fn stalled_part(part: &PartState) -> Degraded {
    let name = part.name;
    let of = part.account.as_ref().map(|of| format!(" of account {of}"));
    Degraded {
        code: DegradedCode::PartStalled,
        account: part.account.clone(),
        message: format!(
            "the part {name:?} of the daemon{} does not answer; systemd restarts it if it stays so",
            of.unwrap_or_default()
        ),
    }
}

fn lane(lane: &LaneReport) -> Option<Degraded> {
    let code = match lane.phase {
        Phase::NoToken => DegradedCode::NoToken,
        Phase::Blocked => DegradedCode::AccountBlocked,
        Phase::Limited => DegradedCode::AccountLimited,
        Phase::Offline => DegradedCode::AccountOffline,
        Phase::Paused => DegradedCode::Paused,
        Phase::Idle | Phase::WaitingForPace | Phase::Posting | Phase::Looking => return None,
    };
    Some(Degraded {
        code,
        account: Some(lane.account.clone()),
        message: view::trouble(lane)?,
    })
}

#[cfg(test)]
mod tests;
