//! The store's rules, on a real sled in a temporary directory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use comenq_proto::{CommentBody, SubmitKey, Target};

use super::*;
use crate::clock::tests::Hands;
use crate::clock::{Clock, Mark, UnixMs};

const ACCOUNT: &str = "default";
const HOST: &str = "api.github.com";
const NOW: UnixMs = UnixMs(1_800_000_000_000);

pub(crate) struct Quiet;

impl Liveness for Quiet {
    fn alive(&self) {}
    fn period(&self) -> Duration {
        Duration::from_secs(3600)
    }
    fn busy_for(&self, _: Duration) {}
    fn failed(&self, reason: &str) {
        panic!("the commit thread failed: {reason}");
    }
}

fn mark(seconds: u64) -> Mark {
    let github = NOW.plus(Duration::from_secs(seconds));
    Mark {
        boot: 7,
        boottime_ms: seconds * 1000,
        github: Some(github),
    }
}

/// A clock that shows [`mark`].
fn clock(seconds: u64) -> Arc<Clock> {
    let clock = Clock::new(Hands::new(7, Duration::from_secs(seconds)));
    clock.learn_github(NOW.plus(Duration::from_secs(seconds)));
    Arc::new(clock)
}

fn options(path: &Path) -> Options {
    Options {
        path: path.join("queue"),
        lock_patience: Duration::from_secs(5),
        machine: Some("this-host".to_owned()),
        hold_restored_jobs: true,
        clock: clock(0),
    }
}

async fn open(path: &Path) -> (Store, Recovery) {
    Store::open(options(path), Arc::new(Quiet)).await.unwrap()
}

async fn refused(options: Options) -> String {
    Store::open(options, Arc::new(Quiet))
        .await
        .unwrap_err()
        .to_string()
}

fn job(uid: u32, repo: &str, body: &str) -> NewJob {
    NewJob {
        uid,
        account: ACCOUNT.to_owned(),
        target: Target::parse("owner", repo, 1).unwrap(),
        body: CommentBody::parse(body).unwrap(),
        key: None,
        priority: 0,
        not_before: None,
        created_at: NOW,
    }
}

/// A job as the store returns it, for the tests of what is made of it.
pub(crate) fn sample_job(id: u64) -> Job {
    jobs::new_job(JobId::new(id).unwrap(), &job(1, "repo", "text"))
}

fn lane() -> LaneKey {
    LaneKey {
        host: HOST.to_owned(),
        user_id: 42,
    }
}

async fn claim(store: &Store, seconds: u64) -> Option<Claimed> {
    let claim = Claim {
        account: ACCOUNT.to_owned(),
        lane: lane(),
        now: mark(seconds),
        started_github: NOW.plus(Duration::from_secs(seconds)),
        wall: NOW,
    };
    store.claim(claim).await.unwrap().claimed
}

async fn conclude(store: &Store, id: JobId, conclusion: Conclusion) -> Job {
    store
        .conclude(id, lane(), conclusion, mark(5), NOW)
        .await
        .unwrap()
}

async fn post(store: &Store, comment: u64) -> Option<u64> {
    let claimed = claim(store, 1).await?;
    let posted = Conclusion::Posted {
        comment_id: Some(comment),
        url: None,
    };
    Some(conclude(store, claimed.job.id, posted).await.id.get())
}

async fn look_first(store: &Store, id: JobId) {
    conclude(
        store,
        id,
        Conclusion::LookFirst {
            reason: "502".to_owned(),
        },
    )
    .await;
}

fn wait() -> Wait {
    Wait {
        kind: WaitKind::Limited,
        reason: "slow down".to_owned(),
        since: mark(1),
        wait_ms: 60_000,
        token_tag: 1,
    }
}

#[tokio::test]
async fn what_was_stored_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let text = "é".repeat(5000);
    let id = store.insert(job(1, "repo", &text)).await.unwrap().job.id;
    store.close().await.unwrap();
    let (store, recovery) = open(dir.path()).await;
    let (job, body) = store.get(id).await.unwrap();
    assert_eq!((job.state, body, recovery.held), (State::Queued, text, 0));
    assert_eq!(store.counts().await.unwrap(), [(State::Queued, 1)].into());
}

#[tokio::test]
async fn a_key_finds_its_job_and_refuses_another_body() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let keyed = |uid, repo, body| NewJob {
        key: Some(SubmitKey::parse("k1").unwrap()),
        ..job(uid, repo, body)
    };
    let first = store.insert(keyed(1, "repo", "text")).await.unwrap();
    let again = store.insert(keyed(1, "REPO", "text")).await.unwrap();
    assert_eq!((again.job.id, again.duplicate), (first.job.id, true));
    let other = store.insert(keyed(1, "repo", "other")).await.unwrap_err();
    assert!(matches!(other, StoreError::KeyReused { .. }), "{other}");
    let stranger = store.insert(keyed(2, "repo", "other")).await.unwrap();
    assert!(!stranger.duplicate, "a key belongs to its uid");
    assert_eq!(store.counts().await.unwrap(), [(State::Queued, 2)].into());
}

#[tokio::test]
async fn users_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    for n in 0..5 {
        store.insert(job(1, &format!("a{n}"), "x")).await.unwrap();
    }
    assert_eq!(post(&store, 100).await, Some(1));
    store.insert(job(2, "b0", "x")).await.unwrap();
    let last = store.insert(job(2, "b1", "x")).await.unwrap();
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
    store.insert(job(1, "a", "first")).await.unwrap();
    store.insert(job(1, "A", "second")).await.unwrap();
    store
        .insert(NewJob {
            priority: 5,
            ..job(1, "b", "urgent")
        })
        .await
        .unwrap();
    store
        .insert(NewJob {
            priority: -5,
            ..job(1, "c", "later")
        })
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
    store.insert(job(1, "a", "x")).await.unwrap();
    store.insert(job(2, "A", "y")).await.unwrap();
    store.insert(job(2, "b", "z")).await.unwrap();
    let first = claim(&store, 1).await.unwrap().job.id;
    look_first(&store, first).await;
    assert_eq!(post(&store, 9).await, Some(3), "another target passes");
    assert_eq!(claim(&store, 9).await.map(|c| c.job.id), None);
    let found = LookConclusion::Found {
        comment_id: 77,
        url: "u".to_owned(),
    };
    let job = store
        .conclude_look(first, lane(), found, mark(9), NOW)
        .await
        .unwrap();
    assert_eq!((job.state, job.comment_id), (State::Posted, Some(77)));
    assert_eq!(post(&store, 10).await, Some(2));
}

#[tokio::test]
async fn a_comment_belongs_to_one_job() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    store.insert(job(1, "a", "x")).await.unwrap();
    let second = store.insert(job(1, "b", "x")).await.unwrap().job.id;
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
    store.insert(job(1, "a", "x")).await.unwrap();
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
async fn a_claim_that_a_crash_interrupted_is_uncertain_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = store.insert(job(1, "a", "x")).await.unwrap().job.id;
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
    let agenda = store
        .agenda(ACCOUNT.to_owned(), HOST.to_owned(), NOW)
        .await
        .unwrap();
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
async fn cancelling_by_state() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = store.insert(job(1, "a", "x")).await.unwrap().job.id;
    claim(&store, 1).await.unwrap();
    assert_eq!(
        store.cancel(id, NOW).await.unwrap_err(),
        StoreError::Busy(id)
    );
    look_first(&store, id).await;
    for _ in 0..2 {
        let cancelled = store.cancel(id, NOW).await.unwrap();
        assert_eq!(cancelled.job.state, State::Uncertain);
        assert!(cancelled.job.cancel_requested && cancelled.may_have_been_posted);
    }
    let queued = store.insert(job(1, "b", "x")).await.unwrap().job.id;
    for _ in 0..2 {
        let cancelled = store.cancel(queued, NOW).await.unwrap();
        assert_eq!(
            (cancelled.job.state, cancelled.may_have_been_posted),
            (State::Cancelled, false)
        );
    }
    let posted = store.insert(job(1, "c", "x")).await.unwrap().job.id;
    post(&store, 3).await;
    let refused = store.cancel(posted, NOW).await.unwrap_err();
    assert_eq!(
        refused,
        StoreError::WrongState {
            id: posted,
            state: "posted"
        }
    );
    let nobody = JobId::new(99).unwrap();
    assert_eq!(
        store.cancel(nobody, NOW).await.unwrap_err(),
        StoreError::NoSuchJob(nobody)
    );
}

#[tokio::test]
async fn a_job_joins_its_line_when_its_time_comes() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let later = NOW.plus(Duration::from_secs(60));
    store
        .insert(NewJob {
            not_before: Some(later),
            ..job(1, "a", "x")
        })
        .await
        .unwrap();
    store.insert(job(1, "a", "y")).await.unwrap();
    let agenda = |now| store.agenda(ACCOUNT.to_owned(), HOST.to_owned(), now);
    assert_eq!(agenda(NOW).await.unwrap().next_due, Some(later));
    assert_eq!(
        post(&store, 1).await,
        Some(2),
        "one whose time has not come holds back nobody"
    );
    assert!(!agenda(NOW).await.unwrap().ready);
    let then = agenda(later).await.unwrap();
    assert_eq!((then.ready, then.next_due), (true, None));
    assert_eq!(post(&store, 2).await, Some(1));
}

#[tokio::test]
async fn pages_join_up() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    for n in 0..5 {
        store.insert(job(1, &format!("r{n}"), "x")).await.unwrap();
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
            finished_since: NOW.minus(Duration::from_secs(1)),
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
async fn another_hosts_queue_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = store.insert(job(1, "a", "x")).await.unwrap().job.id;
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
    store.insert(job(1, "a", "x")).await.unwrap();
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
    let bad = store.insert(job(1, "a", "x")).await.unwrap().job.id;
    store.insert(job(1, "b", "y")).await.unwrap();
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
    let claim_at = Claim {
        account: ACCOUNT.to_owned(),
        lane: lane(),
        now: mark(1),
        started_github: NOW,
        wall: NOW,
    };
    let outcome = store.claim(claim_at).await.unwrap();
    assert_eq!(outcome.set_aside[0].0, bad);
    assert_eq!(outcome.claimed.unwrap().job.id.get(), 2);
    let query = ListQuery {
        after: None,
        limit: 10,
        with_body: false,
        max_bytes: 1000,
        finished_since: NOW,
    };
    let page = store.list(query).await.unwrap();
    assert_eq!((page.jobs.len(), page.damaged.len()), (1, 1));
}

#[tokio::test]
async fn a_cancellation_that_comes_while_a_listing_is_read_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = store.insert(job(1, "a", "x")).await.unwrap().job.id;
    claim(&store, 1).await.unwrap();
    look_first(&store, id).await;
    // The listing began before; what it showed leads to "post it again".
    store.cancel(id, NOW).await.unwrap();
    let again = LookConclusion::Requeue;
    let job = store
        .conclude_look(id, lane(), again, mark(9), NOW)
        .await
        .unwrap();
    assert_eq!(job.state, State::Cancelled);
    assert_eq!(claim(&store, 10).await.map(|c| c.job.id), None);
}

#[tokio::test]
async fn a_job_whose_text_is_damaged_fails_where_people_see_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let old = NewJob {
        created_at: UnixMs(0),
        ..job(1, "a", &"x".repeat(3000))
    };
    let bad = store.insert(old).await.unwrap().job.id;
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
        finished_since: NOW.minus(Duration::from_secs(60)),
    };
    let page = store.list(query).await.unwrap();
    assert_eq!(page.jobs.len(), 1, "listed among what finished lately");
    assert_eq!(page.jobs[0].0.state, State::Failed);
}
