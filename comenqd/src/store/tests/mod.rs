//! The store's rules, on a real sled in a temporary directory.

mod barring;
mod basics;
mod claiming;
mod expiry;
mod forecast;
mod halts;
mod listing;
mod model;
mod news;
mod opening;
mod pruning;
mod purging;
mod quotas;
mod rehearsing;
mod revival;
mod submitting;
mod tree;
mod turns;
mod urgent;
mod verbs;

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
        program: None,
        observer: None,
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
    let target = Target::parse("owner", repo, 1).unwrap();
    NewJob::plain(uid, ACCOUNT, target, self::body(body), NOW, mark(0))
}

/// The same at another owner's.
fn job_at(uid: u32, owner: &str, repo: &str) -> NewJob {
    NewJob {
        target: Target::parse(owner, repo, 1).unwrap(),
        ..job(uid, repo, "x")
    }
}

/// An edit whose user has no limit of bytes.
fn edit(body: CommentBody) -> Verb {
    Verb::Edit {
        body,
        max_body_bytes: u64::MAX,
    }
}

fn body(text: &str) -> CommentBody {
    CommentBody::parse(text).unwrap()
}

fn key(text: &str) -> SubmitKey {
    SubmitKey::parse(text).unwrap()
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

fn field() -> Field {
    Field {
        accounts: vec![(ACCOUNT.to_owned(), Vec::new())],
    }
}

fn moment(seconds: u64) -> Moment {
    Moment {
        now: mark(seconds),
        wall: NOW,
        jitter: Duration::ZERO,
    }
}

async fn insert(store: &Store, new: NewJob) -> Result<Inserted, StoreError> {
    match store.insert_all(vec![new]).await {
        Ok(mut inserted) => Ok(inserted.pop().unwrap()),
        Err(StoreError::InBatch { source, .. }) => Err(*source),
        Err(other) => Err(other),
    }
}

fn claim_of(account: &str, seconds: u64) -> Claim {
    Claim {
        account: account.to_owned(),
        field: field(),
        sharing: vec![ACCOUNT.to_owned()],
        lane: lane(),
        now: mark(seconds),
        started_github: NOW.plus(Duration::from_secs(seconds)),
        wall: NOW,
        urgent: None,
        checked: None,
        marker: false,
        clock: clock(seconds),
    }
}

async fn claim(store: &Store, seconds: u64) -> Option<Claimed> {
    let outcome = store.claim(claim_of(ACCOUNT, seconds)).await;
    outcome.unwrap().claimed
}

fn query(seconds: u64) -> AgendaQuery {
    AgendaQuery {
        account: ACCOUNT.to_owned(),
        host: HOST.to_owned(),
        accounts: vec![(ACCOUNT.to_owned(), 1)],
        unable: Vec::new(),
        longest_wait: Duration::from_secs(3601),
        clock: clock(seconds),
    }
}

async fn agenda(store: &Store, seconds: u64) -> Agenda {
    store.agenda(query(seconds)).await.unwrap()
}

async fn change(store: &Store, id: JobId, verb: Verb) -> Result<Changed, StoreError> {
    store.change(id, verb, moment(6)).await
}

async fn cancel(store: &Store, id: JobId) -> Result<Changed, StoreError> {
    change(store, id, Verb::Cancel).await
}

async fn conclude(store: &Store, id: JobId, conclusion: Conclusion) -> Job {
    store
        .conclude(id, lane(), conclusion, Note::default(), moment(5))
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
            wait: None,
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

async fn insert_id(store: &Store, new: NewJob) -> JobId {
    insert(store, new).await.unwrap().job.id
}

async fn dead(store: &Store, id: JobId, failure: Failure) -> Job {
    let reason = "refused".to_owned();
    conclude(store, id, Conclusion::Dead { failure, reason }).await
}

async fn conclude_look(store: &Store, id: JobId, conclusion: LookConclusion) -> Job {
    store
        .conclude_look(id, lane(), conclusion, Note::default(), moment(9))
        .await
        .unwrap()
}

/// A look that ends with nobody knowing.
fn give_up() -> LookConclusion {
    LookConclusion::GiveUp {
        reason: "outcome unknown".to_owned(),
        url: None,
        outcome: Outcome::Nothing,
    }
}

async fn state(store: &Store, id: JobId) -> State {
    store.peek(id).await.unwrap().state
}

/// The next job by the agenda of that moment, claimed.
async fn claim_next(store: &Store, seconds: u64) -> Option<Job> {
    let agenda = agenda(store, seconds).await;
    let claim = Claim {
        field: agenda.field,
        sharing: agenda.sharing,
        ..claim_of(ACCOUNT, seconds)
    };
    let claimed = store.claim(claim).await.unwrap().claimed;
    claimed.map(|claimed| claimed.job)
}
