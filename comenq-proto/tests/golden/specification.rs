//! `PROTOCOL.md` says what the code does: every vector, code, word and endpoint.

use std::collections::BTreeMap;

use comenq_proto::{
    DegradedCode, ENDPOINTS, Effect, Endpoint, ErrorCode, EventKind, FEATURES, FailureCode,
    JobState, Kind, LogKind, Role,
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
    (107, "hello_late", true, 1),
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

/// The rows of the table under a heading, cell by cell, without the head.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let rest = PROTOCOL.split_once(heading).unwrap().1;
    let lines = rest.lines().skip_while(|line| !line.starts_with('|'));
    let lines = lines.take_while(|line| line.starts_with('|')).skip(2);
    let row = |line: &'static str| {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(str::trim).collect()
    };
    lines.map(row).collect()
}

const fn repeatable(endpoint: &Endpoint) -> &'static str {
    if endpoint.is_idempotent {
        "yes"
    } else {
        "with a key"
    }
}

#[test]
fn the_table_of_endpoints_is_that_of_the_code() {
    let expected = ENDPOINTS.map(|endpoint| {
        let codes = endpoint.retryable.iter().map(|code| code.number());
        let codes: Vec<_> = codes.map(|number| number.to_string()).collect();
        vec![
            format!("`{}`", endpoint.name),
            format!("`{}`", endpoint.least_role),
            repeatable(&endpoint).to_owned(),
            codes.join(", "),
        ]
    });
    assert_eq!(table("\n## Endpoints at a glance\n"), expected);
}

/// The two tables that say more of it have a row for each endpoint, in any order.
#[test]
fn the_tables_of_repeating_and_of_roles_say_the_same() {
    let by_name = |heading: &str| -> BTreeMap<_, _> {
        let rows = table(heading).into_iter();
        let cells = rows.map(|row| (row.first().copied(), row.get(1).copied()));
        let cells = cells.filter_map(|(name, value)| Some((name?.trim_matches('`'), value?)));
        cells.collect()
    };
    let repeating = by_name("\n## Repeating\n");
    let roles = by_name("\n## Who may do what\n");
    for endpoint in &ENDPOINTS {
        assert_eq!(repeating[endpoint.name], repeatable(endpoint));
        let besides = match endpoint.effect {
            Effect::Dangerous => ", and `allow_dangerous`",
            Effect::Tells | Effect::Changes => "",
        };
        let role = format!("`{}`{besides}", endpoint.least_role);
        assert_eq!(roles[endpoint.name], role);
    }
    assert_eq!(
        (repeating.len(), roles.len()),
        (ENDPOINTS.len(), ENDPOINTS.len())
    );
}

/// Each endpoint has a section of its own, or is named in the heading of one.
#[test]
fn every_endpoint_has_its_section() {
    for endpoint in &ENDPOINTS {
        let name = format!("`{}`", endpoint.name);
        let mut headings = PROTOCOL.lines().filter(|line| line.starts_with("### "));
        assert!(
            headings.any(|line| line.contains(&name)),
            "no section for {name}"
        );
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
