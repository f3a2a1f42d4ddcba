//! The loop: pace, looks, waits.

use super::*;

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
        assert!((backoff..2 * backoff + 10).contains(gap), "{gaps:?}");
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
    let cancelled = bench.queue.change(id, Verb::Cancel).await.unwrap();
    assert!(cancelled.job.may_have_been_posted());
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
        kind: RefusalKind::Locked,
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
