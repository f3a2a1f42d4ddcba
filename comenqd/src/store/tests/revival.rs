//! Dead letters, and jobs that came from another host.

use super::*;

async fn elsewhere(path: &Path) -> Store {
    let elsewhere = Options {
        machine: Some("other-host".to_owned()),
        ..options(path)
    };
    let (store, recovery) = Store::open(elsewhere, Arc::new(Quiet)).await.unwrap();
    assert!(recovery.held > 0);
    store
}

/// A store with one job that was held because it came from another host.
async fn restored(path: &Path) -> (Store, JobId) {
    let (store, _) = open(path).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    store.close().await.unwrap();
    (elsewhere(path).await, id)
}

async fn failed(store: &Store, new: NewJob, failure: Failure) -> JobId {
    let id = insert_id(store, new).await;
    assert_eq!(claim(store, 1).await.unwrap().job.id, id);
    dead(store, id, failure).await;
    id
}

#[tokio::test]
async fn a_dead_letter_is_revived_into_its_line_with_its_count_at_zero() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = failed(&store, job(1, "a", "x"), Failure::Denied).await;
    let revived = change(&store, id, Verb::Retry).await.unwrap().job;
    assert_eq!((revived.state, revived.failure), (State::Queued, None));
    assert_eq!((revived.attempts, revived.attempts_now()), (1, 0));
    assert_eq!((revived.first_attempt, revived.denied), (None, 0));
    assert_eq!(post(&store, 5).await, Some(id.get()));
}

#[tokio::test]
async fn a_dead_letter_of_unknown_outcome_is_looked_for_before_it_is_posted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    claim(&store, 1).await.unwrap();
    look_first(&store, id).await;
    conclude_look(&store, id, give_up()).await;
    let revived = change(&store, id, Verb::Retry).await.unwrap().job;
    assert_eq!((revived.state, revived.empty_looks), (State::Uncertain, 0));
    assert_eq!(post(&store, 5).await, None);
    assert_eq!(agenda(&store, 10).await.looks[0].id, id);
}

#[tokio::test]
async fn who_revives_a_job_wants_it_posted_whatever_was_wanted_before() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    claim(&store, 1).await.unwrap();
    look_first(&store, id).await;
    cancel(&store, id).await.unwrap();
    conclude_look(&store, id, give_up()).await;
    change(&store, id, Verb::Retry).await.unwrap();
    let job = conclude_look(&store, id, LookConclusion::Requeue).await;
    assert_eq!((job.state, job.cancel_requested), (State::Queued, false));
}

#[tokio::test]
async fn dead_letters_are_revived_by_their_reason_and_user() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let mine = failed(&store, job(1, "a", "x"), Failure::Locked).await;
    let other = failed(&store, job(1, "b", "x"), Failure::Gone).await;
    let theirs = failed(&store, job(2, "c", "x"), Failure::Locked).await;
    let retry = |uid| store.retry_failed(Failure::Locked, uid, None, mark(9));
    let retried = retry(Some(1)).await.unwrap();
    assert_eq!((retried.jobs, retried.next), (vec![mine], None));
    assert_eq!(state(&store, theirs).await, State::Failed);
    assert_eq!(retry(None).await.unwrap().jobs, [theirs]);
    assert_eq!(state(&store, other).await, State::Failed);
    assert_eq!(retry(None).await.unwrap().jobs, []);
}

#[tokio::test]
async fn many_dead_letters_are_revived_in_steps_that_join_up() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let new = (0..510).map(|n| job(1, &format!("r{n}"), "x")).collect();
    store.insert_all(new).await.unwrap();
    while let Some(claimed) = claim(&store, 1).await {
        dead(&store, claimed.job.id, Failure::Gone).await;
    }
    let retry = |after| store.retry_failed(Failure::Gone, None, after, mark(9));
    let first = retry(None).await.unwrap();
    assert_eq!(first.jobs.len(), 500);
    assert!(first.next.is_some());
    let second = retry(first.next).await.unwrap();
    assert_eq!((second.jobs.len(), second.next), (10, None));
    assert_eq!(store.counts().await.unwrap(), [(State::Queued, 510)].into());
}

#[tokio::test]
async fn a_restored_job_is_looked_for_before_it_is_posted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, id) = restored(dir.path()).await;
    let held = store.peek(id).await.unwrap();
    assert_eq!(held.hold, Some(Hold::Restored));
    assert!(held.may_have_been_posted());
    let released = change(&store, id, Verb::Release).await.unwrap().job;
    assert_eq!(released.state, State::Uncertain);
    assert_eq!(post(&store, 5).await, None);
    let queued = conclude_look(&store, id, LookConclusion::Requeue).await;
    assert!(!queued.may_have_been_posted());
    assert_eq!((queued.state, queued.hold), (State::Queued, None));
    assert_eq!(post(&store, 6).await, Some(id.get()));
}

#[tokio::test]
async fn a_restored_job_keeps_its_text_and_can_be_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let (store, id) = restored(dir.path()).await;
    let refused = change(&store, id, edit(body("y"))).await.unwrap_err();
    assert_eq!(refused, StoreError::Unresolved(id));
    let dropped = cancel(&store, id).await.unwrap().job;
    assert_eq!(dropped.state, State::Cancelled);
    assert!(dropped.may_have_been_posted(), "and it says so");
}

#[tokio::test]
async fn a_restored_job_that_could_not_be_looked_for_is_looked_for_when_revived() {
    let dir = tempfile::tempdir().unwrap();
    let (store, id) = restored(dir.path()).await;
    change(&store, id, Verb::Release).await.unwrap();
    conclude_look(&store, id, give_up()).await;
    let revived = change(&store, id, Verb::Retry).await.unwrap().job;
    assert_eq!(revived.state, State::Uncertain);
}

#[tokio::test]
async fn a_job_that_a_user_held_counts_as_restored_on_another_host() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let held = NewJob {
        hold: true,
        ..job(1, "a", "x")
    };
    let id = insert_id(&store, held).await;
    store.close().await.unwrap();
    let store = elsewhere(dir.path()).await;
    assert_eq!(store.peek(id).await.unwrap().hold, Some(Hold::Restored));
}

#[tokio::test]
async fn only_what_may_have_been_posted_can_be_concluded_by_a_look() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    let again = LookConclusion::LookAgain;
    let refused = store
        .conclude_look(id, lane(), again, Note::default(), moment(9))
        .await
        .unwrap_err();
    let state = "queued";
    assert_eq!(refused, StoreError::WrongState { id, state });
}

#[tokio::test]
async fn a_dead_letter_that_came_from_elsewhere_is_looked_for_before_it_is_posted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let old = failed(&store, job(1, "a", "x"), Failure::NotFound).await;
    insert_id(&store, job(1, "c", "x")).await;
    store.close().await.unwrap();
    let store = elsewhere(dir.path()).await;
    let new = failed(&store, job(1, "b", "x"), Failure::NotFound).await;
    let old = change(&store, old, Verb::Retry).await.unwrap().job;
    assert_eq!(old.state, State::Uncertain, "it may have been posted there");
    let new = change(&store, new, Verb::Retry).await.unwrap().job;
    assert_eq!(new.state, State::Queued);
}
