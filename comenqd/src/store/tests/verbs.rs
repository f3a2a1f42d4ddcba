//! What people do to jobs: each verb in each state.

use super::*;

/// A store with one job in this state.
async fn with_one(path: &Path, wanted: State) -> (Store, JobId) {
    let (store, _) = open(path).await;
    let new = NewJob {
        hold: wanted == State::Held,
        expiry: (wanted == State::Expired).then_some(Expiry {
            at_ms: NOW,
            span_ms: None,
        }),
        ..job(1, "a", "x")
    };
    let id = insert_id(&store, new).await;
    match wanted {
        State::Queued | State::Held => {}
        State::Cancelled => drop(cancel(&store, id).await.unwrap()),
        State::Expired => drop(agenda(&store, 1).await),
        State::Posting => drop(claim(&store, 1).await),
        State::Posted => drop(post(&store, 77).await),
        State::Uncertain => {
            claim(&store, 1).await.unwrap();
            look_first(&store, id).await;
        }
        State::Failed => {
            claim(&store, 1).await.unwrap();
            dead(&store, id, Failure::Locked).await;
        }
    }
    assert_eq!(state(&store, id).await, wanted);
    (store, id)
}

/// What became of it in one word: the new state, `same` where nothing changed, or the error.
fn word(result: Result<Changed, StoreError>) -> &'static str {
    match result {
        Ok(Changed { changed: false, .. }) => "same",
        Ok(Changed { job, .. }) => job.state.as_str(),
        Err(StoreError::Busy(_)) => "busy",
        Err(StoreError::Unresolved(_)) => "unresolved",
        Err(StoreError::WrongState { .. }) => "wrong",
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_verb_in_each_state_does_what_the_table_says() {
    let verbs = [
        Verb::Cancel,
        edit(body("y")),
        Verb::Hold,
        Verb::Release,
        Verb::Retry,
        Verb::Bump,
    ];
    // In the order of `verbs`.
    #[rustfmt::skip]
    let table = [
        (State::Queued, ["cancelled", "queued", "held", "same", "same", "queued"]),
        (State::Posting, ["busy", "busy", "busy", "busy", "same", "busy"]),
        (State::Posted, ["wrong", "wrong", "wrong", "wrong", "wrong", "wrong"]),
        (State::Uncertain, ["uncertain", "unresolved", "unresolved", "unresolved", "same", "unresolved"]),
        (State::Failed, ["wrong", "wrong", "wrong", "wrong", "queued", "wrong"]),
        (State::Held, ["cancelled", "held", "same", "queued", "wrong", "wrong"]),
        (State::Cancelled, ["same", "wrong", "wrong", "wrong", "wrong", "wrong"]),
        (State::Expired, ["wrong", "wrong", "wrong", "wrong", "wrong", "wrong"]),
    ];
    assert_eq!(table.len(), State::ALL.len());
    for (from, wanted) in table {
        for (verb, wanted) in verbs.iter().zip(wanted) {
            let dir = tempfile::tempdir().unwrap();
            let (store, id) = with_one(dir.path(), from).await;
            let before = store.get(id).await.unwrap();
            let result = change(&store, id, verb.clone()).await;
            let is_refused = result.is_err();
            assert_eq!(word(result), wanted, "{verb:?} of a job that is {from:?}");
            let after = store.get(id).await.unwrap();
            if wanted == "same" || is_refused {
                assert_eq!(before, after, "{verb:?} of a job that is {from:?}");
            } else if *verb != Verb::Bump {
                let again = word(change(&store, id, verb.clone()).await);
                assert_eq!(again, "same", "{verb:?} again of a job that was {from:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_verb_for_a_job_that_is_not_there_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let nobody = JobId::new(9).unwrap();
    for verb in [Verb::Retry, Verb::Bump, edit(body("y"))] {
        let refused = change(&store, nobody, verb).await.unwrap_err();
        assert_eq!(refused, StoreError::NoSuchJob(nobody));
    }
}

#[tokio::test]
async fn an_edited_text_is_what_is_posted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let long = "long ".repeat(2000);
    let id = insert_id(&store, job(1, "a", &long)).await;
    change(&store, id, edit(body("short"))).await.unwrap();
    assert_eq!(store.get(id).await.unwrap().1, "short");
    let longer = "longer ".repeat(2000);
    let edited = change(&store, id, edit(body(&longer))).await.unwrap();
    assert_eq!(usize::try_from(edited.job.body_bytes), Ok(longer.len()));
    assert_eq!(claim(&store, 1).await.unwrap().body, longer);
}

#[tokio::test]
async fn a_job_that_was_looked_for_in_vain_keeps_its_text() {
    let dir = tempfile::tempdir().unwrap();
    let (store, id) = with_one(dir.path(), State::Uncertain).await;
    let queued = conclude_look(&store, id, LookConclusion::Requeue).await;
    assert_eq!((queued.state, queued.unresolved.len()), (State::Queued, 1));
    let refused = change(&store, id, edit(body("y"))).await.unwrap_err();
    assert_eq!(refused, StoreError::Unresolved(id));
}

#[tokio::test]
async fn a_held_job_holds_back_nobody_and_goes_once_it_is_released() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let held = insert_id(&store, job(1, "a", "x")).await;
    let next = insert_id(&store, job(1, "a", "y")).await;
    change(&store, held, Verb::Hold).await.unwrap();
    assert_eq!(post(&store, 1).await, Some(next.get()));
    assert_eq!(post(&store, 2).await, None);
    let released = change(&store, held, Verb::Release).await.unwrap().job;
    assert_eq!((released.state, released.hold), (State::Queued, None));
    assert_eq!(post(&store, 3).await, Some(held.get()));
}

#[tokio::test]
async fn a_held_job_that_was_looked_for_in_vain_is_looked_for_again_when_released() {
    let dir = tempfile::tempdir().unwrap();
    let (store, id) = with_one(dir.path(), State::Uncertain).await;
    conclude_look(&store, id, LookConclusion::Requeue).await;
    change(&store, id, Verb::Hold).await.unwrap();
    let released = change(&store, id, Verb::Release).await.unwrap().job;
    assert_eq!(released.state, State::Uncertain);
    assert_eq!(agenda(&store, 10).await.looks.len(), 1);
}

#[tokio::test]
async fn a_bumped_job_goes_before_higher_priority_and_its_own_line() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job(1, "a", "first")).await;
    let urgent = NewJob {
        priority: 100,
        ..job(1, "b", "urgent")
    };
    insert_id(&store, urgent).await;
    let line = insert_id(&store, job(1, "a", "second")).await;
    let last = insert_id(&store, job(1, "c", "last")).await;
    change(&store, line, Verb::Bump).await.unwrap();
    change(&store, last, Verb::Bump).await.unwrap();
    let mut order = Vec::new();
    while let Some(id) = post(&store, 200 + order.len() as u64).await {
        order.push(id);
    }
    assert_eq!(order, [4, 3, 2, 1], "of two that were bumped the later one");
}

#[tokio::test]
async fn a_bump_stays_inside_ones_own_jobs() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job(1, "a", "x")).await;
    insert_id(&store, job(2, "b", "x")).await;
    let bumped = insert_id(&store, job(1, "c", "x")).await;
    change(&store, bumped, Verb::Bump).await.unwrap();
    assert_eq!(post(&store, 1).await, Some(3));
    assert_eq!(post(&store, 2).await, Some(2), "the other user's turn");
}
