//! `health`: how well the daemon is, for a probe each second.
//!
//! Decides only the shape. Nothing it asks for reads the jobs but for the first of the unfinished
//! ones, so it costs as much as there are accounts.

use std::time::Duration;

use comenq_proto::{
    Health, HealthReply, LaneHealth, MAX_ENTRIES, OldestJob, PartHealth, Request as _, Role,
    StoreHealth, WireError,
};

use super::condition::{self, Condition};
use super::{Answer, Caller, Service, fitting, reply_size, view};
use crate::clock::{Clock, UnixMs};
use crate::notify::PartState;
use crate::queue::{Job, LaneReport};

/// Answers a probe, also while the store cannot be used.
pub(super) async fn health(
    service: &Service,
    caller: Caller,
) -> Result<Answer<HealthReply>, WireError> {
    let details = caller.role == Role::Admin;
    let condition = condition::examine(service, &service.settings(), details).await;
    let reply = reply(service, condition);
    let most = reply_size::of(Health::ENDPOINT);
    Ok(Answer::of(fitting::health(reply, most)))
}

/// What a probe is told.
pub(super) fn reply(service: &Service, condition: Condition) -> HealthReply {
    let now = service.clock.wall();
    let (p50, p99) = service.queue.commit_percentiles_us().unzip();
    HealthReply {
        healthy: condition.degraded.is_empty(),
        degraded: condition.degraded,
        store: StoreHealth {
            writable: condition.store.is_none(),
            commits: service.queue.tally().commits.count,
            commit_p50_us: p50,
            commit_p99_us: p99,
            free_bytes: condition.room.free_bytes,
            file_bytes: Some(condition.room.file_bytes).filter(|bytes| *bytes > 0),
        },
        parts: condition
            .parts
            .into_iter()
            .take(MAX_ENTRIES)
            .map(part)
            .collect(),
        lanes: condition
            .lanes
            .into_iter()
            .take(MAX_ENTRIES)
            .map(lane)
            .collect(),
        clock_confirmed: service.clock.github_now().is_some(),
        oldest: condition.oldest.map(|job| oldest(&job, now)),
        connections: service.counters.open(),
        subscribers: service.queue.readers().0,
        uptime_ms: millis(service.uptime()),
        clock_offset_ms: clock_offset(&service.clock),
    }
}

/// How far our wall clock is ahead of GitHub's, as far as that is known.
fn clock_offset(clock: &Clock) -> Option<i64> {
    let github = clock.github_now()?;
    Some(clock.wall().0.saturating_sub(github.0))
}

fn part(part: PartState) -> PartHealth {
    PartHealth {
        part: part.name.to_owned(),
        account: part.account,
        alive: part.alive,
    }
}

fn lane(lane: LaneReport) -> LaneHealth {
    LaneHealth {
        account: lane.account,
        phase: lane.phase.as_str().to_owned(),
        reason: lane.reason,
        next_post_at_ms: lane.next_post_at.map(|at| at.0),
    }
}

fn oldest(job: &Job, now: UnixMs) -> OldestJob {
    OldestJob {
        id: job.id.get(),
        state: view::wire_state(job.state),
        age_ms: millis(now.since(job.created_at)),
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
