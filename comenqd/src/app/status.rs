//! The one line that `systemctl status` shows.
//!
//! Decides its words. Listens to the queue; nobody waits for it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::UnixMs;
use crate::notify::Notifier;
use crate::queue::{LaneReport, Phase, Queue, State};

/// Changes come in floods; people read slowly.
const SETTLE: Duration = Duration::from_millis(500);

/// Shows the queue's state until `end`.
pub(super) async fn show(queue: Queue, notifier: Notifier, end: CancellationToken) {
    loop {
        let counts = queue.counts().await;
        let line = match counts {
            Ok(counts) => {
                let count = |state| counts.get(&state).copied().unwrap_or(0);
                line(&queue.lane(), count(State::Queued), count(State::Uncertain))
            }
            Err(error) => format!("degraded: {error}"),
        };
        notifier.status(&line);
        tokio::select! {
            () = end.cancelled() => return,
            () = queue.changed() => {}
        }
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(SETTLE) => {}
        }
    }
}

fn line(lane: &LaneReport, queued: u64, uncertain: u64) -> String {
    let jobs = match uncertain {
        0 => format!("{queued} queued"),
        _ => format!("{queued} queued, {uncertain} uncertain"),
    };
    let reason = lane.reason.as_deref().unwrap_or("no reason given");
    let until = lane
        .next_post_at
        .map(|at| format!(" until {}", time(at)))
        .unwrap_or_default();
    match (lane.phase, lane.next_post_at) {
        (Phase::NoToken, _) => format!("{jobs}, nothing is posted: no GitHub token"),
        (Phase::Blocked, _) => format!("{jobs}, blocked: {reason}"),
        (Phase::Limited, _) => format!("{jobs}, limited{until}: {reason}"),
        (Phase::Offline, _) => format!("{jobs}, offline{until}: {reason}"),
        (Phase::Posting, _) => format!("{jobs}, posting"),
        (Phase::Looking, _) => format!("{jobs}, looking for a comment of unknown outcome"),
        (Phase::WaitingForPace, Some(at)) => format!("{jobs}, next post {}", time(at)),
        (Phase::WaitingForPace | Phase::Idle, _) => jobs,
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
    use super::*;

    #[test]
    fn the_line_says_what_the_queue_waits_for() {
        let lane = |phase, reason: Option<&str>| LaneReport {
            account: "default".to_owned(),
            host: "api.github.com".to_owned(),
            login: None,
            token_source: None,
            cooldown: Duration::from_secs(960),
            phase,
            reason: reason.map(str::to_owned),
            next_post_at: None,
        };
        assert_eq!(line(&lane(Phase::Idle, None), 0, 0), "0 queued");
        assert_eq!(
            line(&lane(Phase::Posting, None), 2, 1),
            "2 queued, 1 uncertain, posting"
        );
        assert_eq!(
            line(&lane(Phase::Limited, Some("slow down")), 3, 0),
            "3 queued, limited: slow down"
        );
        assert_eq!(
            line(&lane(Phase::NoToken, None), 3, 0),
            "3 queued, nothing is posted: no GitHub token"
        );
    }
}
