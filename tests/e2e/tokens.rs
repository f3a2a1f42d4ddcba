//! The token: absent, bad, replaced, from every source; and never shown.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use comenq_proto::JobState;
use harness::daemon::Daemon;
use harness::github::{Kind, LOGIN, TOKEN};
use harness::setup::{Setup, Token};
use harness::wait;

use crate::world::{
    ISSUE, SOON, arrived, assert_posted_once, assert_quiet, bodies, posts, standin, world_with,
};

const OTHER_TOKEN: &str = "ghp_other000000000000000000000000000000";

#[test]
fn without_a_token_jobs_are_taken_and_wait() {
    let (standin, mut daemon) = world_with(|setup| setup.token(Token::Absent));
    let done = daemon.cli(&["post", ISSUE, "waiting for a token"]).ok();
    let told = format!("{}{}", done.stdout, done.stderr);
    assert!(
        told.contains("queued #1") && told.contains("token"),
        "{told}"
    );
    let reply = daemon.submit(ISSUE, "me too");
    assert!(
        reply.notes.iter().any(|note| note.contains("token")),
        "{reply:?}"
    );
    let status = daemon.status();
    assert_eq!(status.lanes[0].phase, "no_token");
    assert_eq!(status.lanes[0].token_source, None);
    assert!(
        status.degraded.iter().any(|line| line.contains("token")),
        "{status:?}"
    );
    assert_quiet(&standin);
    assert!(standin.requests().is_empty(), "nothing was sent at all");

    daemon.setup.set_token(Token::Environment(TOKEN.to_owned()));
    daemon.restart();
    daemon.wait_posted(2);
    assert_eq!(bodies(&standin), ["waiting for a token", "me too"]);
}

#[test]
fn a_bad_token_keeps_the_jobs() {
    let bad = Token::Environment("ghp_revoked0000000000000000000000000000".to_owned());
    let (standin, mut daemon) = world_with(|setup| setup.token(bad));
    let id = daemon.submit(ISSUE, "patience").job.id;
    let lane = wait::until("the lane to be blocked", SOON, || {
        daemon
            .status()
            .lanes
            .into_iter()
            .find(|lane| lane.phase == "blocked")
    });
    assert!(lane.reason.unwrap().contains("Bad credentials"));
    assert!(!daemon.status().degraded.is_empty(), "said loudly");
    let job = daemon.job(id);
    assert_eq!((job.state, job.attempts), (JobState::Queued, 0));
    daemon.setup.set_token(Token::Environment(TOKEN.to_owned()));
    daemon.restart();
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "patience");
}

#[test]
fn a_token_that_dies_in_between() {
    let (standin, mut daemon) = world_with(|setup| setup);
    daemon.wait_posted(daemon.submit(ISSUE, "before").job.id);
    standin.revoke(TOKEN);
    let id = daemon.submit(ISSUE, "after").job.id;
    wait::until("a 401", SOON, || {
        standin
            .requests()
            .iter()
            .any(|request| request.status == Some(401))
            .then_some(())
    });
    assert_quiet(&standin);
    assert_eq!(daemon.job(id).state, JobState::Queued);
    standin.add_token(OTHER_TOKEN, LOGIN, harness::github::USER_ID);
    daemon
        .setup
        .set_token(Token::Environment(OTHER_TOKEN.to_owned()));
    daemon.restart();
    daemon.wait_posted(id);
    assert_eq!(bodies(&standin), ["before", "after"]);
}

#[test]
fn every_source_of_a_token() {
    for token in [
        Token::Environment(TOKEN.to_owned()),
        Token::File(TOKEN.to_owned()),
        Token::Config(TOKEN.to_owned()),
    ] {
        let (standin, daemon) = world_with(|setup| setup.token(token.clone()));
        daemon.wait_posted(daemon.submit(ISSUE, "x").job.id);
        assert_eq!(
            posts(&standin)[0].login.as_deref(),
            Some(LOGIN),
            "{token:?}"
        );
        assert!(daemon.status().lanes[0].token_source.is_some());
    }
}

#[test]
fn the_credential_of_systemd_beats_the_environment() {
    let standin = standin();
    let setup = Setup::for_standin(&standin).token(Token::Environment("ghp_wrong".to_owned()));
    let directory = setup.path("credentials");
    fs::create_dir(&directory).unwrap();
    let credential = directory.join("github-token");
    fs::write(&credential, TOKEN).unwrap();
    fs::set_permissions(&credential, Permissions::from_mode(0o400)).unwrap();
    let daemon = setup.env("CREDENTIALS_DIRECTORY", &directory).start();
    daemon.wait_posted(daemon.submit(ISSUE, "x").job.id);
}

#[test]
fn unset_means_ask_the_next_source() {
    let standin = standin();
    let setup = Setup::for_standin(&standin).token(Token::File(TOKEN.to_owned()));
    let directory = setup.path("credentials");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("github-token"), "unset").unwrap();
    let daemon = setup
        .env("CREDENTIALS_DIRECTORY", &directory)
        .env("COMENQD_GITHUB_TOKEN", "unset")
        .start();
    daemon.wait_posted(daemon.submit(ISSUE, "x").job.id);
}

#[test]
fn a_token_file_that_others_can_read_is_refused() {
    let standin = standin();
    let setup = Setup::for_standin(&standin).token(Token::Absent);
    let file = setup.path("loose-token");
    fs::write(&file, TOKEN).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let setup = setup.text("github_token_file", file.to_str().unwrap());
    let output = setup
        .command(&["--listen", setup.socket().to_str().unwrap()])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("loose-token") && text.contains("chmod"),
        "{text}"
    );
    assert!(!text.contains(TOKEN));
}

#[test]
fn a_config_file_with_a_token_that_others_can_read_is_refused() {
    let standin = standin();
    let setup = Setup::for_standin(&standin).token(Token::Config(TOKEN.to_owned()));
    let mut command = setup.command(&["--check-config"]);
    fs::set_permissions(setup.path("config.toml"), Permissions::from_mode(0o644)).unwrap();
    let output = command.output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("config.toml"));
}

#[test]
fn a_token_no_header_can_carry_is_refused_with_a_reason() {
    for token in ["two\nlines", "sm\u{f6}rg\u{e5}s", "with space"] {
        let standin = standin();
        let setup = Setup::for_standin(&standin).token(Token::Environment(token.to_owned()));
        let socket = setup.socket();
        let output = setup
            .command(&["--listen", socket.to_str().unwrap()])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output
                .status
                .code()
                .is_some_and(|code| code != 0 && code != 101),
            "{text}"
        );
        assert!(text.contains("token") && !text.contains(token), "{text}");
    }
}

#[test]
fn the_token_is_never_shown() {
    let (_standin, daemon) = world_with(|setup| setup.text("log_level", "trace"));
    daemon.wait_posted(daemon.submit(ISSUE, "x").job.id);
    let shown = format!(
        "{}{}{:?}",
        daemon.cli(&["status"]).ok().stdout,
        daemon.cli(&["status", "--json"]).ok().stdout,
        daemon.status()
    );
    assert!(!shown.contains(TOKEN));
    let output = daemon.setup.command(&["--check-config"]).output().unwrap();
    assert!(output.status.success());
    let checked = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(checked.contains("cooldown_period_seconds") && !checked.contains(TOKEN));
    assert!(!daemon.log().contains(TOKEN));
}

/// The daemon asks who it is with each token; the pace belongs to that user.
#[test]
fn a_new_token_of_the_same_user_keeps_the_pace() {
    let (standin, mut daemon): (_, Daemon) =
        world_with(|setup| setup.number("cooldown_period_seconds", 5));
    daemon.wait_posted(daemon.submit(ISSUE, "before").job.id);
    standin.add_token(OTHER_TOKEN, LOGIN, harness::github::USER_ID);
    daemon
        .setup
        .set_token(Token::Environment(OTHER_TOKEN.to_owned()));
    let id = daemon.submit(ISSUE, "after").job.id;
    daemon.restart();
    daemon.wait_posted(id);
    arrived(&standin, Kind::Post, 2);
    crate::world::assert_spaced(&standin, std::time::Duration::from_secs(5));
}
