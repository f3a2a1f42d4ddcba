//! Submit keys: the same submission twice is one job, and a key never stands
//! for two different comments.

use std::time::{Duration, SystemTime};

use comenq_proto::{ErrorCode, JobState, JobSubmit, JobSubmitBatch};
use harness::daemon::submission;
use harness::wait;
use serde_json::json;

use crate::world::{ISSUE, OTHER, assert_posted_once, bodies, posts, world, world_with};

#[test]
fn the_same_key_and_content_is_the_same_job() {
    let (standin, daemon) = world();
    let mut connection = daemon.connect();
    let request = submission(ISSUE, "once", Some("key-1"));
    let first = connection.call(&request).unwrap().unwrap();
    let again = connection.call(&request).unwrap().unwrap();
    assert_eq!((first.job.id, first.duplicate), (1, false));
    assert_eq!((again.job.id, again.duplicate), (1, true));
    let job = daemon.wait_posted(1);
    let late = daemon.connect().call(&request).unwrap().unwrap();
    assert_eq!(
        (late.job.id, late.job.state, late.duplicate),
        (1, JobState::Posted, true)
    );
    assert_posted_once(&standin, &job, "once");
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn the_case_of_the_name_is_not_other_content() {
    let (_standin, daemon) = world();
    let first = daemon
        .connect()
        .call(&submission(ISSUE, "once", Some("k")))
        .unwrap()
        .unwrap();
    let again = daemon
        .connect()
        .call(&submission("OCTO/Demo#1", "once", Some("k")))
        .unwrap();
    assert_eq!(again.unwrap().job.id, first.job.id);
}

#[test]
fn the_same_key_with_other_content_is_refused() {
    let (standin, daemon) = world();
    let mut connection = daemon.connect();
    connection
        .call(&submission(ISSUE, "once", Some("key-1")))
        .unwrap()
        .unwrap();
    for other in [
        submission(ISSUE, "twice", Some("key-1")),
        submission(OTHER, "once", Some("key-1")),
    ] {
        let error = connection.call(&other).unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::KeyReused);
        assert!(!error.retryable);
    }
    daemon.wait_posted(1);
    assert_eq!(bodies(&standin), ["once"]);
    assert_eq!(
        daemon.status().counts.values().sum::<u64>(),
        1,
        "nothing else was stored"
    );
}

#[test]
fn the_client_says_so_too() {
    let (standin, daemon) = world();
    let post = |body: &str| {
        daemon
            .cli(&["post", "--json", "--key", "ci-7", ISSUE, body])
            .run()
    };
    let (first, again, other) = (post("once"), post("once"), post("twice"));
    assert_eq!((first.code, again.code, other.code), (0, 0, 2));
    assert_eq!(first.json()["job"]["id"], again.json()["job"]["id"]);
    let error = other.json_error();
    assert!(
        error["message"].as_str().unwrap().contains("key"),
        "{error}"
    );
    assert_eq!(error["retryable"], json!(false));
    daemon.wait_posted(1);
    assert_eq!(bodies(&standin), ["once"]);
}

#[test]
fn keys_outlive_the_daemon() {
    let (standin, mut daemon) = world();
    let request = submission(ISSUE, "once", Some("key-1"));
    daemon.connect().call(&request).unwrap().unwrap();
    daemon.kill9();
    daemon.start_again();
    let again = daemon.connect().call(&request).unwrap().unwrap();
    assert_eq!((again.job.id, again.duplicate), (1, true));
    daemon.wait_posted(1);
    daemon.restart();
    let again = daemon.connect().call(&request).unwrap().unwrap();
    assert_eq!((again.job.id, again.job.state), (1, JobState::Posted));
    let other = daemon
        .connect()
        .call(&submission(ISSUE, "twice", Some("key-1")))
        .unwrap();
    assert_eq!(other.unwrap_err().code, ErrorCode::KeyReused);
    assert_eq!(bodies(&standin), ["once"]);
}

#[test]
fn many_at_once_with_one_key_are_one_job() {
    let (standin, daemon) = world();
    let ids: Vec<u64> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let request = submission(ISSUE, "stampede", Some("one"));
                    daemon.connect().call(&request).unwrap().unwrap().job.id
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(ids, [1; 16]);
    daemon.wait_posted(1);
    assert_eq!(bodies(&standin), ["stampede"]);
}

#[test]
fn without_a_key_the_same_text_twice_is_two_jobs() {
    let (standin, daemon) = world();
    for _ in 0..2 {
        daemon.cli(&["post", ISSUE, "+1"]).ok();
    }
    daemon.wait_posted(2);
    assert_eq!(bodies(&standin), ["+1", "+1"]);
}

#[test]
fn a_key_of_a_dead_or_cancelled_job_still_names_it() {
    let (_standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    let dead = submission("octo/demo#404", "dead", Some("dead"));
    let id = daemon.connect().call(&dead).unwrap().unwrap().job.id;
    daemon.wait_for(id, &[JobState::Failed]);
    let again = daemon.connect().call(&dead).unwrap().unwrap();
    assert_eq!((again.job.id, again.job.state), (id, JobState::Failed));

    let gone = submission(ISSUE, "gone", Some("gone"));
    let id = daemon.connect().call(&gone).unwrap().unwrap().job.id;
    daemon.cli(&["cancel", &id.to_string()]).ok();
    let again = daemon.connect().call(&gone).unwrap().unwrap();
    assert_eq!((again.job.id, again.job.state), (id, JobState::Cancelled));
}

#[test]
fn bad_keys_are_refused() {
    let (_standin, daemon) = world();
    for key in ["", "two words", "tab\t", "umläut", &"k".repeat(129)] {
        let error = daemon
            .connect()
            .call(&submission(ISSUE, "x", Some(key)))
            .unwrap();
        assert_eq!(error.unwrap_err().code, ErrorCode::InvalidKey, "{key:?}");
        assert_eq!(
            daemon.cli(&["post", "--key", key, ISSUE, "x"]).run().code,
            2,
            "{key:?}"
        );
    }
    let longest = "k".repeat(128);
    daemon.cli(&["post", "--key", &longest, ISSUE, "x"]).ok();
}

#[test]
fn a_key_finds_its_job_though_the_submission_would_be_refused_by_now() {
    let (standin, daemon) = world();
    let now = || i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let mut request = submission(ISSUE, "once", Some("key-1"));
    let expires_at_ms = now() + 2_500;
    request.expires_at_ms = Some(expires_at_ms);
    daemon.connect().call(&request).unwrap().unwrap();
    daemon.wait_posted(1);
    wait::until("the time to expire", Duration::from_secs(10), || {
        (now() > expires_at_ms).then_some(())
    });
    let again = daemon.connect().call(&request).unwrap().unwrap();
    assert_eq!((again.job.id, again.duplicate), (1, true));
    request.key = Some("key-2".to_owned());
    let fresh = daemon.connect().call(&request).unwrap().unwrap_err();
    assert_eq!(fresh.code, ErrorCode::InvalidValue);
    let batch = JobSubmitBatch {
        jobs: vec![
            submission(OTHER, "more", Some("key-3")),
            JobSubmit {
                key: Some("key-1".to_owned()),
                ..request
            },
        ],
    };
    let both = daemon.connect().call(&batch).unwrap().unwrap();
    let ids: Vec<_> = both
        .jobs
        .iter()
        .map(|it| (it.job.id, it.duplicate))
        .collect();
    assert_eq!(ids, [(2, false), (1, true)]);
    daemon.wait_posted(2);
    assert_eq!(posts(&standin).len(), 2);
}
