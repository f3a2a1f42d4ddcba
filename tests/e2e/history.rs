//! What a job went through, and how long finished jobs are kept.

use comenq_proto::{ErrorCode, JobGet, JobState, LogEntry, LogKind};
use harness::daemon::{Daemon, submission};
use harness::github::{Answer, Fault, Refusal};
use harness::wait;

use crate::world::{ISSUE, OTHER, SOON, assert_refused, bodies, posts, world, world_with};

fn log(daemon: &Daemon, id: u64) -> Vec<LogEntry> {
    let reply = daemon.connect().call(&JobGet { id }).unwrap();
    reply.unwrap().attempt_log
}

fn outcomes(log: &[LogEntry]) -> Vec<(LogKind, u32, &str, Option<u16>)> {
    log.iter()
        .map(|entry| (entry.kind, entry.number, &*entry.outcome, entry.status))
        .collect()
}

#[test]
fn each_attempt_and_each_look_is_told() {
    let (standin, daemon) = world();
    let limited = Answer::Refuse(Refusal::secondary(Some(2)));
    standin.fault(Fault::on_post().without_creating().answer(limited));
    let broken = Answer::Refuse(Refusal::BadGateway);
    standin.fault(Fault::on_post().without_creating().answer(broken));
    let id = daemon.submit(ISSUE, "third time lucky").job.id;
    daemon.wait_posted(id);
    let log = log(&daemon, id);
    assert_eq!(
        outcomes(&log),
        [
            (LogKind::Attempt, 1, "limited", Some(403)),
            (LogKind::Attempt, 1, "unknown", Some(502)),
            (LogKind::Look, 1, "nothing", Some(200)),
            (LogKind::Look, 2, "nothing", Some(200)),
            (LogKind::Attempt, 2, "posted", Some(201)),
        ],
        "{log:?}"
    );
    assert!(log[0].wait_ms.unwrap() >= 2_000);
    let detail = log[0].detail.as_deref().unwrap();
    assert!(detail.contains("secondary rate limit"), "{detail}");
    assert!(log.windows(2).all(|pair| pair[0].at_ms <= pair[1].at_ms));
    assert!(log.iter().all(|entry| entry.github_request_id.is_some()));
    assert_eq!(posts(&standin).len(), 3);
    let shown = daemon.cli(&["show", &id.to_string()]).ok().stdout;
    for part in ["attempt 1: limited, status 403", "wait ", "(request "] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn what_was_lost_and_found_is_told() {
    let (standin, daemon) = world();
    standin.fault(Fault::on_post().answer(Answer::Close));
    let id = daemon.submit(ISSUE, "lost").job.id;
    daemon.wait_posted(id);
    let log = log(&daemon, id);
    assert_eq!(
        outcomes(&log),
        [
            (LogKind::Attempt, 1, "unknown", None),
            (LogKind::Look, 1, "found", Some(200)),
        ],
        "{log:?}"
    );
}

#[test]
fn a_refusal_is_quoted_with_githubs_own_words() {
    let (standin, daemon) = world();
    let spam = Answer::Refuse(Refusal::Spam);
    standin.fault(Fault::on_post().without_creating().answer(spam));
    let id = daemon.submit(ISSUE, "buy").job.id;
    daemon.wait_for(id, &[JobState::Failed]);
    let log = log(&daemon, id);
    assert_eq!(
        outcomes(&log),
        [(LogKind::Attempt, 1, "refused", Some(422))]
    );
    assert!(
        log[0]
            .detail
            .as_deref()
            .unwrap()
            .to_lowercase()
            .contains("spam")
    );
}

#[test]
fn no_more_than_twenty_steps_are_kept() {
    let (standin, daemon) = world_with(|setup| setup.number("max_attempts", 10));
    let lost = Fault::on_post().without_creating().answer(Answer::Close);
    standin.fault(lost.times(8));
    let id = daemon.submit(ISSUE, "again and again").job.id;
    let job = daemon.wait_longer(id, &[JobState::Posted], 2 * SOON);
    assert_eq!(job.attempts, 9);
    let log = log(&daemon, id);
    assert_eq!(log.len(), 20);
    assert_eq!(log.last().unwrap().outcome, "posted");
}

fn history(daemon: &Daemon) -> Vec<u64> {
    let mut ids = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut words = vec!["list", "--json", "--history", "--limit", "2"];
        if let Some(cursor) = &cursor {
            words.extend(["--cursor", cursor]);
        }
        let page = daemon.cli(&words).ok().json();
        let jobs = page["jobs"].as_array().unwrap().clone();
        ids.extend(jobs.iter().map(|job| job["id"].as_u64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return ids,
        }
    }
}

#[test]
fn the_history_has_finished_jobs_only_the_newest_first() {
    let (_standin, daemon) = world();
    for target in [ISSUE, OTHER, "octo/demo#404"] {
        daemon.submit(target, "x");
    }
    daemon.cli(&["post", "--hold", ISSUE, "waits"]).ok();
    daemon.wait_posted(1);
    daemon.wait_posted(2);
    daemon.wait_for(3, &[JobState::Failed]);
    assert_eq!(history(&daemon), [3, 2, 1]);
    let cursor = |line: &[&str]| {
        let page = daemon.cli(line).ok().json();
        page["next_cursor"].as_str().unwrap().to_owned()
    };
    let list = ["list", "--json", "--limit", "1"];
    let of_history = cursor(&[&list[..], &["--history"]].concat());
    let of_list = cursor(&list);
    for line in [
        &["list", "--json", "--cursor", &of_history][..],
        &["list", "--json", "--history", "--cursor", &of_list],
    ] {
        assert_refused(&daemon.cli(line).run(), 2, ErrorCode::InvalidCursor);
    }
}

#[test]
fn finished_jobs_beyond_the_number_go_and_their_keys_stay() {
    let (standin, mut daemon) = world_with(|setup| setup.number("keep_finished_jobs", 2));
    let submit = |daemon: &Daemon, body: &str, key: &str| {
        let request = submission(ISSUE, body, Some(key));
        daemon.connect().call(&request).unwrap()
    };
    for (number, key) in [(1, "a"), (2, "b"), (3, "c")] {
        let reply = submit(&daemon, "x", key).unwrap();
        assert_eq!(reply.job.id, number);
        daemon.wait_posted(number);
    }
    wait::until("the oldest to be pruned", SOON, || {
        (history(&daemon) == [3, 2]).then_some(())
    });
    let gone = daemon.cli(&["show", "--json", "1"]).run();
    assert_eq!(gone.code, 5, "{gone:?}");
    for _ in 0..2 {
        let again = submit(&daemon, "x", "a").unwrap();
        assert!(again.duplicate);
        assert_eq!((again.job.id, again.job.state), (1, JobState::Posted));
        daemon.restart();
    }
    let other = submit(&daemon, "another text", "a").unwrap_err();
    assert_eq!(other.code, ErrorCode::KeyReused);
    assert_eq!(bodies(&standin).len(), 3);
    assert!(daemon.log().contains("pruned 1 finished jobs"));
}

#[test]
fn what_is_not_known_to_be_over_is_never_pruned() {
    let (standin, daemon) = world_with(|setup| setup.number("keep_finished_jobs", 0));
    let no_id = Answer::Without(vec!["id".to_owned()]);
    standin.fault(Fault::on_post().answer(no_id));
    let hidden = Fault::on(harness::github::Kind::Listing);
    let broken = Answer::Refuse(Refusal::BadGateway);
    standin.fault(hidden.times(1_000).answer(broken));
    let id = daemon.submit(ISSUE, "posted, number unknown").job.id;
    daemon.wait_posted(id);
    let other = daemon.submit(OTHER, "x").job.id;
    daemon.wait_posted(other);
    wait::until("the other to be pruned", SOON, || {
        (daemon.cli(&["show", &other.to_string()]).run().code == 5).then_some(())
    });
    assert_eq!(daemon.job(id).state, JobState::Posted);
}
