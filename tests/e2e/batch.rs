//! A batch is queued whole or not at all, and repeating it queues nothing twice.

use comenq_proto::ErrorCode;
use harness::cli::Cli;
use harness::daemon::Daemon;
use serde_json::{Value, json};

use crate::world::{assert_refused, bodies, world, world_with};

fn lines(jobs: &[Value]) -> String {
    let lines: Vec<_> = jobs.iter().map(Value::to_string).collect();
    lines.join("\n")
}

fn batch(daemon: &Daemon, text: &str) -> Cli {
    let words = ["post", "--json", "--key", "b", "--batch", "-"];
    daemon.cli(&words).stdin(text.to_owned())
}

fn count(daemon: &Daemon) -> u64 {
    daemon.status().counts.values().sum()
}

#[test]
fn all_are_queued_in_their_order() {
    let (standin, daemon) = world();
    let text = lines(&[
        json!({"target": "octo/demo#1", "body": "one"}),
        json!({"owner": "octo", "repo": "demo", "number": 1, "body": "two"}),
        json!({"target": "octo/demo#2", "body": "held", "hold": true, "priority": 5}),
    ]);
    batch(&daemon, &text).ok();
    daemon.wait_posted(2);
    assert_eq!(bodies(&standin), ["one", "two"]);
    assert_eq!(daemon.job(3).priority, 5);
    batch(&daemon, &text).ok();
    assert_eq!(count(&daemon), 3, "the same batch again is the same jobs");
}

#[test]
fn one_bad_line_and_none_is_queued() {
    let (_standin, daemon) = world_with(|setup| setup.raw("allowed_repositories", "['octo/*']"));
    let good = json!({"target": "octo/demo#1", "body": "one"});
    let refused = json!({"target": "acme/site#1", "body": "two"});
    let done = batch(&daemon, &lines(&[good.clone(), refused])).run();
    assert_refused(&done, 4, ErrorCode::RepositoryNotAllowed);
    assert!(done.stderr.contains("line 2 of the batch"), "{done:?}");
    for bad in [
        json!({"target": "octo/demo", "body": "x"}),
        json!({"target": "octo/demo#1"}),
        json!({"target": "octo/demo#1", "body": "x", "prority": 1}),
    ] {
        let done = batch(&daemon, &lines(&[good.clone(), bad])).run();
        assert_eq!(done.code, 2, "{done:?}");
        assert!(done.stderr.contains("line 2"), "{done:?}");
    }
    assert_eq!(count(&daemon), 0);
}

#[test]
fn a_batch_over_the_limit_is_refused_whole() {
    let (_standin, daemon) = world_with(|setup| setup.number("policy.max_queued_jobs", 2));
    let job =
        |number: u64| json!({"target": "octo/demo#1", "body": number.to_string(), "hold": true});
    let done = batch(&daemon, &lines(&[job(1), job(2), job(3)])).run();
    assert_refused(&done, 4, ErrorCode::QuotaExceeded);
    assert_eq!(count(&daemon), 0);
    batch(&daemon, &lines(&[job(1), job(2)])).ok();
    assert_eq!(count(&daemon), 2);
}

#[test]
fn five_hundred_at_once_and_not_one_more() {
    let (_standin, daemon) = world();
    let job =
        |number: u64| json!({"target": "octo/demo#1", "body": number.to_string(), "hold": true});
    let jobs: Vec<_> = (1..=501).map(job).collect();
    assert_eq!(batch(&daemon, &lines(&jobs)).run().code, 2);
    assert_eq!(count(&daemon), 0);
    batch(&daemon, &lines(&jobs[..500])).ok();
    assert_eq!(count(&daemon), 500);
}
