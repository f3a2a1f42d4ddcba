//! The main job as a person lives it: a comment is typed, queued, posted once
//! and found again; and it survives the daemon being stopped in between.

use comenq_proto::JobState;
use harness::github::{Config, Fault, GithubStandin, Kind, LOGIN, Pause, TOKEN};
use harness::setup::Setup;
use harness::wait;

use crate::world::world_with;
use crate::world::{ISSUE, OTHER, SOON, arrived, assert_posted_once, bodies, posts, world};

#[test]
fn one_comment_from_the_command_line_to_github() {
    let (standin, daemon) = world();
    let done = daemon
        .cli(&["post", "octo/demo", "1", "hello from comenq"])
        .ok();
    assert!(
        done.stdout.starts_with("queued #1 for octo/demo#1"),
        "{}",
        done.stdout
    );
    assert_eq!(done.stderr, "");

    let job = daemon.wait_posted(1);
    assert_posted_once(&standin, &job, "hello from comenq");
    assert_eq!((job.attempts, job.last_error.as_deref()), (1, None));

    let post = &posts(&standin)[0];
    assert_eq!(post.login.as_deref(), Some(LOGIN));
    assert_eq!(post.header("user-agent").len(), 1, "once, and once only");
    assert!(post.header("user-agent")[0].starts_with("comenq"));
    let sent: serde_json::Value = serde_json::from_str(&post.body).unwrap();
    assert_eq!(sent, serde_json::json!({"body": "hello from comenq"}));

    let url = job.comment_url.unwrap();
    for command in [vec!["show", "1"], vec!["list"]] {
        let done = daemon.cli(&command).ok();
        assert!(
            done.stdout.contains("posted"),
            "{command:?}: {}",
            done.stdout
        );
    }
    assert!(daemon.cli(&["show", "1"]).ok().stdout.contains(&*url));
    assert!(daemon.cli(&["status"]).ok().stdout.contains(LOGIN));
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn the_log_tells_a_jobs_life_without_secrets() {
    let (_standin, daemon) = world();
    let id = daemon.submit(ISSUE, "a very private remark").job.id;
    let url = daemon.wait_posted(id).comment_url.unwrap();
    let log = wait::until("the log to name the comment", SOON, || {
        Some(daemon.log()).filter(|log| log.contains(&*url))
    });
    assert!(log.contains("queued") && log.contains("posted"), "{log}");
    assert!(!log.contains("private remark"), "a body in the log");
    assert!(!log.contains(TOKEN), "the token in the log");
}

#[test]
fn comments_on_one_issue_keep_their_order() {
    let (standin, daemon) = world();
    let texts = ["first", "second", "third"];
    let ids: Vec<u64> = texts
        .iter()
        .map(|text| daemon.submit(ISSUE, text).job.id)
        .collect();
    assert_eq!(ids, [1, 2, 3]);
    daemon.wait_posted(3);
    assert_eq!(bodies(&standin), texts);
}

#[test]
fn the_position_grows_with_the_queue() {
    let (_standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 60));
    daemon.wait_posted(daemon.submit(ISSUE, "the first one goes at once").job.id);
    for (place, words) in [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th")] {
        let done = daemon.cli(&["post", "octo/demo", "1", "waiting"]).ok();
        assert!(
            done.stdout.contains(&format!("{words} in line")),
            "{place}: {}",
            done.stdout
        );
        assert!(done.stdout.contains("expected about"), "{}", done.stdout);
    }
}

#[test]
fn any_case_of_the_name_is_the_same_issue() {
    let (standin, daemon) = world();
    let reply = daemon.submit("Octo/DEMO#1", "shouted");
    assert_eq!(reply.job.owner, "Octo", "the case typed is kept");
    let job = daemon.wait_posted(reply.job.id);
    assert_posted_once(&standin, &job, "shouted");
}

#[test]
fn an_enterprise_server_lives_below_a_prefix() {
    let config = Config {
        prefix: "/api/v3".to_owned(),
        ..Config::example()
    };
    let standin = GithubStandin::start(config).unwrap();
    let daemon = Setup::for_standin(&standin).start();
    let job = daemon.wait_posted(daemon.submit(ISSUE, "below").job.id);
    assert_posted_once(&standin, &job, "below");
}

#[test]
fn big_and_strange_texts_arrive_as_they_were() {
    let (standin, daemon) = world();
    let big = "é".repeat(65_536);
    let odd = "```rust\nfn main() {}\n```\n\t\u{1F600} \u{202E}rtl \u{0} end".replace('\0', "");
    for text in [big.as_str(), odd.as_str(), "\u{feff}bom", "-", "--help"] {
        let id = daemon.submit(ISSUE, text).job.id;
        daemon.wait_posted(id);
        assert_eq!(bodies(&standin).last().map(String::as_str), Some(text));
    }
}

#[test]
fn a_stop_lets_the_running_post_finish() {
    let (standin, mut daemon) = world();
    standin.fault(Fault::on_post().hold_after(Pause::Ms(1_500)));
    let id = daemon.submit(ISSUE, "just in time").job.id;
    let waiting = daemon.submit(OTHER, "next").job.id;
    arrived(&standin, Kind::Post, 1);
    let status = daemon.term();
    assert!(status.code().is_some(), "ended by itself: {status}");
    assert_eq!(standin.requests_of(Kind::Post)[0].status, Some(201));

    daemon.start_again();
    let job = daemon.job(id);
    assert_eq!(
        (job.state, job.attempts),
        (JobState::Posted, 1),
        "it was not lost: {job:?}"
    );
    daemon.wait_posted(waiting);
    assert_eq!(bodies(&standin), ["just in time", "next"]);
    assert_eq!(posts(&standin).len(), 2);
}

#[test]
fn a_queue_left_over_goes_on_without_a_client() {
    let (standin, mut daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 2));
    for text in ["one", "two", "three"] {
        daemon.cli(&["post", ISSUE, text]).ok();
    }
    daemon.restart();
    wait::until("all three", SOON, || {
        (bodies(&standin).len() == 3).then_some(())
    });
    assert_eq!(bodies(&standin), ["one", "two", "three"]);
}
