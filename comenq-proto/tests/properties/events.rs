//! Events and health, whatever they tell.

use comenq_proto::{
    Degraded, DegradedCode, Event, EventKind, FailureCode, Forecast, ForecastPost, ForecastReply,
    HealthReply, JobState, LaneForecast, LaneHealth, MetricsReply, OldestJob, PartHealth, Position,
    StoreHealth, Subscribe, SubscribeReply,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::survives;

fn position() -> impl Strategy<Value = Position> {
    any::<(u64, u64)>().prop_map(|(epoch, seq)| Position { epoch, seq })
}

prop_compose! {
    fn event()(
        kind in select(EventKind::ALL),
        position in position(),
        state in option::of(select(JobState::ALL)),
        failure in option::of(select(FailureCode::ALL)),
        (at_ms, next_attempt_at_ms) in any::<(i64, Option<i64>)>(),
        (job_id, superseded_by, missed, uid) in any::<(Option<u64>, Option<u64>, Option<u64>, Option<u32>)>(),
        [target, account, comment_url, reason] in any::<[Option<String>; 4]>(),
    ) -> Event {
        Event {
            kind, position, at_ms, job_id, state, target, account, uid, comment_url,
            next_attempt_at_ms, reason, failure, superseded_by, missed,
        }
    }
}

prop_compose! {
    fn store()(
        (writable, commits) in any::<(bool, u64)>(),
        [commit_p50_us, commit_p99_us, free_bytes, file_bytes] in any::<[Option<u64>; 4]>(),
    ) -> StoreHealth {
        StoreHealth { writable, commits, commit_p50_us, commit_p99_us, free_bytes, file_bytes }
    }
}

prop_compose! {
    fn health()(
        (healthy, clock_confirmed, alive) in any::<(bool, bool, bool)>(),
        (code, state) in (select(DegradedCode::ALL), select(JobState::ALL)),
        [message, part, phase] in any::<[String; 3]>(),
        (account, reason, next_post_at_ms) in any::<(Option<String>, Option<String>, Option<i64>)>(),
        [id, age_ms, connections, subscribers, uptime_ms] in any::<[u64; 5]>(),
        clock_offset_ms in any::<Option<i64>>(),
        store in store(),
    ) -> HealthReply {
        HealthReply {
            healthy,
            degraded: vec![Degraded { code, account: account.clone(), message }],
            store,
            parts: vec![PartHealth { part: part.clone(), account, alive }],
            lanes: vec![LaneHealth { account: part, phase, reason, next_post_at_ms }],
            clock_confirmed,
            oldest: Some(OldestJob { id, state, age_ms }),
            connections, subscribers, uptime_ms, clock_offset_ms,
        }
    }
}

prop_compose! {
    fn lane_ahead()(
        [account, phase, target] in any::<[String; 3]>(),
        reason in any::<Option<String>>(),
        (cooldown_ms, queued, job_id, uid) in any::<(u64, u64, u64, u32)>(),
        (next_post_at_ms, expected_at_ms) in any::<(Option<i64>, Option<i64>)>(),
        posts in 0..4_usize,
    ) -> LaneForecast {
        let post = ForecastPost { job_id, uid, target, expected_at_ms };
        LaneForecast {
            account, phase, reason, cooldown_ms, next_post_at_ms, queued,
            posts: vec![post; posts],
        }
    }
}

proptest! {
    #[test]
    fn a_forecast_survives_the_wire(
        lanes in vec(lane_ahead(), 0..3),
        (account, limit) in any::<(Option<String>, Option<u32>)>(),
    ) {
        survives(&Forecast { account, limit })?;
        survives(&ForecastReply { lanes })?;
    }

    #[test]
    fn events_and_health_survive_the_wire(
        event in event(),
        health in health(),
        ids in vec(any::<u64>(), 0..9),
        mine in any::<bool>(),
        after in option::of(position()),
        position in position(),
        (heartbeat_ms, text) in any::<(u64, String)>(),
    ) {
        survives(&event)?;
        survives(&health)?;
        survives(&Subscribe { ids, mine, after })?;
        survives(&SubscribeReply { position, heartbeat_ms })?;
        survives(&MetricsReply { text })?;
    }
}
