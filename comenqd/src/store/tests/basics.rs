//! The way of a job: in, through its turn, and out.

use super::*;

#[tokio::test]
async fn a_key_finds_its_job_and_refuses_another_body() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let keyed = |uid, repo, body| NewJob {
        key: Some(SubmitKey::parse("k1").unwrap()),
        ..job(uid, repo, body)
    };
    let first = insert(&store, keyed(1, "repo", "text")).await.unwrap();
    let again = insert(&store, keyed(1, "REPO", "text")).await.unwrap();
    assert_eq!((again.job.id, again.duplicate), (first.job.id, true));
    let other = insert(&store, keyed(1, "repo", "other")).await.unwrap_err();
    assert!(matches!(other, StoreError::KeyReused { .. }), "{other}");
    let stranger = insert(&store, keyed(2, "repo", "other")).await.unwrap();
    assert!(!stranger.duplicate, "a key belongs to its uid");
    assert_eq!(store.counts().await.unwrap(), [(State::Queued, 2)].into());
}

#[tokio::test]
async fn users_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    for n in 0..5 {
        insert(&store, job(1, &format!("a{n}"), "x")).await.unwrap();
    }
    assert_eq!(post(&store, 100).await, Some(1));
    insert(&store, job(2, "b0", "x")).await.unwrap();
    let last = insert(&store, job(2, "b1", "x")).await.unwrap();
    assert_eq!(last.position, Some(4), "two of its own, two of the other's");
    let mut order = Vec::new();
    while let Some(id) = post(&store, 200 + order.len() as u64).await {
        order.push(id);
    }
    assert_eq!(order, [6, 2, 7, 3, 4, 5]);
}

#[tokio::test]
async fn priority_goes_before_age_and_a_target_keeps_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert(&store, job(1, "a", "first")).await.unwrap();
    insert(&store, job(1, "A", "second")).await.unwrap();
    insert(
        &store,
        NewJob {
            priority: 5,
            ..job(1, "b", "urgent")
        },
    )
    .await
    .unwrap();
    insert(
        &store,
        NewJob {
            priority: -5,
            ..job(1, "c", "later")
        },
    )
    .await
    .unwrap();
    let mut order = Vec::new();
    while let Some(id) = post(&store, 200 + order.len() as u64).await {
        order.push(id);
    }
    assert_eq!(order, [3, 1, 2, 4]);
}

#[tokio::test]
async fn an_unresolved_job_holds_back_its_target_for_everyone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert(&store, job(1, "a", "x")).await.unwrap();
    insert(&store, job(2, "A", "y")).await.unwrap();
    insert(&store, job(2, "b", "z")).await.unwrap();
    let first = claim(&store, 1).await.unwrap().job.id;
    look_first(&store, first).await;
    assert_eq!(post(&store, 9).await, Some(3), "another target passes");
    assert_eq!(claim(&store, 9).await.map(|c| c.job.id), None);
    let found = LookConclusion::Found {
        comment_id: 77,
        url: "u".to_owned(),
    };
    let job = store
        .conclude_look(first, lane(), found, Note::default(), moment(9))
        .await
        .unwrap();
    assert_eq!((job.state, job.comment_id), (State::Posted, Some(77)));
    assert_eq!(post(&store, 10).await, Some(2));
}

#[tokio::test]
async fn a_comment_belongs_to_one_job() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert(&store, job(1, "a", "x")).await.unwrap();
    let second = insert(&store, job(1, "b", "x")).await.unwrap().job.id;
    post(&store, 500).await;
    let owned = store
        .owned_by_others(HOST.to_owned(), vec![500, 501], second)
        .await
        .unwrap();
    assert_eq!(owned, [500]);
    claim(&store, 2).await.unwrap();
    let reused = Conclusion::Posted {
        comment_id: Some(500),
        url: None,
    };
    let posted = conclude(&store, second, reused).await;
    assert_eq!(posted.state, State::Posted, "a 201 stands, whatever its id");
    let owned = store
        .owned_by_others(HOST.to_owned(), vec![500], second)
        .await
        .unwrap();
    assert_eq!(owned, [500], "the first owner keeps it");
}

#[tokio::test]
async fn nothing_sent_gives_the_slot_back_and_counts_no_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert(&store, job(1, "a", "x")).await.unwrap();
    let first = claim(&store, 100).await.unwrap();
    assert_eq!(first.previous_pace, None);
    let put_back = Conclusion::PutBack {
        previous_pace: first.previous_pace,
        wait: wait(),
    };
    let job = conclude(&store, first.job.id, put_back).await;
    assert_eq!(
        (job.state, job.attempts, job.unresolved.len()),
        (State::Queued, 0, 0)
    );
    let second = claim(&store, 200).await.unwrap();
    assert_eq!(
        second.previous_pace, None,
        "the slot of the first claim was given back"
    );
    let deferred = Conclusion::Deferred { wait: wait() };
    conclude(&store, second.job.id, deferred).await;
    let third = claim(&store, 300).await.unwrap();
    assert_eq!(
        third.previous_pace,
        Some(mark(5)),
        "GitHub saw the second: the interval counts from its end"
    );
}

#[tokio::test]
async fn cancelling_by_state() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert(&store, job(1, "a", "x")).await.unwrap().job.id;
    claim(&store, 1).await.unwrap();
    assert_eq!(cancel(&store, id).await.unwrap_err(), StoreError::Busy(id));
    look_first(&store, id).await;
    for _ in 0..2 {
        let cancelled = cancel(&store, id).await.unwrap();
        assert_eq!(cancelled.job.state, State::Uncertain);
        assert!(cancelled.job.cancel_requested && cancelled.job.may_have_been_posted());
    }
    let queued = insert(&store, job(1, "b", "x")).await.unwrap().job.id;
    for _ in 0..2 {
        let cancelled = cancel(&store, queued).await.unwrap();
        assert_eq!(
            (cancelled.job.state, cancelled.job.may_have_been_posted()),
            (State::Cancelled, false)
        );
    }
    let posted = insert(&store, job(1, "c", "x")).await.unwrap().job.id;
    post(&store, 3).await;
    let refused = cancel(&store, posted).await.unwrap_err();
    assert_eq!(
        refused,
        StoreError::WrongState {
            id: posted,
            state: "posted"
        }
    );
    let nobody = JobId::new(99).unwrap();
    assert_eq!(
        cancel(&store, nobody).await.unwrap_err(),
        StoreError::NoSuchJob(nobody)
    );
}

#[tokio::test]
async fn a_job_joins_its_line_when_its_time_comes() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let later = NOW.plus(Duration::from_secs(60));
    insert(
        &store,
        NewJob {
            not_before: Some(later),
            ..job(1, "a", "x")
        },
    )
    .await
    .unwrap();
    insert(&store, job(1, "a", "y")).await.unwrap();
    assert_eq!(agenda(&store, 0).await.next_due, Some(later));
    assert_eq!(
        post(&store, 1).await,
        Some(2),
        "one whose time has not come holds back nobody"
    );
    assert!(!agenda(&store, 0).await.ready);
    let then = agenda(&store, 60).await;
    assert_eq!((then.ready, then.next_due), (true, None));
    assert_eq!(claim(&store, 60).await.unwrap().job.id.get(), 1);
}

#[tokio::test]
async fn pages_join_up() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    for n in 0..5 {
        insert(&store, job(1, &format!("r{n}"), "x")).await.unwrap();
    }
    post(&store, 1).await;
    post(&store, 2).await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let query = ListQuery {
            after,
            limit: 2,
            with_body: true,
            max_bytes: 1000,
            finished_only: false,
            finished_since: NOW.minus(Duration::from_secs(1)),
            filter: ListFilter::default(),
        };
        let page = store.list(query).await.unwrap();
        assert!(page.jobs.len() <= 2);
        seen.extend(page.jobs.iter().map(|(job, _)| job.id.get()));
        let Some(next) = page.next else { break };
        after = Some(next.to_string().parse().unwrap());
    }
    assert_eq!(seen, [3, 4, 5, 2, 1]);
}

#[tokio::test]
async fn a_list_of_finished_jobs_has_no_others_wherever_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    for n in 0..3 {
        insert(&store, job(1, &format!("r{n}"), "x")).await.unwrap();
    }
    post(&store, 1).await;
    let query = ListQuery {
        after: "u1".parse().ok(),
        limit: 10,
        with_body: false,
        max_bytes: 1000,
        finished_only: true,
        finished_since: UnixMs(i64::MIN),
        filter: ListFilter::default(),
    };
    let page = store.list(query).await.unwrap();
    let seen: Vec<_> = page.jobs.iter().map(|(job, _)| job.id.get()).collect();
    assert_eq!(seen, [1]);
}

#[tokio::test]
async fn a_cancellation_that_comes_while_a_listing_is_read_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert(&store, job(1, "a", "x")).await.unwrap().job.id;
    claim(&store, 1).await.unwrap();
    look_first(&store, id).await;
    // The listing began before; what it showed leads to "post it again".
    cancel(&store, id).await.unwrap();
    let again = LookConclusion::Requeue;
    let job = store
        .conclude_look(id, lane(), again, Note::default(), moment(9))
        .await
        .unwrap();
    assert_eq!(job.state, State::Cancelled);
    assert_eq!(claim(&store, 10).await.map(|c| c.job.id), None);
}

/// The first job in line has moved there.
async fn moves_to(store: &Store, repo: &str) -> JobId {
    let id = claim(store, 1).await.unwrap().job.id;
    let moved = Conclusion::Moved {
        to: Target::parse("owner", repo, 1).unwrap(),
        reason: "moved".to_owned(),
    };
    conclude(store, id, moved).await.id
}

#[tokio::test]
async fn an_unresolved_job_that_has_moved_holds_back_its_new_place_too() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let moved = insert_id(&store, job(1, "old", "x")).await;
    moves_to(&store, "new").await;
    assert_eq!(claim(&store, 2).await.unwrap().job.id, moved);
    look_first(&store, moved).await;
    let there = insert_id(&store, job(2, "New", "x")).await;
    insert_id(&store, job(2, "old", "x")).await;
    assert_eq!(
        post(&store, 8).await,
        None,
        "neither place may be posted to"
    );
    conclude_look(&store, moved, give_up()).await;
    assert_eq!(post(&store, 9).await, Some(there.get()));
    assert_eq!(post(&store, 10).await, Some(3));
}

#[tokio::test]
async fn a_moved_job_waits_while_its_new_place_has_an_unresolved_one() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let moved = insert_id(&store, job(1, "old", "x")).await;
    moves_to(&store, "new").await;
    change(&store, moved, Verb::Hold).await.unwrap();
    let there = insert_id(&store, job(2, "new", "x")).await;
    claim(&store, 2).await.unwrap();
    look_first(&store, there).await;
    change(&store, moved, Verb::Release).await.unwrap();
    assert_eq!(claim_next(&store, 3).await.map(|job| job.id), None);
    assert_eq!(state(&store, moved).await, State::Queued);
    conclude_look(&store, there, give_up()).await;
    let later = claim_next(&store, 100).await.map(|job| job.id);
    assert_eq!(later, Some(moved), "it is tried again after a while");
}

#[tokio::test]
async fn at_rest_is_a_queue_for_which_nobody_has_anything_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let is_at_rest = async || store.is_at_rest().await.unwrap();
    assert!(is_at_rest().await);
    let id = insert_id(&store, job(1, "a", "x")).await;
    assert!(!is_at_rest().await, "queued");
    change(&store, id, Verb::Hold).await.unwrap();
    assert!(is_at_rest().await, "held");
    change(&store, id, Verb::Release).await.unwrap();
    claim(&store, 1).await.unwrap();
    assert!(!is_at_rest().await, "posting");
    look_first(&store, id).await;
    assert!(!is_at_rest().await, "uncertain");
    let found = LookConclusion::Found {
        comment_id: 77,
        url: "u".to_owned(),
    };
    conclude_look(&store, id, found).await;
    assert!(is_at_rest().await, "posted");
    let id = insert_id(&store, job(1, "b", "x")).await;
    claim(&store, 2).await.unwrap();
    let nameless = Conclusion::Posted {
        comment_id: None,
        url: None,
    };
    let posted = conclude(&store, id, nameless).await;
    assert_eq!(posted.state, State::Posted);
    assert!(!is_at_rest().await, "its comment is looked for");
    conclude_look(&store, id, give_up()).await;
    assert!(is_at_rest().await);
}
