//! The bytes of every message, frozen: other clients are written from them.
//!
//! `vectors.txt` is only ever added to. A failure here means that the wire
//! changed; the wire changes by adding, never by editing a vector.

#![expect(clippy::unwrap_used, reason = "a test ends in a panic when it fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use bytes::{Bytes, BytesMut};
use comenq_proto::{
    Authz, ErrorCode, FrameCodec, Hello, HelloAck, HelloReply, Job, JobCancel, JobCancelReply,
    JobGet, JobGetReply, JobList, JobListReply, JobState, JobSubmit, JobSubmitReply, Kind,
    LaneStatus, Ping, Pong, ProtocolVersion, RequestEnvelope, ResponseEnvelope, Role, Status,
    StatusReply, StoreStatus, WireError, from_slice, to_bytes,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::codec::{Decoder as _, Encoder as _};

const VECTORS: &str = include_str!("vectors.txt");
const PROTOCOL: &str = include_str!("../PROTOCOL.md");

/// Name to hex digits.
fn vectors() -> BTreeMap<&'static str, String> {
    let mut vectors = BTreeMap::new();
    let mut name = "";
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        if let Some(new) = line.strip_suffix(':') {
            name = new;
            assert_eq!(vectors.insert(name, String::new()), None, "{name} twice");
        } else if !line.is_empty() {
            vectors.get_mut(name).unwrap().push_str(line.trim());
        }
    }
    vectors
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    let encoded = hex(&to_bytes(value).unwrap());
    let frozen = vectors().remove(name).unwrap_or_default();
    assert_eq!(encoded, frozen, "encoding of {name}");
    assert_eq!(
        &from_slice::<T>(&bytes(&frozen)).unwrap(),
        value,
        "decoding of {name}"
    );
}

macro_rules! golden {
    ($($name:ident = $value:expr,)+) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name), &$value);
            }
        )+

        const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

golden! {
    hello = Hello::new("comenq", "0.1.0"),
    hello_reply_ack = HelloReply::accepted(ack()),
    hello_reply_err = HelloReply::refused(WireError::new(
        ErrorCode::IncompatibleProtocol,
        "client speaks protocol 2 to 3, daemon speaks 1: the daemon is too old; \
         update comenqd and restart it (systemctl restart comenqd)",
    )),
    request_envelope = RequestEnvelope::new(ProtocolVersion(1), 1, &JobGet { id: 7 }).unwrap(),
    response_ok = ResponseEnvelope::ok(ProtocolVersion(1), 1, &Pong {}).unwrap(),
    response_err = ResponseEnvelope::err(ProtocolVersion(1), 1, &busy()).unwrap(),
    error_minimal = WireError::new(ErrorCode::NoSuchJob, "no job 7"),
    error_full = busy(),
    job_submit_minimal = JobSubmit { host: None, key: None, ..submit() },
    job_submit_full = submit(),
    job_submit_reply_minimal = JobSubmitReply {
        job: job(),
        duplicate: true,
        position: None,
        expected_at_ms: None,
        notes: vec![],
    },
    job_submit_reply_full = JobSubmitReply {
        job: job(),
        duplicate: false,
        position: Some(3),
        expected_at_ms: Some(1_795_178_460_000),
        notes: vec!["no token is configured".into()],
    },
    job_get = JobGet { id: 7 },
    job_get_reply = JobGetReply { job: full_job(), waiting_for: Some("a look".into()) },
    job_list_first = JobList { cursor: None, limit: None, include_body: false },
    job_list_next = JobList { cursor: Some("c7".into()), limit: Some(2), include_body: true },
    job_list_reply = JobListReply { jobs: vec![job()], next_cursor: Some("c8".into()) },
    job_list_reply_last = JobListReply { jobs: vec![], next_cursor: None },
    job_cancel = JobCancel { id: 7 },
    job_cancel_reply = JobCancelReply {
        job: Job { state: JobState::Cancelled, ..job() },
        may_have_been_posted: false,
    },
    status = Status {},
    status_reply = StatusReply {
        daemon_version: "0.1.0".into(),
        started_at_ms: 1_795_176_000_000,
        store: StoreStatus { ok: true, reason: None },
        counts: BTreeMap::from([("posted".into(), 10), ("queued".into(), 3)]),
        lanes: vec![lane()],
        degraded: vec![],
    },
    status_reply_degraded = StatusReply {
        daemon_version: "0.1.0".into(),
        started_at_ms: 1_795_176_000_000,
        store: StoreStatus { ok: false, reason: Some("the disk is full".into()) },
        counts: BTreeMap::new(),
        lanes: vec![],
        degraded: vec!["the store is unavailable".into()],
    },
    ping = Ping {},
    pong = Pong {},
}

fn ack() -> HelloAck {
    HelloAck {
        protocol_version: ProtocolVersion(1),
        daemon_version: "0.1.0".into(),
        features: vec![],
        max_frame: 1_048_576,
        authz: Authz {
            uid: 1000,
            gid: 1000,
            role: Role::Operator,
        },
    }
}

fn busy() -> WireError {
    WireError {
        code: ErrorCode::JobBusy,
        message: "job 7 is being posted".into(),
        detail: Some("try again when its outcome is known".into()),
        retryable: true,
        retry_after_s: Some(30),
    }
}

fn submit() -> JobSubmit {
    JobSubmit {
        owner: "octocat".into(),
        repo: "Hello-World".into(),
        number: 123,
        host: Some("github.com".into()),
        body: "Grüße".into(),
        key: Some("k-1".into()),
    }
}

fn job() -> Job {
    Job {
        id: 7,
        state: JobState::Queued,
        owner: "octocat".into(),
        repo: "Hello-World".into(),
        number: 123,
        body: None,
        account: "default".into(),
        uid: 1000,
        priority: 0,
        created_at_ms: 1_795_176_600_000,
        not_before_ms: None,
        attempts: 0,
        next_attempt_at_ms: None,
        finished_at_ms: None,
        comment_id: None,
        comment_url: None,
        last_error: None,
        cancel_requested: false,
    }
}

fn full_job() -> Job {
    Job {
        state: JobState::Uncertain,
        body: Some("Grüße".into()),
        priority: -5,
        not_before_ms: Some(1_795_176_610_000),
        attempts: 2,
        next_attempt_at_ms: Some(1_795_176_700_000),
        finished_at_ms: Some(1_795_176_800_000),
        comment_id: Some(42),
        comment_url: Some("https://github.com/x".into()),
        last_error: Some("no answer".into()),
        cancel_requested: true,
        ..job()
    }
}

fn lane() -> LaneStatus {
    LaneStatus {
        account: "default".into(),
        host: "api.github.com".into(),
        login: Some("octocat".into()),
        token_source: Some("credential".into()),
        cooldown_ms: 960_000,
        phase: "limited".into(),
        reason: Some("secondary rate limit".into()),
        next_post_at_ms: Some(1_795_176_700_000),
    }
}

#[test]
fn a_frame_is_its_length_and_its_payload() {
    let frozen = vectors();
    let mut buffer = BytesMut::new();
    let payload = Bytes::from(bytes(&frozen["request_envelope"]));
    FrameCodec.encode(payload.clone(), &mut buffer).unwrap();
    assert_eq!(hex(&buffer), frozen["frame"]);
    assert_eq!(FrameCodec.decode(&mut buffer).unwrap(), Some(payload));
}

#[test]
fn every_vector_has_its_test() {
    let named: BTreeSet<_> = NAMES.iter().copied().chain(["frame"]).collect();
    let frozen: BTreeSet<_> = vectors().into_keys().collect();
    assert_eq!(named, frozen);
}

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
    (200, "bad_request", false, 2),
    (201, "invalid_target", false, 2),
    (202, "invalid_body", false, 2),
    (203, "body_too_long", false, 2),
    (204, "invalid_key", false, 2),
    (205, "key_reused", false, 2),
    (206, "wrong_host", false, 2),
    (207, "invalid_cursor", false, 2),
    (208, "invalid_id", false, 2),
    (300, "not_allowed", false, 4),
    (301, "unmapped_peer", false, 4),
    (400, "no_such_job", false, 5),
    (401, "wrong_state", false, 5),
    (402, "job_busy", true, 5),
    (500, "internal", false, 1),
    (501, "store_unavailable", true, 1),
    (502, "commit_failed", true, 1),
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

#[test]
fn the_specification_lists_every_error_code() {
    for (number, name, retryable, exit) in ERRORS {
        let retryable = if *retryable { "yes" } else { "no" };
        let row = format!("| {number} | `{name}` | {retryable} | {exit} |");
        assert!(PROTOCOL.contains(&row), "PROTOCOL.md lacks {row}");
    }
}

#[test]
fn the_specification_lists_every_state_and_role_and_kind() {
    let states = JobState::ALL.iter().map(|state| state.as_str());
    let roles = Role::ALL.iter().map(|role| role.as_str());
    let kinds = Kind::ALL.iter().map(|kind| kind.as_str());
    for text in states.chain(roles).chain(kinds) {
        assert!(
            PROTOCOL.contains(&format!("`{text}`")),
            "PROTOCOL.md lacks {text}"
        );
    }
}

/// A job of a later daemon: one field more, and a state nobody knows yet.
#[test]
fn a_later_job_is_readable() {
    let mut later = to_bytes(&job()).unwrap();
    let queued = b"\x66queued";
    let at = later
        .windows(queued.len())
        .position(|window| window == queued)
        .unwrap();
    later.splice(at..at + queued.len(), *b"\x66paused");
    // One entry more in the map's head, and the entry itself: {"zone": [1, {}]}.
    later[0] += 1;
    later.extend(b"\x64zone\x82\x01\xa0");
    let expected = Job {
        state: JobState::Unknown,
        ..job()
    };
    assert_eq!(from_slice::<Job>(&later).unwrap(), expected);
}

#[test]
fn a_null_is_an_absent_text_or_number() {
    let first = from_slice::<JobList>(b"\xa2\x66cursor\xf6\x65limit\xf6").unwrap();
    let expected = JobList {
        cursor: None,
        limit: None,
        include_body: false,
    };
    assert_eq!(first, expected);
}
