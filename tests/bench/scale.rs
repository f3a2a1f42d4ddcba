//! What does not grow with the queue: each figure at a thousand, a hundred
//! thousand and a million queued jobs. The floor of the larger queues is the
//! same figure at a thousand.
//!
//! The queue is filled through comenqd's own store, for a hundred users, each
//! with targets of their own; a claim is timed there too, for a daemon takes one
//! only every few minutes.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use comenq_proto::{CommentBody, JobCancel, JobList, Status, SubmitKey, Target};
use comenqd::clock::{Clock, UnixMs};
use comenqd::store::{
    AgendaQuery, Claim, Conclusion, LaneKey, Liveness, Moment, NewJob, Note, Options, Store,
};
use harness::connection::Connection;
use harness::daemon::Daemon;
use harness::setup::Setup;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::Failure;
use crate::floor;
use crate::listing::Listing;
use crate::load;
use crate::pages::Largest;
use crate::post::post_over;
use crate::sample::{Samples, timed};
use crate::stage::Stage;
use crate::start;
use crate::table::{Aim, Row, Value};

const USERS: u32 = 100;
const BATCH: usize = 256;
const ACCOUNT: &str = "default";
const HOST: &str = "api.github.com";

struct Unwatched;

impl Liveness for Unwatched {
    fn alive(&self) {}
    fn period(&self) -> Duration {
        Duration::from_secs(3600)
    }
    fn busy_for(&self, _: Duration) {}
    fn failed(&self, _: &str) {}
}

/// What was measured of one queue.
struct Figures {
    /// The first opening after the filling, and closing it again.
    first: Duration,
    claim: Duration,
    submit: Duration,
    list: Duration,
    status: Duration,
    cancel: Duration,
    ready: Duration,
    ready_killed: Duration,
    rss_kb: u64,
    /// Where all pages were read: the longest reply.
    largest: Option<Largest>,
    /// The same, by the client.
    listing: Option<Listing>,
}

/// Every figure at every size.
pub(crate) fn scale(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let disk = stage.disk()?;
    let spawn = Samples::time(20, floor::spawn_true)?.p50();
    let mut rows = Vec::new();
    let mut least: Option<Figures> = None;
    let mut queued = 0;
    for full in [1_000, 100_000, 1_000_000] {
        let jobs = stage.jobs(full);
        let figures = at(stage, &disk, queued, jobs)?;
        queued = jobs;
        rows.extend(figures.rows(jobs, least.as_ref().unwrap_or(&figures), spawn));
        least = least.or(Some(figures));
    }
    Ok(rows)
}

impl Figures {
    fn rows(&self, jobs: usize, least: &Self, spawn: Duration) -> Vec<Row> {
        let time = |what: &str, of: fn(&Self) -> Duration| Row {
            what: format!("{what}, {jobs} queued: p50"),
            figure: Value::Time(of(self)),
            floor: Value::Time(of(least)),
            floor_is: "the same with the fewest",
            aim: Aim::TimesFloor(2.0),
        };
        let ready = |what: &str, figure, aim_ms| Row {
            what: format!("exec → READY {what}, {jobs} queued: p50"),
            figure: Value::Time(figure),
            floor: Value::Time(spawn),
            floor_is: "spawning /bin/true",
            aim: Aim::AtMost(Value::Time(Duration::from_millis(aim_ms))),
        };
        let mut rows = vec![
            Row {
                what: format!("first opening after the filling, {jobs} queued"),
                figure: Value::Time(self.first),
                floor: Value::Time(least.first),
                floor_is: "the same with the fewest",
                aim: Aim::None,
            },
            time("claim and conclude", |it| it.claim),
            time("durable post", |it| it.submit),
            time("a page of 100", |it| it.list),
            time("status", |it| it.status),
            time("cancel", |it| it.cancel),
            ready("after a clean stop", self.ready, 60),
            ready("after kill -9", self.ready_killed, 600),
            Row {
                what: format!("RSS, {jobs} queued, after all this"),
                figure: Value::Kilobytes(self.rss_kb),
                floor: Value::Kilobytes(least.rss_kb),
                floor_is: "the same with the fewest",
                aim: Aim::AtMost(Value::Kilobytes(40 * 1024)),
            },
        ];
        rows.extend(self.largest.iter().flat_map(|it| it.rows(jobs)));
        let listings = self.listing.as_ref().zip(least.listing.as_ref());
        rows.extend(
            listings
                .into_iter()
                .flat_map(|(it, least)| it.rows(jobs, least)),
        );
        rows
    }
}

fn at(stage: &Stage, disk: &TempDir, queued: usize, jobs: usize) -> Result<Figures, Failure> {
    let queue = disk.path().join("queue");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    with_store(&runtime, &queue, |runtime, store, clock| {
        runtime.block_on(fill(store, clock, queued, jobs))
    })?;
    // Or a claim would wait behind gigabytes that the filling left to be written. Opening it again
    // compacts it, if the filling has made that worth it: every start after the first finds it so.
    nix::unistd::sync();
    let began = Instant::now();
    with_store(&runtime, &queue, |_, _, _| Ok(()))?;
    let first = began.elapsed();
    let claim = with_store(&runtime, &queue, |runtime, store, clock| {
        let once = || timed(|| runtime.block_on(claim_and_conclude(store, clock)));
        let (_, claims) = Samples::in_turns(stage.times(400), || Ok(()), once)?;
        Ok(claims.p50())
    })?;
    let notify = disk.path().join("notify");
    let setup = stage.setup(disk).env("NOTIFY_SOCKET", &notify);
    let mut daemon = Daemon::start(setup_of(setup));
    let (submit, list, status, cancel) = requests(stage, &daemon, jobs)?;
    let rss_kb = daemon.rss_kb();
    let listing = Listing::read(&daemon, jobs)?;
    let largest = Largest::read(&daemon, jobs)?;
    let starts = if stage.times(100) < 100 { 3 } else { 9 };
    daemon.term();
    let (_, ready) = Samples::in_turns(
        starts,
        || Ok(()),
        || start::start_and_stop(&mut daemon, &notify),
    )?;
    let (_, ready_killed) = Samples::in_turns(
        starts,
        || Ok(()),
        || start::start_and_kill(&mut daemon, &notify),
    )?;
    Ok(Figures {
        first,
        claim,
        submit,
        list,
        status,
        cancel,
        ready: ready.p50(),
        ready_killed: ready_killed.p50(),
        rss_kb,
        largest,
        listing,
    })
}

/// No job of this queue is ever posted: there is no token.
fn setup_of(setup: Setup) -> Setup {
    setup.token(harness::setup::Token::Absent)
}

type Four = (Duration, Duration, Duration, Duration);

fn requests(stage: &Stage, daemon: &Daemon, jobs: usize) -> Result<Four, Failure> {
    let mut connection = Connection::ready(&daemon.socket())?;
    let times = stage.times(1000);
    let submit = Samples::time(times, || post_over(&mut connection))?;
    let page = JobList {
        limit: Some(100),
        ..JobList::default()
    };
    let list = Samples::time(times / 4 + 1, || {
        connection.call(&page)??;
        Ok(())
    })?;
    let status = Samples::time(times / 4 + 1, || {
        connection.call(&Status {})??;
        Ok(())
    })?;
    // The newest of the filled ones: none of them was claimed or cancelled before.
    let mut id = u64::try_from(jobs)?;
    let cancel = Samples::time(times / 4 + 1, || {
        id -= 1;
        connection.call(&JobCancel { id })??;
        Ok(())
    })?;
    Ok((submit.p50(), list.p50(), status.p50(), cancel.p50()))
}

fn with_store<T>(
    runtime: &Runtime,
    queue: &Path,
    work: impl FnOnce(&Runtime, &Store, &Arc<Clock>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let clock = Arc::new(Clock::system());
    let machine = fs::read_to_string("/etc/machine-id").ok();
    let options = Options {
        path: queue.to_owned(),
        lock_patience: Duration::from_secs(30),
        machine: machine.map(|id| id.trim().to_owned()),
        hold_restored_jobs: false,
        clock: Arc::clone(&clock),
        program: None,
        observer: None,
    };
    let (store, _) = runtime.block_on(Store::open(options, Arc::new(Unwatched)))?;
    let done = work(runtime, &store, &clock);
    runtime.block_on(store.close())?;
    done
}

async fn fill(store: &Store, clock: &Clock, queued: usize, jobs: usize) -> Result<(), Failure> {
    let mut next = queued;
    while next < jobs {
        let end = jobs.min(next + BATCH);
        let batch: Result<Vec<_>, _> = (next..end).map(|number| job(clock, number)).collect();
        store.insert_all(batch?).await?;
        next = end;
    }
    Ok(())
}

fn job(clock: &Clock, number: usize) -> Result<NewJob, Failure> {
    let number = u32::try_from(number)?;
    let uid = 10_000 + number % USERS;
    // A user has many targets with a few jobs each.
    let issue = u64::from(number / USERS / 3) + 1;
    let target = Target::parse("octo", &format!("repo-{uid}"), issue)?;
    let body = CommentBody::parse(format!("{number}: {}", load::body()))?;
    let (created_at, accepted) = (clock.wall(), clock.mark());
    Ok(NewJob {
        key: Some(SubmitKey::unique(created_at.0)),
        ..NewJob::plain(uid, ACCOUNT, target, body, created_at, accepted)
    })
}

async fn claim_and_conclude(store: &Store, clock: &Arc<Clock>) -> Result<(), Failure> {
    let query = AgendaQuery {
        account: ACCOUNT.to_owned(),
        host: HOST.to_owned(),
        accounts: vec![(ACCOUNT.to_owned(), 1)],
        unable: Vec::new(),
        longest_wait: Duration::from_secs(3601),
        clock: Arc::clone(clock),
    };
    let agenda = store.agenda(query).await?;
    let lane = LaneKey {
        host: HOST.to_owned(),
        user_id: 1,
    };
    let claim = Claim {
        account: ACCOUNT.to_owned(),
        field: agenda.field,
        sharing: agenda.sharing,
        lane: lane.clone(),
        now: clock.mark(),
        started_github: clock.wall(),
        wall: clock.wall(),
        urgent: None,
        checked: None,
        marker: false,
        clock: Arc::clone(clock),
    };
    let claimed = store
        .claim(claim)
        .await?
        .claimed
        .ok_or("nothing to claim")?;
    let conclusion = Conclusion::Posted {
        comment_id: Some(claimed.job.id.get()),
        url: None,
    };
    let at = Moment {
        now: clock.mark(),
        wall: UnixMs(clock.wall().0),
        jitter: Duration::ZERO,
    };
    store
        .conclude(claimed.job.id, lane, conclusion, Note::default(), at)
        .await?;
    Ok(())
}
