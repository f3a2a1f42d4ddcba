//! What a submission does beside storing a job: replace, warn.

use super::*;

fn replacing(uid: u32, repo: &str, replace_key: &str) -> NewJob {
    NewJob {
        replace_key: Some(key(replace_key)),
        ..job(uid, repo, "x")
    }
}

#[tokio::test]
async fn a_newer_job_with_the_same_replace_key_replaces_what_is_queued() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let first = insert_id(&store, replacing(1, "a", "k")).await;
    let held = NewJob {
        hold: true,
        ..replacing(1, "b", "k")
    };
    let held = insert_id(&store, held).await;
    let newer = insert(&store, replacing(1, "A", "k")).await.unwrap();
    assert_eq!(newer.superseded, [first]);
    let old = store.peek(first).await.unwrap();
    assert_eq!(old.state, State::Cancelled);
    assert_eq!(old.superseded_by, Some(newer.job.id));
    assert_eq!(old.last_error.as_deref(), Some("superseded by #3"));
    assert_eq!(post(&store, 1).await, Some(3));
    let newer = insert(&store, replacing(1, "b", "k")).await.unwrap();
    assert_eq!(newer.superseded, [], "somebody put it aside on purpose");
    assert_eq!(store.peek(held).await.unwrap().state, State::Held);
}

#[tokio::test]
async fn a_batch_whose_jobs_replace_each_other_is_told_as_it_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let batch = (0..3).map(|_| replacing(1, "a", "k")).collect();
    let told = store.insert_all(batch).await.unwrap();
    let states: Vec<State> = told.iter().map(|it| it.job.state).collect();
    assert_eq!(states, [State::Cancelled, State::Cancelled, State::Queued]);
    let positions: Vec<Option<u64>> = told.iter().map(|it| it.position).collect();
    assert_eq!(positions, [None, None, Some(1)]);
    for it in told {
        assert_eq!(store.peek(it.job.id).await.unwrap(), it.job);
    }
}

#[tokio::test]
async fn another_user_target_key_or_none_replaces_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, replacing(1, "a", "k")).await;
    let others = [
        replacing(2, "a", "k"),
        replacing(1, "b", "k"),
        replacing(1, "a", "other"),
        job(1, "a", "x"),
    ];
    for other in others {
        let inserted = insert(&store, other).await.unwrap();
        assert_eq!(inserted.superseded, []);
    }
    assert_eq!(store.counts().await.unwrap(), [(State::Queued, 5)].into());
}

#[tokio::test]
async fn a_job_that_is_being_posted_or_may_have_been_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, replacing(1, "a", "k")).await;
    claim(&store, 1).await.unwrap();
    let newer = insert(&store, replacing(1, "a", "k")).await.unwrap();
    assert_eq!(newer.superseded, []);
    look_first(&store, id).await;
    let newest = insert(&store, replacing(1, "a", "k")).await.unwrap();
    assert_eq!(
        newest.superseded,
        [newer.job.id],
        "and not the uncertain one"
    );
    assert_eq!(state(&store, id).await, State::Uncertain);
}

#[tokio::test]
async fn a_retried_submission_replaces_nothing_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let keyed = || NewJob {
        key: Some(key("submit")),
        ..replacing(1, "a", "k")
    };
    let id = insert_id(&store, keyed()).await;
    let again = insert(&store, keyed()).await.unwrap();
    assert_eq!((again.job.id, again.duplicate), (id, true));
    assert_eq!(again.superseded, []);
}

#[tokio::test]
async fn the_same_text_for_the_same_target_is_noticed_while_it_waits() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let first = insert(&store, job(1, "a", "text")).await.unwrap();
    assert_eq!(first.same_text_as, None);
    let elsewhere = insert(&store, job(1, "b", "text")).await.unwrap();
    assert_eq!(elsewhere.same_text_as, None, "another target");
    let stranger = insert(&store, job(2, "A", "text")).await.unwrap();
    assert_eq!(stranger.same_text_as, None, "not for others to know");
    let same = insert(&store, job(1, "A", "text\n")).await.unwrap();
    assert_eq!(same.same_text_as, Some(first.job.id));
    for id in [first.job.id, same.job.id] {
        cancel(&store, id).await.unwrap();
    }
    let after = insert(&store, job(1, "A", "text")).await.unwrap();
    assert_eq!(after.same_text_as, None, "they were cancelled");
}

#[tokio::test]
async fn the_same_text_is_noticed_for_a_day_after_it_was_posted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job(1, "a", "text")).await;
    insert_id(&store, job(1, "b", "text")).await;
    for comment in [1, 2] {
        post(&store, comment).await.unwrap();
    }
    let later = |repo, ms| NewJob {
        created_at: UnixMs(NOW.0 + ms),
        ..job(1, repo, "text")
    };
    let day_ms = 24 * 3600 * 1000;
    let within = insert(&store, later("a", day_ms)).await.unwrap();
    assert_eq!(within.same_text_as.map(JobId::get), Some(1));
    let after = insert(&store, later("b", day_ms + 1)).await.unwrap();
    assert_eq!(after.same_text_as, None);
}

#[tokio::test]
async fn an_edited_job_has_its_new_text_only() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job(1, "a", "old")).await;
    change(&store, id, edit(body("new"))).await.unwrap();
    let old = insert(&store, job(1, "a", "old")).await.unwrap();
    assert_eq!(old.same_text_as, None);
    let new = insert(&store, job(1, "a", "new")).await.unwrap();
    assert_eq!(new.same_text_as, Some(id));
}
