//! Several people on one socket: each sees and changes only what is theirs,
//! and nobody waits behind somebody else's pile. Needs root, to be several.

use std::os::unix::fs::PermissionsExt;

use comenq_proto::{ErrorCode, JobState};
use harness::cli::Cli;
use harness::daemon::Daemon;
use harness::github::GithubStandin;
use harness::needs;
use serde_json::Value;

use crate::world::{
    ANN, BEN, ISSUE, OTHER, bodies, post_as as post, posts, run_as as run, world, world_with,
};

/// A world in which the account has just posted and rests.
fn resting(seconds: u64) -> (GithubStandin, Daemon) {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", seconds));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    (standin, daemon)
}

#[test]
fn the_socket_is_for_its_owner_and_group() {
    let (_standin, daemon) = world();
    let mode = std::fs::metadata(daemon.socket())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o660);
}

#[test]
fn who_is_not_in_the_group_is_told_which_one() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = world();
    let done = Cli::as_user(&daemon.socket(), &["list"], ANN, ANN).run();
    assert_eq!(done.code, 3, "{done:?}");
    let text = done.stderr.to_lowercase();
    assert!(
        text.contains("permission") && text.contains("group"),
        "{text}"
    );
    assert!(text.contains("log in") || text.contains("login"), "{text}");
}

#[test]
fn others_jobs_are_seen_without_their_text() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = resting(600);
    let id = post(&daemon, ANN, ISSUE, "between us").to_string();
    let show = |uid| run(&daemon, uid, &["show", "--json", &id]).json()["job"].clone();
    assert_eq!(show(ANN)["body"], "between us");
    assert_eq!(show(ANN)["uid"], ANN);
    assert_eq!(show(BEN)["body"], Value::Null, "redacted");
    assert_eq!(show(BEN)["number"], 1);
    let own = run(&daemon, BEN, &["list", "--json"]);
    assert!(!own.stdout.contains("octo"), "{own:?}");
    let listed = run(&daemon, BEN, &["list", "--json", "--all"]);
    assert!(listed.stdout.contains("octo") && !listed.stdout.contains("between us"));
    assert_eq!(
        daemon.job(id.parse().unwrap()).body.as_deref(),
        Some("between us"),
        "admin"
    );
}

#[test]
fn others_errors_are_not_shown() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = world();
    let id = post(&daemon, ANN, "octo/demo#404", "x");
    daemon.wait_for(id, &[JobState::Failed]);
    let id = id.to_string();
    let show = |uid| run(&daemon, uid, &["show", "--json", &id]).json()["job"].clone();
    assert!(
        show(ANN)["last_error"]
            .as_str()
            .unwrap()
            .contains("Not Found")
    );
    assert_eq!(show(BEN)["last_error"], Value::Null);
    let tried = |uid| run(&daemon, uid, &["show", "--json", &id]).json()["attempt_log"].clone();
    assert_eq!(tried(ANN)[0]["outcome"], "refused");
    assert_eq!(tried(BEN), serde_json::json!([]), "nor what was tried");
    let told = |uid| run(&daemon, uid, &["show", &id]).stdout;
    let advice = format!("comenq retry {id}");
    assert!(told(ANN).contains(&advice) && !told(BEN).contains(&advice));
}

#[test]
fn others_jobs_cannot_be_cancelled() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = resting(600);
    let id = post(&daemon, ANN, ISSUE, "mine").to_string();
    let refused = run(&daemon, BEN, &["cancel", "--json", &id]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert_eq!(refused.json_error()["code"], ErrorCode::NotAllowed.name());
    assert_eq!(run(&daemon, ANN, &["cancel", &id]).code, 0);
    let id = post(&daemon, BEN, ISSUE, "his").to_string();
    daemon.cli(&["cancel", &id]).ok();
    assert_eq!(
        daemon.job(id.parse().unwrap()).state,
        JobState::Cancelled,
        "root may"
    );
}

#[test]
fn a_key_is_its_users_own() {
    if !needs::root() {
        return;
    }
    let (standin, daemon) = world();
    let words = |body: &'static str| ["post", "--json", "--key", "k", ISSUE, body];
    let ann = run(&daemon, ANN, &words("from ann")).json()["job"]["id"]
        .as_u64()
        .unwrap();
    let ben = run(&daemon, BEN, &words("from ben")).json()["job"]["id"]
        .as_u64()
        .unwrap();
    assert_ne!(ann, ben);
    daemon.wait_posted(ann);
    daemon.wait_posted(ben);
    assert_eq!(bodies(&standin), ["from ann", "from ben"]);
}

#[test]
fn users_take_turns() {
    if !needs::root() {
        return;
    }
    let (standin, daemon) = resting(3);
    for (uid, target, text) in [
        (ANN, ISSUE, "ann 1"),
        (ANN, ISSUE, "ann 2"),
        (ANN, "octo/demo#3", "ann 3"),
        (BEN, ISSUE, "ben 1"),
        (BEN, ISSUE, "ben 2"),
    ] {
        post(&daemon, uid, target, text);
    }
    daemon.wait_posted(6);
    daemon.wait_posted(4);
    assert_eq!(
        bodies(&standin),
        ["first", "ann 1", "ben 1", "ann 2", "ben 2", "ann 3"]
    );
    assert_eq!(posts(&standin).len(), 6);
}
