//! No reply outgrows a frame: the largest texts, many jobs, many accounts, through every endpoint
//! whose reply could grow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use comenq_proto::{
    CommentBody, Health, JobEdit, JobGet, JobList, JobRetryFailed, JobSubmitBatch, JobSubmitReply,
    MAX_BATCH, MAX_BODY_BYTES, MAX_ENTRIES, MAX_FRAME, Metrics, Position, Status, StoreExport,
    Subscribe, Target,
};
use comenqd::clock::Clock;
use comenqd::store::{
    AgendaQuery, Claim, Conclusion, Failure, LaneKey, Liveness, Moment, NewJob, Note, Options,
    Store,
};
use harness::connection::Connection;
use harness::daemon::{Daemon, submission};
use harness::pages::{sized, walk};
use harness::setup::{Setup, Token};

use crate::world::{ISSUE, standin};

/// The room that `status` and `health` keep to.
const OVERVIEW: usize = 256 * 1024;

/// A daemon that posts nothing and limits nobody.
fn quiet(change: impl FnOnce(Setup) -> Setup) -> Daemon {
    let setup = Setup::for_standin(&standin()).unlimited();
    change(setup.token(Token::Absent)).start()
}

fn all(include_body: bool) -> JobList {
    JobList {
        limit: Some(500),
        include_body,
        ..JobList::default()
    }
}

/// Texts as long as can be: plain, of characters that JSON writes six times as long, twice as long,
/// of three bytes each, of lines.
fn largest_texts() -> [String; 5] {
    [
        "x".repeat(MAX_BODY_BYTES),
        "\u{1}".repeat(MAX_BODY_BYTES),
        "\"\\".repeat(MAX_BODY_BYTES / 2),
        "€".repeat(MAX_BODY_BYTES / 3),
        "x\n".repeat(MAX_BODY_BYTES / 2),
    ]
}

#[test]
fn the_largest_texts_come_back_whole_in_pages() {
    let daemon = quiet(|setup| setup.number("max_body_chars", MAX_BODY_BYTES as u64));
    let mut connection = daemon.connect();
    let mut bodies = BTreeMap::new();
    for text in [largest_texts(), largest_texts(), largest_texts()].concat() {
        let request = submission(ISSUE, &text, None);
        let (reply, _) = sized(&mut connection, &request).unwrap();
        bodies.insert(reply.job.id, text);
    }
    for (id, text) in bodies.iter().take(5) {
        let (reply, size) = sized(&mut connection, &JobGet { id: *id }).unwrap();
        assert_eq!(reply.job.body.as_deref(), Some(&**text));
        assert!(size > text.len() && size < MAX_FRAME);
    }
    let mut listed = BTreeMap::new();
    let walked = walk(&mut connection, all(true), |job| {
        listed.insert(job.id, job.body.unwrap());
    });
    let walked = walked.unwrap();
    assert!(listed == bodies, "every text, and each once");
    assert!(
        walked.pages >= 4 && walked.largest > MAX_BODY_BYTES,
        "{walked:?}"
    );
    println!("job_list with bodies: {walked:?}");

    let mut exported = 0;
    let walked = walk(&mut connection, StoreExport { cursor: None }, |line| {
        exported += usize::from(line.contains("\"job\":"));
        assert!(!line.contains('\n'));
    });
    let walked = walked.unwrap();
    assert_eq!(exported, bodies.len());
    println!("store_export: {walked:?}");

    let (id, text) = bodies.first_key_value().unwrap();
    let edit = JobEdit {
        id: *id,
        body: format!("y{}", &text[1..]),
    };
    let (edited, _) = sized(&mut connection, &edit).unwrap();
    assert_eq!(edited.job.body, None, "the change is told without the text");
}

/// The longest that a submission can be without its text.
fn wordy(number: usize) -> comenq_proto::JobSubmit {
    comenq_proto::JobSubmit {
        owner: "o".repeat(39),
        repo: "r".repeat(100),
        number: u64::MAX,
        key: Some(format!("{number:0128}")),
        replace_key: Some(format!("{:0128}", number / 2)),
        priority: -100,
        if_open: true,
        expires_in_ms: Some(3_600_000),
        ..submission(ISSUE, &format!("text {number}"), None)
    }
}

#[test]
fn the_largest_batches_and_lists_fit() {
    let daemon = quiet(|setup| setup);
    let mut connection = daemon.connect();
    let mut ids = BTreeSet::new();
    for round in 0..4 {
        let jobs = (0..MAX_BATCH).map(|it| wordy(round * MAX_BATCH + it));
        let batch = JobSubmitBatch {
            jobs: jobs.collect(),
        };
        let (reply, size) = sized(&mut connection, &batch).unwrap();
        assert_eq!(reply.jobs.len(), MAX_BATCH);
        ids.extend(reply.jobs.iter().map(|it| it.job.id));
        let (again, _) = sized(&mut connection, &batch).unwrap();
        let known = |it: &JobSubmitReply| it.duplicate;
        assert!(
            again.jobs.iter().all(known),
            "the same batch, the same jobs"
        );
        println!("job_submit_batch of {MAX_BATCH}: {size} bytes");
    }
    let mut listed = BTreeSet::new();
    let walked = walk(&mut connection, all(true), |job| {
        assert!(listed.insert(job.id), "{} twice", job.id);
    });
    println!("job_list: {:?}", walked.unwrap());
    assert_eq!(listed, ids);
    let walked = walk(&mut connection, StoreExport { cursor: None }, |_| {});
    println!("store_export: {:?}", walked.unwrap());
}

const ACCOUNT: &str = "default";
/// Dead letters; more than fit on one page of anything.
const DEAD: usize = 1200;

struct Unwatched;

impl Liveness for Unwatched {
    fn alive(&self) {}
    fn period(&self) -> Duration {
        Duration::from_secs(3600)
    }
    fn busy_for(&self, _: Duration) {}
    fn failed(&self, _: &str) {}
}

/// Fills a queue through the daemon's own store with jobs that failed, with as long a reason as it
/// keeps.
async fn fill_with_dead(queue: &std::path::Path) {
    let clock = Arc::new(Clock::system());
    let machine = std::fs::read_to_string("/etc/machine-id").ok();
    let options = Options {
        path: queue.to_owned(),
        lock_patience: Duration::from_secs(30),
        machine: machine.map(|id| id.trim().to_owned()),
        hold_restored_jobs: false,
        clock: Arc::clone(&clock),
        program: None,
        observer: None,
    };
    let (store, _) = Store::open(options, Arc::new(Unwatched)).await.unwrap();
    let uid = nix::unistd::geteuid().as_raw();
    let job = |number: usize| {
        let issue = u64::try_from(number).unwrap() + 1;
        let target = Target::parse(&"o".repeat(39), &"r".repeat(100), issue).unwrap();
        let body = CommentBody::parse(format!("{number}")).unwrap();
        NewJob::plain(uid, ACCOUNT, target, body, clock.wall(), clock.mark())
    };
    let numbers: Vec<_> = (0..DEAD).collect();
    for part in numbers.chunks(200) {
        let jobs = part.iter().map(|number| job(*number)).collect();
        store.insert_all(jobs).await.unwrap();
    }
    for _ in 0..DEAD {
        fail_next(&store, &clock).await;
    }
    store.close().await.unwrap();
}

async fn fail_next(store: &Store, clock: &Arc<Clock>) {
    let lane = LaneKey {
        host: "api.github.com".to_owned(),
        user_id: 1,
    };
    let agenda = store.agenda(AgendaQuery {
        account: ACCOUNT.to_owned(),
        host: lane.host.clone(),
        accounts: vec![(ACCOUNT.to_owned(), 1)],
        unable: Vec::new(),
        longest_wait: Duration::from_secs(3601),
        clock: Arc::clone(clock),
    });
    let agenda = agenda.await.unwrap();
    let claim = Claim {
        account: ACCOUNT.to_owned(),
        field: agenda.field,
        sharing: agenda.sharing,
        lane: lane.clone(),
        now: clock.mark(),
        started_github: clock.wall(),
        wall: clock.wall(),
        checked: None,
        marker: false,
        urgent: None,
        clock: Arc::clone(clock),
    };
    let claimed = store.claim(claim).await.unwrap().claimed.unwrap();
    let conclusion = Conclusion::Dead {
        failure: Failure::Locked,
        reason: "because ".repeat(200),
    };
    let at = Moment {
        now: clock.mark(),
        wall: clock.wall(),
        jitter: Duration::ZERO,
    };
    let note = Note::default();
    let done = store.conclude(claimed.job.id, lane, conclusion, note, at);
    done.await.unwrap();
}

#[test]
fn dead_letters_with_long_reasons_are_listed_and_revived_in_pages() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let daemon = quiet(|setup| {
        runtime.block_on(fill_with_dead(&setup.path("queue")));
        setup
    });
    let mut connection = daemon.connect();
    for history in [false, true] {
        let request = JobList {
            history,
            ..all(true)
        };
        let mut listed = BTreeSet::new();
        let walked = walk(&mut connection, request, |job| {
            assert!(job.last_error.unwrap().len() >= 600);
            listed.insert(job.id);
        });
        let walked = walked.unwrap();
        assert_eq!((walked.items, listed.len()), (DEAD, DEAD));
        println!("job_list of dead letters, history {history}: {walked:?}");
    }
    let mut retried = BTreeSet::new();
    let revive = JobRetryFailed {
        reason: "locked".into(),
        cursor: None,
    };
    let walked = walk(&mut connection, revive, |id| {
        retried.insert(id);
    });
    let walked = walked.unwrap();
    assert!(walked.pages > 1);
    assert_eq!((walked.items, retried.len()), (DEAD, DEAD));
    println!("job_retry_failed: {walked:?}");
}

/// More accounts than a list has entries; all but one have no token, so each has its trouble.
#[test]
fn many_accounts_do_not_outgrow_an_overview() {
    let standin = standin();
    let mut setup = Setup::for_standin(&standin);
    for number in 0..MAX_ENTRIES + 20 {
        let key = format!("accounts.a{number:038}.api_url");
        setup = setup.text(&key, standin.url());
    }
    let daemon = setup.start();
    let mut connection = daemon.connect();
    let (status, size) = sized(&mut connection, &Status {}).unwrap();
    assert!(size <= OVERVIEW + 1024, "{size}");
    assert!(!status.degraded.is_empty() && status.lanes.len() >= 32);
    let (health, probe) = sized(&mut connection, &Health {}).unwrap();
    assert!(probe <= OVERVIEW + 1024, "{probe}");
    assert!(!health.healthy && health.lanes.len() >= 32);
    let (_, metrics) = sized(&mut connection, &Metrics {}).unwrap();
    assert!(metrics <= OVERVIEW, "{metrics}");
    let lanes = (status.lanes.len(), health.lanes.len());
    println!("status {size}, health {probe}, metrics {metrics} bytes; lanes {lanes:?}");
}

#[test]
fn a_stream_of_many_jobs_fits() {
    let daemon = quiet(|setup| setup);
    let mut stream = daemon.connect();
    let subscribe = Subscribe {
        ids: (1..=MAX_ENTRIES as u64).collect(),
        after: Some(Position { epoch: 1, seq: 1 }),
        ..Subscribe::default()
    };
    let (reply, size) = sized(&mut stream, &subscribe).unwrap();
    assert!(reply.heartbeat_ms > 0 && size < 1024);
    let batch = JobSubmitBatch {
        jobs: (0..MAX_BATCH).map(wordy).collect(),
    };
    sized(&mut Connection::ready(&daemon.socket()).unwrap(), &batch).unwrap();
    let mut seen = BTreeSet::new();
    while seen.len() < MAX_ENTRIES / 2 {
        let frame = stream.frame().unwrap().unwrap();
        assert!(frame.len() < 4096, "{}", frame.len());
        let response = comenq_proto::from_slice::<comenq_proto::ResponseEnvelope>(&frame).unwrap();
        let event = comenq_proto::from_slice::<comenq_proto::Event>(&response.body).unwrap();
        seen.extend(event.job_id);
    }
}
