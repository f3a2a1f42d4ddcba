//! Jobs that need not wait for the cooldown.

use super::*;

async fn post_now(store: &Store, id: JobId) -> Result<Changed, StoreError> {
    let now = NOW.plus(Duration::from_secs(1));
    store.post_now(id, vec![ACCOUNT.to_owned()], now).await
}

/// The urgent job of the agenda, claimed.
async fn claim_urgent(store: &Store, id: JobId) -> Option<JobId> {
    let agenda = agenda(store, 1).await;
    let claim = Claim {
        field: agenda.field,
        sharing: agenda.sharing,
        urgent: Some(id),
        ..claim_of(ACCOUNT, 1)
    };
    let claimed = store.claim(claim).await.unwrap().claimed;
    claimed.map(|claimed| claimed.job.id)
}

#[tokio::test]
async fn it_goes_before_everybody_elses_and_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job(1, "a", "x")).await;
    insert_id(&store, job(2, "a", "y")).await;
    let id = insert_id(&store, job(2, "a", "z")).await;
    assert_eq!(agenda(&store, 1).await.urgent, None);
    assert!(post_now(&store, id).await.unwrap().changed);
    assert!(!post_now(&store, id).await.unwrap().changed, "idempotent");
    assert_eq!(agenda(&store, 1).await.urgent, Some(id));
    assert_eq!(claim_urgent(&store, id).await, Some(id));
    assert_eq!(agenda(&store, 1).await.urgent, None, "it had its once");
    assert_eq!(store.peek(id).await.unwrap().now, None);
}

#[tokio::test]
async fn a_claim_takes_that_job_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let other = insert_id(&store, job(1, "a", "x")).await;
    let id = insert_id(&store, job(2, "b", "y")).await;
    post_now(&store, id).await.unwrap();
    cancel(&store, id).await.unwrap();
    assert_eq!(claim_urgent(&store, id).await, None);
    assert_eq!(
        claim_urgent(&store, other).await,
        None,
        "nobody asked for it"
    );
}

#[tokio::test]
async fn holding_it_takes_the_word_back() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    post_now(&store, id).await.unwrap();
    change(&store, id, Verb::Hold).await.unwrap();
    change(&store, id, Verb::Release).await.unwrap();
    assert_eq!(agenda(&store, 1).await.urgent, None);
}

#[tokio::test]
async fn nothing_goes_where_something_is_not_known() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let first = insert_id(&store, job(1, "a", "x")).await;
    let id = insert_id(&store, job(2, "a", "y")).await;
    claim(&store, 1).await.unwrap();
    for _ in 0..2 {
        let refused = post_now(&store, id).await.unwrap_err();
        assert_eq!(refused, StoreError::Unresolved(id));
        look_first(&store, first).await;
        if state(&store, first).await == State::Uncertain {
            break;
        }
    }
    assert_eq!(
        post_now(&store, id).await.unwrap_err(),
        StoreError::Unresolved(id)
    );
    let busy = post_now(&store, first).await.unwrap_err();
    assert_eq!(busy, StoreError::Unresolved(first));
}

#[tokio::test]
async fn what_becomes_unknown_later_holds_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let first = insert_id(&store, job(1, "a", "x")).await;
    let id = insert_id(&store, job(2, "a", "y")).await;
    post_now(&store, id).await.unwrap();
    assert_eq!(claim(&store, 1).await.unwrap().job.id, first);
    assert_eq!(agenda(&store, 1).await.urgent, None);
    assert_eq!(claim_urgent(&store, id).await, None);
    let posted = Conclusion::Posted {
        comment_id: Some(100),
        url: None,
    };
    conclude(&store, first, posted).await;
    assert_eq!(agenda(&store, 1).await.urgent, Some(id), "then it goes");
}

#[tokio::test]
async fn other_waits_of_its_own_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let early = NewJob {
        not_before: Some(NOW.plus(Duration::from_secs(100))),
        ..job(1, "a", "x")
    };
    let early = insert_id(&store, early).await;
    let refused = post_now(&store, early).await.unwrap_err();
    assert!(matches!(refused, StoreError::Waits { .. }), "{refused}");
    let id = insert_id(&store, job(1, "b", "x")).await;
    let until = NOW.plus(Duration::from_secs(100));
    store.put_off(id, until, "later".to_owned()).await.unwrap();
    let refused = post_now(&store, id).await.unwrap_err();
    assert!(
        refused.to_string().contains("its next attempt"),
        "{refused}"
    );
    let held = insert_id(&store, job(1, "c", "x")).await;
    change(&store, held, Verb::Hold).await.unwrap();
    let refused = post_now(&store, held).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::WrongState { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn it_outlives_a_restart_and_everything_fits_together() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job(1, "a", "x")).await;
    let id = insert_id(&store, job(2, "a", "y")).await;
    post_now(&store, id).await.unwrap();
    store.close().await.unwrap();
    let report = check(&options(dir.path()).path).unwrap();
    assert_eq!(report.faults, [""; 0]);
    let (store, _) = open(dir.path()).await;
    assert_eq!(agenda(&store, 1).await.urgent, Some(id));
}
