//! What a job asks for beside being posted, and how long it is tried.

use uuid::Uuid;

use super::*;
use crate::github::look::Marker;

impl Bench {
    fn open_only(&self, repo: &str) -> NewJob {
        NewJob {
            if_open: true,
            ..self.new_job(repo, "text")
        }
    }

    fn issues(&self, answers: impl IntoIterator<Item = Result<bool, ListError>>) {
        self.github.script().issues.extend(answers);
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_issue_ends_the_job_and_costs_no_slot() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.issues([Ok(false)]);
    let closed = bench.submit_new(bench.open_only("a")).await;
    let job = bench.until(closed, is(State::Cancelled)).await;
    assert!(job.last_error.unwrap().contains("the issue is closed"));
    let next = bench.submit("b", "text").await;
    bench.until(next, is(State::Posted)).await;
    let posts = bench.times("post");
    assert!(posts.len() == 1 && posts[0] < 20, "{posts:?}");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_issue_is_looked_at_before_each_post() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.issues([Ok(true), Ok(false)]);
    bench.acts([Act::Answer(unknown())]);
    let id = bench.submit_new(bench.open_only("a")).await;
    bench.until(id, is(State::Cancelled)).await;
    assert_eq!(bench.times("issue").len(), 2);
    assert_eq!(bench.times("post").len(), 1);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_no_condition_has_none_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    let id = bench.submit("a", "text").await;
    bench.until(id, is(State::Posted)).await;
    assert_eq!(bench.times("issue"), Vec::<u64>::new());
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_issue_that_cannot_be_looked_at_puts_off_only_its_own_job() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    let offline = ListError::Trouble(trouble(TroubleKind::Offline, None));
    bench.issues([Err(offline), Ok(true)]);
    let first = bench.submit_new(bench.open_only("a")).await;
    let second = bench.submit("b", "text").await;
    bench.until(second, is(State::Posted)).await;
    bench.until(first, is(State::Posted)).await;
    assert_eq!(bench.targets(), ["owner/b#1", "owner/a#1"]);
    bench.end().await;
}

fn marking() -> Settings {
    Settings {
        marker: true,
        ..settings("default")
    }
}

impl Bench {
    fn marker(&self, job: JobId) -> Marker {
        let store = Uuid::from_u128(self.queue.store_id());
        Marker { store, job }
    }
}

#[tokio::test(start_paused = true)]
async fn a_marked_comment_is_known_again_whatever_else_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::with(dir.path(), marking()).await;
    bench.acts([Act::Answer(unknown())]);
    let id = bench.submit("a", "text").await;
    bench.until(id, is(State::Uncertain)).await;
    let (_, sent) = bench.github.script().posts[0].clone();
    assert_eq!(sent, format!("text\n\n{}", bench.marker(id)));
    let _created = bench
        .github
        .create(&format!("other words\n\n{}", bench.marker(id)));
    let job = bench.until(id, is(State::Posted)).await;
    assert_eq!((job.comment_id, job.attempts), (Some(1000), 1));
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_comment_without_the_mark_is_not_a_marked_jobs() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::with(dir.path(), marking()).await;
    bench.acts([Act::Answer(unknown())]);
    let id = bench.submit("a", "text").await;
    bench.until(id, is(State::Uncertain)).await;
    let _created = bench.github.create("text");
    let job = bench.until(id, is(State::Posted)).await;
    assert_eq!((job.comment_id, job.attempts), (Some(1001), 2));
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_first_attempt_is_too_long_ago_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut impatient = settings("default");
    impatient.policy.max_age = Duration::from_secs(500);
    let bench = Bench::with(dir.path(), impatient).await;
    bench.acts([Act::Answer(unknown())]);
    let id = bench.submit("a", "text").await;
    let job = bench.until(id, is(State::Failed)).await;
    assert_eq!(job.failure, Some(Failure::TooOld));
    assert_eq!(
        (bench.times("post").len(), bench.times("list").len()),
        (1, 2)
    );
    bench.queue.change(id, Verb::Retry).await.unwrap();
    let job = bench.until(id, is(State::Posted)).await;
    assert_eq!(job.attempts, 2, "its age counts from its revival");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_too_old_is_still_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut impatient = settings("default");
    impatient.policy.max_age = Duration::from_secs(1);
    let bench = Bench::with(dir.path(), impatient).await;
    bench.acts([Act::CreateSilently("")]);
    let id = bench.submit("a", "text").await;
    bench.until(id, is(State::Posted)).await;
    assert_eq!(bench.times("post").len(), 1);
    bench.end().await;
}
