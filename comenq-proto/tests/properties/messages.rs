//! Any message there can be.

use comenq_proto::{
    Authz, ConfigStatus, ErrorCode, FailureCode, Halt, HelloAck, Job, JobChecked, JobId, JobList,
    JobState, JobSubmit, JobSubmitReply, LaneStatus, LogEntry, LogKind, OwnUsage, OwnerStatus,
    ProtocolVersion, QueueStatus, Role, StatusReply, StoreStatus, WireError,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

prop_compose! {
    pub(crate) fn job()(
        (id, number, comment_id) in (any::<u64>(), any::<u64>(), any::<Option<u64>>()),
        state in select(JobState::ALL),
        (owner, repo, account) in (any::<String>(), any::<String>(), any::<String>()),
        (body, comment_url, last_error) in any::<(Option<String>, Option<String>, Option<String>)>(),
        (uid, priority, attempts, cancel_requested) in any::<(u32, i8, u32, bool)>(),
        (created_at_ms, not_before_ms) in any::<(i64, Option<i64>)>(),
        (next_attempt_at_ms, finished_at_ms) in any::<(Option<i64>, Option<i64>)>(),
        (expires_at_ms, next_look_at_ms, superseded_by) in any::<(Option<i64>, Option<i64>, Option<u64>)>(),
        (replace_key, moved_to) in any::<(Option<String>, Option<String>)>(),
        (if_open, may_have_been_posted) in any::<(bool, bool)>(),
        failure in option::of(select(FailureCode::ALL)),
    ) -> Job {
        Job {
            id, state, owner, repo, number, body, account, uid, priority, created_at_ms,
            not_before_ms, attempts, next_attempt_at_ms, finished_at_ms, comment_id,
            comment_url: comment_url.map(Into::into),
            last_error, cancel_requested, expires_at_ms, replace_key: replace_key.map(Into::into),
            if_open, superseded_by: superseded_by.and_then(|id| JobId::new(id).ok()),
            moved_to: moved_to.map(Into::into),
            failure, next_look_at_ms, may_have_been_posted,
        }
    }
}

prop_compose! {
    pub(crate) fn error()(
        number in any::<u16>(),
        (message, detail) in any::<(String, Option<String>)>(),
        (retryable, retry_after_s) in any::<(bool, Option<u64>)>(),
    ) -> WireError {
        let code = ErrorCode::from_number(number);
        WireError { code, message, detail, retryable, retry_after_s }
    }
}

prop_compose! {
    pub(crate) fn hello_ack()(
        (version, max_frame, uid, gid) in any::<(u16, u32, u32, u32)>(),
        daemon_version in any::<String>(),
        features in vec(any::<String>(), 0..5),
        role in select(Role::ALL),
    ) -> HelloAck {
        HelloAck {
            protocol_version: ProtocolVersion(version),
            daemon_version,
            features,
            max_frame,
            authz: Authz { uid, gid, role },
        }
    }
}

prop_compose! {
    pub(crate) fn own()(
        numbers in any::<[u64; 5]>(),
        (submits_last_minute, max_submits_per_minute) in any::<(u32, u32)>(),
        max_posts_per_day in any::<Option<u64>>(),
        accounts in vec(any::<String>(), 0..3),
    ) -> OwnUsage {
        let [queued_jobs, max_queued_jobs, queued_bytes, max_queued_bytes, posts_last_day] = numbers;
        OwnUsage {
            queued_jobs, max_queued_jobs, queued_bytes, max_queued_bytes, submits_last_minute,
            max_submits_per_minute, posts_last_day, max_posts_per_day, accounts,
        }
    }
}

prop_compose! {
    pub(crate) fn halt()(
        (at_ms, uid, reason) in any::<(i64, u32, Option<String>)>(),
    ) -> Halt {
        Halt { at_ms, uid, reason }
    }
}

prop_compose! {
    pub(crate) fn lane()(
        [account, host, phase, owner] in any::<[String; 4]>(),
        (login, token_source, remedy, url) in any::<(Option<String>, Option<String>, Option<String>, Option<String>)>(),
        [next_post_at_ms, next_try_at_ms, token_expires_at_ms] in any::<[Option<i64>; 3]>(),
        (cooldown_ms, jitter_ms) in any::<(u64, u64)>(),
        reason in any::<Option<String>>(),
        warnings in vec(any::<String>(), 0..3),
        paused in option::of(halt().prop_map(Box::new)),
    ) -> LaneStatus {
        let barred = OwnerStatus { owner, reason: host.clone(), url, next_try_at_ms };
        LaneStatus {
            account, host, login, token_source, cooldown_ms, phase, reason, next_post_at_ms,
            jitter_ms, remedy, warnings, owners: vec![barred], paused,
            token_expires_at_ms,
        }
    }
}

prop_compose! {
    pub(crate) fn status()(
        (daemon_version, reason) in any::<(String, Option<String>)>(),
        (started_at_ms, ok, low_space) in any::<(i64, bool, bool)>(),
        (free_bytes, file_bytes) in any::<(Option<u64>, Option<u64>)>(),
        counts in proptest::collection::btree_map(any::<String>(), any::<u64>(), 0..9),
        degraded in vec(any::<String>(), 0..3),
        lane in lane(),
        own in option::of(own()),
        config in any::<Option<(i64, Option<String>)>>(),
        (paused, draining) in (option::of(halt()), option::of(halt())),
    ) -> StatusReply {
        let store = StoreStatus { ok, reason, free_bytes, file_bytes, low_space };
        let config = config.map(|(loaded_at_ms, error)| ConfigStatus { loaded_at_ms, error });
        StatusReply {
            daemon_version, started_at_ms, store, counts, lanes: vec![lane], degraded, own, config,
            queue: Some(QueueStatus { paused, draining }),
        }
    }
}

prop_compose! {
    pub(crate) fn submit()(
        (owner, repo, body) in any::<(String, String, String)>(),
        (number, priority, if_open, hold) in any::<(u64, i8, bool, bool)>(),
        (host, key) in any::<(Option<String>, Option<String>)>(),
        (account, replace_key) in any::<(Option<String>, Option<String>)>(),
        (not_before_ms, expires_at_ms) in any::<(Option<i64>, Option<i64>)>(),
        (delay_ms, expires_in_ms) in any::<(Option<u64>, Option<u64>)>(),
    ) -> JobSubmit {
        JobSubmit {
            owner, repo, number, host, body, key, account, priority, not_before_ms, delay_ms,
            expires_at_ms, expires_in_ms, replace_key, if_open, hold,
        }
    }
}

prop_compose! {
    pub(crate) fn submit_reply()(
        job in job(),
        (duplicate, position, expected_at_ms) in any::<(bool, Option<u64>, Option<i64>)>(),
        notes in vec(any::<String>(), 0..3),
        same_text_as in any::<Option<u64>>(),
        superseded in vec(any::<u64>(), 0..3),
    ) -> JobSubmitReply {
        JobSubmitReply {
            job, duplicate, position, expected_at_ms, notes, same_text_as, superseded,
        }
    }
}

prop_compose! {
    pub(crate) fn checked()(
        account in any::<String>(),
        (duplicate_of, position, same_text_as) in any::<(Option<u64>, Option<u64>, Option<u64>)>(),
        [expected_at_ms, not_before_ms, expires_at_ms] in any::<[Option<i64>; 3]>(),
        notes in vec(any::<String>(), 0..3),
        superseded in vec(any::<u64>(), 0..3),
    ) -> JobChecked {
        JobChecked {
            account, duplicate_of, position, expected_at_ms, not_before_ms, expires_at_ms,
            same_text_as, superseded, notes,
        }
    }
}

prop_compose! {
    pub(crate) fn list()(
        [cursor, account, owner, repo] in any::<[Option<String>; 4]>(),
        (limit, since_ms) in any::<(Option<u32>, Option<i64>)>(),
        (include_body, history, mine) in any::<(bool, bool, bool)>(),
        states in vec(any::<String>(), 0..3),
    ) -> JobList {
        JobList {
            cursor, limit, include_body, history, mine, states, account, owner, repo, since_ms,
        }
    }
}

prop_compose! {
    pub(crate) fn entry()(
        (at_ms, number, wait_ms) in any::<(i64, u32, Option<u64>)>(),
        kind in select(LogKind::ALL),
        outcome in any::<String>(),
        (status, github_request_id, detail) in any::<(Option<u16>, Option<String>, Option<String>)>(),
    ) -> LogEntry {
        LogEntry { at_ms, kind, number, outcome, status, github_request_id, wait_ms, detail }
    }
}
