//! What one user may have in the queue.

use super::*;

fn limited(quota: Quota) -> NewJob {
    NewJob {
        quota,
        ..job(1, "a", "123456")
    }
}

fn exceeded(error: StoreError) -> Exceeded {
    match error {
        StoreError::Quota(exceeded) => exceeded,
        other => panic!("{other}"),
    }
}

const TWO_JOBS: Quota = Quota {
    max_jobs: 2,
    ..Quota::NONE
};

const TWO_A_DAY: Quota = Quota {
    max_per_day: Some(2),
    ..Quota::NONE
};

#[tokio::test]
async fn unfinished_jobs_have_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let first = insert_id(&store, limited(TWO_JOBS)).await;
    insert_id(&store, limited(TWO_JOBS)).await;
    let refused = exceeded(insert(&store, limited(TWO_JOBS)).await.unwrap_err());
    assert_eq!((refused.limit, refused.used), (2, 2));
    assert_eq!(refused.frees_in, None, "only posting makes room");
    assert!(refused.to_string().contains("max_queued_jobs"), "{refused}");
    let other = NewJob {
        uid: 2,
        ..limited(TWO_JOBS)
    };
    insert_id(&store, other).await;
    cancel(&store, first).await.unwrap();
    insert_id(&store, limited(TWO_JOBS)).await;
}

#[tokio::test]
async fn bytes_of_unfinished_jobs_have_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let quota = Quota {
        max_body_bytes: 11,
        ..Quota::NONE
    };
    let id = insert_id(&store, limited(quota.clone())).await;
    let refused = exceeded(insert(&store, limited(quota.clone())).await.unwrap_err());
    assert_eq!((refused.limit, refused.used), (11, 6));
    assert!(
        refused.to_string().contains("max_queued_bytes"),
        "{refused}"
    );
    change(&store, id, edit(body("12345"))).await.unwrap();
    insert_id(&store, limited(quota)).await;
    assert_eq!(store.usage(1, NOW).await.unwrap().body_bytes, 11);
}

#[tokio::test]
async fn a_day_has_its_limit_and_says_when_it_frees() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    // A full hour, so that what was accepted at once frees at once.
    assert_eq!(NOW.0 % 3_600_000, 0);
    let at = |hours: u64| NewJob {
        created_at: NOW.plus(Duration::from_secs(hours * 3600)),
        ..limited(TWO_A_DAY)
    };
    insert_id(&store, at(0)).await;
    insert_id(&store, at(1)).await;
    let refused = exceeded(insert(&store, at(2)).await.unwrap_err());
    assert_eq!((refused.limit, refused.used), (2, 2));
    assert_eq!(refused.frees_in, Some(Duration::from_secs(22 * 3600)));
    exceeded(insert(&store, at(23)).await.unwrap_err());
    insert_id(&store, at(24)).await;
    exceeded(insert(&store, at(24)).await.unwrap_err());
    let usage = store.usage(1, at(24).created_at).await.unwrap();
    assert_eq!((usage.jobs, usage.last_day), (3, 2));
}

#[tokio::test]
async fn what_ended_without_being_sent_counts_no_more_toward_the_day() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, limited(TWO_A_DAY)).await;
    let unwanted = insert_id(&store, limited(TWO_A_DAY)).await;
    exceeded(insert(&store, limited(TWO_A_DAY)).await.unwrap_err());
    cancel(&store, unwanted).await.unwrap();
    insert_id(&store, limited(TWO_A_DAY)).await;
    assert!(post(&store, 1).await.is_some());
    let refused = exceeded(insert(&store, limited(TWO_A_DAY)).await.unwrap_err());
    assert_eq!(refused.used, 2, "what was posted counts");
}

#[tokio::test]
async fn what_was_accepted_by_a_clock_ahead_of_time_counts_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let ahead = || NewJob {
        created_at: NOW.plus(Duration::from_secs(5 * 365 * 86_400)),
        ..limited(TWO_A_DAY)
    };
    insert_id(&store, ahead()).await;
    insert_id(&store, ahead()).await;
    insert_id(&store, limited(TWO_A_DAY)).await;
}

#[tokio::test]
async fn a_key_finds_its_job_however_full_the_queue_is() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let quota = Quota {
        max_jobs: 1,
        ..Quota::NONE
    };
    let keyed = |quota| NewJob {
        key: Some(key("k")),
        ..limited(quota)
    };
    let id = insert_id(&store, keyed(quota.clone())).await;
    let too_fast = Exceeded {
        what: "too fast",
        limit: 1,
        used: 1,
        frees_in: None,
        key: "max_submits_per_minute",
        is_hopeless: false,
    };
    let hurried = Quota {
        too_fast: Some(too_fast.clone()),
        ..quota
    };
    let again = insert(&store, keyed(hurried.clone())).await.unwrap();
    assert_eq!((again.job.id, again.duplicate), (id, true));
    let refused = exceeded(insert(&store, limited(hurried)).await.unwrap_err());
    assert_eq!(refused, too_fast);
}

#[tokio::test]
async fn a_batch_is_stored_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let keyed = |name| NewJob {
        key: Some(key(name)),
        ..limited(TWO_JOBS)
    };
    let batch = || vec![keyed("a"), keyed("b"), keyed("c")];
    let refused = store.insert_all(batch()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::InBatch { index: 2, .. }));
    assert!(refused.to_string().starts_with("job 3 of the batch: "));
    assert_eq!(store.counts().await.unwrap(), [].into());
    assert_eq!(store.usage(1, NOW).await.unwrap(), Usage::default());
    let two = store
        .insert_all(vec![keyed("a"), keyed("b")])
        .await
        .unwrap();
    let ids: Vec<_> = two
        .iter()
        .map(|it| (it.job.id.get(), it.duplicate))
        .collect();
    assert_eq!(ids, [(1, false), (2, false)], "no number was lost");
    let again = store
        .insert_all(vec![keyed("b"), keyed("a")])
        .await
        .unwrap();
    let ids: Vec<_> = again
        .iter()
        .map(|it| (it.job.id.get(), it.duplicate))
        .collect();
    assert_eq!(ids, [(2, true), (1, true)]);
}

#[tokio::test]
async fn a_failed_batch_undoes_what_it_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let replacing = |quota| NewJob {
        replace_key: Some(key("k")),
        ..limited(quota)
    };
    let id = insert_id(&store, replacing(Quota::NONE)).await;
    let one = Quota {
        max_body_bytes: 12,
        ..Quota::NONE
    };
    let batch = vec![replacing(one.clone()), limited(one.clone()), limited(one)];
    store.insert_all(batch).await.unwrap_err();
    assert_eq!(state(&store, id).await, State::Queued);
    assert_eq!(post(&store, 1).await, Some(id.get()));
}
