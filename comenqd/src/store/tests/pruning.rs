//! Finished jobs go, and all that is kept of them.

use std::collections::BTreeSet;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

const ALL: Keep = Keep {
    jobs: u64::MAX,
    age: Duration::from_secs(100 * 365 * 86_400),
};

const NONE: Keep = Keep {
    jobs: 0,
    age: Duration::ZERO,
};

async fn prune(store: &Store, keep: Keep, after: Duration) -> Pruned {
    store.prune(keep, NOW.plus(after)).await.unwrap()
}

async fn ids(store: &Store) -> Vec<u64> {
    let query = ListQuery {
        after: None,
        limit: 500,
        with_body: false,
        max_bytes: 1000,
        finished_only: false,
        finished_since: UnixMs(0),
        filter: ListFilter::default(),
    };
    let page = store.list(query).await.unwrap();
    page.jobs.iter().map(|(job, _)| job.id.get()).collect()
}

async fn posted(store: &Store, jobs: u64) {
    for n in 0..jobs {
        insert_id(store, job(1, &format!("r{n}"), "x")).await;
        post(store, 100 + n).await.unwrap();
    }
}

/// The first bytes of all keys: which kinds of entries there are.
async fn kinds(store: &Store) -> String {
    let all = model::dump(store).await;
    let kinds: BTreeSet<char> = all.iter().map(|(key, _)| char::from(key[0])).collect();
    kinds.into_iter().collect()
}

#[tokio::test]
async fn beyond_a_number_the_oldest_go() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    posted(&store, 4).await;
    insert_id(&store, job(1, "waiting", "x")).await;
    let keep = Keep { jobs: 2, ..ALL };
    assert_eq!(prune(&store, keep, DAY).await.jobs, 2);
    assert_eq!(ids(&store).await, [5, 4, 3]);
    assert_eq!(prune(&store, keep, DAY).await, Pruned::default());
}

#[tokio::test]
async fn beyond_an_age_they_go() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    posted(&store, 2).await;
    insert_id(&store, job(1, "waiting", "x")).await;
    let keep = Keep { age: DAY, ..ALL };
    assert_eq!(prune(&store, keep, DAY).await.jobs, 0);
    let more = DAY + Duration::from_millis(1);
    assert_eq!(prune(&store, keep, more).await.jobs, 2);
    assert_eq!(ids(&store).await, [3], "what waits is never too old");
}

#[tokio::test]
async fn a_job_of_which_something_is_not_known_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    claim(&store, 1).await.unwrap();
    let nameless = Conclusion::Posted {
        comment_id: None,
        url: None,
    };
    conclude(&store, id, nameless).await;
    posted(&store, 1).await;
    assert_eq!(prune(&store, NONE, DAY).await.jobs, 1);
    assert_eq!(ids(&store).await, [1]);
    conclude_look(&store, id, give_up()).await;
    assert_eq!(prune(&store, NONE, DAY).await.jobs, 1);
    assert!(ids(&store).await.is_empty());
}

#[tokio::test]
async fn many_go_step_by_step() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let new = (0..70).map(|_| job(1, "a", "x")).collect();
    for inserted in store.insert_all(new).await.unwrap() {
        cancel(&store, inserted.job.id).await.unwrap();
    }
    let first = prune(&store, NONE, DAY).await;
    assert_eq!((first.jobs, first.more), (64, true));
    let second = prune(&store, NONE, DAY).await;
    assert_eq!((second.jobs, second.more), (6, false));
}

#[tokio::test]
async fn nothing_is_left_of_a_pruned_job() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let before = kinds(&store).await;
    let long = "long ".repeat(2000);
    let id = insert_id(&store, job(1, "a", &long)).await;
    let longer = edit(body(&"longer ".repeat(2000)));
    change(&store, id, longer).await.unwrap();
    post(&store, 77).await.unwrap();
    assert_eq!(kinds(&store).await, "bcefgjpqsuy");
    prune(&store, NONE, DAY).await;
    assert_eq!(before, "");
    // The lane's pace, the user's turns and what it submitted within a day stay; texts are
    // forgotten when others take their place.
    assert_eq!(kinds(&store).await, "pqsuy");
    let nobody = store.owned_by_others(HOST.to_owned(), vec![77], id).await;
    assert!(nobody.unwrap().is_empty());
}

#[tokio::test]
async fn a_retried_submission_finds_its_job_for_a_week_after_it_was_pruned() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let keyed = |text| NewJob {
        key: Some(key("k")),
        ..job(1, "a", text)
    };
    let id = insert_id(&store, keyed("text")).await;
    post(&store, 77).await.unwrap();
    assert_eq!(prune(&store, NONE, DAY).await.jobs, 1);
    assert_eq!(store.peek(id).await, Err(StoreError::NoSuchJob(id)));
    let found = insert(&store, keyed("text")).await.unwrap();
    assert_eq!(
        (found.job.id, found.duplicate, found.position),
        (id, true, None)
    );
    assert_eq!(
        (found.job.state, found.job.comment_id),
        (State::Posted, Some(77))
    );
    let refused = insert(&store, keyed("other")).await.unwrap_err();
    assert!(matches!(refused, StoreError::KeyReused { .. }), "{refused}");

    let week = DAY + 7 * DAY;
    let early = week.checked_sub(Duration::from_millis(1)).unwrap();
    assert_eq!(prune(&store, NONE, early).await.keys, 0);
    assert_eq!(prune(&store, NONE, week).await.keys, 1);
    let new = insert(&store, keyed("other")).await.unwrap();
    assert_eq!((new.job.id.get(), new.duplicate), (2, false));
}
