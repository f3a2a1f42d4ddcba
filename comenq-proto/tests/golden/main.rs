//! The bytes of every message, frozen: other clients are written from them.
//!
//! `vectors.txt` is only ever added to. A failure here means that the wire
//! changed; the wire changes by adding, never by editing a vector.

#![expect(clippy::unwrap_used, reason = "a test ends in a panic when it fails")]

mod cddl;
mod samples;
mod specification;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use bytes::{Bytes, BytesMut};
use comenq_proto::{
    AccountResume, AccountResumeReply, ErrorCode, Forecast, ForecastReply, FrameCodec, Health,
    HealthReply, Hello, HelloAck, HelloReply, Job, JobBump, JobCancel, JobCancelReply,
    JobChangeReply, JobCheck, JobCheckReply, JobChecked, JobEdit, JobGet, JobGetReply, JobHold,
    JobList, JobListReply, JobPurge, JobPurgeReply, JobRelease, JobRetry, JobRetryFailed,
    JobRetryFailedReply, JobState, JobSubmit, JobSubmitBatch, JobSubmitBatchReply, JobSubmitReply,
    Metrics, MetricsReply, Ping, Pong, PostNow, ProtocolVersion, QueueChangeReply, QueueDrain,
    QueuePause, QueueResume, RequestEnvelope, ResponseEnvelope, Status, StatusReply, StoreExport,
    StoreExportReply, StoreStatus, Subscribe, SubscribeReply, WireError, from_slice, to_bytes,
};
use samples::{
    ack, attempt, busy, checked, expiring_status, failed_event, failed_job, full_health, full_job,
    full_status, halted_status, heartbeat, job, lagged, lane, lane_event, lanes_ahead, look,
    position, posted_event, submit, superseding,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::codec::{Decoder as _, Encoder as _};

const VECTORS: &str = include_str!("vectors.txt");

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
    cddl::agrees::<T>(name, &frozen);
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
    job_submit_options = JobSubmit {
        account: Some("bot".into()),
        priority: -5,
        not_before_ms: Some(1_795_176_610_000),
        expires_at_ms: Some(1_795_180_200_000),
        replace_key: Some("ci".into()),
        if_open: true,
        hold: true,
        ..submit()
    },
    job_submit_relative = JobSubmit {
        priority: 100,
        delay_ms: Some(10_000),
        expires_in_ms: Some(3_600_000),
        ..submit()
    },
    job_submit_reply_minimal = JobSubmitReply {
        job: job(),
        duplicate: true,
        position: None,
        expected_at_ms: None,
        notes: vec![],
        same_text_as: None,
        superseded: vec![],
    },
    job_submit_reply_full = JobSubmitReply {
        job: job(),
        duplicate: false,
        position: Some(3),
        expected_at_ms: Some(1_795_178_460_000),
        notes: vec!["no token is configured".into()],
        same_text_as: None,
        superseded: vec![],
    },
    job_submit_reply_superseding = superseding(),
    job_submit_batch = JobSubmitBatch {
        jobs: vec![
            JobSubmit { host: None, ..submit() },
            JobSubmit { key: Some("k-2".into()), host: None, hold: true, ..submit() },
        ],
    },
    job_submit_batch_reply = JobSubmitBatchReply {
        jobs: vec![
            JobSubmitReply { notes: vec![], ..superseding() },
            JobSubmitReply {
                job: Job { id: 8, state: JobState::Held, ..job() },
                duplicate: false,
                position: None,
                expected_at_ms: None,
                notes: vec![],
                same_text_as: None,
                superseded: vec![],
            },
        ],
        notes: vec!["job 7 supersedes job 5".into()],
    },
    job_check = JobCheck {
        jobs: vec![JobSubmit { key: None, host: None, delay_ms: Some(10_000), ..submit() }],
    },
    job_check_reply = JobCheckReply { jobs: vec![checked()], notes: vec!["no token is configured".into()] },
    job_check_reply_duplicate = JobCheckReply {
        jobs: vec![JobChecked {
            account: "default".into(),
            duplicate_of: Some(7),
            ..JobChecked::default()
        }],
        notes: vec![],
    },
    job_get = JobGet { id: 7 },
    job_get_reply = JobGetReply {
        job: full_job(),
        waiting_for: Some("a look".into()),
        attempt_log: vec![],
        position: None,
        expected_at_ms: None,
    },
    job_get_reply_log = JobGetReply {
        job: failed_job(),
        waiting_for: None,
        attempt_log: vec![attempt(), look()],
        position: None,
        expected_at_ms: None,
    },
    job_get_reply_in_line = JobGetReply {
        job: job(),
        waiting_for: None,
        attempt_log: vec![],
        position: Some(3),
        expected_at_ms: Some(1_795_178_460_000),
    },
    job_list_first = JobList::default(),
    job_list_next = JobList { cursor: Some("c7".into()), limit: Some(2), include_body: true, ..JobList::default() },
    job_list_history = JobList { history: true, ..JobList::default() },
    job_list_filtered = JobList {
        mine: true,
        states: vec!["queued".into(), "held".into()],
        account: Some("bot".into()),
        owner: Some("octocat".into()),
        repo: Some("hello-world".into()),
        since_ms: Some(1_795_176_000_000),
        ..JobList::default()
    },
    job_list_reply = JobListReply { jobs: vec![job()], next_cursor: Some("c8".into()) },
    job_list_reply_last = JobListReply { jobs: vec![], next_cursor: None },
    job_cancel = JobCancel { id: 7 },
    job_cancel_reply = JobCancelReply {
        job: Job { state: JobState::Cancelled, ..job() },
        may_have_been_posted: false,
    },
    job_edit = JobEdit { id: 7, body: "Grüße".into() },
    job_hold = JobHold { id: 7 },
    job_release = JobRelease { id: 7 },
    job_retry = JobRetry { id: 7 },
    job_bump = JobBump { id: 7 },
    job_change_reply = JobChangeReply {
        job: Job { state: JobState::Held, ..job() },
        notes: vec!["it was held already".into()],
    },
    job_retry_failed_first = JobRetryFailed { reason: "locked".into(), cursor: None },
    job_retry_failed_next = JobRetryFailed { reason: "locked".into(), cursor: Some("c9".into()) },
    job_retry_failed_reply = JobRetryFailedReply {
        retried: vec![7, 8],
        next_cursor: Some("c9".into()),
    },
    job_retry_failed_reply_last = JobRetryFailedReply { retried: vec![], next_cursor: None },
    account_resume = AccountResume { account: "bot".into() },
    account_resume_reply = AccountResumeReply { notes: vec!["it was not paused".into()] },
    store_export_first = StoreExport { cursor: None },
    store_export_next = StoreExport { cursor: Some("e2".into()) },
    store_export_reply = StoreExportReply {
        lines: vec![r#"{"comenq_export":1}"#.into()],
        next_cursor: Some("e2".into()),
    },
    store_export_reply_last = StoreExportReply { lines: vec![], next_cursor: None },
    status = Status {},
    status_reply = StatusReply {
        daemon_version: "0.1.0".into(),
        started_at_ms: 1_795_176_000_000,
        store: StoreStatus { ok: true, ..StoreStatus::default() },
        counts: BTreeMap::from([("posted".into(), 10), ("queued".into(), 3)]),
        lanes: vec![lane()],
        degraded: vec![],
        own: None,
        config: None,
        queue: None,
    },
    status_reply_degraded = StatusReply {
        daemon_version: "0.1.0".into(),
        started_at_ms: 1_795_176_000_000,
        store: StoreStatus {
            ok: false,
            reason: Some("the disk is full".into()),
            ..StoreStatus::default()
        },
        counts: BTreeMap::new(),
        lanes: vec![],
        degraded: vec!["the store is unavailable".into()],
        own: None,
        config: None,
        queue: None,
    },
    status_reply_full = full_status(),
    status_reply_expiring = expiring_status(),
    status_reply_halted = halted_status(),
    post_now = PostNow { id: 7 },
    job_purge = JobPurge { id: 7 },
    job_purge_reply = JobPurgeReply { id: 7, notes: vec!["it was gone already".into()] },
    queue_pause = QueuePause::default(),
    queue_pause_account = QueuePause {
        account: Some("bot".into()),
        reason: Some("maintenance".into()),
    },
    queue_resume = QueueResume::default(),
    queue_resume_account = QueueResume { account: Some("bot".into()) },
    queue_drain = QueueDrain { off: false, reason: Some("maintenance".into()) },
    queue_drain_off = QueueDrain { off: true, reason: None },
    queue_change_reply = QueueChangeReply { notes: vec!["it was paused already".into()] },
    ping = Ping {},
    pong = Pong {},
    hello_reply_features = HelloReply::accepted(HelloAck {
        features: vec!["events".into()],
        ..ack()
    }),
    subscribe_all = Subscribe::default(),
    subscribe_mine = Subscribe { mine: true, ..Subscribe::default() },
    subscribe_jobs = Subscribe {
        ids: vec![7, 8],
        after: Some(position(41)),
        ..Subscribe::default()
    },
    subscribe_reply = SubscribeReply { position: position(41), heartbeat_ms: 30_000 },
    response_event = ResponseEnvelope::event(ProtocolVersion(1), 1, &heartbeat()).unwrap(),
    event_posted = posted_event(),
    event_failed = failed_event(),
    event_lane = lane_event(),
    event_heartbeat = heartbeat(),
    event_lagged = lagged(),
    health = Health {},
    health_reply_well = HealthReply { healthy: true, ..HealthReply::default() },
    health_reply_full = full_health(),
    health_reply_clock = HealthReply {
        healthy: true,
        clock_confirmed: true,
        clock_offset_ms: Some(-1_500),
        ..HealthReply::default()
    },
    forecast_all = Forecast::default(),
    forecast_account = Forecast { account: Some("bot".into()), limit: Some(2) },
    forecast_reply = ForecastReply { lanes: lanes_ahead() },
    metrics = Metrics {},
    metrics_reply = MetricsReply { text: "# EOF\n".into() },
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
    assert_eq!(first, JobList::default());
}
