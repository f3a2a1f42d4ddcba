//! What whoever watches is told: each change once, in order, and nothing that did not happen.

use std::sync::Mutex;

use super::*;

/// Keeps what it hears.
#[derive(Debug, Default)]
struct Ear(Mutex<Vec<Committed>>);

impl Observer for Ear {
    fn committed(&self, committed: Committed) {
        self.0.lock().unwrap().push(committed);
    }
}

impl Ear {
    /// What it heard since the last time. Asks the store something first: that is answered only
    /// after everybody was told of what came before.
    async fn news(&self, store: &Store) -> Vec<(u64, Happened)> {
        store.counts().await.unwrap();
        let heard = std::mem::take(&mut *self.0.lock().unwrap());
        let news = heard.into_iter().flat_map(|it| it.news);
        news.map(|it| (it.id.get(), it.happened)).collect()
    }
}

async fn open_with(options: Options) -> (Store, Arc<Ear>) {
    let ear = Arc::new(Ear::default());
    let observer = Some(Arc::clone(&ear) as Arc<dyn Observer>);
    let options = Options {
        observer,
        ..options
    };
    let (store, _) = Store::open(options, Arc::new(Quiet)).await.unwrap();
    (store, ear)
}

#[tokio::test]
async fn a_posted_job_is_told_in_three_steps() {
    let dir = tempfile::tempdir().unwrap();
    let (store, ear) = open_with(options(dir.path())).await;
    insert_id(&store, job(1, "a", "x")).await;
    post(&store, 5).await;
    store.counts().await.unwrap();
    let heard = ear.0.lock().unwrap().clone();
    // What opening and reading wrote is no news.
    let heard: Vec<_> = heard.into_iter().filter(|it| !it.news.is_empty()).collect();
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(heard.iter().all(|it| it.took.is_some()), "each is timed");
    let news: Vec<_> = heard.iter().flat_map(|it| &it.news).collect();
    let told: Vec<_> = news
        .iter()
        .map(|it| (it.happened, it.is_new, it.state))
        .collect();
    let expected = [
        (Happened::Queued, true, State::Queued),
        (Happened::Claimed, false, State::Posting),
        (Happened::Posted, false, State::Posted),
    ];
    assert_eq!(told, expected);
    assert_eq!((&*news[0].target, news[0].uid), ("owner/a#1", 1));
    let attempts: Vec<_> = heard.into_iter().flat_map(|it| it.attempts).collect();
    assert_eq!(attempts, [Outcome::Posted]);
}

#[tokio::test]
async fn what_people_do_is_told_once_and_what_is_refused_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (store, ear) = open_with(options(dir.path())).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    for verb in [
        Verb::Bump,
        edit(body("y")),
        edit(body("y")),
        Verb::Hold,
        Verb::Hold,
        Verb::Release,
        Verb::Cancel,
        Verb::Cancel,
    ] {
        change(&store, id, verb).await.unwrap();
    }
    change(&store, id, Verb::Bump).await.unwrap_err();
    let told = [
        (1, Happened::Queued),
        (1, Happened::Bumped),
        (1, Happened::Edited),
        (1, Happened::Held),
        (1, Happened::Released),
        (1, Happened::Cancelled),
    ];
    assert_eq!(ear.news(&store).await, told);
    let keyed = |text| NewJob {
        key: Some(key("k")),
        ..job(1, "a", text)
    };
    insert_id(&store, keyed("one")).await;
    insert_id(&store, keyed("one")).await;
    insert(&store, keyed("two")).await.unwrap_err();
    let none_of_it = vec![job(1, "b", "x"), keyed("three")];
    store.insert_all(none_of_it).await.unwrap_err();
    assert_eq!(ear.news(&store).await, [(2, Happened::Queued)]);
}

#[tokio::test]
async fn a_superseded_and_an_expired_job_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let (store, ear) = open_with(options(dir.path())).await;
    let replacing = |text| NewJob {
        replace_key: Some(key("r")),
        ..job(1, "a", text)
    };
    insert_id(&store, replacing("old")).await;
    insert_id(&store, replacing("new")).await;
    let mut told = ear.news(&store).await;
    told.sort_by_key(|(id, _)| *id);
    let expected = [
        (1, Happened::Queued),
        (1, Happened::Cancelled),
        (2, Happened::Queued),
    ];
    assert_eq!(told, expected);
    let at_ms = NOW.plus(Duration::from_secs(10));
    let expiry = Some(Expiry {
        at_ms,
        span_ms: None,
    });
    let brief = NewJob {
        expiry,
        ..job(1, "b", "x")
    };
    insert_id(&store, brief).await;
    agenda(&store, 10).await;
    let expected = [(3, Happened::Queued), (3, Happened::Expired)];
    assert_eq!(ear.news(&store).await, expected);
}

#[tokio::test]
async fn deferred_uncertain_and_failed_jobs_are_told_and_their_revival() {
    let dir = tempfile::tempdir().unwrap();
    let (store, ear) = open_with(options(dir.path())).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    let until = NOW.plus(Duration::from_secs(1));
    store.put_off(id, until, "later".to_owned()).await.unwrap();
    agenda(&store, 2).await;
    claim(&store, 3).await.unwrap();
    conclude(&store, id, Conclusion::Deferred { wait: wait() }).await;
    claim(&store, 100).await.unwrap();
    look_first(&store, id).await;
    conclude_look(&store, id, LookConclusion::LookAgain).await;
    conclude_look(&store, id, LookConclusion::Requeue).await;
    claim(&store, 200).await.unwrap();
    dead(&store, id, Failure::Locked).await;
    change(&store, id, Verb::Retry).await.unwrap();
    store.counts().await.unwrap();
    let heard = ear.0.lock().unwrap().clone();
    let deferred = heard.iter().flat_map(|it| &it.news);
    let deferred = deferred.filter(|it| it.happened == Happened::Deferred);
    let (after, wait) = (Duration::from_secs(1), Duration::from_secs(60));
    assert_eq!(
        deferred.map(|it| it.next_attempt_at).collect::<Vec<_>>(),
        [Some(NOW.plus(after)), Some(NOW.plus(wait)), None],
        "its own wait, its account's, and none after two looks"
    );
    let told: Vec<_> = ear.news(&store).await.into_iter().map(|it| it.1).collect();
    let expected = [
        Happened::Queued,
        Happened::Deferred,
        Happened::Claimed,
        Happened::Deferred,
        Happened::Claimed,
        Happened::Uncertain,
        Happened::Deferred,
        Happened::Claimed,
        Happened::Failed,
        // Unknown attempts are looked for before it is posted again.
        Happened::Uncertain,
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn an_address_found_later_is_not_a_second_post() {
    let dir = tempfile::tempdir().unwrap();
    let (store, ear) = open_with(options(dir.path())).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    claim(&store, 1).await.unwrap();
    let nameless = Conclusion::Posted {
        comment_id: None,
        url: None,
    };
    conclude(&store, id, nameless).await;
    let found = LookConclusion::Found {
        comment_id: 5,
        url: "https://github.com/owner/a/issues/1#issuecomment-5".to_owned(),
    };
    conclude_look(&store, id, found).await;
    let told: Vec<_> = ear.news(&store).await.into_iter().map(|it| it.1).collect();
    let expected = [
        Happened::Queued,
        Happened::Claimed,
        Happened::Posted,
        Happened::Located,
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn long_words_are_cut_as_they_are_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (store, ear) = open_with(options(dir.path())).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    let reason = "long ".repeat(20_000);
    store.put_off(id, NOW, reason).await.unwrap();
    let kept = store.peek(id).await.unwrap().last_error.unwrap();
    assert!(kept.len() < 10_000, "{}", kept.len());
    let heard = ear.0.lock().unwrap().pop().unwrap();
    assert_eq!(heard.news[0].reason.as_deref(), Some(&*kept));
}

#[tokio::test]
async fn what_opening_repairs_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job(1, "a", "x")).await;
    claim(&store, 1).await.unwrap();
    store.close().await.unwrap();
    let (store, ear) = open_with(options(dir.path())).await;
    assert_eq!(ear.news(&store).await, [(1, Happened::Uncertain)]);
    store.close().await.unwrap();
    let elsewhere = Options {
        machine: Some("other-host".to_owned()),
        ..options(dir.path())
    };
    let (store, ear) = open_with(elsewhere).await;
    assert_eq!(ear.news(&store).await, [(1, Happened::Held)]);
}

#[tokio::test]
async fn the_oldest_unfinished_job_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    assert_eq!(store.oldest().await.unwrap(), None);
    for repo in ["a", "b", "c"] {
        insert_id(&store, job(1, repo, "x")).await;
    }
    post(&store, 5).await;
    let oldest = store.oldest().await.unwrap().unwrap();
    assert_eq!(oldest.id.get(), 2);
}
