//! Looking before posting again: which comment is taken for ours, which is
//! not, and when the daemon must say that it does not know.

use std::time::Duration;

use comenq_proto::JobState;
use harness::github::{Answer, Change, Fault, Hide, Kind, LOGIN, Refusal, Scope, Target};
use harness::wait;

use crate::world::{
    ISSUE, OTHER, arrived, assert_posted_once, assert_quiet, bodies, ours, posts, world,
};

fn issue() -> Target {
    ISSUE.parse().unwrap()
}

#[test]
fn a_listing_that_is_late_is_looked_at_twice() {
    let (standin, daemon) = world();
    standin.fault(
        Fault::on_post()
            .hide(Hide::Listings(1))
            .answer(Answer::Close),
    );
    let job = daemon.wait_posted(daemon.submit(ISSUE, "late").job.id);
    assert_posted_once(&standin, &job, "late");
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn white_space_at_the_end_and_line_ends_do_not_matter() {
    for (text, change) in [
        ("two\nlines", Change::Crlf),
        ("trailing  \n\n", Change::TrimEnd),
        (
            "windows\r\nlines\r\n",
            Change::Replace {
                from: "\r\n".into(),
                to: "\n".into(),
            },
        ),
        ("no newline", Change::Append("\n".into())),
    ] {
        let (standin, daemon) = world();
        standin.fault(
            Fault::on_post()
                .change(change.clone())
                .answer(Answer::Close),
        );
        let job = daemon.wait_posted(daemon.submit(ISSUE, text).job.id);
        assert_eq!(job.comment_id, Some(ours(&standin)[0].id), "{change:?}");
        assert_eq!(posts(&standin).len(), 1);
    }
}

#[test]
fn a_comment_of_ours_with_another_text_is_an_open_question() {
    let (standin, daemon) = world();
    let rewrite = Change::Replace {
        from: "@team".into(),
        to: "@org/team".into(),
    };
    standin.fault(Fault::on_post().change(rewrite).answer(Answer::Close));
    let id = daemon.submit(ISSUE, "ping @team").job.id;
    let job = daemon.wait_for(id, &[JobState::Failed]);
    let error = job.last_error.unwrap();
    assert!(error.contains("outcome unknown"), "{error}");
    assert!(
        error.contains(&ours(&standin)[0].html_url),
        "names the comment: {error}"
    );
    assert_quiet(&standin);
    assert_eq!((posts(&standin).len(), ours(&standin).len()), (1, 1));
}

#[test]
fn a_person_using_the_bots_account_makes_it_an_open_question() {
    let (standin, daemon) = world();
    let fault = Fault::on_post()
        .without_creating()
        .intruder(None, "typed by hand");
    standin.fault(fault.answer(Answer::Close));
    let job = daemon.wait_for(daemon.submit(ISSUE, "ours").job.id, &[JobState::Failed]);
    assert!(job.last_error.unwrap().contains("outcome unknown"));
    assert_quiet(&standin);
    assert_eq!(bodies(&standin), ["typed by hand"]);
}

#[test]
fn our_text_is_found_beside_another_of_the_same_account() {
    let (standin, daemon) = world();
    standin.fault(
        Fault::on_post()
            .intruder(None, "typed by hand")
            .answer(Answer::Close),
    );
    let job = daemon.wait_posted(daemon.submit(ISSUE, "ours").job.id);
    assert_posted_once(&standin, &job, "ours");
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn the_same_text_by_another_user_is_not_ours() {
    let (standin, daemon) = world();
    let fault = Fault::on_post()
        .without_creating()
        .intruder(Some("parrot"), "+1");
    standin.fault(fault.answer(Answer::Close));
    let job = daemon.wait_posted(daemon.submit(ISSUE, "+1").job.id);
    assert_posted_once(&standin, &job, "+1");
    assert_eq!(posts(&standin).len(), 2);
    assert_eq!(standin.comments().len(), 2);
}

#[test]
fn the_same_text_from_before_is_not_ours() {
    for age_seconds in [60, 3_600] {
        let (standin, daemon) = world();
        let old = standin.add_comment(&issue(), LOGIN, "again", age_seconds);
        standin.fault(Fault::on_post().without_creating().answer(Answer::Close));
        let job = daemon.wait_posted(daemon.submit(ISSUE, "again").job.id);
        assert_ne!(job.comment_id, Some(old), "{age_seconds} s old");
        assert_eq!((posts(&standin).len(), ours(&standin).len()), (2, 2));
    }
}

#[test]
fn an_old_comment_edited_now_is_not_ours() {
    let (standin, daemon) = world();
    let old = standin.add_comment(&issue(), LOGIN, "draft", 7_200);
    standin.fault(Fault::on_post().without_creating().answer(Answer::Close));
    let id = daemon.submit(ISSUE, "final").job.id;
    arrived(&standin, Kind::Post, 1);
    standin.edit_comment(old, "final");
    let job = daemon.wait_posted(id);
    assert_ne!(job.comment_id, Some(old));
    assert_eq!(posts(&standin).len(), 2);
}

#[test]
fn a_comment_belongs_to_one_job_only() {
    let (standin, daemon) = world();
    standin.fault(
        Fault::on_post()
            .skip(1)
            .without_creating()
            .answer(Answer::Close),
    );
    let first = daemon.submit(ISSUE, "twin").job.id;
    let second = daemon.submit(ISSUE, "twin").job.id;
    let first = daemon.wait_posted(first);
    let second = daemon.wait_posted(second);
    assert_ne!(first.comment_id, second.comment_id);
    assert_eq!(bodies(&standin), ["twin", "twin"]);
    assert_eq!(posts(&standin).len(), 3);
}

#[test]
fn ours_is_found_on_the_last_of_many_pages() {
    let (standin, daemon) = world();
    for number in 0..230 {
        standin.add_comment(&issue(), "chatty", &format!("noise {number}"), 0);
    }
    standin.fault(Fault::on_post().answer(Answer::Close));
    let job = daemon.wait_posted(daemon.submit(ISSUE, "needle").job.id);
    assert_posted_once(&standin, &job, "needle");
    assert_eq!(posts(&standin).len(), 1);
    assert!(
        standin.requests_of(Kind::Listing).len() >= 3,
        "three pages of a hundred"
    );
}

#[test]
fn looks_that_fail_do_not_count() {
    for refusal in [
        Refusal::BadGateway,
        Refusal::OtherForbidden,
        Refusal::ServerError,
    ] {
        let (standin, daemon) = world();
        standin.refuse_only(Kind::Listing, Scope::Everything, refusal.clone());
        standin.fault(Fault::on_post().answer(Answer::Close));
        let id = daemon.submit(ISSUE, "patience").job.id;
        arrived(&standin, Kind::Listing, 1);
        assert_quiet(&standin);
        assert_eq!(daemon.job(id).state, JobState::Uncertain, "{refusal:?}");
        standin.allow(&Scope::Everything);
        let job = daemon.wait_posted(id);
        assert_posted_once(&standin, &job, "patience");
        assert_eq!(posts(&standin).len(), 1);
    }
}

#[test]
fn a_page_that_fails_spoils_the_whole_listing() {
    let (standin, daemon) = world();
    for number in 0..150 {
        standin.add_comment(&issue(), "chatty", &format!("noise {number}"), 0);
    }
    // Ours is on the second page, which fails at first.
    let broken = Answer::Refuse(Refusal::BadGateway);
    standin.fault(Fault::on(Kind::Listing).skip(1).answer(broken.clone()));
    standin.fault(Fault::on(Kind::Listing).skip(1).answer(broken));
    standin.fault(Fault::on_post().answer(Answer::Close));
    let job = daemon.wait_posted(daemon.submit(ISSUE, "needle").job.id);
    assert_posted_once(&standin, &job, "needle");
    assert_eq!(posts(&standin).len(), 1);
}

#[test]
fn listings_that_are_not_lists_do_not_count() {
    for body in ["<html></html>", "{}", "[{\"id\":1}]", "[", "null", ""] {
        let (standin, daemon) = world();
        let answer = Answer::Raw {
            status: 200,
            content_type: "application/json".to_owned(),
            body: body.to_owned(),
        };
        standin.fault(Fault::on(Kind::Listing).times(2).answer(answer));
        standin.fault(Fault::on_post().answer(Answer::Close));
        let job = daemon.wait_posted(daemon.submit(ISSUE, "patience").job.id);
        assert_posted_once(&standin, &job, "patience");
        assert_eq!(
            posts(&standin).len(),
            1,
            "{body:?} was taken for an empty listing"
        );
    }
}

#[test]
fn an_issue_that_vanished_ends_the_question() {
    for refusal in [Refusal::NotFound, Refusal::IssueDeleted] {
        let (standin, daemon) = world();
        standin.fault(Fault::on_post().answer(Answer::Close));
        let id = daemon.submit(ISSUE, "gone").job.id;
        arrived(&standin, Kind::Post, 1);
        standin.refuse(Scope::Issue(issue()), refusal);
        let job = daemon.wait_for(id, &[JobState::Failed]);
        assert!(job.last_error.unwrap().contains("outcome unknown"));
        assert_eq!(posts(&standin).len(), 1);
    }
}

#[test]
fn an_open_question_holds_its_issue_but_no_other() {
    let (standin, daemon) = world();
    standin.refuse_only(Kind::Listing, Scope::Everything, Refusal::BadGateway);
    standin.fault(Fault::on_post().without_creating().answer(Answer::Close));
    let open = daemon.submit(ISSUE, "open").job.id;
    let behind = daemon.submit(ISSUE, "behind").job.id;
    let beside = daemon.submit(OTHER, "beside").job.id;
    daemon.wait_for(open, &[JobState::Uncertain]);
    daemon.wait_posted(beside);
    wait::never(
        "the job behind to be posted",
        Duration::from_secs(3),
        || daemon.job(behind).state != JobState::Queued,
    );
    standin.allow(&Scope::Everything);
    daemon.wait_posted(behind);
    assert_eq!(daemon.job(open).state, JobState::Posted);
    assert_eq!(bodies(&standin), ["beside", "open", "behind"]);
}

#[test]
fn several_lost_answers_in_a_row() {
    let (standin, daemon) = world();
    standin.fault(
        Fault::on_post()
            .times(2)
            .without_creating()
            .answer(Answer::Close),
    );
    standin.fault(Fault::on_post().answer(Answer::Reset));
    let job = daemon.wait_posted(daemon.submit(ISSUE, "third time").job.id);
    assert_posted_once(&standin, &job, "third time");
    assert_eq!((posts(&standin).len(), job.attempts), (3, 3));
}

#[test]
fn the_look_asks_for_the_time_before_the_attempt() {
    let (standin, daemon) = world();
    standin.fault(Fault::on_post().answer(Answer::Close));
    daemon.wait_posted(daemon.submit(ISSUE, "when").job.id);
    let query = standin.requests_of(Kind::Listing)[0].query.clone().unwrap();
    let since = query
        .split('&')
        .find_map(|part| part.strip_prefix("since="))
        .unwrap();
    let since = since.replace("%3A", ":").replace("%2B", "+");
    let since = harness::github::parse_rfc3339(&since).unwrap();
    let created = ours(&standin)[0].created_at;
    assert!(
        (590..=640).contains(&(created - since)),
        "{} s before",
        created - since
    );
}
