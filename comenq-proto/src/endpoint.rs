//! The table of endpoints: who may ask, what may be repeated, which refusals pass by themselves.
//!
//! Decides the least role of each endpoint, what it does, and the retryable errors it can answer
//! with; the one table of them in the code, the other is in `PROTOCOL.md`. Whether an endpoint may
//! be repeated is told by its [`Request`], where the client asks it, and shown here. The daemon
//! asks who may. Knows no daemon's configuration.

use crate::{
    admin::{JobPurge, PostNow, QueueDrain, QueuePause, QueueResume},
    daemon::{AccountResume, Ping, Status, StoreExport},
    error::ErrorCode,
    event::Subscribe,
    forecast::Forecast,
    health::{Health, Metrics},
    hello::Role,
    request::Request,
    submit::{JobCheck, JobSubmit, JobSubmitBatch},
    verbs::{
        JobBump, JobCancel, JobEdit, JobGet, JobHold, JobList, JobRelease, JobRetry, JobRetryFailed,
    },
};

/// What an endpoint does, whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only tells something.
    Tells,
    /// It changes something: each request leaves a line in the daemon's log.
    Changes,
    /// The same, and only where the daemon's configuration allows what is dangerous.
    Dangerous,
}

/// One endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name on the wire.
    pub name: &'static str,
    /// The least role that may call it.
    pub least_role: Role,
    /// What it does.
    pub effect: Effect,
    /// Whether any request may be sent again when its reply was lost; where not, one with a key
    /// may.
    pub is_idempotent: bool,
    /// The errors it can answer with that may pass by themselves, by number. Those of a whole
    /// connection (102, 105) are not among them: they come instead of the handshake.
    pub retryable: &'static [ErrorCode],
}

/// Every endpoint of this build, in the order of `PROTOCOL.md`.
pub const ENDPOINTS: [Endpoint; 25] = [
    of::<Ping>(Role::ReadOnly, Effect::Tells, ALWAYS),
    of::<Status>(Role::ReadOnly, Effect::Tells, ALWAYS),
    of::<JobGet>(Role::ReadOnly, Effect::Tells, STORED),
    of::<JobList>(Role::ReadOnly, Effect::Tells, STORED),
    of::<Subscribe>(Role::ReadOnly, Effect::Tells, ALWAYS),
    of::<Health>(Role::ReadOnly, Effect::Tells, ALWAYS),
    of::<Metrics>(Role::ReadOnly, Effect::Tells, ALWAYS),
    of::<Forecast>(Role::ReadOnly, Effect::Tells, STORED),
    of::<JobSubmit>(Role::Operator, Effect::Changes, TAKEN),
    of::<JobSubmitBatch>(Role::Operator, Effect::Changes, TAKEN),
    of::<JobCheck>(Role::Operator, Effect::Tells, TAKEN),
    of::<JobEdit>(Role::Operator, Effect::Changes, EDITED),
    of::<JobHold>(Role::Operator, Effect::Changes, CHANGED),
    of::<JobRelease>(Role::Operator, Effect::Changes, CHANGED),
    of::<JobCancel>(Role::Operator, Effect::Changes, CHANGED),
    of::<JobRetry>(Role::Operator, Effect::Changes, STORED),
    of::<JobRetryFailed>(Role::Operator, Effect::Changes, STORED),
    of::<JobBump>(Role::Operator, Effect::Changes, CHANGED),
    of::<PostNow>(Role::Admin, Effect::Dangerous, HURRIED),
    of::<JobPurge>(Role::Admin, Effect::Dangerous, CHANGED),
    of::<QueuePause>(Role::Admin, Effect::Changes, STORED),
    of::<QueueResume>(Role::Admin, Effect::Changes, STORED),
    of::<QueueDrain>(Role::Admin, Effect::Changes, STORED),
    of::<AccountResume>(Role::Admin, Effect::Changes, STORED),
    of::<StoreExport>(Role::Admin, Effect::Tells, STORED),
];

/// Whoever asks too fast.
const ALWAYS: &[ErrorCode] = &[ErrorCode::RateLimited];
/// What needs the store.
const STORED: &[ErrorCode] = &[
    ErrorCode::RateLimited,
    ErrorCode::StoreUnavailable,
    ErrorCode::CommitFailed,
];
/// What changes a job that may be on its way to GitHub.
const CHANGED: &[ErrorCode] = &[
    ErrorCode::RateLimited,
    ErrorCode::JobBusy,
    ErrorCode::StoreUnavailable,
    ErrorCode::CommitFailed,
];
/// The same, where the job may grow.
const EDITED: &[ErrorCode] = &[
    ErrorCode::RateLimited,
    ErrorCode::QuotaExceeded,
    ErrorCode::JobBusy,
    ErrorCode::StoreUnavailable,
    ErrorCode::CommitFailed,
];
/// What takes new jobs.
const TAKEN: &[ErrorCode] = &[
    ErrorCode::RateLimited,
    ErrorCode::QuotaExceeded,
    ErrorCode::StoreUnavailable,
    ErrorCode::CommitFailed,
    ErrorCode::StoreFull,
    ErrorCode::Draining,
];
/// What goes before its turn, where nothing else is waited for.
const HURRIED: &[ErrorCode] = &[
    ErrorCode::RateLimited,
    ErrorCode::JobBusy,
    ErrorCode::LaneWaiting,
    ErrorCode::StoreUnavailable,
    ErrorCode::CommitFailed,
];

impl Endpoint {
    /// The endpoint of that name, if this build has one.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        const TABLE: &[Endpoint] = &ENDPOINTS;
        TABLE.iter().find(|endpoint| endpoint.name == name)
    }
}

const fn of<R: Request>(
    least_role: Role,
    effect: Effect,
    retryable: &'static [ErrorCode],
) -> Endpoint {
    Endpoint {
        name: R::ENDPOINT,
        least_role,
        effect,
        is_idempotent: R::IDEMPOTENT,
        retryable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_found_by_its_name() {
        for endpoint in &ENDPOINTS {
            assert_eq!(Endpoint::named(endpoint.name), Some(endpoint));
        }
        assert_eq!(Endpoint::named("no_such_endpoint"), None);
    }

    #[test]
    fn what_an_endpoint_calls_retryable_is_so_and_in_order() {
        for endpoint in &ENDPOINTS {
            let codes = endpoint.retryable;
            assert!(codes.iter().all(|code| code.retryable_by_default()));
            assert!(codes.is_sorted_by(|a, b| a.number() < b.number()));
        }
        let of_connections = [
            ErrorCode::TooManyConnections,
            ErrorCode::PeerRefused,
            ErrorCode::HelloLate,
        ];
        let retryable = ErrorCode::ALL.iter().filter(|it| it.retryable_by_default());
        for code in retryable.filter(|code| !of_connections.contains(code)) {
            let mut endpoints = ENDPOINTS.iter();
            let is_answered = endpoints.any(|endpoint| endpoint.retryable.contains(code));
            assert!(is_answered, "no endpoint answers {code:?}");
        }
    }
}
