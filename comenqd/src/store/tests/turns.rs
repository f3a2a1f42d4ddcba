//! Whose turn it is over several accounts; blocked accounts; a job's story.

use super::*;

const SECOND: &str = "second";

fn at_second(uid: u32, repo: &str) -> NewJob {
    NewJob {
        account: SECOND.to_owned(),
        ..job(uid, repo, "x")
    }
}

async fn both_are(store: &Store, users: [u64; 2]) {
    for (account, user_id) in [ACCOUNT, SECOND].into_iter().zip(users) {
        let identity = KnownIdentity {
            host: HOST.to_owned(),
            user_id,
            login: "bot".to_owned(),
        };
        let account = account.to_owned();
        store.set_identity(account, identity).await.unwrap();
    }
}

async fn agenda_of(store: &Store, account: &str, tag: u64) -> Agenda {
    let query = AgendaQuery {
        account: account.to_owned(),
        accounts: vec![(ACCOUNT.to_owned(), tag), (SECOND.to_owned(), tag)],
        ..query(1)
    };
    store.agenda(query).await.unwrap()
}

/// Which account may post now, and the job that it posts.
async fn turn(store: &Store, comment: u64) -> Option<(&'static str, u64)> {
    let mut went = Vec::new();
    for account in [ACCOUNT, SECOND] {
        let agenda = agenda_of(store, account, 1).await;
        let claim = Claim {
            field: agenda.field,
            sharing: agenda.sharing,
            ..claim_of(account, 1)
        };
        let claimed = store.claim(claim).await.unwrap().claimed;
        assert_eq!(agenda.ready, claimed.is_some(), "{account}");
        let Some(claimed) = claimed else { continue };
        went.push((account, claimed.job.id));
        break;
    }
    let (account, id) = went.pop()?;
    let posted = Conclusion::Posted {
        comment_id: Some(comment),
        url: None,
    };
    conclude(store, id, posted).await;
    Some((account, id.get()))
}

#[tokio::test]
async fn who_was_served_through_one_account_is_last_in_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    both_are(&store, [42, 42]).await;
    insert_id(&store, job(1, "a", "x")).await;
    insert_id(&store, at_second(1, "b")).await;
    insert_id(&store, at_second(2, "c")).await;
    insert_id(&store, at_second(2, "d")).await;
    assert_eq!(turn(&store, 1).await, Some((ACCOUNT, 1)));
    assert_eq!(turn(&store, 2).await, Some((SECOND, 3)));
    assert_eq!(turn(&store, 3).await, Some((SECOND, 2)));
    assert_eq!(turn(&store, 4).await, Some((SECOND, 4)));
    assert_eq!(turn(&store, 5).await, None);
}

#[tokio::test]
async fn accounts_of_two_users_do_not_wait_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    both_are(&store, [42, 43]).await;
    insert_id(&store, job(1, "a", "x")).await;
    insert_id(&store, at_second(1, "b")).await;
    for account in [ACCOUNT, SECOND] {
        let agenda = agenda_of(&store, account, 1).await;
        assert!(agenda.ready, "{account}");
        assert_eq!(agenda.field.accounts.len(), 1);
    }
}

fn blocked() -> Wait {
    Wait {
        kind: WaitKind::Blocked,
        reason: "401 Bad credentials".to_owned(),
        ..wait()
    }
}

#[tokio::test]
async fn an_account_is_blocked_until_it_is_resumed_has_another_token_or_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    both_are(&store, [42, 42]).await;
    let block = || store.set_wait(ACCOUNT.to_owned(), lane(), blocked());
    block().await.unwrap();
    let agenda = agenda_of(&store, ACCOUNT, 1).await;
    assert_eq!(agenda.blocked, Some(blocked()));
    assert_eq!(agenda.lane.wait, None, "its lane may go on");
    assert_eq!(agenda_of(&store, ACCOUNT, 2).await.blocked, None);
    assert_eq!(store.resume(ACCOUNT.to_owned()).await, Ok(true));
    assert_eq!(agenda_of(&store, ACCOUNT, 1).await.blocked, None);
    block().await.unwrap();
    both_are(&store, [42, 42]).await;
    assert_eq!(agenda_of(&store, ACCOUNT, 1).await.blocked, None);
}

#[tokio::test]
async fn a_blocked_account_does_not_keep_its_turn_from_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    both_are(&store, [42, 42]).await;
    insert_id(&store, job(1, "a", "x")).await;
    insert_id(&store, at_second(2, "b")).await;
    assert!(
        !agenda_of(&store, SECOND, 1).await.ready,
        "it is the other's turn"
    );
    let wait = store.set_wait(ACCOUNT.to_owned(), lane(), blocked());
    wait.await.unwrap();
    assert!(agenda_of(&store, SECOND, 1).await.ready);
}

#[tokio::test]
async fn five_hundred_jobs_of_one_user_do_not_keep_two_of_another_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let many = (0..500).map(|n| job(1, &format!("r{n}"), "x")).collect();
    store.insert_all(many).await.unwrap();
    insert_id(&store, job(2, "b0", "x")).await;
    insert_id(&store, job(2, "b1", "x")).await;
    let mut order = Vec::new();
    for comment in 1..=4 {
        order.push(post(&store, comment).await.unwrap());
    }
    assert_eq!(order, [1, 501, 2, 502]);
}

#[tokio::test]
async fn a_story_keeps_its_last_twenty_entries_the_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    for n in 1..=25 {
        claim(&store, n).await.unwrap();
        let moved = Conclusion::Moved {
            to: Target::parse("owner", &format!("b{n}"), 1).unwrap(),
            reason: "moved".to_owned(),
        };
        conclude(&store, id, moved).await;
    }
    let log = store.log(id).await.unwrap();
    let numbers: Vec<_> = log.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (6..=25).collect::<Vec<_>>());
    assert!(log.iter().all(|entry| entry.outcome == Outcome::Moved));
}

#[tokio::test]
async fn of_the_same_trouble_again_and_again_the_last_entry_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    let troubles = [
        (WaitKind::Limited, 1),
        (WaitKind::Limited, 2),
        (WaitKind::Offline, 3),
        (WaitKind::Limited, 4),
        // Each of these counts toward the job's end.
        (WaitKind::Denied, 5),
        (WaitKind::Denied, 6),
    ];
    for (kind, wait_ms) in troubles {
        claim(&store, 1).await.unwrap();
        let wait = Wait {
            kind,
            wait_ms,
            ..wait()
        };
        conclude(&store, id, Conclusion::Deferred { wait }).await;
    }
    let log = store.log(id).await.unwrap();
    let kept: Vec<_> = log
        .iter()
        .map(|entry| (entry.outcome, entry.wait_ms.unwrap()))
        .collect();
    let wanted = [
        (Outcome::Limited, 2),
        (Outcome::Offline, 3),
        (Outcome::Limited, 4),
        (Outcome::Denied, 5),
        (Outcome::Denied, 6),
    ];
    assert_eq!(kept, wanted);
}

#[tokio::test]
async fn a_story_tells_attempts_and_looks_in_githubs_words() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let id = insert_id(&store, job(1, "a", "x")).await;
    claim(&store, 1).await.unwrap();
    let note = Note {
        status: Some(502),
        github_request_id: Some("REQ".to_owned()),
    };
    let reason = "é".repeat(1000);
    let conclusion = Conclusion::LookFirst { reason, wait: None };
    let concluded = store.conclude(id, lane(), conclusion, note, moment(5));
    concluded.await.unwrap();
    conclude_look(&store, id, LookConclusion::LookAgain).await;
    conclude_look(&store, id, LookConclusion::Requeue).await;
    let log = store.log(id).await.unwrap();
    let told: Vec<_> = log
        .iter()
        .map(|entry| (entry.kind, entry.number, entry.outcome))
        .collect();
    let wanted = [
        (LogKind::Attempt, 1, Outcome::Unknown),
        (LogKind::Look, 1, Outcome::Nothing),
        (LogKind::Look, 2, Outcome::Nothing),
    ];
    assert_eq!(told, wanted);
    assert_eq!(log[0].status, Some(502));
    assert_eq!(log[0].github_request_id.as_deref(), Some("REQ"));
    let detail = log[0].detail.as_deref().unwrap();
    assert!(detail.len() < 310 && detail.ends_with('…'), "{detail}");
}
