//! The JSON of `status`.

use std::collections::BTreeMap;

use comenq_proto::{
    ConfigStatus, Halt, LaneStatus, OwnUsage, OwnerStatus, QueueStatus, StatusReply, StoreStatus,
};
use serde::Serialize;

use crate::times::rfc3339;

/// `status`.
#[derive(Serialize)]
pub(crate) struct StatusDocument<'a> {
    status: StatusJson<'a>,
}

#[derive(Serialize)]
struct StatusJson<'a> {
    daemon_version: &'a str,
    started_at: Option<String>,
    store: StoreJson<'a>,
    counts: &'a BTreeMap<String, u64>,
    lanes: Vec<LaneJson<'a>>,
    degraded: &'a [String],
    own: Option<OwnJson<'a>>,
    config: Option<ConfigJson<'a>>,
    queue: Option<QueueJson<'a>>,
}

/// What administrators have stopped.
#[derive(Serialize)]
struct QueueJson<'a> {
    paused: Option<HaltJson<'a>>,
    draining: Option<HaltJson<'a>>,
}

#[derive(Serialize)]
struct HaltJson<'a> {
    since: Option<String>,
    uid: u32,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct StoreJson<'a> {
    ok: bool,
    reason: Option<&'a str>,
    free_bytes: Option<u64>,
    file_bytes: Option<u64>,
    low_space: bool,
}

#[derive(Serialize)]
struct LaneJson<'a> {
    account: &'a str,
    host: &'a str,
    login: Option<&'a str>,
    token_source: Option<&'a str>,
    cooldown_ms: u64,
    phase: &'a str,
    reason: Option<&'a str>,
    next_post_at: Option<String>,
    jitter_ms: u64,
    remedy: Option<&'a str>,
    warnings: &'a [String],
    owners: Vec<OwnerJson<'a>>,
    paused: Option<HaltJson<'a>>,
    token_expires_at: Option<String>,
}

#[derive(Serialize)]
struct OwnerJson<'a> {
    owner: &'a str,
    reason: &'a str,
    url: Option<&'a str>,
    next_try_at: Option<String>,
}

#[derive(Serialize)]
struct OwnJson<'a> {
    queued_jobs: u64,
    max_queued_jobs: u64,
    queued_bytes: u64,
    max_queued_bytes: u64,
    submits_last_minute: u32,
    max_submits_per_minute: u32,
    posts_last_day: u64,
    max_posts_per_day: Option<u64>,
    accounts: &'a [String],
}

#[derive(Serialize)]
struct ConfigJson<'a> {
    loaded_at: Option<String>,
    error: Option<&'a str>,
}

impl<'a> From<&'a StatusReply> for StatusDocument<'a> {
    fn from(reply: &'a StatusReply) -> Self {
        Self {
            status: StatusJson {
                daemon_version: &reply.daemon_version,
                started_at: rfc3339(reply.started_at_ms),
                store: (&reply.store).into(),
                counts: &reply.counts,
                lanes: reply.lanes.iter().map(LaneJson::from).collect(),
                degraded: &reply.degraded,
                own: reply.own.as_ref().map(OwnJson::from),
                config: reply.config.as_ref().map(ConfigJson::from),
                queue: reply.queue.as_ref().map(QueueJson::from),
            },
        }
    }
}

impl<'a> From<&'a StoreStatus> for StoreJson<'a> {
    fn from(store: &'a StoreStatus) -> Self {
        Self {
            ok: store.ok,
            reason: store.reason.as_deref(),
            free_bytes: store.free_bytes,
            file_bytes: store.file_bytes,
            low_space: store.low_space,
        }
    }
}

impl<'a> From<&'a LaneStatus> for LaneJson<'a> {
    fn from(lane: &'a LaneStatus) -> Self {
        Self {
            account: &lane.account,
            host: &lane.host,
            login: lane.login.as_deref(),
            token_source: lane.token_source.as_deref(),
            cooldown_ms: lane.cooldown_ms,
            phase: &lane.phase,
            reason: lane.reason.as_deref(),
            next_post_at: lane.next_post_at_ms.and_then(rfc3339),
            jitter_ms: lane.jitter_ms,
            remedy: lane.remedy.as_deref(),
            warnings: &lane.warnings,
            owners: lane.owners.iter().map(OwnerJson::from).collect(),
            paused: lane.paused.as_deref().map(HaltJson::from),
            token_expires_at: lane.token_expires_at_ms.and_then(rfc3339),
        }
    }
}

impl<'a> From<&'a QueueStatus> for QueueJson<'a> {
    fn from(queue: &'a QueueStatus) -> Self {
        Self {
            paused: queue.paused.as_ref().map(HaltJson::from),
            draining: queue.draining.as_ref().map(HaltJson::from),
        }
    }
}

impl<'a> From<&'a Halt> for HaltJson<'a> {
    fn from(halt: &'a Halt) -> Self {
        Self {
            since: rfc3339(halt.at_ms),
            uid: halt.uid,
            reason: halt.reason.as_deref(),
        }
    }
}

impl<'a> From<&'a OwnerStatus> for OwnerJson<'a> {
    fn from(barred: &'a OwnerStatus) -> Self {
        Self {
            owner: &barred.owner,
            reason: &barred.reason,
            url: barred.url.as_deref(),
            next_try_at: barred.next_try_at_ms.and_then(rfc3339),
        }
    }
}

impl<'a> From<&'a OwnUsage> for OwnJson<'a> {
    fn from(own: &'a OwnUsage) -> Self {
        Self {
            queued_jobs: own.queued_jobs,
            max_queued_jobs: own.max_queued_jobs,
            queued_bytes: own.queued_bytes,
            max_queued_bytes: own.max_queued_bytes,
            submits_last_minute: own.submits_last_minute,
            max_submits_per_minute: own.max_submits_per_minute,
            posts_last_day: own.posts_last_day,
            max_posts_per_day: own.max_posts_per_day,
            accounts: &own.accounts,
        }
    }
}

impl<'a> From<&'a ConfigStatus> for ConfigJson<'a> {
    fn from(config: &'a ConfigStatus) -> Self {
        Self {
            loaded_at: rfc3339(config.loaded_at_ms),
            error: config.error.as_deref(),
        }
    }
}
