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
                line(
                    &queue.lanes(),
                    count(State::Queued),
                    count(State::Uncertain),
                )
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

/// What a lane does just now; `None`: nothing.
fn words(lane: &LaneReport) -> Option<String> {
    let reason = lane.reason.as_deref().unwrap_or("no reason given");
    let until = lane
        .next_post_at
        .map(|at| format!(" until {}", time(at)))
        .unwrap_or_default();
    match (lane.phase, lane.next_post_at) {
        (Phase::NoToken, _) => Some(format!(
            "nothing is posted: no GitHub token; give one, then {}",
            lane.remedy
        )),
        (Phase::Blocked, _) => Some(format!(
            "blocked until somebody acts: {reason}; then {} or comenq resume {}",
            lane.remedy, lane.account
        )),
        (Phase::Limited, _) => Some(format!("limited{until}: {reason}")),
        (Phase::Offline, _) => Some(format!("offline{until}: {reason}")),
        (Phase::Posting, _) => Some("posting".to_owned()),
        (Phase::Looking, _) => Some("looking for a comment of unknown outcome".to_owned()),
        (Phase::WaitingForPace, Some(at)) => Some(format!("next post {}", time(at))),
        (Phase::WaitingForPace | Phase::Idle, _) => None,
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
    use crate::queue::sample_lane;

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
