//! What a store is after it was closed, lost or damaged.

use super::*;

#[tokio::test]
async fn what_was_stored_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let text = "é".repeat(5000);
    let id = insert(&store, job(1, "repo", &text)).await.unwrap().job.id;
    store.close().await.unwrap();
    let (store, recovery) = open(dir.path()).await;
    let (job, body) = store.get(id).await.unwrap();
    assert_eq!((job.state, body, recovery.held), (State::Queued, text, 0));
    assert_eq!(store.counts().await.unwrap(), [(State::Queued, 1)].into());
}

#[tokio::test]
async fn a_snapshot_that_sled_did_not_finish_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert(&store, job(1, "repo", "text")).await.unwrap().job.id;
    store.close().await.unwrap();
    let generation = dir.path().join("queue/store-1");
    let unfinished = generation.join("snap.FFFFFFFFFFFFFFFF.generating");
    for written in [&b""[..], b"half"] {
        std::fs::write(&unfinished, written).unwrap();
        let (store, _) = open(dir.path()).await;
        assert_eq!(store.get(id).await.unwrap().1, "text");
        store.close().await.unwrap();
        assert!(!unfinished.exists());
    }
}

#[tokio::test]
async fn a_claim_that_a_crash_interrupted_is_uncertain_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert(&store, job(1, "a", "x")).await.unwrap().job.id;
    let identity = KnownIdentity {
        host: HOST.to_owned(),
        user_id: 42,
        login: "bot".to_owned(),
    };
    store
        .set_identity(ACCOUNT.to_owned(), identity)
        .await
        .unwrap();
    claim(&store, 1).await.unwrap();
    store.close().await.unwrap();
    let restarted = Options {
        clock: clock(500),
        ..options(dir.path())
    };
    let (store, recovery) = Store::open(restarted, Arc::new(Quiet)).await.unwrap();
    assert_eq!(recovery.unresolved.uncertain, [id]);
    let agenda = agenda(&store, 500).await;
    assert_eq!((agenda.ready, agenda.looks.len()), (false, 1));
    let job = &agenda.looks[0];
    assert_eq!(
        (job.state, job.unresolved[0].ended),
        (State::Uncertain, Some(mark(500)))
    );
    assert_eq!(
        agenda.lane.pace,
        Some(mark(500)),
        "its request may have left as late as that"
    );
}

#[tokio::test]
async fn another_hosts_queue_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert(&store, job(1, "a", "x")).await.unwrap().job.id;
    store.close().await.unwrap();
    let elsewhere = Options {
        machine: Some("other-host".to_owned()),
        ..options(dir.path())
    };
    let (store, recovery) = Store::open(elsewhere, Arc::new(Quiet)).await.unwrap();
    assert_eq!(recovery.held, 1);
    assert_eq!(store.get(id).await.unwrap().0.state, State::Held);
    assert_eq!(claim(&store, 1).await.map(|c| c.job.id), None);
}

#[tokio::test]
async fn a_second_opener_is_told_who_holds_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, _) = open(dir.path()).await;
    let error = refused(Options {
        lock_patience: Duration::ZERO,
        ..options(dir.path())
    })
    .await;
    assert!(
        error.contains(&format!("process {}", std::process::id())),
        "{error}"
    );
}

#[tokio::test]
async fn a_store_older_than_its_witness_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    store.close().await.unwrap();
    let queue = dir.path().join("queue");
    let copy = |from: &str, to: &str| {
        std::fs::create_dir_all(queue.join(to)).unwrap();
        for file in ["db", "conf"] {
            std::fs::copy(queue.join(from).join(file), queue.join(to).join(file)).unwrap();
        }
    };
    copy("store-1", "old");
    let (store, _) = open(dir.path()).await;
    insert(&store, job(1, "a", "x")).await.unwrap();
    claim(&store, 1).await.unwrap();
    store.close().await.unwrap();
    std::fs::remove_dir_all(queue.join("store-1")).unwrap();
    copy("old", "store-1");
    let error = refused(options(dir.path())).await;
    assert!(error.contains("older than its witness"), "{error}");
}

#[tokio::test]
async fn a_lost_store_is_never_replaced_by_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    store.close().await.unwrap();
    let queue = dir.path().join("queue");
    for lost in ["store-1/db", "store-1/conf", "store-1"] {
        let (path, aside) = (queue.join(lost), dir.path().join("aside"));
        std::fs::rename(&path, &aside).unwrap();
        let error = refused(options(dir.path())).await;
        assert!(error.contains("is missing"), "{lost}: {error}");
        assert!(!path.exists(), "{lost} was made anew");
        std::fs::rename(&aside, &path).unwrap();
    }
    std::fs::write(queue.join("store-1/db"), b"").unwrap();
    let error = refused(options(dir.path())).await;
    assert!(error.contains("witness"), "{error}");
}

#[tokio::test]
async fn a_damaged_record_blocks_nobody_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let bad = insert(&store, job(1, "a", "x")).await.unwrap().job.id;
    insert(&store, job(1, "b", "y")).await.unwrap();
    store
        .run(false, move |txn| {
            let key = keys::active(bad);
            let mut bytes = txn.get(&key)?.unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            txn.put(key, bytes);
            Ok(())
        })
        .await
        .unwrap();
    let outcome = store.claim(claim_of(ACCOUNT, 1)).await.unwrap();
    assert_eq!(outcome.set_aside[0].0, bad);
    assert_eq!(outcome.claimed.unwrap().job.id.get(), 2);
    let query = ListQuery {
        after: None,
        limit: 10,
        with_body: false,
        max_bytes: 1000,
        finished_only: false,
        finished_since: NOW,
        filter: ListFilter::default(),
    };
    let page = store.list(query).await.unwrap();
    assert_eq!((page.jobs.len(), page.damaged.len()), (1, 1));
}

#[tokio::test]
async fn a_job_whose_text_is_damaged_fails_where_people_see_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let old = NewJob {
        created_at: UnixMs(0),
        ..job(1, "a", &"x".repeat(3000))
    };
    let bad = insert(&store, old).await.unwrap().job.id;
    store
        .run(false, move |txn| {
            txn.put(keys::body(bad, 0), "something else");
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(claim(&store, 1).await.map(|c| c.job.id), None);
    let query = ListQuery {
        after: None,
        limit: 10,
        with_body: false,
        max_bytes: 1000,
        finished_only: false,
        finished_since: NOW.minus(Duration::from_secs(60)),
        filter: ListFilter::default(),
    };
    let page = store.list(query).await.unwrap();
    assert_eq!(page.jobs.len(), 1, "listed among what finished lately");
    assert_eq!(page.jobs[0].0.state, State::Failed);
}
