//! What bars an account or one owner from posting, and how that ends.

use super::*;

fn barred(seconds: u64) -> Act {
    Act::Answer(Outcome::Owner(OwnerTrouble {
        reason: "single sign-on".to_owned(),
        url: Some("https://sso".to_owned()),
        wait: Some(Duration::from_secs(seconds)),
    }))
}

fn blocked() -> Trouble {
    trouble(TroubleKind::Blocked, None)
}

#[tokio::test(start_paused = true)]
async fn only_the_jobs_of_an_owner_that_bars_the_account_wait() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.acts([barred(3000)]);
    let strict = bench.submit_new(bench.job_at("strict", "a")).await;
    let other = bench.submit_new(bench.job_at("open", "b")).await;
    bench.until(other, is(State::Posted)).await;
    let report = bench.report();
    let owner = &report.owners[0];
    assert_eq!((owner.owner.as_str(), report.owners.len()), ("strict", 1));
    assert_eq!(owner.url.as_deref(), Some("https://sso"));
    // The account itself is well.
    bench.until_so(|it| it.report().phase == Phase::Idle).await;
    let job = bench.until(strict, is(State::Posted)).await;
    assert_eq!(job.attempts, 1, "what the owner bars counts for nothing");
    let times = bench.times("post");
    assert!((960..970).contains(&(times[1] - times[0])), "{times:?}");
    assert!((3001..3010).contains(&(times[2] - times[0])), "{times:?}");
    bench.until_so(|it| it.report().owners.is_empty()).await;
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_goes_on_barring_is_tried_less_and_less_often() {
    let dir = tempfile::tempdir().unwrap();
    let mut hasty = settings("default");
    hasty.pace.cooldown = Duration::from_secs(8);
    let bench = Bench::with(dir.path(), hasty).await;
    let unsaid = || {
        Act::Answer(Outcome::Owner(OwnerTrouble {
            reason: "single sign-on".to_owned(),
            url: None,
            wait: None,
        }))
    };
    bench.acts([unsaid(), unsaid(), unsaid()]);
    let id = bench.submit("a", "text").await;
    bench.until(id, is(State::Posted)).await;
    let gaps = gaps(&bench.times("post"));
    for (gap, backoff) in gaps.iter().zip([60, 120, 240]) {
        assert!((backoff..2 * backoff + 10).contains(gap), "{gaps:?}");
    }
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_blocked_account_posts_nothing_until_it_is_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.acts([Act::Answer(Outcome::Account(blocked()))]);
    let id = bench.submit("a", "text").await;
    bench
        .until_so(|it| it.report().phase == Phase::Blocked)
        .await;
    let asked = bench.times("user").len();
    bench.pass_seconds(4000).await;
    assert_eq!(bench.times("post").len(), 1);
    assert_eq!(bench.times("user").len(), asked, "nor does it ask anything");
    assert_eq!(bench.queue.resume("default".to_owned()).await, Ok(true));
    let job = bench.until(id, is(State::Posted)).await;
    assert_eq!(job.attempts, 1);
    assert_eq!(bench.times("user").len(), asked + 1, "a probe goes first");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn another_token_ends_a_block() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::start(dir.path()).await;
    bench.github.script().strangers.push_back(blocked());
    let id = bench.submit("a", "text").await;
    bench
        .until_so(|it| it.report().phase == Phase::Blocked)
        .await;
    bench.stop.cancel();
    for worker in bench.workers.drain(..) {
        worker.await.unwrap();
    }
    bench.stop = CancellationToken::new();
    bench.serve([settings("default")]);
    bench.pass_seconds(100).await;
    assert_eq!(bench.times("post").len(), 0, "the same token");
    bench.stop.cancel();
    bench.stop = CancellationToken::new();
    let mut renewed = settings("default");
    renewed.pace.token_tag = 2;
    bench.serve([renewed]);
    bench.until(id, is(State::Posted)).await;
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_github_warns_of_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.github.script().notices = vec![Notice {
        kind: NoticeKind::TokenExpires,
        at: Some(UnixMs(1_796_112_000_000)),
        text: "the token expires in May".to_owned(),
    }];
    let id = bench.submit("a", "text").await;
    bench.until(id, is(State::Posted)).await;
    let shown = |it: &Bench| it.report().warnings == ["the token expires in May"];
    bench.until_so(shown).await;
    let end = bench.report().token_expires_at;
    assert_eq!(end, Some(UnixMs(1_796_112_000_000)));
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_story_is_told_with_githubs_status_and_request() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.acts([Act::Answer(Outcome::Refused {
        kind: RefusalKind::Locked,
        reason: "issue is locked".to_owned(),
    })]);
    let id = bench.submit("a", "text").await;
    let job = bench.until(id, is(State::Failed)).await;
    assert_eq!(job.failure, Some(Failure::Locked));
    let log = bench.queue.log(id).await.unwrap();
    assert_eq!((log.len(), log[0].status), (1, Some(200)));
    assert_eq!(log[0].github_request_id.as_deref(), Some("REQ"));
    assert_eq!(log[0].detail.as_deref(), Some("issue is locked"));
    bench.end().await;
}
