//! Owners that bar an account: only their jobs wait.

use super::*;

const WAIT: u64 = 600;

fn bar(since: u64, strikes: u32) -> Conclusion {
    Conclusion::OwnerBarred {
        wait: OwnerWait {
            reason: "single sign-on".to_owned(),
            url: Some("https://sso".to_owned()),
            since: mark(since),
            wait_ms: WAIT * 1000,
            strikes,
        },
    }
}

fn posted(comment: u64) -> Conclusion {
    Conclusion::Posted {
        comment_id: Some(comment),
        url: None,
    }
}

/// The jobs that go now, in their order.
async fn all_that_go(store: &Store, seconds: u64) -> Vec<u64> {
    let mut ids = Vec::new();
    // An agenda moves only some heads at once: one that finds nothing may find something next.
    let mut idle = 0;
    while idle < 3 {
        match claim_next(store, seconds).await {
            Some(job) => {
                conclude(store, job.id, posted(10_000 + job.id.get())).await;
                ids.push(job.id.get());
                idle = 0;
            }
            None => idle += 1,
        }
    }
    ids
}

async fn barred_by(store: &Store, owner: &str) {
    let job = claim_next(store, 1).await.unwrap();
    assert_eq!(job.destination().owner.as_str(), owner);
    let job = conclude(store, job.id, bar(1, 1)).await;
    assert_eq!((job.state, job.attempts), (State::Queued, 0));
}

#[tokio::test]
async fn only_the_jobs_of_that_owner_wait() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job_at(1, "Strict", "a")).await;
    insert_id(&store, job_at(1, "strict", "b")).await;
    insert_id(&store, job_at(2, "STRICT", "c")).await;
    insert_id(&store, job_at(1, "open", "a")).await;
    barred_by(&store, "Strict").await;
    assert_eq!(all_that_go(&store, 2).await, [4]);
    let agenda = agenda(&store, 2).await;
    assert!(!agenda.ready);
    let barred = &agenda.barred[0];
    assert_eq!((barred.owner.as_str(), agenda.barred.len()), ("strict", 1));
    assert_eq!(barred.left, Duration::from_secs(WAIT - 1));
    let late = insert_id(&store, job_at(3, "strict", "d")).await;
    assert!(all_that_go(&store, 3).await.is_empty());
    assert_eq!(state(&store, late).await, State::Queued);
}

#[tokio::test]
async fn after_the_wait_one_job_tries_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    for repo in ["a", "b", "c"] {
        insert_id(&store, job_at(1, "strict", repo)).await;
    }
    barred_by(&store, "strict").await;
    assert!(!agenda(&store, WAIT).await.ready);
    let probe = claim_next(&store, WAIT + 1).await.unwrap();
    assert_eq!(probe.id.get(), 1);
    conclude(&store, probe.id, bar(WAIT + 1, 2)).await;
    let agenda = agenda(&store, WAIT + 2).await;
    assert_eq!((agenda.ready, agenda.barred[0].wait.strikes), (false, 2));
}

#[tokio::test]
async fn once_it_lets_one_in_all_go_on_however_many() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let new = (0..600)
        .map(|n| job_at(1, "strict", &format!("r{n}")))
        .collect();
    store.insert_all(new).await.unwrap();
    barred_by(&store, "strict").await;
    let other = insert_id(&store, job_at(1, "open", "a")).await;
    assert_eq!(all_that_go(&store, 2).await, [other.get()]);
    let went = all_that_go(&store, WAIT + 1).await;
    assert_eq!(went, (1..=600).collect::<Vec<_>>());
    assert_eq!(agenda(&store, WAIT + 2).await.barred, []);
}

#[tokio::test]
async fn a_refusal_of_the_job_itself_lets_the_others_in_too() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job_at(1, "strict", "a")).await;
    insert_id(&store, job_at(1, "strict", "b")).await;
    barred_by(&store, "strict").await;
    let probe = claim_next(&store, WAIT + 1).await.unwrap();
    dead(&store, probe.id, Failure::Locked).await;
    assert_eq!(all_that_go(&store, WAIT + 1).await, [2]);
}

#[tokio::test]
async fn an_administrator_can_have_them_tried_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job_at(1, "strict", "a")).await;
    barred_by(&store, "strict").await;
    assert!(all_that_go(&store, 2).await.is_empty());
    assert_eq!(store.resume(ACCOUNT.to_owned()).await, Ok(true));
    assert_eq!(store.resume(ACCOUNT.to_owned()).await, Ok(false));
    assert_eq!(all_that_go(&store, 3).await, [1]);
}

/// The first job in line has moved to another owner.
async fn moved(store: &Store, to: &str) -> Job {
    let job = claim_next(store, 1).await.unwrap();
    let moved = Conclusion::Moved {
        to: Target::parse(to, "new", 1).unwrap(),
        reason: "moved".to_owned(),
    };
    conclude(store, job.id, moved).await
}

#[tokio::test]
async fn a_moved_job_waits_for_its_new_owner() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job_at(1, "open", "a")).await;
    assert_eq!(moved(&store, "strict").await.attempts, 1);
    let other = insert_id(&store, job_at(2, "strict", "b")).await;
    let bumped = change(&store, other, Verb::Bump).await.unwrap();
    assert_eq!(bumped.job.id, other);
    barred_by(&store, "strict").await;
    assert!(all_that_go(&store, 2).await.is_empty());
}

#[tokio::test]
async fn a_moved_job_does_not_wait_for_its_old_owner() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job_at(1, "strict", "a")).await;
    moved(&store, "open").await;
    insert_id(&store, job_at(2, "strict", "b")).await;
    barred_by(&store, "strict").await;
    assert_eq!(all_that_go(&store, 2).await, [id.get()]);
}

#[tokio::test]
async fn a_moved_job_that_comes_home_is_not_moved_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job_at(1, "owner", "new")).await;
    assert!(moved(&store, "other").await.moved_to.is_some());
    assert_eq!(moved(&store, "Owner").await.moved_to, None);
}
