//! What people do to a job that waits: edit, hold, release, cancel, bump; in each state, by its
//! owner, by somebody else, by root.

use comenq_proto::{ErrorCode, JobState};
use harness::daemon::Daemon;
use harness::github::{Answer, Fault, GithubStandin, Kind, Pause};
use harness::needs;

use crate::world::{
    ANN, BEN, ISSUE, OTHER, arrived, assert_posted_once, assert_quiet, assert_refused, bodies,
    post, post_as, posts, run_as, world, world_with,
};

/// A world in which the account has just posted and rests for long.
fn resting() -> (GithubStandin, Daemon) {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    (standin, daemon)
}

/// The verbs that change a waiting job, as words after `comenq`.
const VERBS: [&str; 6] = ["edit", "hold", "release", "retry", "bump", "cancel"];

fn words<'a>(verb: &'a str, id: &'a str) -> Vec<&'a str> {
    let mut words = vec![verb, "--json", id];
    words.extend((verb == "edit").then_some("another text"));
    words
}

#[track_caller]
fn assert_verbs(daemon: &Daemon, id: u64, expected: [Option<ErrorCode>; 6]) {
    let id = id.to_string();
    for (verb, expected) in VERBS.into_iter().zip(expected) {
        let done = daemon.cli(&words(verb, &id)).run();
        match expected {
            None => assert_eq!(done.code, 0, "{verb}: {done:?}"),
            Some(code) => assert_refused(&done, 5, code),
        }
    }
}

#[test]
fn in_each_state_a_verb_works_or_says_why_not() {
    use ErrorCode::{JobBusy, Unresolved, WrongState};
    let wrong = Some(WrongState);
    let (_standin, daemon) = resting();
    // Retry and release find nothing to do, and cancel comes last.
    let queued = post(&daemon, ISSUE, "queued", &[]);
    assert_verbs(&daemon, queued, [None, None, None, None, None, None]);
    let held = post(&daemon, ISSUE, "held", &["--hold"]);
    let held_text = held.to_string();
    let bump = daemon.cli(&words("bump", &held_text)).run();
    assert_refused(&bump, 5, WrongState);
    let retry = daemon.cli(&words("retry", &held_text)).run();
    assert_refused(&retry, 5, WrongState);
    for verb in ["edit", "hold", "release", "hold", "cancel", "cancel"] {
        daemon.cli(&words(verb, &held_text)).ok();
    }
    assert_verbs(&daemon, held, [wrong, wrong, wrong, wrong, wrong, None]);
    assert_verbs(&daemon, 1, [wrong; 6]);

    let (standin, daemon) = world();
    standin.fault(Fault::on_post().hold_after(Pause::UntilReleased));
    let posting = daemon.submit(ISSUE, "posting").job.id;
    arrived(&standin, Kind::Post, 1);
    let busy = Some(JobBusy);
    assert_verbs(&daemon, posting, [busy, busy, busy, None, busy, busy]);
    standin.release();
    daemon.wait_posted(posting);

    let dead = daemon.submit("octo/demo#404", "x").job.id;
    daemon.wait_for(dead, &[JobState::Failed]);
    let dead_text = dead.to_string();
    for verb in ["edit", "hold", "release", "bump", "cancel"] {
        let done = daemon.cli(&words(verb, &dead_text)).run();
        assert_refused(&done, 5, WrongState);
    }
    daemon.cli(&words("retry", &dead_text)).ok();

    let (standin, daemon) = world_with(|setup| setup.number("look_delay_seconds", 600));
    standin.fault(Fault::on_post().answer(Answer::Close));
    let open = daemon.submit(ISSUE, "nobody knows").job.id;
    daemon.wait_for(open, &[JobState::Uncertain]);
    let unresolved = Some(Unresolved);
    assert_verbs(
        &daemon,
        open,
        [unresolved, unresolved, unresolved, None, unresolved, None],
    );
    assert!(daemon.job(open).cancel_requested);
}

#[test]
fn a_verb_that_comes_too_late_says_why_and_what_to_do() {
    let (_standin, daemon) = world();
    let posted = daemon.submit(ISSUE, "there").job.id;
    let posted = daemon.wait_posted(posted);
    let refused = |verb, id: u64| daemon.cli(&words(verb, &id.to_string())).run().json_error();
    let error = refused("edit", posted.id);
    let url = posted.comment_url.unwrap();
    let said = format!(
        "job #{} cannot be edited: it was posted already: {url}",
        posted.id
    );
    assert_eq!(error["message"], said);
    assert_eq!(error["detail"], "edit it on GitHub");
    let dead = daemon.submit("octo/demo#404", "x").job.id;
    daemon.wait_for(dead, &[JobState::Failed]);
    let error = refused("hold", dead);
    assert_eq!(
        error["message"],
        format!("job #{dead} cannot be held: it has failed")
    );
    assert_eq!(error["detail"], format!("`comenq retry {dead}` revives it"));
}

#[test]
fn a_job_that_is_not_there_is_said_to_be_not_there() {
    let (_standin, daemon) = world();
    for verb in VERBS {
        let done = daemon.cli(&words(verb, "77")).run();
        assert_refused(&done, 5, ErrorCode::NoSuchJob);
    }
}

#[test]
fn somebody_elses_job_is_not_yours_to_change_but_roots() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = resting();
    let id = post_as(&daemon, ANN, ISSUE, "mine");
    let text = id.to_string();
    for verb in VERBS {
        let done = run_as(&daemon, BEN, &words(verb, &text));
        assert_refused(&done, 4, ErrorCode::NotAllowed);
    }
    assert_eq!(daemon.job(id).body.as_deref(), Some("mine"));
    for verb in VERBS {
        let done = run_as(&daemon, ANN, &words(verb, &text));
        assert_eq!(done.code, 0, "{verb}: {done:?}");
    }
    let id = post_as(&daemon, ANN, ISSUE, "hers").to_string();
    for verb in VERBS {
        daemon.cli(&words(verb, &id)).ok();
    }
}

#[test]
fn an_edited_job_is_posted_with_its_new_text() {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 3));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    let long = "long ".repeat(3_000);
    let id = post(&daemon, ISSUE, &long, &[]);
    daemon.cli(&["edit", &id.to_string(), "short"]).ok();
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "short");
    assert_eq!(bodies(&standin), ["first", "short"]);
}

#[test]
fn an_edit_takes_its_text_from_a_file_or_stdin_and_checks_it() {
    let (_standin, daemon) = resting();
    let id = post(&daemon, ISSUE, "old", &[]).to_string();
    daemon.cli(&["edit", &id]).stdin("from stdin").ok();
    assert_eq!(
        daemon.job(id.parse().unwrap()).body.as_deref(),
        Some("from stdin")
    );
    assert_eq!(daemon.cli(&["edit", &id, "  "]).run().code, 2);
    let long = "x".repeat(65_537);
    let done = daemon.cli(&["edit", "--json", &id]).stdin(long).run();
    assert_refused(&done, 2, ErrorCode::BodyTooLong);
    assert_eq!(
        daemon.job(id.parse().unwrap()).body.as_deref(),
        Some("from stdin")
    );
}

#[test]
fn a_held_job_waits_for_its_release_and_lets_others_pass() {
    let (standin, mut daemon) = world();
    let held = post(&daemon, ISSUE, "held", &["--hold"]);
    let other = post(&daemon, ISSUE, "other", &[]);
    daemon.wait_posted(other);
    daemon.restart();
    assert_quiet(&standin);
    assert_eq!(daemon.job(held).state, JobState::Held);
    daemon.cli(&["release", &held.to_string()]).ok();
    daemon.wait_posted(held);
    assert_eq!(bodies(&standin), ["other", "held"]);
}

#[test]
fn a_queued_job_can_be_held_and_keeps_its_place() {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 2));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    let early = post(&daemon, ISSUE, "early", &[]);
    let late = post(&daemon, ISSUE, "late", &[]);
    daemon.cli(&["hold", &early.to_string()]).ok();
    daemon.cli(&["release", &early.to_string()]).ok();
    daemon.wait_posted(late);
    assert_eq!(bodies(&standin), ["first", "early", "late"]);
}

#[test]
fn priority_and_bump_go_before_age() {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 3));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    post(&daemon, ISSUE, "low", &["--priority", "-7"]);
    post(&daemon, ISSUE, "usual", &[]);
    let bumped = post(&daemon, "octo/demo#3", "bumped", &[]);
    post(&daemon, ISSUE, "high", &["--priority", "7"]);
    daemon.cli(&["bump", &bumped.to_string()]).ok();
    daemon.wait_posted(2);
    let bodies = bodies(&standin);
    assert_eq!(bodies, ["first", "bumped", "high", "usual", "low"]);
}

#[test]
fn one_users_priority_is_nothing_to_another() {
    if !needs::root() {
        return;
    }
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 2));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    for text in ["ann 1", "ann 2"] {
        let words = ["post", "--priority", "100", ISSUE, text];
        assert_eq!(run_as(&daemon, ANN, &words).code, 0);
    }
    let ben = post_as(&daemon, BEN, ISSUE, "ben 1");
    daemon.wait_posted(ben);
    daemon.wait_posted(3);
    assert_eq!(bodies(&standin), ["first", "ann 1", "ben 1", "ann 2"]);
}

#[test]
fn a_newer_job_with_the_same_replace_key_supersedes_a_queued_one() {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 3));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    let key = ["--replace-key", "build"];
    let old = post(&daemon, ISSUE, "build 1", &key);
    let elsewhere = post(&daemon, OTHER, "build 1 there", &key);
    let new = daemon
        .cli(&[&["post", ISSUE, "build 2"], &key[..]].concat())
        .ok();
    let told = format!("{}{}", new.stdout, new.stderr);
    assert!(told.contains(&format!("replaces #{old}")), "{told}");
    let job = daemon.job(old);
    assert_eq!(
        (job.state, job.superseded_by.map(comenq_proto::JobId::get)),
        (JobState::Cancelled, Some(elsewhere + 1))
    );
    let shown = daemon.cli(&["show", &old.to_string()]).ok().stdout;
    assert!(
        shown.contains(&format!("superseded by #{}", elsewhere + 1)),
        "{shown}"
    );
    daemon.wait_posted(elsewhere);
    daemon.wait_posted(elsewhere + 1);
    assert_eq!(posts(&standin).len(), 3);
    assert!(!bodies(&standin).contains(&"build 1".to_owned()));
}

#[test]
fn one_that_is_already_posting_is_left_alone() {
    let (standin, daemon) = world();
    standin.fault(Fault::on_post().hold_after(Pause::UntilReleased));
    let key = ["--replace-key", "build"];
    let old = post(&daemon, ISSUE, "build 1", &key);
    arrived(&standin, Kind::Post, 1);
    let new = post(&daemon, ISSUE, "build 2", &key);
    standin.release();
    daemon.wait_posted(old);
    daemon.wait_posted(new);
    assert_eq!(bodies(&standin), ["build 1", "build 2"]);
}

#[test]
fn the_same_text_again_is_taken_and_warned_of() {
    let (standin, daemon) = world();
    let first = post(&daemon, ISSUE, "again?", &[]);
    let posted = daemon.wait_posted(first);
    let done = daemon.cli(&["post", "--json", ISSUE, "again?"]).ok();
    assert_eq!(done.json()["same_text_as"], first);
    let text = daemon.cli(&["post", ISSUE, "again?"]).ok();
    assert!(text.stderr.contains("same text"), "{text:?}");
    for other in [("octo/demo#3", "again?"), (ISSUE, "again!")] {
        let done = daemon.cli(&["post", "--json", other.0, other.1]).ok();
        assert_eq!(done.json()["same_text_as"], serde_json::Value::Null);
    }
    assert!(posted.comment_id.is_some());
    daemon.wait_posted(2);
    assert_eq!(bodies(&standin)[..2], ["again?", "again?"]);
}

#[test]
fn a_job_for_an_open_issue_only_is_cancelled_where_it_is_closed() {
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    standin.set_open(&ISSUE.parse().unwrap(), false).unwrap();
    let closed = post(&daemon, ISSUE, "too late", &["--if-open"]);
    let job = daemon.wait_for(closed, &[JobState::Cancelled]);
    assert!(job.last_error.unwrap().contains("closed"));
    // It cost no slot: the next one goes at once, and without the wish a closed issue takes it.
    daemon.wait_posted(post(&daemon, ISSUE, "all the same", &[]));
    assert_eq!(bodies(&standin), ["all the same"]);
    let log = daemon
        .cli(&["show", "--json", &closed.to_string()])
        .ok()
        .json();
    assert_eq!(log["attempt_log"][0]["outcome"], "precondition");
}

#[test]
fn a_job_for_an_open_issue_is_posted_while_it_is_open() {
    let (standin, daemon) = world();
    daemon.wait_posted(post(&daemon, ISSUE, "in time", &["--if-open"]));
    daemon.wait_posted(post(&daemon, ISSUE, "unasked", &[]));
    assert_eq!(standin.requests_of(Kind::Issue).len(), 1);
    assert_eq!(bodies(&standin), ["in time", "unasked"]);
}
