//! Submissions that are only asked about.

use super::model::dump;
use super::*;

async fn check(store: &Store, new: NewJob) -> Result<(Inserted, u64), StoreError> {
    let before = everything(store).await;
    let rehearsed = store.check_all(vec![new]).await;
    assert_eq!(everything(store).await, before, "something was stored");
    match rehearsed {
        Ok(mut it) => Ok((it.inserted.pop().unwrap(), it.last_job)),
        Err(StoreError::InBatch { source, .. }) => Err(*source),
        Err(other) => Err(other),
    }
}

/// All that is stored, and what the store knows of itself.
async fn everything(store: &Store) -> (Vec<txn::Entry>, record::Meta) {
    let meta = store.run(false, |txn| Ok(txn.meta.clone())).await.unwrap();
    (dump(store).await, meta)
}

#[tokio::test]
async fn a_check_tells_what_the_submission_then_gives_and_stores_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job(1, "b", "other")).await;
    let same = insert_id(&store, job(1, "a", "text")).await;
    let mut first = job(1, "a", "text");
    first.replace_key = Some(key("r"));
    let replaced = insert_id(&store, first.clone()).await;
    first.key = Some(key("k"));
    let (told, last_job) = check(&store, first.clone()).await.unwrap();
    assert_eq!(last_job, 3);
    let given = insert(&store, first.clone()).await.unwrap();
    assert_eq!(told.job, given.job);
    assert_eq!(
        (
            told.position,
            &told.superseded,
            told.same_text_as,
            told.duplicate
        ),
        (given.position, &given.superseded, given.same_text_as, false)
    );
    assert_eq!(told.superseded, [replaced]);
    assert_eq!(told.same_text_as, Some(same));
    let (again, _) = check(&store, first).await.unwrap();
    assert!(again.duplicate && again.job.id == given.job.id);
}

#[tokio::test]
async fn a_check_refuses_what_the_submission_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let keyed = |text: &str| NewJob {
        key: Some(key("k")),
        ..job(1, "a", text)
    };
    insert_id(&store, keyed("one")).await;
    let poor = NewJob {
        quota: Quota {
            max_jobs: 1,
            ..Quota::NONE
        },
        ..job(1, "b", "x")
    };
    for new in [keyed("two"), poor] {
        let told = check(&store, new.clone()).await.unwrap_err();
        assert_eq!(told, insert(&store, new).await.unwrap_err());
    }
    let halt = Halt {
        since: NOW,
        uid: 0,
        reason: None,
    };
    store.halt(Halted::Intake, halt).await.unwrap();
    let told = check(&store, job(1, "b", "x")).await.unwrap_err();
    assert!(matches!(told, StoreError::Draining(_)), "{told}");
    let (known, _) = check(&store, keyed("one")).await.unwrap();
    assert!(known.duplicate, "a known key is answered all the same");
}

#[tokio::test]
async fn the_jobs_of_one_check_are_judged_together() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let limited = |repo: &str| NewJob {
        quota: Quota {
            max_jobs: 2,
            ..Quota::NONE
        },
        ..job(1, repo, "x")
    };
    let two = vec![limited("a"), limited("b")];
    let rehearsed = store.check_all(two.clone()).await.unwrap();
    let positions: Vec<_> = rehearsed.inserted.iter().map(|it| it.position).collect();
    assert_eq!((positions, rehearsed.last_job), (vec![Some(1), Some(2)], 0));
    let three = [two, vec![limited("c")]].concat();
    let refused = store.check_all(three).await.unwrap_err();
    assert!(matches!(refused, StoreError::InBatch { index: 2, .. }));
    assert_eq!(store.counts().await.unwrap().len(), 0);
}
