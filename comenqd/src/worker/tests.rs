//! The worker against a GitHub that answers from a script, a real store, and hands of a clock
//! that move with tokio's paused time.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use comenq_proto::{CommentBody, Target};

use super::*;
use crate::clock::tests::Hands;
use crate::github::{Answered, Comment, ListError, Outcome};
use crate::notify::{Notifier, Watchdog};
use crate::queue::{Job, NewJob, State};
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
    comments: Vec<Comment>,
    /// What was asked, and when by the boot's clock.
    log: Vec<(&'static str, Duration)>,
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

fn answered<T>(value: T) -> Answered<T> {
    Answered {
        value,
        request_id: Some("REQ".to_owned()),
    }
}

impl GitHub for Scripted {
    async fn who_am_i(&self) -> Answered<Result<Identity, Trouble>> {
        self.note("user");
        answered(Ok(Identity {
            user_id: USER,
            login: "bot".to_owned(),
        }))
    }

    async fn post_comment(&self, _: &Target, body: &str) -> Answered<Outcome> {
        self.note("post");
        let act = self.script().acts.pop_front();
        answered(match act {
            None => self.create(body),
            Some(Act::Answer(outcome)) => outcome,
            Some(Act::CreateSilently(other)) => {
                self.create(if other.is_empty() { body } else { other });
                unknown()
            }
        })
    }

    async fn comments_since(
        &self,
        _: &Target,
        since: UnixMs,
    ) -> Answered<Result<Vec<Comment>, ListError>> {
        self.note("list");
        let mut script = self.script();
        answered(match script.listings.pop_front() {
            Some(error) => Err(error),
            None => Ok(script
                .comments
                .iter()
                .filter(|c| c.created_at >= since)
                .cloned()
                .collect()),
        })
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
    stop: CancellationToken,
    worker: tokio::task::JoinHandle<()>,
}

impl Bench {
    async fn start(path: &Path) -> Self {
        let hands = Hands::new(1, Duration::from_secs(1000));
        let clock = Arc::new(Clock::new(Arc::clone(&hands) as Arc<_>));
        let born = clock.boottime();
        let script = Arc::default();
        let github = Scripted {
            script,
            clock: Arc::clone(&clock),
            born,
        };
        let settings = Settings {
            account: "default".to_owned(),
            host: "api.github.com".to_owned(),
            token_source: Some("a test".to_owned()),
            pace: Pace {
                cooldown: Duration::from_secs(960),
                look_delay: Duration::from_secs(60),
                longest_wait: Duration::from_secs(3601),
                token_tag: 1,
            },
            policy: Policy {
                backoff_min: Duration::from_secs(60),
                backoff_max: Duration::from_secs(3600),
                max_unknown_attempts: 3,
            },
            request_timeout: Duration::from_secs(30),
        };
        let queue = Queue::new(Arc::clone(&clock), settings.first_report());
        let options = Options {
            path: path.join("queue"),
            lock_patience: Duration::from_secs(5),
            machine: None,
            hold_restored_jobs: true,
            clock: Arc::clone(&clock),
        };
        let (store, _) = Store::open(options, Arc::new(Quiet)).await.unwrap();
        queue.attach(Ok(store));
        let watchdog = Watchdog::new(Notifier::system(), Arc::clone(&clock), None);
        let pulse = watchdog.register("worker");
        let stop = CancellationToken::new();
        let worker = Worker::new(queue.clone(), github.clone(), clock, settings, pulse);
        let worker = tokio::spawn(worker.run(stop.clone()));
        Self {
            queue,
            github,
            hands,
            stop,
            worker,
        }
    }

    fn acts(&self, acts: impl IntoIterator<Item = Act>) {
        self.github.script().acts.extend(acts);
    }

    async fn submit(&self, repo: &str, body: &str) -> comenq_proto::JobId {
        let new = NewJob {
            uid: 1,
            account: "default".to_owned(),
            target: Target::parse("owner", repo, 1).unwrap(),
            body: CommentBody::parse(body).unwrap(),
            key: None,
            priority: 0,
            not_before: None,
        };
        self.queue.submit(new).await.unwrap().job.id
    }

    /// Lets time pass in steps until the job is as wanted.
    async fn until(&self, id: comenq_proto::JobId, wanted: impl Fn(&Job) -> bool) -> Job {
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

    fn comments(&self) -> usize {
        self.github.script().comments.len()
    }

    async fn end(self) {
        self.stop.cancel();
        self.worker.await.unwrap();
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

#[tokio::test(start_paused = true)]
async fn posts_go_out_one_cooldown_apart() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.submit("a", "one").await;
    bench.submit("b", "two").await;
    let last = bench.submit("c", "three").await;
    let job = bench.until(last, is(State::Posted)).await;
    assert_eq!((job.comment_id, bench.comments()), (Some(1002), 3));
    let gaps = gaps(&bench.times("post"));
    assert!(gaps.iter().all(|gap| (960..970).contains(gap)), "{gaps:?}");
    assert_eq!(
        bench.times("user").len(),
        3,
        "each attempt begins by a fresh time of GitHub's"
    );
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_looked_for_and_never_posted_again() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.acts([Act::CreateSilently("")]);
    let id = bench.submit("a", "text").await;
    bench.until(id, is(State::Uncertain)).await;
    let job = bench.until(id, is(State::Posted)).await;
    assert_eq!((job.comment_id, job.attempts), (Some(1000), 1));
    assert_eq!(
        (bench.times("post").len(), bench.times("list").len()),
        (1, 1)
    );
    let wait = bench.times("list")[0] - bench.times("post")[0];
    assert!((60..70).contains(&wait), "{wait}");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_two_looks_do_not_find_is_posted_again_once() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.acts([Act::Answer(unknown())]);
    let id = bench.submit("a", "text").await;
    let job = bench.until(id, is(State::Posted)).await;
    assert_eq!((job.attempts, bench.comments()), (2, 1));
    let looks = bench.times("list");
    assert_eq!((looks.len(), bench.times("post").len()), (2, 2));
    assert!((960..970).contains(&(looks[1] - looks[0])), "{looks:?}");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_comment_in_the_window_is_for_a_person_to_judge() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.acts([Act::CreateSilently("rewritten on its way")]);
    let id = bench.submit("a", "text").await;
    let job = bench.until(id, is(State::Failed)).await;
    assert!(
        job.last_error
            .as_deref()
            .unwrap()
            .starts_with("outcome unknown"),
        "{job:?}"
    );
    assert_eq!(job.comment_url.as_deref(), Some("https://github/1000"));
    assert_eq!(bench.times("post").len(), 1);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_fails_counts_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.acts([Act::CreateSilently("")]);
    let id = bench.submit("a", "text").await;
    let other = bench.submit("b", "other").await;
    let denied = || ListError::Trouble(trouble(TroubleKind::Denied, None));
    bench
        .github
        .script()
        .listings
        .extend([denied(), denied(), denied()]);
    let job = bench.until(id, is(State::Posted)).await;
    assert_eq!((job.attempts, bench.times("list").len()), (1, 4));
    bench.until(other, is(State::Posted)).await;
    assert_eq!(bench.times("post").len(), 2);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_issue_out_of_sight_ends_as_unknown_only_if_the_account_sees_anything() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.acts([Act::CreateSilently("")]);
    let gone = ListError::Gone {
        reason: "404 Not Found".to_owned(),
    };
    bench.github.script().listings.push_back(gone);
    let id = bench.submit("a", "text").await;
    let job = bench.until(id, is(State::Failed)).await;
    assert!(
        job.last_error.as_deref().unwrap().contains("404 Not Found"),
        "{job:?}"
    );
    assert_eq!(
        bench.times("user").len(),
        2,
        "it asked whether the account sees anything"
    );
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn unknown_outcomes_end_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.acts((0..9).map(|_| Act::Answer(unknown())));
    let id = bench.submit("a", "text").await;
    let job = bench.until(id, is(State::Failed)).await;
    assert_eq!((job.attempts, bench.times("post").len()), (3, 3));
    assert!(
        job.last_error
            .as_deref()
            .unwrap()
            .starts_with("outcome unknown"),
        "{job:?}"
    );
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_sent_waits_with_the_lane_and_counts_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    let offline = || Act::Answer(Outcome::NotSent(trouble(TroubleKind::Offline, None)));
    bench.acts([offline(), offline(), offline()]);
    let id = bench.submit("a", "text").await;
    let job = bench.until(id, is(State::Posted)).await;
    assert_eq!((job.attempts, bench.comments()), (1, 1));
    let gaps = gaps(&bench.times("post"));
    for (gap, backoff) in gaps.iter().zip([60, 120, 240]) {
        assert!((backoff..backoff + 10).contains(gap), "{gaps:?}");
    }
    assert_eq!(bench.times("user").len(), 4, "each wait ends with a probe");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_stops_the_whole_lane_and_keeps_the_pace() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    let limited = Outcome::Account(trouble(TroubleKind::Limited, Some(2000)));
    bench.acts([Act::Answer(limited)]);
    let first = bench.submit("a", "text").await;
    let second = bench.submit("b", "text").await;
    bench.until(second, is(State::Posted)).await;
    let job = bench.until(first, is(State::Posted)).await;
    assert_eq!(job.attempts, 1);
    let times = bench.times("post");
    assert!((2000..2010).contains(&(times[1] - times[0])), "{times:?}");
    assert!((960..970).contains(&(times[2] - times[1])), "{times:?}");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_uncertain_job_is_looked_for_but_never_posted_again() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.acts([Act::Answer(unknown())]);
    let id = bench.submit("a", "text").await;
    bench.until(id, is(State::Uncertain)).await;
    assert!(bench.queue.cancel(id).await.unwrap().may_have_been_posted);
    bench.until(id, is(State::Cancelled)).await;
    assert_eq!(
        (bench.times("post").len(), bench.times("list").len()),
        (1, 2)
    );
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_job_makes_room_for_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    let refused = Outcome::Refused {
        reason: "issue is locked".to_owned(),
    };
    bench.acts([Act::Answer(refused)]);
    let first = bench.submit("a", "text").await;
    let second = bench.submit("b", "text").await;
    let job = bench.until(first, is(State::Failed)).await;
    assert_eq!(job.last_error.as_deref(), Some("issue is locked"));
    bench.until(second, is(State::Posted)).await;
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_comment_without_an_id_holds_its_target_until_the_id_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    let first = bench.submit("a", "same").await;
    bench.acts([Act::Answer(Outcome::Posted {
        comment_id: None,
        url: None,
    })]);
    let second = bench.submit("a", "same").await;
    bench.until(first, is(State::Posted)).await;
    let _created = bench.github.create("same");
    let job = bench.until(first, |job| job.comment_id.is_some()).await;
    assert_eq!(job.comment_id, Some(1000));
    let job = bench.until(second, is(State::Posted)).await;
    assert_eq!((job.comment_id, bench.times("post").len()), (Some(1001), 2));
    bench.end().await;
}
