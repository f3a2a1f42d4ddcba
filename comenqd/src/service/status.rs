//! `status`: how the daemon is, also while its store cannot be used.

use std::collections::BTreeMap;
use std::time::Duration;

use comenq_proto::{
    ConfigStatus, LaneStatus, MAX_ENTRIES, OwnUsage, OwnerStatus, QueueStatus, Request as _, Role,
    Status, StatusReply, StoreStatus, WireError,
};
use tokio::time::timeout;

use super::condition::{self, Found, PATIENCE};
use super::{Answer, Caller, Service, fitting, halting, reply_size};
use crate::queue::{Halt, LaneReport, Phase};

/// Everything at a glance; of the token only where it came from.
pub(super) async fn status(
    service: &Service,
    caller: Caller,
) -> Result<Answer<StatusReply>, WireError> {
    let settings = service.settings();
    let health = service.queue.store_health();
    // Failing to count is a trouble of the store too, and must not hide the rest.
    let health = health.map_err(condition::unavailable);
    let (counts, health) = match timeout(PATIENCE, service.queue.counts()).await {
        Ok(Ok(counts)) => (counts, health),
        Ok(Err(error)) => {
            let trouble = condition::unavailable(error.to_string());
            (BTreeMap::new(), health.and(Err(trouble)))
        }
        Err(_) => (BTreeMap::new(), health.and(Err(condition::stalled()))),
    };
    let room = timeout(PATIENCE, service.queue.room()).await;
    let room = room.ok().and_then(Result::ok).unwrap_or_default();
    let lanes = service.queue.lanes();
    let config = ConfigStatus {
        loaded_at_ms: settings.loaded_at.0,
        error: condition::config_error(&settings, caller.role == Role::Admin),
    };
    let halts = timeout(PATIENCE, service.queue.halts()).await;
    let halts = halts.ok().and_then(Result::ok).unwrap_or_default();
    let found = Found {
        store: health.as_ref().err().cloned(),
        low_space: room.low,
        parts: &service.watchdog.parts(),
        config_error: config.error.clone(),
        draining: halts.intake.clone(),
        stranded: condition::stranded(service).await,
        settings: &settings,
        lanes: &lanes,
    };
    let degraded = found.list().into_iter().map(|it| it.message).collect();
    let reply = StatusReply {
        daemon_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at_ms: settings.started_at.0,
        degraded,
        counts: counts
            .into_iter()
            .map(|(state, jobs)| (state.as_str().to_owned(), jobs))
            .collect(),
        lanes: lanes
            .into_iter()
            .take(MAX_ENTRIES)
            .map(|lane| {
                let paused = halts.accounts.get(&lane.account).cloned();
                lane_status(lane, paused)
            })
            .collect(),
        store: StoreStatus {
            ok: health.is_ok(),
            reason: health.err().map(|(_, reason)| reason),
            free_bytes: room.free_bytes,
            file_bytes: Some(room.file_bytes).filter(|bytes| *bytes > 0),
            low_space: room.low,
        },
        own: own(service, caller).await,
        config: Some(config),
        queue: Some(QueueStatus {
            paused: halts.queue.map(halting::to_wire),
            draining: halts.intake.map(halting::to_wire),
        }),
    };
    let most = reply_size::of(Status::ENDPOINT);
    Ok(Answer::of(fitting::status(reply, most)))
}

/// What the peer has in the queue, and may have; nothing while the store cannot tell.
async fn own(service: &Service, caller: Caller) -> Option<OwnUsage> {
    let usage = timeout(PATIENCE, service.queue.usage(caller.uid)).await;
    let usage = usage.ok()?.ok()?;
    let rules = service.rules.get();
    let limits = rules.limits(caller.uid);
    Some(OwnUsage {
        queued_jobs: usage.jobs,
        max_queued_jobs: limits.max_queued_jobs,
        queued_bytes: usage.body_bytes,
        max_queued_bytes: limits.max_queued_bytes,
        submits_last_minute: service.queue.submits_last_minute(caller.uid),
        max_submits_per_minute: limits.max_submits_per_minute,
        posts_last_day: usage.last_day,
        max_posts_per_day: limits.max_posts_per_day,
        accounts: rules
            .accounts_of(caller.uid)
            .take(MAX_ENTRIES)
            .map(str::to_owned)
            .collect(),
    })
}

fn lane_status(lane: LaneReport, paused: Option<Halt>) -> LaneStatus {
    let remedy = matches!(lane.phase, Phase::Blocked | Phase::NoToken).then_some(lane.remedy);
    let owners = lane.owners.into_iter().take(MAX_ENTRIES);
    LaneStatus {
        account: lane.account,
        host: lane.host,
        login: lane.login,
        token_source: lane.token_source,
        cooldown_ms: millis(lane.pace.cooldown),
        phase: lane.phase.as_str().to_owned(),
        reason: lane.reason,
        next_post_at_ms: lane.next_post_at.map(|time| time.0),
        jitter_ms: millis(lane.pace.jitter),
        remedy,
        warnings: lane.warnings,
        owners: owners
            .map(|owner| OwnerStatus {
                owner: owner.owner,
                reason: owner.reason,
                url: owner.url,
                next_try_at_ms: Some(owner.next_try_at.0),
            })
            .collect(),
        paused: paused.map(|halt| Box::new(halting::to_wire(halt))),
        token_expires_at_ms: lane.token_expires_at.map(|at| at.0),
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
