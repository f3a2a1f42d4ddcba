//! What administrators have stopped.

use super::*;

fn halt(uid: u32, reason: Option<&str>) -> Halt {
    Halt {
        since: NOW,
        uid,
        reason: reason.map(str::to_owned),
    }
}

fn account() -> Halted {
    Halted::Account(ACCOUNT.to_owned())
}

async fn stop(store: &Store, what: Halted) -> bool {
    store.halt(what, halt(7, Some("why"))).await.unwrap()
}

#[tokio::test]
async fn each_stop_is_apart_is_told_and_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    assert_eq!(store.halts().await.unwrap(), Halts::default());
    for what in [Halted::Queue, account(), Halted::Intake] {
        assert!(stop(&store, what.clone()).await);
        let again = store.halt(what, halt(8, None)).await.unwrap();
        assert!(!again, "it stays as it was ordered");
    }
    store.close().await.unwrap();
    let (store, _) = open(dir.path()).await;
    let ordered = halt(7, Some("why"));
    let all = Halts {
        queue: Some(ordered.clone()),
        accounts: [(ACCOUNT.to_owned(), ordered.clone())].into(),
        intake: Some(ordered),
    };
    assert_eq!(store.halts().await.unwrap(), all);
    for what in [Halted::Queue, account(), Halted::Intake] {
        assert!(store.lift(what.clone()).await.unwrap());
        assert!(!store.lift(what).await.unwrap());
    }
    assert_eq!(store.halts().await.unwrap(), Halts::default());
}

#[tokio::test]
async fn a_pause_is_in_the_agenda_and_nothing_is_claimed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    insert_id(&store, job(1, "a", "x")).await;
    for what in [Halted::Queue, account()] {
        let before = agenda(&store, 1).await;
        assert_eq!(before.paused, None);
        stop(&store, what.clone()).await;
        let paused = agenda(&store, 1).await.paused.unwrap();
        assert_eq!(paused.is_of_queue, what == Halted::Queue);
        assert_eq!(paused.halt, halt(7, Some("why")));
        // A worker that asked before it was ordered comes too late.
        assert!(claim(&store, 1).await.is_none());
        store.lift(what).await.unwrap();
    }
    stop(&store, Halted::Account("other".to_owned())).await;
    stop(&store, Halted::Intake).await;
    assert_eq!(agenda(&store, 1).await.paused, None);
    assert!(claim(&store, 1).await.is_some());
}

#[tokio::test]
async fn while_it_is_drained_only_known_keys_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let keyed = NewJob {
        key: Some(key("k")),
        ..job(1, "a", "x")
    };
    let id = insert_id(&store, keyed.clone()).await;
    stop(&store, Halted::Intake).await;
    let refused = insert(&store, job(1, "b", "x")).await.unwrap_err();
    assert_eq!(refused, StoreError::Draining(halt(7, Some("why"))));
    assert!(
        refused
            .to_string()
            .ends_with("no new comments are taken: why")
    );
    let found = insert(&store, keyed).await.unwrap();
    assert!(found.duplicate);
    assert_eq!(found.job.id, id);
    assert_eq!(post(&store, 100).await, Some(1), "what is queued goes out");
    store.lift(Halted::Intake).await.unwrap();
    insert(&store, job(1, "b", "x")).await.unwrap();
}
