//! The worker against a GitHub that answers from a script, a real store, and hands of a clock
//! that move with tokio's paused time.

mod accounts;
mod basics;
mod conditions;
mod lanes;
mod moving;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use comenq_proto::{CommentBody, IssueNumber, JobId, Target};
use tokio::sync::Semaphore;

use super::*;
use crate::clock::tests::Hands;
use crate::github::{
    Answered, Comment, ListError, Moved, Notice, NoticeKind, Outcome, OwnerTrouble, RefusalKind,
    Trouble, TroubleKind,
};
use crate::manager::Manager;
use crate::notify::{Notifier, Watchdog};
use crate::queue::{Failure, Job, NewJob, State, Verb};
use crate::store::tests::Quiet;
use crate::store::{Options, Store};

const DATE: UnixMs = UnixMs(1_800_000_000_000);
const USER: u64 = 42;

/// What the scripted GitHub does at the next POST.
enum Act {
    Answer(Outcome),
    /// Creates the comment with this body, then gives no answer.
    CreateSilently(&'static str),
}

#[derive(Default)]
struct Script {
    acts: VecDeque<Act>,
    listings: VecDeque<ListError>,
    /// Troubles that the next questions who we are meet.
    strangers: VecDeque<Trouble>,
    /// What the next questions whether an issue is open are told.
    issues: VecDeque<Result<bool, ListError>>,
    /// Where the next moved targets are found.
    places: VecDeque<Result<Target, ListError>>,
    /// What every answer warns of.
    notices: Vec<Notice>,
    comments: Vec<Comment>,
    /// What was asked, and when by the boot's clock.
    log: Vec<(&'static str, Duration)>,
    /// Where each POST went, and with which text.
    posts: Vec<(String, String)>,
    /// Each POST waits here for a permit.
    gate: Option<Arc<Semaphore>>,
    /// POSTs under way, and the most there ever were at one time.
    running: usize,
    most_running: usize,
}

#[derive(Clone)]
struct Scripted {
    script: Arc<Mutex<Script>>,
    clock: Arc<Clock>,
    born: Duration,
}

impl Scripted {
    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, what: &'static str) {
        let now = self.clock.boottime();
        self.clock
            .learn_github(DATE.plus(now.saturating_sub(self.born)));
        self.script().log.push((what, now));
    }

    fn create(&self, body: &str) -> Outcome {
        let created_at = self.clock.github_now().unwrap();
        let mut script = self.script();
        let id = 1000 + script.comments.len() as u64;
        let (url, body) = (format!("https://github/{id}"), body.to_owned());
        script.comments.push(Comment {
            id,
            url: url.clone(),
            user_id: USER,
            created_at,
            body,
        });
        Outcome::Posted {
            comment_id: Some(id),
            url: Some(url),
        }
    }
}

impl Scripted {
    fn answered<T>(&self, value: T) -> Answered<T> {
        Answered {
            value,
            status: Some(200),
            request_id: Some("REQ".to_owned()),
            notices: self.script().notices.clone(),
        }
    }

    async fn pass_the_gate(&self) {
        let gate = {
            let mut script = self.script();
            script.running += 1;
            script.most_running = script.most_running.max(script.running);
            script.gate.clone()
        };
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        self.script().running -= 1;
    }
}

impl GitHub for Scripted {
    async fn who_am_i(&self) -> Answered<Result<Identity, Trouble>> {
        self.note("user");
        let trouble = self.script().strangers.pop_front();
        let identity = Identity {
            user_id: USER,
            login: "bot".to_owned(),
        };
        self.answered(trouble.map_or(Ok(identity), Err))
    }

    async fn post_comment(&self, target: &Target, body: &str) -> Answered<Outcome> {
        self.note("post");
        self.pass_the_gate().await;
        let act = {
            let mut script = self.script();
            script.posts.push((target.to_string(), body.to_owned()));
            script.acts.pop_front()
        };
        let outcome = match act {
            None => self.create(body),
            Some(Act::Answer(outcome)) => outcome,
            Some(Act::CreateSilently(other)) => {
                self.create(if other.is_empty() { body } else { other });
                unknown()
            }
        };
        self.answered(outcome)
    }

    async fn comments_since(
        &self,
        _: &Target,
        since: UnixMs,
    ) -> Answered<Result<Vec<Comment>, ListError>> {
        self.note("list");
        let listing = {
            let mut script = self.script();
            let recent = |comment: &&Comment| comment.created_at >= since;
            match script.listings.pop_front() {
                Some(error) => Err(error),
                None => Ok(script.comments.iter().filter(recent).cloned().collect()),
            }
        };
        self.answered(listing)
    }

    async fn is_open(&self, _: &Target) -> Answered<Result<bool, ListError>> {
        self.note("issue");
        let issue = self.script().issues.pop_front();
        self.answered(issue.unwrap_or(Ok(true)))
    }

    async fn resolve(&self, _: &Moved, _: IssueNumber) -> Answered<Result<Target, ListError>> {
        self.note("resolve");
        let place = self.script().places.pop_front();
        self.answered(place.unwrap_or_else(|| {
            let reason = "it is nowhere".to_owned();
            Err(ListError::Gone { reason })
        }))
    }
}

fn unknown() -> Outcome {
    Outcome::Unknown {
        reason: "502".to_owned(),
    }
}

fn trouble(kind: TroubleKind, wait: Option<u64>) -> Trouble {
    Trouble {
        kind,
        reason: "trouble".to_owned(),
        wait: wait.map(Duration::from_secs),
    }
}

/// A worker at work in a directory, in time that passes as fast as it can.
struct Bench {
    queue: Queue,
    github: Scripted,
    hands: Arc<Hands>,
    shared: Shared,
    watchdog: Arc<Watchdog>,
    stop: CancellationToken,
    workers: Vec<tokio::task::JoinHandle<()>>,
}

fn settings(account: &str) -> Settings {
    Settings {
        account: account.to_owned(),
        host: "api.github.com".to_owned(),
        api_url: String::new(),
        token_source: Some("a test".to_owned()),
        token_trouble: None,
        remedy: "systemctl restart comenqd".to_owned(),
        manager: Manager::System,
        marker: false,
        pace: Pace {
            cooldown: Duration::from_secs(960),
            floor: Duration::from_secs(8),
            jitter: Duration::ZERO,
            look_delay: Duration::from_secs(60),
            longest_wait: Duration::from_secs(3601),
            token_tag: 1,
        },
        policy: Policy {
            backoff_min: Duration::from_secs(60),
            backoff_max: Duration::from_secs(3600),
            max_attempts: 3,
            max_age: Duration::from_secs(5 * 24 * 3600),
        },
        request_timeout: Duration::from_secs(30),
    }
}

impl Bench {
    async fn start(path: &Path) -> Self {
        Self::with(path, settings("default")).await
    }

    async fn with(path: &Path, settings: Settings) -> Self {
        let mut bench = Self::idle(path).await;
        bench.serve([settings]);
        bench
    }

    /// Without a worker yet.
    async fn idle(path: &Path) -> Self {
        let hands = Hands::new(1, Duration::from_secs(1000));
        let clock = Arc::new(Clock::new(Arc::clone(&hands) as Arc<_>));
        let born = clock.boottime();
        let script = Arc::default();
        let github = Scripted {
            script,
            clock: Arc::clone(&clock),
            born,
        };
        let queue = Queue::new(Arc::clone(&clock), 1);
        let options = Options {
            path: path.join("queue"),
            lock_patience: Duration::from_secs(5),
            machine: None,
            hold_restored_jobs: true,
            clock: Arc::clone(&clock),
            program: None,
            observer: Some(queue.observer()),
        };
        let (store, _) = Store::open(options, Arc::new(Quiet)).await.unwrap();
        queue.attach(Ok(store));
        let watchdog = Arc::new(Watchdog::new(Notifier::system(), Arc::clone(&clock), None));
        let shared = Shared {
            queue: queue.clone(),
            lanes: Lanes::default(),
            rules: Rules::default(),
        };
        Self {
            queue,
            github,
            hands,
            shared,
            watchdog,
            stop: CancellationToken::new(),
            workers: Vec::new(),
        }
    }

    /// These accounts are served from now on, each by a worker of its own.
    fn serve(&mut self, all: impl IntoIterator<Item = Settings>) {
        let all: Vec<_> = all.into_iter().collect();
        let first = all.iter().map(Settings::first_report).collect();
        self.queue.set_accounts(first);
        for settings in all {
            let worker = self.worker(settings, 7);
            self.workers
                .push(tokio::spawn(worker.run(self.stop.clone())));
        }
    }

    fn worker(&self, settings: Settings, seed: u64) -> Worker<Scripted> {
        Worker::new(
            self.shared.clone(),
            self.github.clone(),
            Arc::clone(&self.github.clock),
            settings,
            self.watchdog.register("worker"),
            fastrand::Rng::with_seed(seed),
        )
    }

    fn acts(&self, acts: impl IntoIterator<Item = Act>) {
        self.github.script().acts.extend(acts);
    }

    fn new_job(&self, repo: &str, body: &str) -> NewJob {
        let target = Target::parse("owner", repo, 1).unwrap();
        let body = CommentBody::parse(body).unwrap();
        let clock = &self.github.clock;
        NewJob::plain(1, "default", target, body, clock.best_wall(), clock.mark())
    }

    fn job_at(&self, owner: &str, repo: &str) -> NewJob {
        NewJob {
            target: Target::parse(owner, repo, 1).unwrap(),
            ..self.new_job(repo, "text")
        }
    }

    async fn submit(&self, repo: &str, body: &str) -> JobId {
        self.submit_new(self.new_job(repo, body)).await
    }

    async fn submit_new(&self, new: NewJob) -> JobId {
        self.queue.submit(new, u32::MAX).await.unwrap().job.id
    }

    /// Lets time pass in steps until the job is as wanted.
    async fn until(&self, id: JobId, wanted: impl Fn(&Job) -> bool) -> Job {
        for _ in 0..20_000 {
            let (job, _) = self.queue.get(id).await.unwrap();
            if wanted(&job) {
                return job;
            }
            self.pass(Duration::from_secs(1)).await;
        }
        panic!(
            "job #{id} never came to it: {:?}",
            self.queue.get(id).await.unwrap().0
        );
    }

    async fn pass(&self, span: Duration) {
        self.hands.pass(span);
        tokio::time::advance(span).await;
        // What the worker does in one step ends with an answer of the store's thread: ours is
        // behind it in line.
        for _ in 0..4 {
            drop(self.queue.counts().await);
        }
    }

    /// When the POSTs (or other requests) went out, in seconds since the start.
    fn times(&self, what: &str) -> Vec<u64> {
        let script = self.github.script();
        let of_kind = script.log.iter().filter(|(kind, _)| *kind == what);
        of_kind
            .map(|(_, at)| at.saturating_sub(self.github.born).as_secs())
            .collect()
    }

    /// Where each POST went.
    fn targets(&self) -> Vec<String> {
        let script = self.github.script();
        script
            .posts
            .iter()
            .map(|(target, _)| target.clone())
            .collect()
    }

    fn report(&self) -> LaneReport {
        self.queue.lane("default").unwrap()
    }

    /// Lets time pass in steps until it is as wanted.
    async fn until_so(&self, wanted: impl Fn(&Self) -> bool) {
        for _ in 0..20_000 {
            if wanted(self) {
                return;
            }
            self.pass(Duration::from_secs(1)).await;
        }
        panic!("it never came to it: {:?}", self.report());
    }

    async fn pass_seconds(&self, seconds: u64) {
        for _ in 0..seconds {
            self.pass(Duration::from_secs(1)).await;
        }
    }

    fn comments(&self) -> usize {
        self.github.script().comments.len()
    }

    async fn end(self) {
        self.stop.cancel();
        for worker in self.workers {
            worker.await.unwrap();
        }
        self.queue.store().unwrap().close().await.unwrap();
    }
}

fn is(state: State) -> impl Fn(&Job) -> bool {
    move |job| job.state == state
}

/// Each gap between two POSTs, in seconds.
fn gaps(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}
