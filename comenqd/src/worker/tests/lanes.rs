//! Several workers, one lane.

use super::*;

const POST: Duration = Duration::from_secs(25);

impl Bench {
    fn close_the_gate(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.github.script().gate = Some(Arc::clone(&gate));
        gate
    }

    fn running(&self) -> usize {
        self.github.script().running
    }
}

fn jitters(gaps: &[u64]) -> bool {
    gaps.windows(2).any(|pair| pair[0] != pair[1])
}

#[tokio::test(start_paused = true)]
async fn chance_lengthens_the_pace_within_its_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let mut shaky = settings("default");
    shaky.pace.jitter = Duration::from_secs(300);
    let bench = Bench::with(dir.path(), shaky).await;
    let mut last = bench.submit("r0", "text").await;
    for n in 1..6 {
        last = bench.submit(&format!("r{n}"), "text").await;
    }
    bench.until(last, is(State::Posted)).await;
    let gaps = gaps(&bench.times("post"));
    assert!(gaps.iter().all(|gap| (960..1270).contains(gap)), "{gaps:?}");
    assert!(jitters(&gaps), "{gaps:?}");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn two_accounts_of_one_user_never_post_at_once_and_keep_one_pace() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::idle(dir.path()).await;
    bench.serve([settings("default"), settings("second")]);
    let gate = bench.close_the_gate();
    for repo in ["a", "b"] {
        bench.submit(repo, "text").await;
        let second = NewJob {
            account: "second".to_owned(),
            uid: 2,
            ..bench.new_job(repo, "text")
        };
        bench.submit_new(second).await;
    }
    for post in 1..=4 {
        bench.until_so(|it| it.running() > 0).await;
        bench.pass(POST).await;
        assert_eq!(bench.times("post").len(), post);
        gate.add_permits(1);
        bench.until_so(|it| it.running() == 0).await;
    }
    assert_eq!(bench.github.script().most_running, 1);
    let gaps = gaps(&bench.times("post"));
    let pace = 960 + POST.as_secs();
    assert!(
        gaps.iter().all(|gap| (pace..pace + 15).contains(gap)),
        "{gaps:?}"
    );
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_replaced_finishes_its_post_before_another_goes() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::start(dir.path()).await;
    let gate = bench.close_the_gate();
    let first = bench.submit("a", "text").await;
    let second = bench.submit("b", "text").await;
    bench.until_so(|it| it.running() > 0).await;
    bench.stop.cancel();
    bench.stop = CancellationToken::new();
    bench.serve([settings("default")]);
    // Far longer than any POST: it is the lane that keeps the new one waiting, not the pace.
    bench.pass_seconds(2000).await;
    assert_eq!((bench.times("post").len(), bench.running()), (1, 1));
    assert_eq!(bench.queue.peek(first).await.unwrap().state, State::Posting);
    gate.add_permits(2);
    let job = bench.until(first, is(State::Posted)).await;
    assert_eq!((job.comment_id, job.attempts), (Some(1000), 1));
    bench.until(second, is(State::Posted)).await;
    let gaps = gaps(&bench.times("post"));
    assert!((2960..2975).contains(&gaps[0]), "{gaps:?}");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_lane_stops_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::start(dir.path()).await;
    let gate = bench.close_the_gate();
    let id = bench.submit("a", "text").await;
    bench.until_so(|it| it.running() > 0).await;
    let first = bench.workers.pop().unwrap();
    let posting = std::mem::take(&mut bench.stop);
    let mut second = settings("default");
    second.pace.cooldown = Duration::from_secs(1);
    bench.submit("b", "text").await;
    bench.serve([second]);
    bench.pass_seconds(60).await;
    let waiting = bench.workers.pop().unwrap();
    bench.stop.cancel();
    waiting.await.unwrap();
    assert!(!first.is_finished());
    posting.cancel();
    gate.add_permits(1);
    first.await.unwrap();
    assert_eq!(bench.queue.peek(id).await.unwrap().state, State::Posted);
    bench.end().await;
}
