//! The values that the vectors stand for.

use std::collections::BTreeMap;

use comenq_proto::{
    Authz, ConfigStatus, Degraded, DegradedCode, ErrorCode, Event, EventKind, FailureCode,
    ForecastPost, Halt, HealthReply, HelloAck, Job, JobChecked, JobId, JobState, JobSubmit,
    JobSubmitReply, LaneForecast, LaneHealth, LaneStatus, LogEntry, LogKind, OldestJob, OwnUsage,
    OwnerStatus, PartHealth, Position, ProtocolVersion, QueueStatus, Role, StatusReply,
    StoreHealth, StoreStatus, WireError,
};

pub(crate) fn ack() -> HelloAck {
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

pub(crate) fn busy() -> WireError {
    WireError {
        code: ErrorCode::JobBusy,
        message: "job 7 is being posted".into(),
        detail: Some("try again when its outcome is known".into()),
        retryable: true,
        retry_after_s: Some(30),
    }
}

pub(crate) fn submit() -> JobSubmit {
    JobSubmit {
        owner: "octocat".into(),
        repo: "Hello-World".into(),
        number: 123,
        host: Some("github.com".into()),
        body: "Grüße".into(),
        key: Some("k-1".into()),
        ..JobSubmit::default()
    }
}

pub(crate) fn superseding() -> JobSubmitReply {
    JobSubmitReply {
        job: Job {
            replace_key: Some("ci".into()),
            ..job()
        },
        duplicate: false,
        position: Some(1),
        expected_at_ms: None,
        notes: vec!["it supersedes job 5".into()],
        same_text_as: Some(3),
        superseded: vec![5],
    }
}

pub(crate) fn checked() -> JobChecked {
    JobChecked {
        account: "default".into(),
        duplicate_of: None,
        position: Some(3),
        expected_at_ms: Some(1_795_178_460_000),
        not_before_ms: Some(1_795_176_610_000),
        expires_at_ms: Some(1_795_180_200_000),
        same_text_as: Some(3),
        superseded: vec![5],
        notes: vec!["it supersedes job 5".into()],
    }
}

pub(crate) fn job() -> Job {
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
        expires_at_ms: None,
        replace_key: None,
        if_open: false,
        superseded_by: None,
        moved_to: None,
        failure: None,
        next_look_at_ms: None,
        may_have_been_posted: false,
    }
}

pub(crate) fn full_job() -> Job {
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

pub(crate) fn failed_job() -> Job {
    Job {
        state: JobState::Failed,
        attempts: 1,
        expires_at_ms: Some(1_795_180_200_000),
        replace_key: Some("ci".into()),
        if_open: true,
        superseded_by: Some(JobId::new(9).unwrap()),
        moved_to: Some("octocat/Spoon-Knife#4".into()),
        failure: Some(FailureCode::OutcomeUnknown),
        next_look_at_ms: Some(1_795_176_900_000),
        may_have_been_posted: true,
        ..job()
    }
}

pub(crate) fn attempt() -> LogEntry {
    LogEntry {
        at_ms: 1_795_176_700_000,
        kind: LogKind::Attempt,
        number: 1,
        outcome: "unknown".into(),
        status: Some(502),
        github_request_id: Some("A1:B2".into()),
        wait_ms: Some(60_000),
        detail: Some("bad gateway".into()),
    }
}

pub(crate) fn look() -> LogEntry {
    LogEntry {
        at_ms: 1_795_176_760_000,
        kind: LogKind::Look,
        number: 1,
        outcome: "ambiguous".into(),
        status: None,
        github_request_id: None,
        wait_ms: None,
        detail: None,
    }
}

pub(crate) fn full_status() -> StatusReply {
    StatusReply {
        daemon_version: "0.1.0".into(),
        started_at_ms: 1_795_176_000_000,
        store: StoreStatus {
            ok: true,
            reason: None,
            free_bytes: Some(8_388_608),
            file_bytes: Some(4_194_304),
            low_space: true,
        },
        counts: BTreeMap::from([("queued".into(), 3)]),
        lanes: vec![barred_lane()],
        degraded: vec![],
        own: Some(OwnUsage {
            queued_jobs: 3,
            max_queued_jobs: 1000,
            queued_bytes: 600,
            max_queued_bytes: 67_108_864,
            submits_last_minute: 2,
            max_submits_per_minute: 600,
            posts_last_day: 10,
            max_posts_per_day: Some(50),
            accounts: vec!["bot".into()],
        }),
        config: Some(ConfigStatus {
            loaded_at_ms: 1_795_176_000_000,
            error: Some("line 3: unknown key".into()),
        }),
        queue: None,
    }
}

/// An account whose token has a last day.
pub(crate) fn expiring_status() -> StatusReply {
    StatusReply {
        lanes: vec![LaneStatus {
            token_expires_at_ms: Some(1_798_761_600_000),
            ..lane()
        }],
        degraded: vec![],
        counts: BTreeMap::new(),
        own: None,
        config: None,
        queue: None,
        store: StoreStatus {
            ok: true,
            ..StoreStatus::default()
        },
        daemon_version: "0.1.0".into(),
        started_at_ms: 1_795_176_000_000,
    }
}

/// An account that posts, and one that cannot.
pub(crate) fn lanes_ahead() -> Vec<LaneForecast> {
    let post = |job_id, target: &str, expected_at_ms| ForecastPost {
        job_id,
        uid: 1000,
        target: target.into(),
        expected_at_ms,
    };
    vec![
        LaneForecast {
            account: "default".into(),
            phase: "waiting_for_pace".into(),
            reason: None,
            cooldown_ms: 960_000,
            next_post_at_ms: Some(1_795_176_700_000),
            queued: 3,
            posts: vec![
                post(7, "octocat/Hello-World#123", Some(1_795_176_700_000)),
                post(9, "octocat/Spoon-Knife#4", Some(1_795_177_660_000)),
            ],
        },
        LaneForecast {
            account: "bot".into(),
            phase: "blocked".into(),
            reason: Some("Bad credentials".into()),
            cooldown_ms: 60_000,
            next_post_at_ms: None,
            queued: 1,
            posts: vec![post(8, "octocat/Hello-World#123", None)],
        },
    ]
}

/// A queue that is paused and being drained, with a paused account.
pub(crate) fn halted_status() -> StatusReply {
    let halt = |reason: Option<&str>| Halt {
        at_ms: 1_795_176_600_000,
        uid: 0,
        reason: reason.map(Into::into),
    };
    StatusReply {
        daemon_version: "0.1.0".into(),
        started_at_ms: 1_795_176_000_000,
        store: StoreStatus {
            ok: true,
            ..StoreStatus::default()
        },
        counts: BTreeMap::new(),
        lanes: vec![LaneStatus {
            account: "bot".into(),
            phase: "paused".into(),
            paused: Some(Box::new(halt(Some("maintenance")))),
            reason: None,
            next_post_at_ms: None,
            ..lane()
        }],
        degraded: vec![],
        own: None,
        config: None,
        queue: Some(QueueStatus {
            paused: Some(halt(None)),
            draining: Some(halt(Some("maintenance"))),
        }),
    }
}

pub(crate) fn barred_lane() -> LaneStatus {
    LaneStatus {
        account: "bot".into(),
        phase: "blocked".into(),
        reason: Some("Bad credentials".into()),
        jitter_ms: 60_000,
        remedy: Some("systemctl reload comenqd".into()),
        warnings: vec!["the token expires on 2026-12-01".into()],
        owners: vec![
            OwnerStatus {
                owner: "octo-org".into(),
                reason: "SAML".into(),
                url: Some("https://github.com/sso".into()),
                next_try_at_ms: Some(1_795_180_200_000),
            },
            OwnerStatus {
                owner: "shorty".into(),
                reason: "IP allow list".into(),
                url: None,
                next_try_at_ms: None,
            },
        ],
        ..lane()
    }
}

pub(crate) fn lane() -> LaneStatus {
    LaneStatus {
        account: "default".into(),
        host: "api.github.com".into(),
        login: Some("octocat".into()),
        token_source: Some("credential".into()),
        cooldown_ms: 960_000,
        phase: "limited".into(),
        reason: Some("secondary rate limit".into()),
        next_post_at_ms: Some(1_795_176_700_000),
        ..LaneStatus::default()
    }
}

pub(crate) fn position(seq: u64) -> Position {
    Position {
        epoch: 4_503_599_627_370_497,
        seq,
    }
}

fn event(kind: EventKind, seq: u64) -> Event {
    Event::new(kind, position(seq), 1_795_176_700_000)
}

pub(crate) fn posted_event() -> Event {
    Event {
        job_id: Some(7),
        state: Some(JobState::Posted),
        target: Some("octocat/Hello-World#123".into()),
        account: Some("default".into()),
        uid: Some(1000),
        comment_url: Some("https://github.com/x".into()),
        ..event(EventKind::Posted, 42)
    }
}

pub(crate) fn failed_event() -> Event {
    Event {
        job_id: Some(8),
        state: Some(JobState::Failed),
        target: Some("octocat/Hello-World#123".into()),
        account: Some("default".into()),
        uid: Some(1000),
        next_attempt_at_ms: Some(1_795_176_900_000),
        reason: Some("This issue is locked".into()),
        failure: Some(FailureCode::Locked),
        superseded_by: Some(9),
        ..event(EventKind::Failed, 43)
    }
}

pub(crate) fn lane_event() -> Event {
    Event {
        account: Some("bot".into()),
        next_attempt_at_ms: Some(1_795_176_900_000),
        reason: Some("secondary rate limit".into()),
        ..event(EventKind::LaneLimited, 44)
    }
}

pub(crate) fn heartbeat() -> Event {
    event(EventKind::Heartbeat, 44)
}

pub(crate) fn lagged() -> Event {
    Event {
        missed: Some(300),
        ..event(EventKind::Lagged, 344)
    }
}

pub(crate) fn full_health() -> HealthReply {
    HealthReply {
        healthy: false,
        degraded: vec![
            Degraded {
                code: DegradedCode::LowSpace,
                account: None,
                message: "the disk is nearly full".into(),
            },
            Degraded {
                code: DegradedCode::AccountBlocked,
                account: Some("bot".into()),
                message: "Bad credentials".into(),
            },
        ],
        store: StoreHealth {
            writable: true,
            commits: 4096,
            commit_p50_us: Some(180),
            commit_p99_us: Some(950),
            free_bytes: Some(8_388_608),
            file_bytes: Some(4_194_304),
        },
        parts: vec![
            PartHealth {
                part: "accept".into(),
                account: None,
                alive: true,
            },
            PartHealth {
                part: "worker".into(),
                account: Some("bot".into()),
                alive: false,
            },
        ],
        lanes: vec![LaneHealth {
            account: "bot".into(),
            phase: "blocked".into(),
            reason: Some("Bad credentials".into()),
            next_post_at_ms: Some(1_795_176_900_000),
        }],
        clock_confirmed: true,
        oldest: Some(OldestJob {
            id: 7,
            state: JobState::Held,
            age_ms: 90_000,
        }),
        connections: 3,
        subscribers: 1,
        uptime_ms: 600_000,
        clock_offset_ms: None,
    }
}
