//! What administrators stop: posting, of all or of one account, and the taking of jobs. It is
//! durable, and everybody is told who did it.

use std::os::unix::net::UnixDatagram;

use comenq_proto::{ErrorCode, EventKind, JobState, Subscribe};
use harness::github::{Answer, Fault, LOGIN, TOKEN, USER_ID};
use harness::setup::Setup;
use harness::wait;

use crate::world::{
    ISSUE, OTHER, SOON, assert_posted_once, assert_quiet, assert_refused, bodies, lane_in, logged,
    posts, standin, world, world_with,
};

#[test]
fn a_pause_keeps_everything_from_being_posted_until_it_is_resumed() {
    for crash in [false, true] {
        let (standin, mut daemon) = world();
        daemon.cli(&["pause", "--reason", "new disk"]).ok();
        let id = daemon.submit(ISSUE, "patience").job.id;
        lane_in(&daemon, "default", "paused");
        assert_quiet(&standin);
        if crash {
            daemon.kill9();
        } else {
            daemon.term();
        }
        daemon.start_again();
        lane_in(&daemon, "default", "paused");
        assert_quiet(&standin);
        assert_eq!(daemon.job(id).state, JobState::Queued);
        daemon.cli(&["resume"]).ok();
        let job = daemon.wait_posted(id);
        assert_posted_once(&standin, &job, "patience");
    }
}

#[test]
fn everybody_is_told_who_paused_it_and_why() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let (_standin, daemon) = world_with(|setup| setup.env("NOTIFY_SOCKET", &path));
    daemon.cli(&["pause", "--reason", "new disk"]).ok();
    let posted = daemon.cli(&["post", ISSUE, "x"]).ok();
    lane_in(&daemon, "default", "paused");
    let uid = nix::unistd::geteuid().as_raw();
    let status = daemon.status();
    let halt = status.queue.unwrap().paused.unwrap();
    assert_eq!((halt.uid, halt.reason.as_deref()), (uid, Some("new disk")));
    assert!(halt.at_ms >= status.started_at_ms);
    let shown = daemon.cli(&["status"]).ok().stdout;
    let by = "by you (new disk); nothing is posted until comenq resume";
    assert!(
        shown.contains("queue: paused since") && shown.contains(by),
        "{shown}"
    );
    let json = daemon.cli(&["status", "--json"]).ok().json();
    assert_eq!(json["status"]["queue"]["paused"]["reason"], "new disk");
    let again = daemon.cli(&["post", OTHER, "x"]).ok();
    let show = daemon.cli(&["show", "1"]).ok();
    for told in [posted.stderr + &again.stderr, show.stdout] {
        assert!(
            told.contains("comenq resume") && told.contains("new disk"),
            "{told}"
        );
    }
    logged(&daemon, "the queue is paused", 1);
    let mut buffer = [0; 4096];
    wait::until("STATUS= to say it", SOON, || {
        let length = socket.recv(&mut buffer).ok()?;
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let says = text.contains("STATUS=")
            && text.contains("paused since")
            && text.contains(&format!("by uid {uid}: new disk"));
        says.then_some(())
    });
}

#[test]
fn doing_it_twice_changes_nothing_and_says_so() {
    let (_standin, daemon) = world();
    daemon.cli(&["pause", "--reason", "first"]).ok();
    let again = daemon.cli(&["pause", "--reason", "second"]).ok();
    assert!(again.stderr.contains("it was paused already"), "{again:?}");
    let halt = daemon.status().queue.unwrap().paused.unwrap();
    assert_eq!(halt.reason.as_deref(), Some("first"));
    daemon.cli(&["resume"]).ok();
    let again = daemon.cli(&["resume"]).ok();
    assert!(again.stderr.contains("it was not paused"), "{again:?}");
}

#[test]
fn a_pause_lets_looks_go_on() {
    let (standin, daemon) = world();
    standin.fault(Fault::on_post().answer(Answer::Close));
    let id = daemon.submit(ISSUE, "lost").job.id;
    daemon.wait_for(id, &[JobState::Uncertain]);
    daemon.cli(&["pause"]).ok();
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "lost");
}

#[test]
fn one_account_is_paused_and_another_of_the_same_login_goes_on() {
    let (standin, daemon) = world_with(|setup| {
        let url = setup.get("github_api_url").unwrap();
        setup.account("bot", url.trim_matches('"'), TOKEN)
    });
    standin.add_token(TOKEN, LOGIN, USER_ID);
    // Each is known to be that login, and of equals the first by name would have the turn.
    for (account, id) in [("bot", 1), ("default", 2)] {
        daemon
            .cli(&["post", "--account", account, OTHER, account])
            .ok();
        daemon.wait_posted(id);
    }
    let pause = ["pause", "--account", "bot", "--reason", "holiday"];
    daemon.cli(&pause).ok();
    let words = ["post", "--json", "--account", "bot", ISSUE, "waits"];
    let waits = daemon.cli(&words).ok().json()["job"]["id"].as_u64();
    let goes = daemon.submit(OTHER, "goes").job.id;
    daemon.wait_posted(goes);
    let lane = lane_in(&daemon, "bot", "paused");
    assert_eq!(lane.paused.unwrap().reason.as_deref(), Some("holiday"));
    assert_quiet(&standin);
    let resumed = daemon.cli(&["resume"]).ok();
    assert!(
        resumed.stderr.contains("account bot is still paused"),
        "{resumed:?}"
    );
    daemon.cli(&["resume", "bot"]).ok();
    daemon.wait_posted(waits.unwrap());
    assert_eq!(bodies(&standin), ["bot", "default", "goes", "waits"]);
    let done = daemon
        .cli(&["pause", "--json", "--account", "nobody"])
        .run();
    assert_refused(&done, 2, ErrorCode::UnknownAccount);
}

#[test]
fn a_drained_queue_takes_nothing_new_and_posts_what_it_has() {
    let (standin, mut daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 3));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    let words = ["post", "--json", "--key", "k", ISSUE, "queued"];
    let id = daemon.cli(&words).ok().json()["job"]["id"]
        .as_u64()
        .unwrap();
    daemon.cli(&["drain", "--reason", "moving"]).ok();
    let refused = daemon.cli(&["post", "--json", ISSUE, "late"]).run();
    assert_refused(&refused, 1, ErrorCode::Draining);
    assert_eq!(refused.json_error()["retryable"], true);
    assert!(refused.stderr.contains("moving"), "{refused:?}");
    let known = daemon.cli(&words).ok().json();
    assert_eq!(
        (known["job"]["id"].as_u64(), &known["duplicate"]),
        (Some(id), &true.into())
    );
    daemon.wait_posted(id);
    daemon.kill9();
    daemon.start_again();
    let refused = daemon.cli(&["post", "--json", ISSUE, "late"]).run();
    assert_refused(&refused, 1, ErrorCode::Draining);
    let status = daemon.status();
    let halt = status.queue.unwrap().draining.unwrap();
    assert_eq!(halt.reason.as_deref(), Some("moving"));
    assert!(
        status
            .degraded
            .iter()
            .any(|it| it.contains("comenq drain --off"))
    );
    daemon.cli(&["drain", "--off"]).ok();
    daemon.wait_posted(daemon.submit(ISSUE, "in time").job.id);
    assert_eq!(bodies(&standin), ["first", "queued", "in time"]);
}

#[test]
fn who_watches_is_told_of_each_pause_and_of_its_end_once() {
    let (_standin, daemon) = world();
    let mut stream = daemon.connect();
    stream.call(&Subscribe::default()).unwrap().unwrap();
    let of_account = ["--account", "default", "--reason", "not for everybody"];
    for words in [
        &["pause"][..],
        &["pause"],
        &["resume"],
        &["resume"],
        &[&["pause"][..], &of_account].concat(),
        &["resume", "default"],
    ] {
        daemon.cli(words).ok();
    }
    let last = daemon.submit(ISSUE, "x").job.id;
    let mut told = Vec::new();
    loop {
        let event = stream.event().unwrap();
        if event.job_id == Some(last) {
            break;
        }
        assert_eq!(event.reason, None, "{event:?}");
        told.push((event.kind, event.account));
    }
    told.retain(|(kind, _)| matches!(kind, EventKind::QueuePaused | EventKind::QueueResumed));
    let account = || Some("default".to_owned());
    let expected = [
        (EventKind::QueuePaused, None),
        (EventKind::QueueResumed, None),
        (EventKind::QueuePaused, account()),
        (EventKind::QueueResumed, account()),
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_pause_of_an_account_that_left_the_configuration_can_be_ended() {
    let standin = standin();
    let url = standin.url().to_owned();
    standin.add_token("second", "second-bot", 777);
    let mut daemon = Setup::for_standin(&standin)
        .account("two", &url, "second")
        .start();
    daemon.cli(&["pause", "--account", "two"]).ok();
    daemon.term();
    for key in ["github_token_file", "api_url", "cooldown_period_seconds"] {
        daemon.setup.unset(&format!("accounts.two.{key}"));
    }
    daemon.start_again();
    daemon.cli(&["resume", "two"]).ok();
    let again = daemon.cli(&["resume", "--json", "two"]).run();
    assert_refused(&again, 2, ErrorCode::UnknownAccount);
    daemon.term();
    daemon.setup.add_account("two", &url, "second");
    daemon.start_again();
    let options = ["--account", "two"];
    let id = crate::world::post(&daemon, ISSUE, "it is back", &options);
    daemon.wait_posted(id);
    assert_eq!(posts(&standin).len(), 1);
}
