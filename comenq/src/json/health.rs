//! The JSON of `health`.

use comenq_proto::{
    Degraded, DegradedCode, HealthReply, JobState, LaneHealth, OldestJob, PartHealth, StoreHealth,
};
use serde::Serialize;

use crate::times::rfc3339;

/// `health`.
#[derive(Serialize)]
pub(crate) struct HealthDocument<'a> {
    health: HealthJson<'a>,
}

#[derive(Serialize)]
struct HealthJson<'a> {
    healthy: bool,
    degraded: Vec<DegradedJson<'a>>,
    store: StoreJson,
    parts: Vec<PartJson<'a>>,
    lanes: Vec<LaneJson<'a>>,
    clock_confirmed: bool,
    clock_offset_ms: Option<i64>,
    oldest: Option<OldestJson>,
    connections: u64,
    subscribers: u64,
    uptime_ms: u64,
}

#[derive(Serialize)]
struct DegradedJson<'a> {
    code: DegradedCode,
    account: Option<&'a str>,
    message: &'a str,
}

#[derive(Serialize)]
struct StoreJson {
    writable: bool,
    commits: u64,
    commit_p50_us: Option<u64>,
    commit_p99_us: Option<u64>,
    free_bytes: Option<u64>,
    file_bytes: Option<u64>,
}

#[derive(Serialize)]
struct PartJson<'a> {
    part: &'a str,
    account: Option<&'a str>,
    alive: bool,
}

#[derive(Serialize)]
struct LaneJson<'a> {
    account: &'a str,
    phase: &'a str,
    reason: Option<&'a str>,
    next_post_at: Option<String>,
}

#[derive(Serialize)]
struct OldestJson {
    id: u64,
    state: JobState,
    age_ms: u64,
}

impl<'a> From<&'a HealthReply> for HealthDocument<'a> {
    fn from(reply: &'a HealthReply) -> Self {
        Self {
            health: HealthJson {
                healthy: reply.healthy,
                degraded: reply.degraded.iter().map(DegradedJson::from).collect(),
                store: (&reply.store).into(),
                parts: reply.parts.iter().map(PartJson::from).collect(),
                lanes: reply.lanes.iter().map(LaneJson::from).collect(),
                clock_confirmed: reply.clock_confirmed,
                clock_offset_ms: reply.clock_offset_ms,
                oldest: reply.oldest.as_ref().map(OldestJson::from),
                connections: reply.connections,
                subscribers: reply.subscribers,
                uptime_ms: reply.uptime_ms,
            },
        }
    }
}

impl<'a> From<&'a Degraded> for DegradedJson<'a> {
    fn from(what: &'a Degraded) -> Self {
        Self {
            code: what.code,
            account: what.account.as_deref(),
            message: &what.message,
        }
    }
}

impl From<&StoreHealth> for StoreJson {
    fn from(store: &StoreHealth) -> Self {
        Self {
            writable: store.writable,
            commits: store.commits,
            commit_p50_us: store.commit_p50_us,
            commit_p99_us: store.commit_p99_us,
            free_bytes: store.free_bytes,
            file_bytes: store.file_bytes,
        }
    }
}

impl<'a> From<&'a PartHealth> for PartJson<'a> {
    fn from(part: &'a PartHealth) -> Self {
        Self {
            part: &part.part,
            account: part.account.as_deref(),
            alive: part.alive,
        }
    }
}

impl<'a> From<&'a LaneHealth> for LaneJson<'a> {
    fn from(lane: &'a LaneHealth) -> Self {
        Self {
            account: &lane.account,
            phase: &lane.phase,
            reason: lane.reason.as_deref(),
            next_post_at: lane.next_post_at_ms.and_then(rfc3339),
        }
    }
}

impl From<&OldestJob> for OldestJson {
    fn from(job: &OldestJob) -> Self {
        Self {
            id: job.id,
            state: job.state,
            age_ms: job.age_ms,
        }
    }
}
