//! The invisible mark that makes a lost comment certain.

use comenq_proto::{ErrorCode, FailureCode, JobState};
use harness::daemon::Daemon;
use harness::github::{Answer, Fault, GithubStandin};

use crate::world::{ISSUE, assert_refused, bodies, ours, posts, world, world_with};

fn marked() -> (GithubStandin, Daemon) {
    world_with(|setup| setup.raw("comment_marker", "true"))
}

/// A POST whose answer is lost, and somebody at the same moment with the account's own login.
fn lost_with(intruder: &str) -> Fault {
    let lost = Fault::on_post().answer(Answer::Close);
    lost.intruder(None, intruder)
}

#[test]
fn it_is_off_unless_asked_for() {
    let (standin, daemon) = world();
    daemon.wait_posted(daemon.submit(ISSUE, "plain").job.id);
    assert_eq!(bodies(&standin), ["plain"]);
}

#[test]
fn it_stands_below_the_text_where_nobody_sees_it() {
    let (standin, daemon) = marked();
    let id = daemon.submit(ISSUE, "text").job.id;
    daemon.wait_posted(id);
    let body = bodies(&standin).remove(0);
    let end = format!(":{id} -->");
    assert!(
        body.starts_with("text\n\n<!-- comenq:") && body.ends_with(&end),
        "{body}"
    );
    assert_eq!(daemon.job(id).body.as_deref(), Some("text"));
}

#[test]
fn with_it_a_twin_in_the_window_is_not_taken_for_ours() {
    let (standin, daemon) = marked();
    standin.fault(lost_with("the same words"));
    let job = daemon.wait_posted(daemon.submit(ISSUE, "the same words").job.id);
    let comments = ours(&standin);
    assert_eq!(comments.len(), 2);
    let own = comments.iter().find(|it| it.body.contains("<!-- comenq:"));
    assert_eq!(job.comment_id, own.map(|comment| comment.id));
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn with_it_another_text_in_the_window_is_no_open_question() {
    let (standin, daemon) = marked();
    standin.fault(lost_with("something else").without_creating());
    let job = daemon.wait_posted(daemon.submit(ISSUE, "certain").job.id);
    assert_eq!((job.attempts, posts(&standin).len()), (2, 2));
    assert_eq!(ours(&standin).len(), 2);
}

#[test]
fn without_it_that_is_an_open_question() {
    let (standin, daemon) = world();
    standin.fault(lost_with("something else").without_creating());
    let id = daemon.submit(ISSUE, "uncertain").job.id;
    let job = daemon.wait_for(id, &[JobState::Failed]);
    assert_eq!(job.failure, Some(FailureCode::OutcomeUnknown));
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn an_edited_comment_is_found_by_it() {
    let (standin, daemon) = marked();
    let rewrite = harness::github::Change::Replace {
        from: "typo".to_owned(),
        to: "tidy".to_owned(),
    };
    standin.fault(Fault::on_post().change(rewrite).answer(Answer::Close));
    let job = daemon.wait_posted(daemon.submit(ISSUE, "a typo").job.id);
    assert_eq!(job.comment_id, Some(ours(&standin)[0].id));
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn it_counts_to_the_length() {
    let (_standin, daemon) = marked();
    let done = daemon
        .cli(&["post", "--json", ISSUE])
        .stdin("x".repeat(65_530))
        .run();
    assert_refused(&done, 2, ErrorCode::BodyTooLong);
    let (standin, daemon) = world();
    daemon.cli(&["post", ISSUE]).stdin("x".repeat(65_530)).ok();
    daemon.wait_posted(1);
    assert_eq!(bodies(&standin)[0].len(), 65_530);
}

#[test]
fn an_account_of_its_own_table_has_it_too() {
    let standin = crate::world::standin();
    let setup = harness::setup::Setup::for_standin(&standin)
        .token(harness::setup::Token::Absent)
        .without("github_api_url")
        .without("cooldown_period_seconds")
        .account("bot", standin.url(), harness::github::TOKEN)
        .raw("accounts.bot.marker", "true");
    let daemon = setup.start();
    daemon.wait_posted(daemon.submit(ISSUE, "text").job.id);
    assert!(bodies(&standin)[0].contains("<!-- comenq:"));
}
