//! SIGHUP: what is new applies at once, what is bad changes nothing, and nobody who is at work
//! notices.

use std::time::Duration;

use comenq_proto::{ErrorCode, JobState};
use harness::daemon::Daemon;
use harness::github::{Answer, Fault, GithubStandin, Kind, LOGIN, Pause, TOKEN, USER_ID};
use harness::setup::Token;

use crate::world::{
    ISSUE, OTHER, arrived, assert_posted_once, assert_quiet, assert_refused, bodies, gaps, post,
    posts, world, world_with,
};

const FRESH: &str = "ghp_fresh000000000000000000000000000000";

fn with_file() -> (GithubStandin, Daemon) {
    world_with(|setup| setup.token(Token::File(TOKEN.to_owned())))
}

fn config_error(daemon: &Daemon) -> Option<String> {
    daemon.status().config.unwrap().error
}

#[test]
fn a_shorter_pace_counts_for_who_waits_already() {
    let (standin, mut daemon) = world_with(|s| s.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit(ISSUE, "first").job.id);
    let id = daemon.submit(ISSUE, "second").job.id;
    daemon.setup.set("cooldown_period_seconds", "2");
    daemon.reload();
    daemon.wait_posted(id);
    let gap = gaps(&standin)[0];
    assert!(gap >= Duration::from_secs(2), "{gap:?}");
    assert_eq!(daemon.status().lanes[0].cooldown_ms, 2_000);
}

#[test]
fn a_longer_pace_counts_at_once_too() {
    let (standin, mut daemon) = world_with(|s| s.number("cooldown_period_seconds", 4));
    daemon.wait_posted(daemon.submit(ISSUE, "first").job.id);
    daemon.submit(ISSUE, "second");
    daemon.setup.set("cooldown_period_seconds", "600");
    daemon.reload();
    assert_quiet(&standin);
    assert_quiet(&standin);
}

#[test]
fn the_logs_level_changes() {
    let (_standin, mut daemon) = world_with(|s| s.text("log_level", "error"));
    daemon.submit(ISSUE, "silent");
    daemon.wait_posted(1);
    assert!(!daemon.log().contains("job #1: posted"));
    daemon.setup.set("log_level", "'info'");
    daemon.reload();
    daemon.wait_posted(daemon.submit(OTHER, "loud").job.id);
    assert!(daemon.log().contains("job #2: posted"));
    daemon.setup.set("log_level", "'error'");
    daemon.reload();
    daemon.wait_posted(daemon.submit(OTHER, "silent again").job.id);
    assert!(!daemon.log().contains("job #3: posted"));
}

#[test]
fn a_policy_applies_to_the_next_submission() {
    let (_standin, mut daemon) = world();
    daemon
        .setup
        .set("policy.allowed_repositories", "['acme/*']");
    daemon.setup.set("policy.max_queued_jobs", "7");
    daemon.reload();
    let done = daemon.cli(&["post", "--json", ISSUE, "x"]).run();
    assert_refused(&done, 4, ErrorCode::RepositoryNotAllowed);
    assert_eq!(daemon.status().own.unwrap().max_queued_jobs, 7);
    daemon.setup.unset("policy.allowed_repositories");
    daemon.reload();
    daemon.wait_posted(daemon.submit(ISSUE, "x").job.id);
}

#[test]
fn another_token_posts_the_next_comment() {
    let (standin, mut daemon) = with_file();
    daemon.wait_posted(daemon.submit(ISSUE, "before").job.id);
    standin.add_token(FRESH, "other-bot", 888);
    daemon.setup.set_token(Token::File(FRESH.to_owned()));
    daemon.reload();
    daemon.wait_posted(daemon.submit(ISSUE, "after").job.id);
    let logins: Vec<_> = standin.comments().into_iter().map(|it| it.login).collect();
    assert_eq!(logins, [LOGIN, "other-bot"]);
    let lane = daemon.status().lanes.remove(0);
    assert_eq!(lane.login.as_deref(), Some("other-bot"));
}

#[test]
fn a_post_under_way_keeps_its_client_and_its_outcome() {
    let (standin, mut daemon) = with_file();
    standin.fault(Fault::on_post().hold_after(Pause::UntilReleased));
    let id = daemon.submit(ISSUE, "under way").job.id;
    let next = daemon.submit(OTHER, "next").job.id;
    arrived(&standin, Kind::Post, 1);
    standin.add_token(FRESH, LOGIN, USER_ID);
    daemon.setup.set_token(Token::File(FRESH.to_owned()));
    daemon.setup.set("github_api_timeout_seconds", "5");
    daemon.reload();
    standin.revoke(TOKEN);
    assert_eq!(daemon.job(id).state, JobState::Posting);
    standin.release();
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "under way");
    daemon.wait_posted(next);
    assert_eq!(bodies(&standin), ["under way", "next"]);
    assert_eq!((posts(&standin).len(), job.attempts), (2, 1));
    assert!(
        standin.requests_of(Kind::Listing).is_empty(),
        "it was known"
    );
}

#[test]
fn a_post_of_unknown_outcome_is_looked_for_by_who_comes_after() {
    let (standin, mut daemon) = with_file();
    let lost = Fault::on_post().hold_after(Pause::UntilReleased);
    standin.fault(lost.answer(Answer::Close));
    let id = daemon.submit(ISSUE, "under way").job.id;
    arrived(&standin, Kind::Post, 1);
    standin.add_token(FRESH, "other-bot", 888);
    daemon.setup.set_token(Token::File(FRESH.to_owned()));
    daemon.reload();
    standin.release();
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "under way");
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn a_bad_file_changes_nothing_and_is_told() {
    let (standin, mut daemon) = world();
    daemon.setup.set("cooldown_period_seconds", "'soon'");
    daemon.setup.set("policy.max_queued_jobs", "0");
    daemon.reload();
    let error = config_error(&daemon).unwrap();
    assert!(
        error.contains("config.toml line") && error.contains("cooldown_period_seconds"),
        "{error}"
    );
    assert!(daemon.log().contains("was not reloaded"));
    let told = daemon.cli(&["status"]).ok().stdout;
    assert!(told.contains("cooldown_period_seconds"), "{told}");
    assert!(!daemon.status().degraded.is_empty());
    daemon.wait_posted(daemon.submit(ISSUE, "as before").job.id);
    assert_eq!(daemon.status().lanes[0].cooldown_ms, 1_000);

    daemon.setup.set("cooldown_period_seconds", "1");
    daemon.setup.unset("policy.max_queued_jobs");
    daemon.reload();
    assert_eq!(config_error(&daemon), None);
    assert!(daemon.status().degraded.is_empty());
    assert_eq!(bodies(&standin), ["as before"]);
}

#[test]
fn a_bad_account_keeps_all_the_others_as_they_were() {
    let (_standin, daemon) = world();
    let mut daemon = daemon;
    let missing = daemon.setup.path("missing").display().to_string();
    daemon.setup.set("log_level", "'error'");
    daemon
        .setup
        .set("accounts.bad.github_token_file", &format!("'{missing}'"));
    daemon.reload();
    let error = config_error(&daemon).unwrap();
    assert!(error.contains("missing"), "{error}");
    assert_eq!(daemon.status().lanes.len(), 1);
    daemon.wait_posted(daemon.submit(ISSUE, "as before").job.id);
    assert!(
        daemon.log().contains("job #1: posted"),
        "the level stayed too"
    );
}

#[test]
fn socket_and_queue_stay_and_the_log_says_so() {
    let (_standin, mut daemon) = world();
    let (socket, queue) = (daemon.setup.path("s2"), daemon.setup.path("queue2"));
    let quoted = |path: &std::path::Path| format!("'{}'", path.display());
    let was = daemon.setup.get("queue_path").expect("a path of its own");
    daemon.setup.set("queue_path", &quoted(&queue));
    daemon.setup.set("hold_restored_jobs", "false");
    daemon.reload();
    for key in ["queue_path", "hold_restored_jobs"] {
        let said = format!("reload: {key} stays");
        assert!(daemon.log().contains(&said), "{said} in {}", daemon.log());
    }
    assert!(!socket.exists() && !queue.exists());
    daemon.wait_posted(daemon.submit(ISSUE, "as before").job.id);
    // As the file was is as it is: nothing waits for a restart, least of all the queue in use.
    let in_force = format!("queue_path = \"{}\"", daemon.setup.path("queue").display());
    let stays = |log: &str| log.matches("reload: queue_path stays").count();
    daemon.setup.set("queue_path", &was);
    daemon.setup.unset("hold_restored_jobs");
    daemon.reload();
    let log = daemon.log();
    assert_eq!(stays(&log), 1, "{log}");
    let reloads = log
        .lines()
        .filter(|it| it.contains("configuration reloaded: "));
    for line in reloads {
        assert!(line.contains(&in_force), "{line}");
    }
}

#[test]
fn a_credential_that_stays_is_named_with_what_to_run() {
    let (_standin, daemon) = world();
    daemon.reload();
    let log = daemon.log();
    assert!(
        log.contains("COMENQD_GITHUB_TOKEN") && log.contains("systemctl restart comenqd"),
        "{log}"
    );
}

#[test]
fn accounts_come_and_go() {
    let (standin, mut daemon) = with_file();
    standin.add_token(FRESH, "other-bot", 888);
    let url = standin.url().to_owned();
    daemon.setup.add_account("bot", &url, FRESH);
    daemon.reload();
    daemon.wait_posted(post(&daemon, ISSUE, "as bot", &["--account", "bot"]));
    assert_eq!(standin.comments()[0].login, "other-bot");
    let held = post(&daemon, ISSUE, "later", &["--account", "bot", "--hold"]);

    for key in ["github_token_file", "api_url", "cooldown_period_seconds"] {
        daemon.setup.unset(&format!("accounts.bot.{key}"));
    }
    daemon.reload();
    assert_eq!(daemon.status().lanes.len(), 1);
    daemon.cli(&["release", &held.to_string()]).ok();
    assert_quiet(&standin);
    assert_eq!(daemon.job(held).state, JobState::Queued);
    let told = daemon.cli(&["show", &held.to_string()]).ok().stdout;
    assert!(told.contains("account bot, which is not in"), "{told}");
    assert!(
        daemon.log().contains("account \"bot\""),
        "the log says who waits"
    );
    daemon.wait_posted(post(&daemon, OTHER, "as default", &[]));

    let url = standin.url().to_owned();
    daemon.setup.add_account("bot", &url, FRESH);
    daemon.reload();
    daemon.wait_posted(held);
}

#[test]
fn a_reload_that_changes_nothing_disturbs_nothing() {
    let (standin, daemon) = with_file();
    daemon.wait_posted(daemon.submit(ISSUE, "before").job.id);
    let asked = standin.requests_of(Kind::User).len();
    for _ in 0..3 {
        daemon.reload();
    }
    daemon.wait_posted(daemon.submit(ISSUE, "after").job.id);
    assert_eq!(standin.requests_of(Kind::User).len(), asked);
}
