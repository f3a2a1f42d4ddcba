//! The one line that `systemctl status` shows, and what the log says of being degraded.
//!
//! Decides their words, and that the log tells of each trouble once, and once when it is over.
//! Listens to the queue; nobody waits for it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use comenq_proto::{Degraded, DegradedCode};

use tokio_util::sync::CancellationToken;

use crate::catalogue;
use crate::clock::UnixMs;
use crate::notify::Notifier;
use crate::queue::{Halt, Halts, LaneReport, Phase, Queue, State};
use crate::service::Service;

/// Changes come in floods; people read slowly.
const SETTLE: Duration = Duration::from_millis(500);

/// What is wrong is looked for this often, for a full disk or a stalled part wakes nobody.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Shows the queue's state until `end`.
pub(super) async fn show(
    queue: Queue,
    service: Arc<Service>,
    notifier: Notifier,
    end: CancellationToken,
) {
    let mut troubles = Troubles::default();
    loop {
        let degraded = service.degraded().await;
        troubles.tell(&degraded);
        let counts = queue.counts().await;
        let line = match counts {
            Ok(counts) => {
                let count = |state| counts.get(&state).copied().unwrap_or(0);
                let line = line(
                    &queue.lanes(),
                    count(State::Queued),
                    count(State::Uncertain),
                );
                // A store that has just failed says so at the next change.
                line + &halted(&queue.halts().await.unwrap_or_default())
            }
            Err(error) => error.to_string(),
        };
        notifier.status(&(prefix(&degraded) + &line));
        tokio::select! {
            () = end.cancelled() => return,
            () = queue.changed() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(SETTLE) => {}
        }
    }
}

/// What is wrong, by its codes: the words are in `comenq health`.
fn prefix(degraded: &[Degraded]) -> String {
    let mut codes: Vec<_> = degraded.iter().map(|it| it.code.as_str()).collect();
    codes.dedup();
    if codes.is_empty() {
        return String::new();
    }
    format!("degraded ({}): ", codes.join(", "))
}

/// A code, and the account it is about.
type Trouble = (&'static str, Option<String>);

/// What the log has been told of.
#[derive(Debug, Default)]
struct Troubles(BTreeSet<Trouble>);

impl Troubles {
    /// Tells what is new and what is over; what merely goes on has been told.
    fn tell(&mut self, degraded: &[Degraded]) {
        let (new, over) = self.take(degraded);
        // A configuration was told of when it was refused.
        let told_already = |it: &&Degraded| it.code == DegradedCode::ConfigRefused;
        for trouble in new.into_iter().filter(|it| !told_already(it)) {
            let code = trouble.code.as_str();
            let account = trouble.account.as_deref();
            let message_id = message_id(trouble.code);
            tracing::warn!(message_id, code, account, "degraded: {}", trouble.message);
        }
        for (code, account) in over {
            tracing::info!(code, account, "no longer degraded: {code} is over");
        }
    }

    /// What was not there before, and what is not there any more.
    fn take<'a>(&mut self, degraded: &'a [Degraded]) -> (Vec<&'a Degraded>, Vec<Trouble>) {
        let name = |it: &Degraded| (it.code.as_str(), it.account.clone());
        let now: BTreeSet<Trouble> = degraded.iter().map(name).collect();
        let before = std::mem::replace(&mut self.0, now);
        let new = degraded.iter().filter(|it| !before.contains(&name(it)));
        let over = before.iter().filter(|it| !self.0.contains(*it));
        (new.collect(), over.cloned().collect())
    }
}

/// What the journal explains it by.
const fn message_id(code: DegradedCode) -> Option<&'static str> {
    Some(match code {
        DegradedCode::StoreUnavailable => catalogue::STORE_UNAVAILABLE,
        DegradedCode::StoreStalled => catalogue::STORE_STALLED,
        DegradedCode::LowSpace => catalogue::LOW_SPACE,
        DegradedCode::PartStalled => catalogue::PART_STALLED,
        DegradedCode::RestartNeeded => catalogue::RESTART_NEEDED,
        DegradedCode::JobsStranded => catalogue::JOBS_STRANDED,
        DegradedCode::NoToken => catalogue::NO_TOKEN,
        DegradedCode::AccountBlocked => catalogue::ACCOUNT_BLOCKED,
        DegradedCode::AccountLimited => catalogue::ACCOUNT_LIMITED,
        DegradedCode::AccountOffline => catalogue::ACCOUNT_OFFLINE,
        DegradedCode::Paused => catalogue::PAUSED,
        DegradedCode::Draining => catalogue::DRAINING,
        DegradedCode::ConfigRefused | DegradedCode::Unknown => return None,
    })
}

fn line(lanes: &[LaneReport], queued: u64, uncertain: u64) -> String {
    let mut parts = vec![format!("{queued} queued")];
    if uncertain > 0 {
        parts.push(format!("{uncertain} uncertain"));
    }
    for lane in lanes {
        if let Some(words) = words(lane) {
            parts.push(match lanes {
                [_] => words,
                _ => format!("{}: {words}", lane.account),
            });
        }
    }
    parts.join(", ")
}

/// What administrators have stopped, as the end of the line.
fn halted(halts: &Halts) -> String {
    let one = |what: String, halt: &Halt| {
        let why = halt.reason.as_deref();
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        format!(
            ", {what} since {} by uid {}{why}",
            time(halt.since),
            halt.uid
        )
    };
    let queue = halts.queue.iter().map(|it| one("paused".to_owned(), it));
    let intake = halts.intake.iter();
    let intake = intake.map(|it| one("draining (no new jobs)".to_owned(), it));
    let accounts = halts.accounts.iter();
    let accounts = accounts.map(|(account, it)| one(format!("{account} paused"), it));
    queue.chain(intake).chain(accounts).collect()
}

/// What a lane does just now; `None`: nothing.
fn words(lane: &LaneReport) -> Option<String> {
    let reason = lane.reason.as_deref().unwrap_or("no reason given");
    let until = lane
        .next_post_at
        .map(|at| format!(" until {}", time(at)))
        .unwrap_or_default();
    match (lane.phase, lane.next_post_at) {
        (Phase::NoToken, _) => Some(match &lane.reason {
            Some(reason) => format!("nothing is posted: {reason}; then {}", lane.remedy),
            None => format!(
                "nothing is posted: no GitHub token; give one, then {}",
                lane.remedy
            ),
        }),
        (Phase::Blocked, _) => Some(format!(
            "blocked until somebody acts: {reason}; then {} or comenq resume {}",
            lane.remedy, lane.account
        )),
        (Phase::Limited, _) => Some(format!("limited{until}: {reason}")),
        (Phase::Offline, _) => Some(format!("offline{until}: {reason}")),
        (Phase::Posting, _) => Some("posting".to_owned()),
        (Phase::Looking, _) => Some("looking for a comment of unknown outcome".to_owned()),
        (Phase::WaitingForPace, Some(at)) => Some(format!("next post {}", time(at))),
        // What is stopped is said of the whole.
        (Phase::WaitingForPace | Phase::Idle | Phase::Paused, _) => None,
    }
}

/// Local wall-clock time, as `journalctl` beside it.
fn time(at: UnixMs) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(
        |_| "?".to_owned(),
        |at| {
            at.to_zoned(jiff::tz::TimeZone::system())
                .strftime("%H:%M:%S")
                .to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use comenq_proto::DegradedCode;

    use super::*;
    use crate::queue::sample_lane;

    fn degraded(code: DegradedCode, account: Option<&str>) -> Degraded {
        Degraded {
            code,
            account: account.map(str::to_owned),
            message: format!("{code} is the matter"),
        }
    }

    #[test]
    fn a_trouble_is_told_once_and_so_is_its_end() {
        let mut troubles = Troubles::default();
        let full = degraded(DegradedCode::LowSpace, None);
        let blocked = |of| degraded(DegradedCode::AccountBlocked, Some(of));
        let mut told = |now: &[Degraded]| {
            let (new, over) = troubles.take(now);
            (new.len(), over)
        };
        assert_eq!(told(&[]), (0, vec![]));
        assert_eq!(told(&[full.clone(), blocked("a")]), (2, vec![]));
        assert_eq!(told(&[full.clone(), blocked("a")]), (0, vec![]));
        let over = vec![("account_blocked", Some("a".to_owned()))];
        assert_eq!(told(&[full, blocked("b")]), (1, over));
        assert_eq!(told(&[]).1.len(), 2);
    }

    #[test]
    fn the_journal_explains_each_trouble_by_its_own_entry() {
        const CATALOG: &str = include_str!("../../../systemd/comenq.catalog");
        for (code, subject) in [
            (DegradedCode::StoreUnavailable, "The queue cannot be used"),
            (
                DegradedCode::StoreStalled,
                "The queue's disk does not answer",
            ),
            (
                DegradedCode::LowSpace,
                "The disk of the queue is nearly full",
            ),
            (
                DegradedCode::PartStalled,
                "A part of comenqd does not answer",
            ),
            (
                DegradedCode::RestartNeeded,
                "A change of the configuration waits",
            ),
            (
                DegradedCode::JobsStranded,
                "Jobs wait for account @ACCOUNT@",
            ),
            (DegradedCode::NoToken, "Account @ACCOUNT@ has no token"),
            (DegradedCode::AccountBlocked, "Account @ACCOUNT@ is blocked"),
            (
                DegradedCode::AccountLimited,
                "GitHub limits account @ACCOUNT@",
            ),
            (
                DegradedCode::AccountOffline,
                "Account @ACCOUNT@ cannot reach",
            ),
            (DegradedCode::Paused, "Posting is paused"),
            (DegradedCode::Draining, "No jobs are taken"),
        ] {
            let entry = format!("-- {}\nSubject: {subject}", message_id(code).unwrap());
            assert!(CATALOG.contains(&entry), "{code:?}");
        }
    }

    #[test]
    fn the_line_begins_with_what_is_wrong() {
        let blocked = degraded(DegradedCode::AccountBlocked, Some("a"));
        assert_eq!(prefix(&[]), "");
        let all = [
            degraded(DegradedCode::LowSpace, None),
            blocked.clone(),
            blocked,
        ];
        assert_eq!(prefix(&all), "degraded (low_space, account_blocked): ");
    }

    #[test]
    fn what_is_stopped_is_said_with_who_did_it() {
        let halt = |reason: Option<&str>| Halt {
            since: UnixMs(0),
            uid: 7,
            reason: reason.map(str::to_owned),
        };
        assert_eq!(halted(&Halts::default()), "");
        let halts = Halts {
            queue: Some(halt(Some("new disk"))),
            intake: Some(halt(None)),
            accounts: [("bot".to_owned(), halt(None))].into(),
        };
        let since = time(UnixMs(0));
        let said = format!(
            ", paused since {since} by uid 7: new disk, draining (no new jobs) since {since} by uid 7, bot paused since {since} by uid 7"
        );
        assert_eq!(halted(&halts), said);
    }

    #[test]
    fn the_line_says_what_the_queue_waits_for() {
        let lane = |phase, reason: Option<&str>| LaneReport {
            reason: reason.map(str::to_owned),
            ..sample_lane(phase)
        };
        assert_eq!(line(&[lane(Phase::Idle, None)], 0, 0), "0 queued");
        assert_eq!(
            line(&[lane(Phase::Posting, None)], 2, 1),
            "2 queued, 1 uncertain, posting"
        );
        assert_eq!(
            line(&[lane(Phase::Limited, Some("slow down"))], 3, 0),
            "3 queued, limited: slow down"
        );
        assert_eq!(
            line(&[lane(Phase::NoToken, None)], 3, 0),
            "3 queued, nothing is posted: no GitHub token; give one, then systemctl restart comenqd"
        );
    }
}
