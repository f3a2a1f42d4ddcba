//! Replies that grow with what there is, and have no pages, are made to fit.
//!
//! Decides what is left out first where a reply would outgrow its room: what can be asked for in
//! another way. Called by the verbs with such replies; those in pages fit by themselves. Everything
//! is done to the finished reply, so that what fits anyway is not touched.

use comenq_proto::{
    ForecastReply, HealthReply, JobCheckReply, JobSubmitBatchReply, MAX_ENTRIES, MAX_FRAME,
    StatusReply, to_bytes,
};
use serde::Serialize;

/// Of a frame, what the envelope needs at most.
pub(super) const ENVELOPE_BYTES: usize = 1024;

/// Superseded jobs that the reply to one batch names. With them and 500 jobs it stays well below
/// the items that a reader takes (65 536).
const MAX_SUPERSEDED: usize = 16 * 1024;

/// Fewer of the owners that bar each account; then fewer accounts and troubles.
pub(super) fn status(mut reply: StatusReply, most: usize) -> StatusReply {
    let mut owners = MAX_ENTRIES;
    while owners > 0 && !fits(&reply, most) {
        owners /= 2;
        for lane in &mut reply.lanes {
            lane.owners.truncate(owners);
        }
    }
    let mut lanes = MAX_ENTRIES;
    while lanes > 1 && !fits(&reply, most) {
        lanes /= 2;
        reply.lanes.truncate(lanes);
        reply.degraded.truncate(lanes);
    }
    reply
}

/// Fewer accounts, parts and troubles.
pub(super) fn health(mut reply: HealthReply, most: usize) -> HealthReply {
    let mut entries = MAX_ENTRIES;
    while entries > 1 && !fits(&reply, most) {
        entries /= 2;
        reply.lanes.truncate(entries);
        reply.parts.truncate(entries);
        reply.degraded.truncate(entries);
    }
    reply
}

/// Fewer superseded jobs; of jobs that were known before, no errors, then no addresses. Without
/// all that the jobs of any batch fit.
pub(super) fn batch(mut reply: JobSubmitBatchReply) -> JobSubmitBatchReply {
    let most = MAX_FRAME - ENVELOPE_BYTES;
    let mut left = MAX_SUPERSEDED;
    for stored in &mut reply.jobs {
        stored.superseded.truncate(left);
        left -= stored.superseded.len();
    }
    if !fits(&reply, most) {
        for stored in &mut reply.jobs {
            stored.job.last_error = None;
        }
    }
    if !fits(&reply, most) {
        for stored in &mut reply.jobs {
            stored.job.comment_url = None;
        }
    }
    reply
}

/// Fewer superseded jobs. Without all of them the reply to any check fits.
pub(super) fn check(mut reply: JobCheckReply) -> JobCheckReply {
    let mut left = MAX_SUPERSEDED;
    for checked in &mut reply.jobs {
        checked.superseded.truncate(left);
        left -= checked.superseded.len();
    }
    if !fits(&reply, MAX_FRAME - ENVELOPE_BYTES) {
        for checked in &mut reply.jobs {
            checked.superseded.clear();
        }
    }
    reply
}

/// Fewer posts of each account; then none, and fewer accounts.
pub(super) fn forecast(mut reply: ForecastReply) -> ForecastReply {
    let most = MAX_FRAME - ENVELOPE_BYTES;
    let mut posts = reply.lanes.iter().map(|lane| lane.posts.len()).max();
    while let Some(left) = posts.filter(|left| *left > 0)
        && !fits(&reply, most)
    {
        posts = Some(left / 2);
        for lane in &mut reply.lanes {
            lane.posts.truncate(left / 2);
        }
    }
    while reply.lanes.len() > 1 && !fits(&reply, most) {
        reply.lanes.truncate(reply.lanes.len() / 2);
    }
    reply
}

/// Whether a reply has at most so many bytes.
pub(super) fn fits<T: Serialize>(reply: &T, most: usize) -> bool {
    to_bytes(reply).is_ok_and(|bytes| bytes.len() <= most)
}

#[cfg(test)]
mod tests {
    use comenq_proto::{
        Degraded, DegradedCode, ForecastPost, Job, JobId, JobState, JobSubmitReply, LaneForecast,
        LaneHealth, LaneStatus, MAX_BATCH, OwnerStatus, StoreStatus, from_slice,
    };

    use super::*;

    /// The room of `status` and `health`.
    const ROOM: usize = 256 * 1024;
    /// As long as the store keeps them.
    const LONG: usize = 1000;

    #[test]
    fn the_most_posts_with_the_longest_targets_fit_and_reasons_cost_posts_first() {
        let lane = |posts, reason: usize| LaneForecast {
            account: "a".repeat(64),
            phase: "waiting_for_pace".to_owned(),
            reason: Some("r".repeat(reason)),
            cooldown_ms: u64::MAX,
            next_post_at_ms: Some(i64::MAX),
            queued: u64::MAX,
            posts: vec![
                ForecastPost {
                    job_id: u64::MAX,
                    uid: u32::MAX,
                    target: format!("{}/{}#{}", "o".repeat(39), "r".repeat(100), u64::MAX),
                    expected_at_ms: Some(i64::MAX),
                };
                posts
            ],
        };
        let fitted = |lanes, posts, reason| {
            forecast(ForecastReply {
                lanes: vec![lane(posts, reason); lanes],
            })
        };
        for (lanes, posts) in [(40, 100), (256, 16)] {
            let reply = fitted(lanes, posts, 200);
            assert_eq!(
                (reply.lanes.len(), reply.lanes[0].posts.len()),
                (lanes, posts)
            );
            let bytes = to_bytes(&reply).unwrap();
            assert!(
                from_slice::<ForecastReply>(&bytes).is_ok(),
                "a reader takes it"
            );
        }
        let long = fitted(256, 16, LONG);
        assert_eq!((long.lanes.len(), long.lanes[0].posts.len()), (256, 8));
    }

    fn crowded(lanes: usize, owners: usize) -> StatusReply {
        let owner = |number: usize| OwnerStatus {
            owner: format!("owner-{number}"),
            reason: "r".repeat(LONG),
            url: Some("u".repeat(LONG)),
            next_try_at_ms: Some(1),
        };
        let lane = |number| LaneStatus {
            account: format!("account-{number}"),
            reason: Some("r".repeat(LONG)),
            owners: (0..owners).map(owner).collect(),
            ..LaneStatus::default()
        };
        StatusReply {
            daemon_version: "0.1.0".into(),
            started_at_ms: 1,
            store: StoreStatus::default(),
            counts: std::collections::BTreeMap::new(),
            lanes: (0..lanes).map(lane).collect(),
            degraded: (0..lanes).map(|_| "d".repeat(LONG)).collect(),
            own: None,
            config: None,
            queue: None,
        }
    }

    #[test]
    fn a_status_keeps_its_accounts_and_gives_up_owners() {
        let whole = crowded(20, 3);
        assert_eq!(status(whole.clone(), ROOM), whole, "it fits as it is");
        let fitted = status(crowded(20, MAX_ENTRIES), ROOM);
        assert!(fits(&fitted, ROOM));
        assert_eq!(fitted.lanes.len(), 20);
        let owners: Vec<_> = fitted.lanes.iter().map(|lane| lane.owners.len()).collect();
        assert_eq!(owners, [4; 20]);
    }

    #[test]
    fn a_status_of_many_accounts_in_trouble_gives_up_some() {
        let fitted = status(crowded(MAX_ENTRIES, MAX_ENTRIES), ROOM);
        assert!(fits(&fitted, ROOM));
        assert_eq!((fitted.lanes.len(), fitted.degraded.len()), (64, 64));
    }

    #[test]
    fn a_probe_of_many_accounts_in_trouble_gives_up_some() {
        let lane = LaneHealth {
            account: "account".into(),
            phase: "blocked".into(),
            reason: Some("r".repeat(LONG)),
            next_post_at_ms: None,
        };
        let trouble = Degraded {
            code: DegradedCode::AccountBlocked,
            account: Some("account".into()),
            message: "m".repeat(LONG),
        };
        let fitted = health(
            HealthReply {
                lanes: vec![lane; MAX_ENTRIES],
                degraded: vec![trouble; MAX_ENTRIES],
                ..HealthReply::default()
            },
            ROOM,
        );
        assert!(fits(&fitted, ROOM));
        assert!(fitted.lanes.len() > 32 && !fitted.healthy);
    }

    fn known(number: usize, error: usize) -> JobSubmitReply {
        JobSubmitReply {
            job: Job {
                id: u64::try_from(number).unwrap() + 1,
                state: JobState::Failed,
                owner: "o".repeat(39),
                repo: "r".repeat(100),
                number: u64::MAX,
                body: None,
                account: "a".repeat(39),
                uid: u32::MAX,
                priority: -100,
                created_at_ms: i64::MAX,
                not_before_ms: Some(i64::MAX),
                attempts: u32::MAX,
                next_attempt_at_ms: Some(i64::MAX),
                finished_at_ms: Some(i64::MAX),
                comment_id: Some(u64::MAX),
                comment_url: Some("u".repeat(LONG).into()),
                last_error: Some("e".repeat(error)),
                cancel_requested: true,
                expires_at_ms: Some(i64::MAX),
                replace_key: Some("k".repeat(128).into()),
                if_open: true,
                superseded_by: Some(JobId::new(u64::MAX).unwrap()),
                moved_to: Some("m".repeat(160).into()),
                failure: Some(comenq_proto::FailureCode::TooManyAttempts),
                next_look_at_ms: None,
                may_have_been_posted: true,
            },
            duplicate: true,
            position: None,
            expected_at_ms: None,
            notes: vec![],
            same_text_as: Some(u64::MAX),
            superseded: vec![u64::MAX; MAX_ENTRIES],
        }
    }

    #[test]
    fn the_longest_reply_to_a_batch_fits_a_frame_and_can_be_read() {
        let reply = JobSubmitBatchReply {
            jobs: (0..MAX_BATCH).map(|it| known(it, LONG)).collect(),
            notes: vec!["n".repeat(200); MAX_ENTRIES],
        };
        assert!(!fits(&reply, MAX_FRAME));
        let fitted = batch(reply);
        let bytes = to_bytes(&fitted).unwrap();
        assert!(bytes.len() <= MAX_FRAME - ENVELOPE_BYTES, "{}", bytes.len());
        assert_eq!(from_slice::<JobSubmitBatchReply>(&bytes).unwrap(), fitted);
        assert_eq!(fitted.jobs.len(), MAX_BATCH);
        let superseded = fitted.jobs.iter().map(|it| it.superseded.len());
        assert_eq!(superseded.sum::<usize>(), MAX_SUPERSEDED);
    }

    #[test]
    fn a_batch_that_fits_keeps_what_it_says() {
        let reply = JobSubmitBatchReply {
            jobs: (0..20).map(|it| known(it, LONG)).collect(),
            notes: vec![],
        };
        assert_eq!(batch(reply.clone()), reply);
    }
}
