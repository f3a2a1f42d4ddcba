//! Targets that have moved.

use std::collections::BTreeMap;

use super::*;
use crate::policy::{Limits, Policy as Rulebook, RepoGlob};

fn moved() -> Moved {
    Moved {
        location: "https://api.github.com/repositories/7/issues/1/comments".to_owned(),
        reason: "301 Moved Permanently".to_owned(),
    }
}

fn at(owner: &str, repo: &str) -> Target {
    Target::parse(owner, repo, 1).unwrap()
}

impl Bench {
    /// The next POST is told that its target is there.
    fn moves_to(&self, target: Target) {
        self.acts([Act::Answer(Outcome::Moved(moved()))]);
        self.github.script().places.push_back(Ok(target));
    }
}

#[tokio::test(start_paused = true)]
async fn a_moved_target_is_followed_at_the_next_turn() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.moves_to(at("new", "home"));
    let id = bench.submit("a", "text").await;
    let job = bench.until(id, is(State::Posted)).await;
    assert_eq!(bench.targets(), ["owner/a#1", "new/home#1"]);
    assert_eq!(job.moved_to, Some(at("new", "home")));
    assert_eq!(job.target, at("owner", "a"), "what was asked for stays");
    let gaps = gaps(&bench.times("post"));
    assert!((960..970).contains(&gaps[0]), "{gaps:?}");
    let other = bench.submit("a", "other").await;
    bench.until(other, is(State::Posted)).await;
    assert_eq!(bench.targets()[2], "owner/a#1", "another job asks anew");
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_target_that_moved_where_its_user_may_not_post_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    let limits = Limits {
        allowed_repositories: Some(vec![RepoGlob::parse("owner/*").unwrap()]),
        ..Limits::default()
    };
    let rules = Rulebook::new(limits, BTreeMap::new(), BTreeMap::new());
    bench.shared.rules.set(rules);
    bench.moves_to(at("new", "home"));
    let id = bench.submit("a", "text").await;
    let job = bench.until(id, is(State::Failed)).await;
    assert_eq!(job.failure, Some(Failure::Moved));
    let reason = job.last_error.unwrap();
    assert!(
        reason.contains("new/home") && reason.contains("allowed_repositories"),
        "{reason}"
    );
    assert_eq!(bench.targets(), ["owner/a#1"]);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_target_that_moves_again_and_again_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    for repo in ["b", "a", "b", "a", "b"] {
        bench.moves_to(at("owner", repo));
    }
    let id = bench.submit("a", "text").await;
    let job = bench.until(id, is(State::Failed)).await;
    assert_eq!(job.failure, Some(Failure::TooManyAttempts));
    assert_eq!(bench.targets(), ["owner/a#1", "owner/b#1", "owner/a#1"]);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_target_that_moved_out_of_sight_fails() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.acts([Act::Answer(Outcome::Moved(moved()))]);
    let id = bench.submit("a", "text").await;
    let job = bench.until(id, is(State::Failed)).await;
    assert_eq!(job.failure, Some(Failure::Moved));
    assert_eq!(
        job.last_error.as_deref(),
        Some("301 Moved Permanently, and there: it is nowhere")
    );
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_comment_is_looked_for_where_its_target_has_moved() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::start(dir.path()).await;
    bench.acts([Act::CreateSilently("")]);
    {
        let mut script = bench.github.script();
        script.listings.push_back(ListError::Moved(moved()));
        script.places.push_back(Ok(at("new", "home")));
    }
    let id = bench.submit("a", "text").await;
    let job = bench.until(id, is(State::Posted)).await;
    assert_eq!((job.comment_id, job.attempts), (Some(1000), 1));
    assert_eq!(job.moved_to, Some(at("new", "home")));
    assert_eq!(bench.times("list").len(), 2);
    bench.end().await;
}
