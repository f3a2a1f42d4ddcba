//! Counts, usage and every index against a naive model, after random sequences of operations.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;

use super::record::{Meta, UsageRecord};
use super::txn::Entry;
use super::*;

/// One operation; an index chooses among the jobs there are.
#[derive(Debug, Clone)]
enum Op {
    Insert {
        uid: u32,
        repo: u8,
        priority: i8,
        hold: bool,
        replace: bool,
        expires: bool,
        text: u8,
    },
    Change(Index, u8),
    Claim,
    Conclude(Index, u8),
    Look(Index, u8),
    Agenda,
    Bar(u8),
    Resume,
    Prune(u64),
    RetryFailed,
    Reopen(bool),
}

fn op() -> impl Strategy<Value = Op> {
    let insert = (0..3_u32, 0..3_u8, -1..2_i8, any::<[bool; 4]>(), 0..3_u8).prop_map(
        |(uid, repo, priority, [a, b, c, d], text)| Op::Insert {
            uid,
            repo,
            priority,
            hold: a && b,
            replace: c,
            expires: d,
            text,
        },
    );
    prop_oneof![
        6 => insert,
        5 => (any::<Index>(), 0..6_u8).prop_map(|(index, verb)| Op::Change(index, verb)),
        5 => Just(Op::Claim),
        6 => (any::<Index>(), 0..8_u8).prop_map(|(index, how)| Op::Conclude(index, how)),
        4 => (any::<Index>(), 0..9_u8).prop_map(|(index, how)| Op::Look(index, how)),
        3 => Just(Op::Agenda),
        1 => (0..3_u8).prop_map(Op::Bar),
        1 => Just(Op::Resume),
        3 => (0..4_u64).prop_map(Op::Prune),
        1 => Just(Op::RetryFailed),
        1 => any::<bool>().prop_map(Op::Reopen),
    ]
}

/// Everything in the store but what it says of itself.
pub(super) async fn dump(store: &Store) -> Vec<Entry> {
    let all = |txn: &mut Txn<'_>| {
        let mut entries = Vec::new();
        for kind in (0..=u8::MAX).filter(|kind| *kind != b'm') {
            let mut after: Option<Vec<u8>> = None;
            while let Some(entry) = txn.next(&[kind], after.as_deref())? {
                after = Some(entry.0.clone());
                entries.push(entry);
            }
        }
        Ok(entries)
    };
    store.run(false, all).await.unwrap()
}

async fn meta(store: &Store) -> Meta {
    store.run(false, |txn| Ok(txn.meta.clone())).await.unwrap()
}

/// Does an operation as far as it is possible; refusals are as good as successes.
async fn apply(store: &Store, op: Op, seconds: u64) {
    let ids = ids(store).await;
    match op {
        Op::Insert {
            uid,
            repo,
            priority,
            hold,
            replace,
            expires,
            text,
        } => {
            let new = NewJob {
                priority,
                hold,
                replace_key: replace.then(|| key("k")),
                key: (text > 0).then(|| key(&format!("k{seconds}"))),
                expiry: expires.then(|| Expiry {
                    at_ms: NOW.plus(Duration::from_secs(seconds + 30)),
                    span_ms: None,
                }),
                not_before: (text == 2 && expires)
                    .then(|| NOW.plus(Duration::from_secs(seconds + 10))),
                body: body(&"text ".repeat(1 + 800 * usize::from(text))),
                ..job_at(uid, &format!("owner{}", repo % 2), &format!("r{repo}"))
            };
            insert(store, new).await.unwrap();
        }
        Op::Change(index, verb) => {
            let Some(id) = pick(&ids, index) else { return };
            let verb = match verb {
                0 => Verb::Cancel,
                1 => edit(body(&"edited ".repeat(1000))),
                2 => Verb::Hold,
                3 => Verb::Release,
                4 => Verb::Retry,
                _ => Verb::Bump,
            };
            drop(change(store, id, verb).await);
        }
        Op::Claim => drop(claim_next(store, seconds).await),
        Op::Conclude(index, how) => {
            let Some(id) = pick(&in_state(store, &ids, State::Posting).await, index) else {
                return;
            };
            let conclusion = conclusion(how, id, seconds);
            conclude(store, id, conclusion).await;
        }
        Op::Look(index, how) => {
            let looks = agenda(store, seconds).await.looks;
            let ids: Vec<_> = looks.iter().map(|job| job.id).collect();
            let Some(id) = pick(&ids, index) else { return };
            conclude_look(store, id, look(how, id)).await;
        }
        Op::Agenda => drop(agenda(store, seconds).await),
        Op::Bar(owner) => {
            let owner = format!("owner{owner}");
            let wait = OwnerWait {
                reason: "no".to_owned(),
                url: None,
                since: mark(seconds),
                wait_ms: 20_000,
                strikes: 1,
            };
            let bar = move |txn: &mut Txn<'_>| owners::bar(txn, ACCOUNT, &owner, wait);
            store.run(false, bar).await.unwrap();
        }
        Op::Resume => drop(store.resume(ACCOUNT.to_owned()).await),
        Op::Prune(jobs) => {
            let keep = Keep {
                jobs,
                age: Duration::from_secs(86_400),
            };
            store.prune(keep, NOW).await.unwrap();
        }
        Op::RetryFailed => {
            let retried = store.retry_failed(Failure::Gone, None, None, mark(seconds));
            retried.await.unwrap();
        }
        Op::Reopen(_) => {}
    }
}

fn pick(ids: &[JobId], index: Index) -> Option<JobId> {
    (!ids.is_empty()).then(|| ids[index.index(ids.len())])
}

async fn ids(store: &Store) -> Vec<JobId> {
    let (jobs, _) = jobs_of(&dump(store).await);
    jobs.iter().map(|job| job.id).collect()
}

async fn in_state(store: &Store, ids: &[JobId], wanted: State) -> Vec<JobId> {
    let mut found = Vec::new();
    for id in ids {
        if state(store, *id).await == wanted {
            found.push(*id);
        }
    }
    found
}

fn conclusion(how: u8, id: JobId, seconds: u64) -> Conclusion {
    let reason = "so it is".to_owned();
    match how {
        0 | 1 => Conclusion::Posted {
            comment_id: (how == 0).then_some(id.get() * 100 + seconds),
            url: None,
        },
        2 => Conclusion::PutBack {
            previous_pace: None,
            wait: wait(),
        },
        3 => Conclusion::Deferred { wait: wait() },
        4 => Conclusion::Moved {
            to: elsewhere(id),
            reason,
        },
        5 => Conclusion::Dead {
            failure: Failure::Gone,
            reason,
        },
        _ => Conclusion::LookFirst { reason, wait: None },
    }
}

/// Where a target has moved: where others have jobs too, or nobody.
fn elsewhere(id: JobId) -> Target {
    let (owner, repo) = [("owner0", "r0"), ("owner1", "r1"), ("owner2", "new")]
        [usize::try_from(id.get() % 3).unwrap()];
    Target::parse(owner, repo, 1).unwrap()
}

fn look(how: u8, id: JobId) -> LookConclusion {
    let reason = "so it is".to_owned();
    match how {
        0 => LookConclusion::Found {
            comment_id: id.get() * 100,
            url: "u".to_owned(),
        },
        1 | 2 => LookConclusion::LookAgain,
        3 => LookConclusion::Postponed { reason },
        4 => LookConclusion::Requeue,
        5 => LookConclusion::Cancelled,
        6 => LookConclusion::Dead {
            failure: Failure::TooOld,
            reason,
        },
        7 => LookConclusion::Moved { to: elsewhere(id) },
        _ => LookConclusion::GiveUp {
            reason,
            url: None,
            outcome: Outcome::Nothing,
        },
    }
}

/// All jobs, and the records' keys.
fn jobs_of(entries: &[Entry]) -> (Vec<Job>, BTreeSet<Vec<u8>>) {
    let records = entries
        .iter()
        .filter(|(key, _)| matches!(key[0], b'a' | b'j'));
    let decode = |(key, value): &Entry| {
        let id = keys::tail_id(key).unwrap();
        let job = record::decode_job(key, id, value).unwrap();
        assert_eq!(key[0] == b'j', job.state.is_finished(), "{job:?}");
        (job, key.clone())
    };
    records.map(decode).unzip()
}

fn check(entries: &[Entry], meta: &Meta) {
    let (jobs, _) = jobs_of(entries);
    let of_kind = |kinds: &[u8]| -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mine = entries.iter().filter(|(key, _)| kinds.contains(&key[0]));
        mine.cloned().collect()
    };
    // What each job has by itself, and nothing else.
    let wanted: BTreeMap<_, _> = jobs
        .iter()
        .flat_map(|job| index::entries(job).unwrap())
        .collect();
    assert_eq!(of_kind(b"ajftdvnxl"), wanted);
    check_numbers(&jobs, meta, &of_kind(b"c"), &of_kind(b"q"));
    check_heads(&jobs, entries);
    let is_there = |id: Option<u64>| jobs.iter().any(|job| Some(job.id.get()) == id);
    for (key, value) in entries {
        let id = match key[0] {
            b'b' | b'e' => key[1..9].try_into().ok().map(u64::from_be_bytes),
            b'g' => keys::tail_u64(value),
            _ => continue,
        };
        assert!(
            is_there(id),
            "an entry of kind {} of no job",
            char::from(key[0])
        );
    }
}

fn check_numbers(
    jobs: &[Job],
    meta: &Meta,
    counts: &BTreeMap<Vec<u8>, Vec<u8>>,
    usage: &BTreeMap<Vec<u8>, Vec<u8>>,
) {
    let mut states: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    let mut users: BTreeMap<Vec<u8>, (u64, u64)> = BTreeMap::new();
    for job in jobs {
        let key = keys::count(&job.account, job.uid, job.state.code());
        *states.entry(key).or_default() += 1;
        if !job.state.is_finished() {
            let user = users.entry(keys::usage(job.uid)).or_default();
            user.0 += 1;
            user.1 += u64::from(job.body_bytes);
        }
    }
    let number = |value: &Vec<u8>| keys::tail_u64(value).unwrap();
    let kept: BTreeMap<_, _> = counts
        .iter()
        .map(|(key, it)| (key.clone(), number(it)))
        .collect();
    assert_eq!(kept, states);
    let decode = |(key, value): (&Vec<u8>, &Vec<u8>)| {
        let user: UsageRecord = record::decode(key, value).unwrap();
        (key.clone(), (user.jobs, user.body_bytes))
    };
    // What a user submitted within a day is kept longer than the jobs.
    let used: BTreeMap<_, _> = usage.iter().map(decode).collect();
    let idle = |key: &Vec<u8>| used.get(key) == Some(&(0, 0));
    let used_now = used.clone().into_iter().filter(|(key, _)| !idle(key));
    assert_eq!(used_now.collect::<BTreeMap<_, _>>(), users);
    let finished = jobs.iter().filter(|job| job.state.is_finished()).count();
    let bytes: u64 = jobs.iter().map(|job| u64::from(job.body_bytes)).sum();
    assert_eq!(
        (meta.jobs, meta.finished, meta.body_bytes),
        (jobs.len() as u64, finished as u64, bytes)
    );
}

/// Of each line the first stands among the heads, once, unless its target waits; those whose owner
/// bars the account may stand aside, and nobody else.
fn check_heads(jobs: &[Job], entries: &[Entry]) {
    let mut first: BTreeMap<(u32, String), &Job> = BTreeMap::new();
    let in_line =
        |job: &&Job| job.state == State::Queued && (job.not_before.is_none() || job.due_passed);
    for job in jobs.iter().filter(in_line) {
        let place = first.entry((job.uid, job.target.lower())).or_insert(job);
        if index::rank(job) < index::rank(place) {
            *place = job;
        }
    }
    let waits = |target: &str| {
        let is_here = |place: &Target| place.lower() == target;
        let mut here = jobs
            .iter()
            .filter(|job| is_here(&job.target) || is_here(job.destination()));
        here.any(Job::is_unresolved)
    };
    let wanted: BTreeSet<u64> = first
        .into_iter()
        .filter(|((_, target), job)| !waits(target) && job.next_attempt_at.is_none())
        .map(|(_, job)| job.id.get())
        .collect();
    let mut heads = BTreeSet::new();
    for (key, _) in entries
        .iter()
        .filter(|(key, _)| matches!(key[0], b'r' | b'w'))
    {
        let id = keys::tail_u64(key).unwrap();
        assert!(heads.insert(id), "#{id} stands twice");
        if key[0] == b'w' {
            let job = jobs.iter().find(|job| job.id.get() == id).unwrap();
            let owner = job.destination().owner.as_str().to_ascii_lowercase();
            let bar = keys::barred_owner(ACCOUNT, &owner);
            assert!(entries.iter().any(|(key, _)| *key == bar), "#{id} is aside");
        }
    }
    assert_eq!(heads, wanted);
    let known = entries.iter().filter(|(key, _)| key[0] == b'h').count();
    assert_eq!(known, heads.len());
}

async fn run(ops: Vec<Op>) {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path()).await;
    for (seconds, op) in (1..).zip(ops) {
        if let Op::Reopen(elsewhere) = op {
            store.close().await.unwrap();
            let options = Options {
                machine: Some(if elsewhere { "there" } else { "this-host" }.to_owned()),
                clock: clock(seconds),
                ..options(dir.path())
            };
            (store, _) = Store::open(options, Arc::new(Quiet)).await.unwrap();
        }
        let what = format!("{op:?}");
        apply(&store, op, seconds).await;
        let (entries, meta) = (dump(&store).await, meta(&store).await);
        let checked = std::panic::catch_unwind(|| check(&entries, &meta));
        assert!(checked.is_ok(), "after {what}");
    }
    store.close().await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_happens_the_indexes_and_counts_are_those_of_the_jobs(
        ops in proptest::collection::vec(op(), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(ops));
    }
}
