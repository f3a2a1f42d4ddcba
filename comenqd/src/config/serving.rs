//! What of the server's limits an operator can change.
//!
//! Decides their bounds. Called by [`super::load`]; the defaults and their reasons are in
//! `comenq_proto::limits`, what the numbers mean is `server`'s to say.

use std::time::Duration;

use comenq_proto::limits as proto;

use super::ConfigError;
use super::values::Values;

/// More than the kernel lets a process open by default on any distribution we know.
const MOST_CONNECTIONS: u64 = 65_536;
/// With fewer, the places for root and for anybody else would be none.
const LEAST_CONNECTIONS: u64 = 16;
/// Far beyond what the daemon can answer: as good as no limit.
const MOST_RATE: u64 = 1_000_000_000;
const DAY: u64 = 24 * 3600;

/// How much of the server's places and patience connections may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serving {
    /// Connections at once.
    pub max_connections: usize,
    /// Of one user.
    pub max_connections_per_user: usize,
    /// Requests of one user in a second.
    pub max_requests_per_second: u32,
    /// How often one user may break the protocol within a minute.
    pub max_violations_per_minute: u32,
    /// How long a user is refused who did so more often.
    pub refusal: Duration,
    /// How long a connection may be silent.
    pub idle_timeout: Duration,
}

/// Reads them.
pub(super) fn load(values: &mut Values<'_>) -> Result<Serving, ConfigError> {
    let mut count = |key, default: usize, least| {
        let default = u64::try_from(default).unwrap_or(MOST_CONNECTIONS);
        let most = least..=MOST_CONNECTIONS;
        let count = values.number(key, default, most, "connections")?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    };
    let max_connections = count("max_connections", proto::MAX_CONNECTIONS, LEAST_CONNECTIONS)?;
    let max_connections_per_user =
        count("max_connections_per_user", proto::MAX_USER_CONNECTIONS, 1)?;
    let mut rate = |key, default: u32, unit| {
        let rate = values.number(key, default.into(), 1..=MOST_RATE, unit)?;
        Ok(u32::try_from(rate).unwrap_or(u32::MAX))
    };
    let max_requests_per_second = rate(
        "max_requests_per_second",
        proto::MAX_USER_REQUESTS_PER_SECOND,
        "requests",
    )?;
    let max_violations_per_minute = rate(
        "max_violations_per_minute",
        proto::MAX_VIOLATIONS_PER_MINUTE,
        "violations",
    )?;
    Ok(Serving {
        max_connections,
        max_connections_per_user,
        max_requests_per_second,
        max_violations_per_minute,
        refusal: values.seconds("refusal_seconds", proto::REFUSAL.as_secs(), 1..=DAY)?,
        idle_timeout: values.seconds(
            "idle_timeout_seconds",
            proto::IDLE_TIMEOUT.as_secs(),
            1..=DAY,
        )?,
    })
}
