//! A GitHub App as an account: it posts as its bot, and its tokens are replaced before they end,
//! and after they were taken away.

use std::time::Duration;

use comenq_proto::JobState;
use harness::daemon::Daemon;
use harness::github::{APP_KEY, Answer, App, Config, Fault, GithubStandin, Kind, Refusal};
use harness::setup::{Setup, Token};

use crate::world::{ISSUE, OTHER, SOON, assert_quiet, lane_in, post, posts};

const BOT: &str = "octo-app[bot]";

fn setup(standin: &GithubStandin, key: &str) -> Setup {
    let app = App::example();
    let setup = Setup::for_standin(standin).token(Token::Absent);
    let file = setup.path("app-key").display().to_string();
    setup
        .file("app-key", key)
        .number("app_id", app.id)
        .number("installation_id", app.installation_id)
        .text("app_key_file", &file)
}

fn world(config: Config) -> (GithubStandin, Daemon) {
    let standin = GithubStandin::start(config).unwrap();
    standin.add_app(&App::example()).unwrap();
    let daemon = setup(&standin, APP_KEY).start();
    (standin, daemon)
}

fn tokens(standin: &GithubStandin) -> usize {
    standin.requests_of(Kind::AppToken).len()
}

#[test]
fn it_posts_as_its_bot_with_one_token() {
    let (standin, daemon) = world(Config::example());
    daemon.wait_posted(daemon.submit(ISSUE, "beep").job.id);
    daemon.wait_posted(daemon.submit(OTHER, "boop").job.id);
    let comments = standin.comments();
    assert_eq!(comments.len(), 2);
    assert!(comments.iter().all(|comment| comment.login == BOT));
    assert_eq!(daemon.status().lanes[0].login.as_deref(), Some(BOT));
    assert_eq!(tokens(&standin), 1);
    assert!(
        standin.requests_of(Kind::User).is_empty(),
        "not an App's to ask"
    );
}

#[test]
fn it_works_where_the_api_has_a_prefix() {
    let (standin, daemon) = world(Config {
        prefix: "/api/v3".to_owned(),
        ..Config::example()
    });
    daemon.wait_posted(daemon.submit(ISSUE, "beep").job.id);
    assert_eq!(standin.comments()[0].login, BOT);
}

#[test]
fn a_token_is_replaced_before_it_ends_and_not_sooner() {
    // It must last five minutes more when somebody asks who he is, as here after a limit.
    for (token_seconds, expected) in [(200, 2), (3_600, 1)] {
        let (standin, daemon) = world(Config::example());
        standin.set_app_token_seconds(App::example().installation_id, token_seconds);
        daemon.wait_posted(daemon.submit(ISSUE, "first").job.id);
        assert_eq!(tokens(&standin), 1);
        let limited = Answer::Refuse(Refusal::secondary(Some(1)));
        standin.fault(Fault::on_post().without_creating().answer(limited));
        daemon.wait_posted(daemon.submit(OTHER, "second").job.id);
        assert_eq!(tokens(&standin), expected, "{token_seconds} s");
        let refused = standin.requests().into_iter();
        assert_eq!(refused.filter(|it| it.status == Some(401)).count(), 0);
    }
}

#[test]
fn after_its_tokens_were_revoked_it_gets_another() {
    let (standin, daemon) = world(Config::example());
    daemon.wait_posted(daemon.submit(ISSUE, "before").job.id);
    standin.expire_app_tokens(App::example().installation_id);
    let id = daemon.submit(OTHER, "after").job.id;
    let job = daemon.wait_posted(id);
    assert_eq!(standin.comments().len(), 2);
    assert!(job.comment_id.is_some());
    assert_eq!(tokens(&standin), 2);
    let refused = posts(&standin).into_iter();
    assert!(refused.filter(|post| post.status == Some(401)).count() <= 1);
}

#[test]
fn a_lost_comment_of_its_bot_is_found() {
    let (standin, daemon) = world(Config::example());
    standin.fault(Fault::on_post().answer(Answer::Close));
    let job = daemon.wait_posted(daemon.submit(ISSUE, "lost").job.id);
    assert_eq!(job.comment_id, Some(standin.comments()[0].id));
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn a_suspended_installation_is_blocked_until_somebody_resumes_it() {
    let (standin, daemon) = world(Config::example());
    let installation = App::example().installation_id;
    standin.suspend_installation(installation, true);
    let id = daemon.submit(ISSUE, "patience").job.id;
    let lane = lane_in(&daemon, "default", "blocked");
    assert!(lane.reason.unwrap().contains("suspended"));
    assert_quiet(&standin);
    standin.suspend_installation(installation, false);
    daemon.cli(&["resume", "default"]).ok();
    daemon.wait_posted(id);
}

#[test]
fn a_key_of_another_app_blocks_the_account_and_says_so() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    let daemon = setup(&standin, APP_KEY).start();
    let id = daemon.submit(ISSUE, "as whom?").job.id;
    let lane = lane_in(&daemon, "default", "blocked");
    assert!(lane.reason.unwrap().contains("Integration not found"));
    assert_eq!(daemon.job(id).state, JobState::Queued);
    standin.add_app(&App::example()).unwrap();
    daemon.cli(&["resume", "default"]).ok();
    daemon.wait_longer(id, &[JobState::Posted], SOON);
}

#[test]
fn neither_key_nor_tokens_are_shown() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    standin.add_app(&App::example()).unwrap();
    let daemon = setup(&standin, APP_KEY).text("log_level", "trace").start();
    daemon.wait_posted(post(&daemon, ISSUE, "beep", &[]));
    let checked = daemon.setup.command(&["--check-config"]).output().unwrap();
    let status = daemon.cli(&["status", "--json"]).ok().stdout;
    let shown = format!(
        "{}{}{status}",
        daemon.log(),
        String::from_utf8_lossy(&checked.stdout)
    );
    let key_line = APP_KEY.lines().nth(3).unwrap();
    assert!(!shown.contains(key_line) && !shown.contains("ghs_standin"));
    // A JSON Web Token begins so.
    assert!(!shown.contains("eyJ"));
    assert!(Duration::from_millis(daemon.status().lanes[0].cooldown_ms) >= Duration::from_secs(1));
}
