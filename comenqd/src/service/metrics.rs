//! `metrics`: all that can be counted, as `OpenMetrics` text.
//!
//! Decides names and labels: accounts, endpoints and codes, never anything that a user chose. With
//! `family` the only place that knows `prometheus-client`; its registry lives while the reply is made.

mod family;

use std::collections::BTreeMap;

use comenq_proto::{DegradedCode, ErrorCode, HealthReply, MetricsReply, WireError};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::timeout;

use self::family::{Family, Measured, counter, counters, float, gauge, gauges};
use super::condition::{self, Condition, PATIENCE};
use super::{Answer, Service, health};

/// What every name begins with.
const PREFIX: &str = "comenqd";

/// Gives the text.
pub(super) async fn metrics(service: &Service) -> Result<Answer<MetricsReply>, WireError> {
    let condition = condition::examine(service, &service.settings(), false).await;
    // Kept counts; a store that cannot be read has none.
    let jobs = timeout(PATIENCE, service.queue.counts()).await;
    let jobs = jobs.ok().and_then(Result::ok).unwrap_or_default();
    let jobs = jobs
        .into_iter()
        .map(|(state, count)| (state.as_str(), count));
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Measured {
        families: families(service, condition, jobs.collect()),
        commits: service.queue.tally().commits,
    }));
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|error| {
        tracing::error!("cannot write the metrics: {error}");
        WireError::new(ErrorCode::Internal, "the metrics cannot be written")
    })?;
    Ok(Answer::of(MetricsReply { text }))
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn families(
    service: &Service,
    condition: Condition,
    jobs: Vec<(&'static str, u64)>,
) -> Vec<Family> {
    let codes = DegradedCode::ALL.iter().map(|code| {
        let is_so = condition.degraded.iter().any(|it| it.code == *code);
        (vec![("code", code.as_str().to_owned())], flag(is_so))
    });
    let codes = codes.collect();
    let low_space = flag(condition.room.low);
    let health = health::reply(service, condition);
    let mut families = vec![
        gauge("healthy", "Nothing is degraded", flag(health.healthy)),
        gauges("degraded", "Whether this is wrong", codes),
        gauge(
            "store_low_space",
            "No jobs are taken: the disk is nearly full",
            low_space,
        ),
    ];
    families.extend(of_health(&health));
    let jobs = jobs.into_iter();
    families.push(gauges(
        "jobs",
        "Jobs in the store by state",
        jobs.map(|(state, count)| (vec![("state", state.to_owned())], float(count)))
            .collect(),
    ));
    families.extend(of_counts(service));
    families
}

fn of_health(health: &HealthReply) -> Vec<Family> {
    let account = |of: Option<&String>| of.cloned().unwrap_or_default();
    let parts = health.parts.iter().map(|part| {
        let labels = vec![
            ("part", part.part.clone()),
            ("account", account(part.account.as_ref())),
        ];
        (labels, flag(part.alive))
    });
    let lanes = health.lanes.iter().map(|lane| {
        let labels = vec![
            ("account", lane.account.clone()),
            ("phase", lane.phase.clone()),
        ];
        (labels, 1.0)
    });
    let store = &health.store;
    let recent = [("0.5", store.commit_p50_us), ("0.99", store.commit_p99_us)];
    let recent = recent.into_iter().filter_map(|(quantile, us)| {
        let labels = vec![("q", quantile.to_owned())];
        Some((labels, float(us?) / 1e6))
    });
    let age = health.oldest.as_ref().map_or(0, |job| job.age_ms);
    vec![
        gauge("store_writable", "The store answers", flag(store.writable)),
        gauge(
            "store_free",
            "Free on the disk of the store",
            float(store.free_bytes.unwrap_or_default()),
        )
        .in_unit(Unit::Bytes),
        gauge(
            "store_file",
            "What the store's own files occupy",
            float(store.file_bytes.unwrap_or_default()),
        )
        .in_unit(Unit::Bytes),
        gauges(
            "recent_commit",
            "Quantiles of the last 1024 commits",
            recent.collect(),
        )
        .in_unit(Unit::Seconds),
        gauges(
            "part_alive",
            "This part of the daemon answers",
            parts.collect(),
        ),
        gauges(
            "lane",
            "What each account does: its phase has 1",
            lanes.collect(),
        ),
        gauge(
            "clock_confirmed",
            "GitHub told this process the time",
            flag(health.clock_confirmed),
        ),
        gauge(
            "oldest_unfinished_job_age",
            "Age of the unfinished job with the lowest number; 0 without one",
            float(age) / 1e3,
        )
        .in_unit(Unit::Seconds),
        gauge("connections", "Open connections", float(health.connections)),
        gauge(
            "subscribers",
            "Connections that carry events",
            float(health.subscribers),
        ),
        gauge("uptime", "Since the start", float(health.uptime_ms) / 1e3).in_unit(Unit::Seconds),
    ]
}

fn of_counts(service: &Service) -> Vec<Family> {
    let counts = service.queue.tally();
    let traffic = &service.counters;
    let by = |label: &'static str, counts: BTreeMap<&'static str, u64>| {
        let counts = counts.into_iter();
        counts
            .map(|(name, count)| (vec![(label, name.to_owned())], count))
            .collect()
    };
    let requests = traffic.requests().into_iter();
    let requests = requests.map(|((endpoint, result), count)| {
        let labels = vec![
            ("endpoint", endpoint.to_owned()),
            ("result", result.to_owned()),
        ];
        (labels, count)
    });
    vec![
        counter(
            "jobs_submitted",
            "Jobs that were accepted",
            counts.submitted,
        ),
        counters(
            "job_events",
            "What happened to jobs",
            by("event", counts.jobs),
        ),
        counters(
            "post_attempts",
            "Attempts to post, by what they came to",
            by("outcome", counts.attempts),
        ),
        counters(
            "requests",
            "Requests by endpoint and result",
            requests.collect(),
        ),
        counter(
            "connections_opened",
            "Connections that got a place",
            traffic.opened(),
        ),
        counter(
            "connections_refused",
            "Connections that got none",
            traffic.refused(),
        ),
        counter(
            "protocol_violations",
            "Rules of the protocol that were broken",
            traffic.violations(),
        ),
        counter(
            "events_missed",
            "Events that slow subscribers missed",
            service.queue.readers().1,
        ),
    ]
}
