//! `PROTOCOL.md` says what the code does: every vector, code, word and endpoint.

use comenq_proto::{
    AccountResume, DegradedCode, ErrorCode, EventKind, FEATURES, FailureCode, Health, JobBump,
    JobCancel, JobEdit, JobGet, JobHold, JobList, JobPurge, JobRelease, JobRetry, JobRetryFailed,
    JobState, JobSubmit, JobSubmitBatch, Kind, LogKind, Metrics, Ping, PostNow, QueueDrain,
    QueuePause, QueueResume, Request, Role, Status, StoreExport, Subscribe,
};

use super::vectors;

const PROTOCOL: &str = include_str!("../../PROTOCOL.md");
const CDDL: &str = include_str!("../../comenq.cddl");

#[test]
fn the_specification_shows_every_vector() {
    let text: String = PROTOCOL.split_whitespace().collect();
    for (name, hex) in vectors() {
        assert!(
            text.contains(&format!("{name}:{hex}")),
            "PROTOCOL.md lacks {name}: {hex}"
        );
    }
}

/// Every number, its name, whether it is retryable, and the exit code. Lines
/// are added; none is changed or removed, and no number is used again.
const ERRORS: &[(u16, &str, bool, u8)] = &[
    (100, "incompatible_protocol", false, 8),
    (101, "protocol_violation", false, 1),
    (102, "too_many_connections", true, 1),
    (103, "unknown_endpoint", false, 1),
    (104, "rate_limited", true, 1),
    (105, "peer_refused", true, 1),
    (106, "events_only", false, 1),
    (200, "bad_request", false, 2),
    (201, "invalid_target", false, 2),
    (202, "invalid_body", false, 2),
    (203, "body_too_long", false, 2),
    (204, "invalid_key", false, 2),
    (205, "key_reused", false, 2),
    (206, "wrong_host", false, 2),
    (207, "invalid_cursor", false, 2),
    (208, "invalid_id", false, 2),
    (209, "invalid_value", false, 2),
    (210, "unknown_account", false, 2),
    (211, "account_needed", false, 2),
    (300, "not_allowed", false, 4),
    (301, "unmapped_peer", false, 4),
    (302, "quota_exceeded", true, 4),
    (303, "repository_not_allowed", false, 4),
    (304, "account_not_allowed", false, 4),
    (305, "dangerous_disabled", false, 4),
    (400, "no_such_job", false, 5),
    (401, "wrong_state", false, 5),
    (402, "job_busy", true, 5),
    (403, "unresolved", false, 5),
    (404, "lane_waiting", true, 5),
    (500, "internal", false, 1),
    (501, "store_unavailable", true, 1),
    (502, "commit_failed", true, 1),
    (503, "store_full", true, 1),
    (504, "draining", true, 1),
];

#[test]
fn error_codes_are_frozen() {
    let known: Vec<_> = ErrorCode::ALL
        .iter()
        .map(|code| {
            let retryable = code.retryable_by_default();
            (code.number(), code.name(), retryable, code.exit_code())
        })
        .collect();
    assert_eq!(known, ERRORS);
}

/// Every endpoint, and whether any request of it may be repeated.
#[test]
fn the_specification_tells_which_endpoints_may_be_repeated() {
    fn row<R: Request>() -> String {
        let repeatable = if R::IDEMPOTENT { "yes" } else { "with a key" };
        format!("| `{}` | {repeatable} |", R::ENDPOINT)
    }
    let rows = [
        row::<Ping>(),
        row::<Status>(),
        row::<JobGet>(),
        row::<JobList>(),
        row::<JobSubmit>(),
        row::<JobSubmitBatch>(),
        row::<JobEdit>(),
        row::<JobHold>(),
        row::<JobRelease>(),
        row::<JobCancel>(),
        row::<JobRetry>(),
        row::<JobRetryFailed>(),
        row::<JobBump>(),
        row::<PostNow>(),
        row::<JobPurge>(),
        row::<QueuePause>(),
        row::<QueueResume>(),
        row::<QueueDrain>(),
        row::<AccountResume>(),
        row::<StoreExport>(),
        row::<Subscribe>(),
        row::<Health>(),
        row::<Metrics>(),
    ];
    for row in rows {
        assert!(PROTOCOL.contains(&row), "PROTOCOL.md lacks {row}");
    }
}

#[test]
fn the_specification_lists_every_error_code() {
    for (number, name, retryable, exit) in ERRORS {
        let retryable = if *retryable { "yes" } else { "no" };
        let row = format!("| {number} | `{name}` | {retryable} | {exit} |");
        assert!(PROTOCOL.contains(&row), "PROTOCOL.md lacks {row}");
    }
}

#[test]
fn the_specification_lists_every_word_of_an_enumeration() {
    let events = EventKind::ALL.iter().map(|kind| kind.as_str());
    let degraded = DegradedCode::ALL.iter().map(|code| code.as_str());
    let features = FEATURES.iter().copied();
    let failures = FailureCode::ALL.iter().map(|failure| failure.as_str());
    let entries = LogKind::ALL.iter().map(|kind| kind.as_str());
    let states = JobState::ALL.iter().map(|state| state.as_str());
    let roles = Role::ALL.iter().map(|role| role.as_str());
    let kinds = Kind::ALL.iter().map(|kind| kind.as_str());
    for text in states
        .chain(roles)
        .chain(kinds)
        .chain(failures)
        .chain(entries)
        .chain(events)
        .chain(degraded)
        .chain(features)
    {
        assert!(
            PROTOCOL.contains(&format!("`{text}`")),
            "PROTOCOL.md lacks {text}"
        );
        assert!(
            CDDL.contains(&format!("\"{text}\"")),
            "comenq.cddl lacks {text}"
        );
    }
}

/// Every reason for being degraded. Lines are added; none is changed or removed.
const DEGRADED: &[&str] = &[
    "store_unavailable",
    "store_stalled",
    "low_space",
    "part_stalled",
    "config_refused",
    "restart_needed",
    "jobs_stranded",
    "no_token",
    "account_blocked",
    "account_limited",
    "account_offline",
    "paused",
    "draining",
];

#[test]
fn reasons_for_being_degraded_are_frozen() {
    let known: Vec<_> = DegradedCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(known, DEGRADED);
}
