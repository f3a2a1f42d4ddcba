//! What a claim meets that is not simply the next job.

use super::*;
use crate::store::record::{Attempt, Expiry};
use crate::store::turns::{line_entry, set_head};
use crate::store::txn::Txn;

/// Changes a job's record as no operation would.
async fn rewrite(store: &Store, id: JobId, change: impl FnOnce(&mut Job) + Send + 'static) {
    let done = store.run(false, move |txn: &mut Txn<'_>| {
        let mut job = index::load(txn, id)?;
        change(&mut job);
        index::rewrite(txn, &job)
    });
    done.await.unwrap();
}

#[tokio::test]
async fn what_only_stands_in_line_is_set_aside_and_not_expired() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    let before = store.peek(id).await.unwrap();
    cancel(&store, id).await.unwrap();
    rewrite(&store, id, |job| {
        job.expiry = Some(Expiry {
            at_ms: NOW,
            span_ms: None,
        });
    })
    .await;
    // Damage brings back the place in line, and nothing else.
    let stray = store.run(false, move |txn: &mut Txn<'_>| {
        let target = before.target.lower();
        let key = keys::in_line(ACCOUNT, before.uid, &target, index::rank(&before));
        txn.put(key, line_entry(&before));
        set_head(txn, ACCOUNT, before.uid, &target)
    });
    stray.await.unwrap();
    let outcome = store.claim(claim_of(ACCOUNT, 100)).await.unwrap();
    assert_eq!(outcome.set_aside[0].0, id);
    assert!(outcome.expired.is_empty() && outcome.claimed.is_none());
    assert_eq!(state(&store, id).await, State::Cancelled);
}

#[tokio::test]
async fn an_attempt_that_was_never_sent_takes_no_older_one_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    let attempt = |number: u32| Attempt {
        number,
        started_github: UnixMs(i64::from(number)),
        // Only the last of them may become one with the one that runs.
        user_id: if number == 12 { 42 } else { u64::from(number) },
        ended: Some(mark(0)),
        marker: false,
    };
    rewrite(&store, id, move |job| {
        job.unresolved = (1..=12).map(attempt).collect();
        job.attempts = 12;
    })
    .await;
    let claimed = claim(&store, 1).await.unwrap().job;
    let put_back = Conclusion::PutBack {
        previous_pace: None,
        wait: wait(),
    };
    let running = claimed.unresolved.last().map(|attempt| attempt.number);
    assert_eq!(running, Some(13));
    let job = conclude(&store, id, put_back).await;
    let starts: Vec<i64> = job
        .unresolved
        .iter()
        .map(|it| it.started_github.0)
        .collect();
    assert_eq!((starts.first(), starts.last()), (Some(&1), Some(&12)));
}

#[tokio::test]
async fn an_account_that_can_take_no_turn_still_holds_back_its_target() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let there = NewJob {
        account: "other".to_owned(),
        ..job(1, "a", "x")
    };
    let unknown = insert_id(&store, there).await;
    let mine = insert_id(&store, job(2, "a", "y")).await;
    let both = [ACCOUNT, "other"].map(str::to_owned).to_vec();
    let of_other = Claim {
        field: Field {
            accounts: vec![("other".to_owned(), Vec::new())],
        },
        sharing: both.clone(),
        ..claim_of("other", 1)
    };
    let claimed = store.claim(of_other).await.unwrap().claimed.unwrap();
    assert_eq!(claimed.job.id, unknown);
    look_first(&store, unknown).await;
    let of_mine = |sharing| Claim {
        sharing,
        ..claim_of(ACCOUNT, 2)
    };
    let outcome = store.claim(of_mine(both)).await.unwrap();
    assert!(outcome.claimed.is_none());
    assert_eq!(state(&store, mine).await, State::Queued);
}

#[tokio::test]
async fn a_job_whose_condition_fails_waits_for_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    let later = NOW.plus(Duration::from_secs(60));
    let why = || "later".to_owned();
    store.put_off(id, later, why()).await.unwrap();
    let job = store.fail_precondition(id, why(), Note::default(), NOW);
    let job = job.await.unwrap();
    assert_eq!((job.state, job.next_attempt_at), (State::Cancelled, None));
}
