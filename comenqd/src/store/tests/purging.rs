//! A finished job that is removed at once.

use super::*;

async fn purge(store: &Store, id: JobId) -> Result<bool, StoreError> {
    store.purge(id, NOW).await
}

fn keyed() -> NewJob {
    NewJob {
        key: Some(key("k")),
        ..job(1, "a", &"long ".repeat(2000))
    }
}

#[tokio::test]
async fn record_text_and_log_go_and_key_and_comment_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, keyed()).await;
    post(&store, 100).await.unwrap();
    assert!(purge(&store, id).await.unwrap());
    assert_eq!(store.get(id).await.unwrap_err(), StoreError::NoSuchJob(id));
    assert_eq!(store.log(id).await.unwrap(), []);
    let left: String = model::dump(&store)
        .await
        .iter()
        .map(|(key, _)| char::from(key[0]))
        .collect();
    for gone in ['a', 'j', 'b', 'e', 'f'] {
        assert!(!left.contains(gone), "{gone} in {left}");
    }
    let found = insert(&store, keyed()).await.unwrap();
    assert!(found.duplicate, "no second comment");
    assert_eq!((found.job.id, found.job.comment_id), (id, Some(100)));
    assert!(!purge(&store, id).await.unwrap(), "it is gone already");
}

#[tokio::test]
async fn its_comment_is_nobody_elses() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, keyed()).await;
    post(&store, 100).await.unwrap();
    purge(&store, id).await.unwrap();
    let other = insert_id(&store, job(1, "a", "y")).await;
    let comments = vec![99, 100];
    let owned = store.owned_by_others(HOST.to_owned(), comments, other);
    assert_eq!(owned.await.unwrap(), [100]);
}

#[tokio::test]
async fn what_is_unfinished_or_not_known_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, keyed()).await;
    let refused = purge(&store, id).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::WrongState { .. }),
        "{refused}"
    );
    claim(&store, 1).await.unwrap();
    assert!(purge(&store, id).await.is_err());
    look_first(&store, id).await;
    assert_eq!(
        purge(&store, id).await.unwrap_err(),
        StoreError::Unresolved(id)
    );
    let other = insert_id(&store, job(1, "b", "y")).await;
    assert_eq!(claim(&store, 1).await.unwrap().job.id, other);
    let nameless = Conclusion::Posted {
        comment_id: None,
        url: None,
    };
    conclude(&store, other, nameless).await;
    assert_eq!(
        purge(&store, other).await.unwrap_err(),
        StoreError::Unresolved(other)
    );
    let never = JobId::new(99).unwrap();
    assert_eq!(
        purge(&store, never).await.unwrap_err(),
        StoreError::NoSuchJob(never)
    );
}

#[tokio::test]
async fn what_is_left_fits_together_and_can_be_exported_and_imported() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, keyed()).await;
    post(&store, 100).await.unwrap();
    purge(&store, id).await.unwrap();
    store
        .halt(
            Halted::Queue,
            Halt {
                since: NOW,
                uid: 7,
                reason: None,
            },
        )
        .await
        .unwrap();
    let page = store.export(None, usize::MAX, usize::MAX).await.unwrap();
    let before = store.halts().await.unwrap();
    store.close().await.unwrap();
    let report = check(&options(dir.path()).path).unwrap();
    assert_eq!(report.faults, [""; 0]);

    let other = tempfile::tempdir().unwrap();
    let text = page.lines.join("\n") + "\n";
    import(&options(other.path()).path, &mut text.as_bytes()).unwrap();
    let (store, _) = open(other.path()).await;
    let owned = store.owned_by_others(HOST.to_owned(), vec![100], JobId::new(9).unwrap());
    assert_eq!(owned.await.unwrap(), [100]);
    assert_eq!(store.halts().await.unwrap(), before);
    assert!(insert(&store, keyed()).await.unwrap().duplicate);
}
