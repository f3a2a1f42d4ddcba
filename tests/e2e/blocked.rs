//! An account that somebody must mend: nothing more is sent until the token is another one or an
//! administrator says so, everybody is told what to run, and GitHub's warnings are shown before it
//! comes to that.

use std::os::unix::net::UnixDatagram;

use comenq_proto::{ErrorCode, JobState};
use harness::daemon::Daemon;
use harness::github::{GithubStandin, LOGIN, Refusal, Scope, TOKEN, USER_ID};
use harness::needs;
use harness::setup::Token;
use harness::wait;

use crate::world::{
    BEN, ISSUE, OTHER, SOON, assert_posted_once, assert_quiet, assert_refused, lane_in, logged,
    run_as, world_with,
};

const FRESH: &str = "ghp_fresh000000000000000000000000000000";

/// An account whose token, from a file, GitHub does not know any more, and a job that waits.
fn blocked() -> (GithubStandin, Daemon, u64) {
    let (standin, daemon) = world_with(|setup| setup.token(Token::File(TOKEN.to_owned())));
    standin.revoke(TOKEN);
    let id = daemon.submit(ISSUE, "patience").job.id;
    lane_in(&daemon, "default", "blocked");
    (standin, daemon, id)
}

#[test]
fn nothing_more_is_sent() {
    let (standin, daemon, id) = blocked();
    let before = standin.requests().len();
    assert_quiet(&standin);
    assert_eq!(standin.requests().len(), before, "not even a question");
    let job = daemon.job(id);
    assert_eq!((job.state, job.attempts), (JobState::Queued, 0));
}

#[test]
fn another_token_in_its_file_and_a_reload_mend_it() {
    let (standin, mut daemon, id) = blocked();
    standin.add_token(FRESH, LOGIN, USER_ID);
    daemon.setup.set_token(Token::File(FRESH.to_owned()));
    daemon.reload();
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "patience");
}

#[test]
fn a_reload_with_the_same_token_does_not() {
    let (standin, daemon, _) = blocked();
    let before = standin.requests().len();
    daemon.reload();
    assert_quiet(&standin);
    assert_eq!(standin.requests().len(), before);
    lane_in(&daemon, "default", "blocked");
}

#[test]
fn an_administrators_word_mends_it_too() {
    let (standin, daemon, id) = blocked();
    standin.add_token(TOKEN, LOGIN, USER_ID);
    if needs::root() {
        let done = run_as(&daemon, BEN, &["resume", "--json", "default"]);
        assert_refused(&done, 4, ErrorCode::NotAllowed);
    }
    daemon.cli(&["resume", "default"]).ok();
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "patience");
    let again = daemon.cli(&["resume", "default"]).ok();
    let told = format!("{}{}", again.stdout, again.stderr);
    assert!(told.contains("was not blocked"), "{told}");
}

#[test]
fn resuming_what_is_still_wrong_asks_once_and_is_blocked_again() {
    let (standin, daemon, _) = blocked();
    let before = standin.requests().len();
    daemon.cli(&["resume", "default"]).ok();
    wait::until("one question", SOON, || {
        (standin.requests().len() > before).then_some(())
    });
    lane_in(&daemon, "default", "blocked");
    assert_quiet(&standin);
    assert_eq!(standin.requests().len(), before + 1);
    // Who reads the journal must not take it for mended.
    logged(
        &daemon,
        " INFO comenqd::worker::trouble: account default is blocked: ",
        2,
    );
}

#[test]
fn it_outlives_a_restart_with_the_same_token() {
    for crash in [false, true] {
        let (standin, mut daemon, id) = blocked();
        let before = standin.requests().len();
        if crash {
            daemon.kill9();
        } else {
            daemon.term();
        }
        daemon.start_again();
        lane_in(&daemon, "default", "blocked");
        assert_quiet(&standin);
        assert_eq!(
            standin.requests().len(),
            before,
            "the same token was tried again"
        );
        standin.add_token(FRESH, LOGIN, USER_ID);
        daemon.setup.set_token(Token::File(FRESH.to_owned()));
        daemon.restart();
        daemon.wait_posted(id);
    }
}

#[test]
fn log_and_status_name_the_command_that_mends_it() {
    let (_standin, daemon, id) = blocked();
    let lane = lane_in(&daemon, "default", "blocked");
    assert_eq!(lane.remedy.as_deref(), Some("systemctl reload comenqd"));
    let status = daemon.cli(&["status"]).ok().stdout;
    let show = daemon.cli(&["show", &id.to_string()]).ok().stdout;
    let posted = daemon.cli(&["post", OTHER, "x"]).ok();
    let note = format!("{}{}", posted.stdout, posted.stderr);
    let log = wait::until("the log's word", SOON, || {
        Some(daemon.log()).filter(|log| log.contains("degraded: "))
    });
    for told in [log, status, show, note] {
        assert!(told.contains("systemctl reload comenqd"), "{told}");
        assert!(told.contains("comenq resume default"), "{told}");
    }
}

#[test]
fn a_token_that_only_a_restart_reads_says_restart() {
    let (standin, daemon) = world_with(|setup| setup);
    standin.revoke(TOKEN);
    daemon.submit(ISSUE, "patience");
    let lane = lane_in(&daemon, "default", "blocked");
    assert_eq!(lane.remedy.as_deref(), Some("systemctl restart comenqd"));
    logged(&daemon, "systemctl restart comenqd", 1);
}

#[test]
fn the_status_line_of_systemd_names_it_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let (standin, daemon) = world_with(|setup| setup.env("NOTIFY_SOCKET", &path));
    standin.revoke(TOKEN);
    daemon.submit(ISSUE, "patience");
    let mut buffer = [0; 4096];
    wait::until("STATUS= to name the command", SOON, || {
        let length = socket.recv(&mut buffer).ok()?;
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let names = text.contains("STATUS=")
            && text.contains("systemctl restart comenqd")
            && text.contains("comenq resume default");
        names.then_some(())
    });
}

#[test]
fn a_retired_version_of_the_api_is_blocked_alike() {
    let (standin, daemon) = world_with(|setup| setup);
    standin.refuse(Scope::Everything, Refusal::ApiVersionRetired);
    let id = daemon.submit(ISSUE, "patience").job.id;
    lane_in(&daemon, "default", "blocked");
    assert_quiet(&standin);
    standin.allow(&Scope::Everything);
    assert_quiet(&standin);
    daemon.cli(&["resume", "default"]).ok();
    daemon.wait_posted(id);
}

#[test]
fn what_github_warns_of_is_in_status_and_once_in_the_log() {
    let (standin, daemon) = world_with(|setup| setup);
    let expires = "2026-12-24 10:00:00 UTC";
    standin.warn(
        None,
        "github-authentication-token-expiration",
        Some(expires),
    );
    standin.warn(Some(LOGIN), "sunset", Some("Sat, 01 May 2027 00:00:00 GMT"));
    for target in [ISSUE, OTHER, "octo/demo#3"] {
        daemon.submit(target, "x");
    }
    for id in 1..=3 {
        daemon.wait_posted(id);
    }
    let warnings = daemon.status().lanes.remove(0).warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings.iter().any(|text| text.contains("2026-12-24")),
        "{warnings:?}"
    );
    assert!(
        warnings.iter().any(|text| text.contains("2027")),
        "{warnings:?}"
    );
    let status = daemon.cli(&["status"]).ok().stdout;
    for warning in &warnings {
        assert!(status.contains(warning), "{warning:?} in {status}");
        assert_eq!(daemon.log().matches(&**warning).count(), 1, "{warning:?}");
    }
}
