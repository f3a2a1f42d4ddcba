//! Jobs whose time passes, and by which clock it does.

use super::*;

const YEARS: Duration = Duration::from_secs(5 * 365 * 86_400);

/// Wanted until so many seconds after [`NOW`].
fn until(seconds: u64) -> NewJob {
    NewJob {
        expiry: Some(Expiry {
            at_ms: NOW.plus(Duration::from_secs(seconds)),
            span_ms: None,
        }),
        ..job(1, "a", "x")
    }
}

/// Wanted for a minute from its acceptance, which a wrong clock put at `created_at`.
fn for_a_minute(created_at: UnixMs) -> NewJob {
    let span = Duration::from_secs(60);
    NewJob {
        created_at,
        expiry: Some(Expiry {
            at_ms: created_at.plus(span),
            span_ms: Some(60_000),
        }),
        ..job(1, "a", "x")
    }
}

/// A clock to which GitHub has not spoken yet, whose wall clock is years ahead.
fn ignorant(seconds: u64) -> Arc<Clock> {
    let hands = Hands::new(7, Duration::from_secs(seconds));
    hands.jump_wall(YEARS.as_millis().try_into().unwrap());
    Arc::new(Clock::new(hands))
}

async fn expired(store: &Store, clock: Arc<Clock>) -> Vec<JobId> {
    let query = AgendaQuery { clock, ..query(0) };
    store.agenda(query).await.unwrap().expired
}

#[tokio::test]
async fn a_time_that_people_chose_passes_by_githubs_clock() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, until(10)).await;
    let hands = Hands::new(7, Duration::from_secs(9));
    hands.jump_wall(YEARS.as_millis().try_into().unwrap());
    let ahead = Clock::new(hands);
    ahead.learn_github(NOW.plus(Duration::from_secs(9)));
    assert_eq!(expired(&store, Arc::new(ahead)).await, []);
    assert_eq!(expired(&store, clock(10)).await, [id]);
    let job = store.peek(id).await.unwrap();
    assert_eq!((job.state, post(&store, 1).await), (State::Expired, None));
}

#[tokio::test]
async fn nothing_expires_before_github_told_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let chosen = insert_id(&store, until(10)).await;
    let span = insert_id(&store, for_a_minute(NOW)).await;
    assert_eq!(expired(&store, ignorant(1000)).await, []);
    for id in [chosen, span] {
        assert_eq!(state(&store, id).await, State::Queued);
    }
    assert_eq!(expired(&store, clock(1000)).await, [chosen, span]);
}

#[tokio::test]
async fn a_span_counts_by_the_clock_that_never_jumps() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, for_a_minute(NOW.minus(YEARS))).await;
    assert_eq!(expired(&store, clock(1)).await, []);
    let dated = store.peek(id).await.unwrap().expiry.unwrap();
    let real = NOW.plus(Duration::from_secs(60));
    assert_eq!(dated.at_ms, real, "people see the real time");
    assert_eq!(expired(&store, clock(59)).await, []);
    assert_eq!(expired(&store, clock(60)).await, [id]);
}

#[tokio::test]
async fn what_a_clock_years_ahead_accepted_is_not_posted_late() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, for_a_minute(NOW.plus(YEARS))).await;
    let outcome = store.claim(claim_of(ACCOUNT, 60)).await.unwrap();
    assert_eq!(
        (outcome.expired, outcome.claimed.is_none()),
        (vec![id], true)
    );
}

#[tokio::test]
async fn a_claim_never_takes_a_job_whose_time_has_passed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let late = insert_id(&store, until(10)).await;
    let next = insert_id(&store, job(1, "a", "y")).await;
    let outcome = store.claim(claim_of(ACCOUNT, 10)).await.unwrap();
    assert_eq!(outcome.expired, [late]);
    assert_eq!(outcome.claimed.unwrap().job.id, next);
    assert_eq!(state(&store, late).await, State::Expired);
}

#[tokio::test]
async fn what_may_have_been_posted_never_expires() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, until(10)).await;
    claim(&store, 1).await.unwrap();
    assert_eq!(expired(&store, clock(100)).await, []);
    look_first(&store, id).await;
    assert_eq!(expired(&store, clock(100)).await, []);
    assert_eq!(state(&store, id).await, State::Uncertain);
}

#[tokio::test]
async fn a_held_job_expires_but_a_restored_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let held = NewJob {
        hold: true,
        ..until(10)
    };
    let held = insert_id(&store, held).await;
    assert_eq!(expired(&store, clock(10)).await, [held]);
    let restored = insert_id(&store, until(20)).await;
    store.close().await.unwrap();
    let elsewhere = Options {
        machine: Some("other-host".to_owned()),
        ..options(dir.path())
    };
    let (store, _) = Store::open(elsewhere, Arc::new(Quiet)).await.unwrap();
    assert_eq!(expired(&store, clock(100)).await, []);
    assert_eq!(state(&store, restored).await, State::Held);
}

#[tokio::test]
async fn a_job_that_joined_its_line_by_a_wrong_clock_waits_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let later = NOW.plus(Duration::from_secs(60));
    let early = NewJob {
        not_before: Some(later),
        ..job(1, "a", "x")
    };
    insert_id(&store, early).await;
    let query = AgendaQuery {
        clock: ignorant(0),
        ..query(0)
    };
    assert!(
        store.agenda(query).await.unwrap().ready,
        "it seems to be time"
    );
    assert_eq!(post(&store, 1).await, None, "GitHub's time says it is not");
    assert_eq!(agenda(&store, 1).await.next_due, Some(later));
    assert!(agenda(&store, 60).await.ready);
}

#[tokio::test]
async fn a_condition_that_fails_ends_the_job_and_costs_no_slot() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let open_only = NewJob {
        if_open: true,
        ..job(1, "a", "x")
    };
    let id = insert_id(&store, open_only).await;
    let outcome = store.claim(claim_of(ACCOUNT, 1)).await.unwrap();
    assert_eq!(outcome.to_check.unwrap().id, id);
    assert!(outcome.claimed.is_none());
    let ended = store
        .fail_precondition(id, "closed".to_owned(), Note::default(), NOW)
        .await
        .unwrap();
    assert_eq!(ended.state, State::Cancelled);
    assert_eq!(
        store.log(id).await.unwrap()[0].outcome,
        Outcome::Precondition
    );
    let next = insert_id(&store, job(1, "b", "x")).await;
    let claimed = claim(&store, 2).await.unwrap();
    assert_eq!((claimed.job.id, claimed.previous_pace), (next, None));
}

#[tokio::test]
async fn a_job_that_is_put_off_holds_back_its_line_until_then() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let first = insert_id(&store, job(1, "a", "x")).await;
    insert_id(&store, job(1, "a", "y")).await;
    let other = insert_id(&store, job(1, "b", "z")).await;
    let until = NOW.plus(Duration::from_secs(60));
    store
        .put_off(first, until, "busy".to_owned())
        .await
        .unwrap();
    assert_eq!(post(&store, 1).await, Some(other.get()));
    assert_eq!(agenda(&store, 59).await.next_due, Some(until));
    assert_eq!(post(&store, 2).await, None);
    assert!(agenda(&store, 60).await.ready);
    assert_eq!(post(&store, 3).await, Some(first.get()));
}
