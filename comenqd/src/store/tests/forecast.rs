//! What is foreseen is what then happens.

use proptest::prelude::*;

use super::*;

const SECOND: &str = "second";
const COOLDOWN: u64 = 100;
const FLOOR: u64 = 10;
/// Nothing more happens then.
const HORIZON: u64 = 4500;
/// The moment of the forecast.
const START: u64 = 50;

fn seconds(span: u64) -> Duration {
    Duration::from_secs(span)
}

fn agenda_query(account: &str, at: u64) -> AgendaQuery {
    AgendaQuery {
        account: account.to_owned(),
        accounts: vec![(ACCOUNT.to_owned(), 1), (SECOND.to_owned(), 1)],
        ..query(at)
    }
}

fn forecast_query(account: &str, at: u64, limit: usize) -> ForecastQuery {
    let both = [ACCOUNT, SECOND].map(|name| (name.to_owned(), seconds(COOLDOWN)));
    ForecastQuery {
        agenda: agenda_query(account, at),
        cooldowns: both.into(),
        floor: seconds(FLOOR),
        jitter: Duration::ZERO,
        limit,
    }
}

async fn foresee(store: &Store, account: &str) -> Foresight {
    let query = forecast_query(account, START, 100);
    store.forecast(query).await.unwrap()
}

async fn know(store: &Store, users: [u64; 2]) {
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

/// A post: which account, which job, when.
type Post = (&'static str, u64, u64);

async fn claim_at(store: &Store, account: &str, at: u64, urgent: Option<JobId>) -> Option<JobId> {
    let agenda = store.agenda(agenda_query(account, at)).await.unwrap();
    let claim = Claim {
        field: agenda.field,
        sharing: agenda.sharing,
        urgent,
        ..claim_of(account, at)
    };
    let outcome = store.claim(claim).await.unwrap();
    outcome.claimed.map(|claimed| claimed.job.id)
}

async fn posted(store: &Store, id: JobId, at: u64) {
    let posted = Conclusion::Posted {
        comment_id: Some(id.get()),
        url: None,
    };
    let concluded = store.conclude(id, lane(), posted, Note::default(), moment(at));
    concluded.await.unwrap();
}

/// When a lane next lets something go.
struct Slots {
    wait: Duration,
    slot: Duration,
    floor: Duration,
}

fn slots(agenda: &Agenda, now: &Clock) -> Slots {
    let pace = |pause| {
        let last = agenda.lane.pace;
        last.map_or(Duration::ZERO, |mark| now.remaining(mark, seconds(pause)))
    };
    let wait = agenda.lane.wait.as_ref();
    Slots {
        wait: wait.map_or(Duration::ZERO, |wait| {
            now.remaining(wait.since, Duration::from_millis(wait.wait_ms))
        }),
        slot: pace(COOLDOWN),
        floor: pace(FLOOR),
    }
}

async fn agendas(store: &Store, accounts: &[&'static str], at: u64) -> Vec<(&'static str, Agenda)> {
    let mut agendas = Vec::new();
    for account in accounts {
        let agenda = store.agenda(agenda_query(account, at)).await.unwrap();
        agendas.push((*account, agenda));
    }
    agendas
}

/// What one of the workers posts at a moment, as the pacer lets it; no looks.
async fn post_at(store: &Store, accounts: &[&'static str], at: u64) -> Option<Post> {
    let agendas = agendas(store, accounts, at).await;
    let now = clock(at);
    for (account, agenda) in &agendas {
        let slots = slots(agenda, &now);
        if slots.wait.is_zero() && slots.floor.is_zero() && agenda.urgent.is_some() {
            let id = claim_at(store, account, at, agenda.urgent).await?;
            return Some((*account, id.get(), at));
        }
    }
    // Twice: what one puts off may have been what the other waited for.
    for (account, agenda) in agendas.iter().chain(&agendas) {
        let slots = slots(agenda, &now);
        if slots.wait.is_zero()
            && slots.slot.is_zero()
            && let Some(id) = claim_at(store, account, at, None).await
        {
            return Some((*account, id.get(), at));
        }
    }
    None
}

/// What the workers do from then on.
async fn work(store: &Store, accounts: &[&'static str]) -> Vec<Post> {
    let (mut posts, mut at) = (Vec::new(), START);
    // What waits for something that is not known is tried again for ever.
    while at < HORIZON {
        if let Some(post) = post_at(store, accounts, at).await {
            posted(store, JobId::new(post.1).unwrap(), at).await;
            posts.push(post);
            continue;
        }
        let now = clock(at);
        let mut events = Vec::new();
        for (_, agenda) in agendas(store, accounts, at).await {
            let slots = slots(&agenda, &now);
            events.extend([slots.wait, slots.slot, slots.floor]);
            events.extend(agenda.next_due.map(|due| due.since(now.due_now())));
            events.extend(agenda.barred.iter().map(|barred| barred.left));
        }
        let next = events.into_iter().filter(|left| !left.is_zero()).min();
        at += next.map_or(HORIZON, |next| next.as_secs().max(1));
    }
    posts
}

/// What happens to a queue before anybody asks.
#[derive(Debug, Clone)]
enum Op {
    Insert {
        uid: u32,
        place: u8,
        second: bool,
        priority: i8,
        hold: bool,
        from: Option<u64>,
        until: Option<u64>,
    },
    Bump(u8),
    PostNow(u8),
    PutOff(u8, u64),
    Cancel(u8),
    Post(u8),
    Bar(bool, u8, u64),
}

fn op() -> impl Strategy<Value = Op> {
    let insert = (
        (0..4_u32, 0..6_u8, any::<bool>(), -1..2_i8),
        0..10_u8,
        proptest::option::weighted(0.25, 1..1500_u64),
        proptest::option::weighted(0.15, 60..1500_u64),
    )
        .prop_map(
            |((uid, place, second, priority), hold, from, until)| Op::Insert {
                uid,
                place,
                second,
                priority,
                hold: hold == 0,
                from,
                until,
            },
        );
    prop_oneof![
        12 => insert,
        1 => any::<u8>().prop_map(Op::Bump),
        1 => any::<u8>().prop_map(Op::PostNow),
        1 => (any::<u8>(), 1..900_u64).prop_map(|(job, until)| Op::PutOff(job, until)),
        1 => any::<u8>().prop_map(Op::Cancel),
        2 => (0..5_u8).prop_map(Op::Post),
        1 => (any::<bool>(), 0..2_u8, 1..900_u64).prop_map(|(a, b, c)| Op::Bar(a, b, c)),
    ]
}

fn at(offset: u64) -> UnixMs {
    NOW.plus(seconds(offset))
}

async fn apply(store: &Store, op: Op, jobs: &mut Vec<JobId>) {
    let pick = |jobs: &[JobId], at: u8| jobs.get(usize::from(at) % jobs.len().max(1)).copied();
    let both = vec![ACCOUNT.to_owned(), SECOND.to_owned()];
    match op {
        Op::Insert {
            uid,
            place,
            second,
            priority,
            hold,
            from,
            until,
        } => {
            let expiry = until.map(|until| Expiry {
                at_ms: at(until),
                span_ms: None,
            });
            let new = NewJob {
                account: if second { SECOND } else { ACCOUNT }.to_owned(),
                priority,
                hold,
                not_before: from.map(at),
                expiry,
                ..job_at(uid, &format!("owner{}", place % 2), &format!("r{place}"))
            };
            jobs.push(insert_id(store, new).await);
        }
        Op::Bump(job) => {
            if let Some(id) = pick(jobs, job) {
                drop(change(store, id, Verb::Bump).await);
            }
        }
        Op::PostNow(job) => {
            if let Some(id) = pick(jobs, job) {
                drop(store.post_now(id, both, at(1)).await);
            }
        }
        Op::PutOff(job, until) => {
            if let Some(id) = pick(jobs, job) {
                drop(store.put_off(id, at(until), "later".to_owned()).await);
            }
        }
        Op::Cancel(job) => {
            if let Some(id) = pick(jobs, job) {
                drop(cancel(store, id).await);
            }
        }
        Op::Post(how) => post_before(store, how).await,
        Op::Bar(second, owner, wait) => {
            let account = if second { SECOND } else { ACCOUNT };
            let owner = format!("owner{owner}");
            let wait = OwnerWait {
                reason: "no".to_owned(),
                url: None,
                since: mark(1),
                wait_ms: wait * 1000,
                strikes: 1,
            };
            let bar = move |txn: &mut Txn<'_>| owners::bar(txn, account, &owner, wait);
            store.run(false, bar).await.unwrap();
        }
    }
}

/// A post before the forecast, with some outcome.
async fn post_before(store: &Store, how: u8) {
    for account in [ACCOUNT, SECOND] {
        let Some(id) = claim_at(store, account, 2, None).await else {
            continue;
        };
        let conclusion = match how {
            0 | 1 => Conclusion::Posted {
                comment_id: Some(id.get()),
                url: None,
            },
            2 => Conclusion::LookFirst {
                reason: "502".to_owned(),
                wait: None,
            },
            3 => Conclusion::Moved {
                to: Target::parse("owner1", "r1", 1).unwrap(),
                reason: "moved".to_owned(),
            },
            _ => Conclusion::Deferred { wait: wait() },
        };
        let concluded = store.conclude(id, lane(), conclusion, Note::default(), moment(2));
        concluded.await.unwrap();
        return;
    }
}

fn told(foresight: &Foresight, account: &'static str) -> Vec<Post> {
    let post = |post: &Foreseen| (account, post.id.get(), START + post.left.as_secs());
    foresight.posts.iter().map(post).collect()
}

async fn run(ops: Vec<Op>, shared: bool, running: bool) {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let accounts: &[&'static str] = if shared {
        &[ACCOUNT, SECOND]
    } else {
        &[ACCOUNT]
    };
    know(&store, [42, if shared { 42 } else { 43 }]).await;
    let mut jobs = Vec::new();
    for op in ops {
        apply(&store, op, &mut jobs).await;
    }
    let waits = store.agenda(agenda_query(ACCOUNT, START)).await.unwrap();
    let waits = !slots(&waits, &clock(START)).wait.is_zero();
    let claimed = if running && !waits {
        claim_at(&store, ACCOUNT, START, None).await
    } else {
        None
    };
    let before = model::dump(&store).await;
    let mut foreseen = Vec::new();
    for account in accounts {
        let foresight = foresee(&store, account).await;
        assert!(foresight.is_all, "so few are foreseen whole");
        let told = told(&foresight, account);
        for (at, (_, id, _)) in (1_u64..).zip(&told) {
            let id = JobId::new(*id).unwrap();
            let standing = store
                .place(id, forecast_query(account, START, 100))
                .await
                .unwrap();
            let early = store.peek(id).await.unwrap();
            let early = early.not_before.is_some() && !early.due_passed;
            assert_eq!(standing.position, (!early).then_some(at));
        }
        foreseen.push(told);
    }
    assert_eq!(
        model::dump(&store).await,
        before,
        "a forecast changes nothing"
    );
    if let Some(id) = claimed {
        posted(&store, id, START).await;
    }
    let posts = work(&store, accounts).await;
    for (account, foreseen) in accounts.iter().zip(foreseen) {
        let done: Vec<_> = posts
            .iter()
            .filter(|it| it.0 == *account)
            .copied()
            .collect();
        assert_eq!(foreseen, done, "of {account}");
    }
    store.close().await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        max_shrink_iters: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_foreseen_of_any_queue_is_what_is_then_posted(
        ops in proptest::collection::vec(op(), 1..40),
        shared in any::<bool>(),
        running in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(ops, shared, running));
    }
}

#[tokio::test]
async fn many_users_and_long_lines_cost_no_more_than_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let of_many = (0..3000).map(|uid| job(uid, &format!("r{uid}"), "x"));
    store.insert_all(of_many.collect()).await.unwrap();
    let of_one = (0..3000).map(|n| job(7, &format!("r{}", n % 3), "x"));
    store.insert_all(of_one.collect()).await.unwrap();
    let started = std::time::Instant::now();
    let foresight = foresee(&store, ACCOUNT).await;
    println!("100 posts among 3000 users: {:?}", started.elapsed());
    assert_eq!((foresight.posts.len(), foresight.is_all), (100, false));
    assert_eq!(foresight.queued, 6000);
    let uids: Vec<_> = foresight.posts.iter().map(|post| post.uid).collect();
    assert_eq!(uids, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn further_back_a_place_is_an_estimate_of_that_very_job() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let many = (0..400).map(|n| job(1, &format!("r{}", n % 7), "x"));
    let many = store.insert_all(many.collect()).await.unwrap();
    let others = (0..50).map(|n| job(2, &format!("r{n}"), "x")).collect();
    store.insert_all(others).await.unwrap();
    let started = std::time::Instant::now();
    for (at, wanted) in [(9, 19), (59, 110), (299, 350), (399, 450)] {
        let query = forecast_query(ACCOUNT, START, 100);
        let standing = store.place(many[at].job.id, query).await.unwrap();
        assert_eq!(standing.position, Some(wanted), "of job {at}");
        assert_eq!(standing.foreseen.is_some(), wanted <= 100);
    }
    println!("a place: {:?}", started.elapsed() / 4);
}
