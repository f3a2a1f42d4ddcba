//! `status`: how the daemon is, also while its store cannot be used.

use std::collections::BTreeMap;
use std::time::Duration;

use comenq_proto::{LaneStatus, StatusReply, StoreStatus, WireError};
use tokio::time::timeout;

use super::{Answer, Service, view};
use crate::queue::LaneReport;

/// How long the store may take to count its jobs.
const PATIENCE: Duration = Duration::from_secs(2);
const STALLED: &str = "the store does not answer; is its disk overloaded or failing?";

/// Everything at a glance; of the token only where it came from.
pub(super) async fn status(service: &Service) -> Result<Answer<StatusReply>, WireError> {
    let health = service.queue.store_health();
    // Failing to count is a trouble of the store too, and must not hide the rest.
    let (counts, health) = match timeout(PATIENCE, service.queue.counts()).await {
        Ok(Ok(counts)) => (counts, health),
        Ok(Err(error)) => (BTreeMap::new(), health.and(Err(error.to_string()))),
        Err(_) => (BTreeMap::new(), health.and(Err(STALLED.to_owned()))),
    };
    let lane = service.queue.lane();
    let store_trouble = health.as_ref().err().cloned();
    let degraded = store_trouble.into_iter().chain(view::trouble(&lane));
    Ok(Answer::of(StatusReply {
        daemon_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at_ms: service.settings.started_at.0,
        degraded: degraded.collect(),
        counts: counts
            .into_iter()
            .map(|(state, jobs)| (state.as_str().to_owned(), jobs))
            .collect(),
        lanes: vec![lane_status(lane)],
        store: StoreStatus {
            ok: health.is_ok(),
            reason: health.err(),
        },
    }))
}

fn lane_status(lane: LaneReport) -> LaneStatus {
    LaneStatus {
        account: lane.account,
        host: lane.host,
        login: lane.login,
        token_source: lane.token_source,
        cooldown_ms: u64::try_from(lane.cooldown.as_millis()).unwrap_or(u64::MAX),
        phase: lane.phase.as_str().to_owned(),
        reason: lane.reason,
        next_post_at_ms: lane.next_post_at.map(|time| time.0),
    }
}
