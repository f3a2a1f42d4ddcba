//! Every accident of one POST: in the end exactly one comment, and never a
//! second POST where the first one's comment can be found.

use std::time::Duration;

use comenq_proto::{Job, JobState};
use harness::daemon::Daemon;
use harness::github::{Answer, Fault, GithubStandin, Kind, Pause, Refusal, Scope};
use harness::wait;

use crate::world::{
    ISSUE, SOON, arrived, assert_posted_once, assert_spaced, bodies, ours, posts, world_with,
};

/// A world whose next POST has this fault, and the job that meets it, posted.
fn survive(fault: Fault) -> (GithubStandin, Daemon, Job) {
    let (standin, daemon) = world_with(|setup| setup.number("github_api_timeout_seconds", 2));
    standin.fault(fault);
    let id = daemon.submit(ISSUE, "only once").job.id;
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "only once");
    assert_eq!(ours(&standin).len(), 1);
    assert_spaced(&standin, Duration::from_secs(1));
    (standin, daemon, job)
}

/// The comment existed: it is found, not posted again.
fn found(fault: Fault) -> (GithubStandin, Daemon, Job) {
    let (standin, daemon, job) = survive(fault);
    assert_eq!(
        posts(&standin).len(),
        1,
        "posted again though the comment existed"
    );
    assert_eq!(job.attempts, 1);
    (standin, daemon, job)
}

/// The comment did not exist: two looks, then a second POST.
fn repeated(fault: Fault) {
    let (standin, _daemon, job) = survive(fault);
    let posts = posts(&standin);
    assert_eq!((posts.len(), job.attempts), (2, 2));
    let looks = standin
        .requests_of(Kind::Listing)
        .into_iter()
        .filter(|look| posts[0].at < look.at && look.at < posts[1].at)
        .collect::<Vec<_>>();
    assert!(looks.len() >= 2, "posted again after {} looks", looks.len());
    let apart = looks[looks.len() - 1].at.duration_since(looks[0].at);
    assert!(
        apart >= Duration::from_millis(900),
        "two looks {apart:?} apart"
    );
}

fn raw(status: u16, body: &str) -> Answer {
    Answer::Raw {
        status,
        content_type: "text/plain".to_owned(),
        body: body.to_owned(),
    }
}

#[test]
fn the_connection_closes_before_the_comment_exists() {
    repeated(Fault::on_post().without_creating().answer(Answer::Close));
}

#[test]
fn the_connection_closes_after_the_comment_exists() {
    found(Fault::on_post().answer(Answer::Close));
}

#[test]
fn the_connection_is_reset_before_the_comment_exists() {
    repeated(Fault::on_post().without_creating().answer(Answer::Reset));
}

#[test]
fn the_connection_is_reset_after_the_comment_exists() {
    found(Fault::on_post().answer(Answer::Reset));
}

#[test]
fn the_answer_comes_after_the_timeout() {
    found(Fault::on_post().hold_after(Pause::Ms(6_000)));
}

#[test]
fn the_comment_appears_after_the_timeout() {
    // Within the look delay: what comes later than that is out of anybody's reach.
    found(Fault::on_post().hold_before(Pause::Ms(2_600)));
}

#[test]
fn a_timeout_and_no_comment() {
    let never = Fault::on_post()
        .without_creating()
        .hold_after(Pause::Ms(6_000));
    repeated(never.answer(Answer::Close));
}

#[test]
fn errors_of_the_server_after_the_comment_exists() {
    for refusal in [
        Refusal::ServerError,
        Refusal::BadGateway,
        Refusal::Unavailable,
        Refusal::GatewayTimeout,
        Refusal::Status {
            status: 418,
            message: "teapot".to_owned(),
        },
        Refusal::Status {
            status: 400,
            message: "Bad Request".to_owned(),
        },
        Refusal::Status {
            status: 202,
            message: "Accepted".to_owned(),
        },
    ] {
        found(Fault::on_post().answer(Answer::Refuse(refusal)));
    }
}

#[test]
fn errors_of_the_server_before_the_comment_exists() {
    for refusal in [Refusal::ServerError, Refusal::BadGateway] {
        repeated(
            Fault::on_post()
                .without_creating()
                .answer(Answer::Refuse(refusal)),
        );
    }
}

#[test]
fn success_that_is_not_201_is_no_success() {
    found(Fault::on_post().answer(raw(200, "fine, thanks")));
    repeated(
        Fault::on_post()
            .without_creating()
            .answer(raw(200, "{\"id\":5}")),
    );
    found(Fault::on_post().answer(raw(204, "")));
}

#[test]
fn the_status_line_201_is_enough() {
    for answer in [
        raw(201, ""),
        raw(201, "<html>created</html>"),
        raw(201, "{\"id\":\"not a number\"}"),
        Answer::Without(vec!["id".to_owned()]),
        Answer::Without(vec![
            "html_url".to_owned(),
            "user".to_owned(),
            "created_at".to_owned(),
        ]),
        Answer::Truncated,
    ] {
        let (standin, daemon) = world_with(|setup| setup);
        standin.fault(Fault::on_post().answer(answer.clone()));
        let id = daemon.submit(ISSUE, "created").job.id;
        let job = daemon.wait_posted(id);
        assert_eq!((job.attempts, posts(&standin).len()), (1, 1), "{answer:?}");
        // Which comment it is may be found out later.
        let comment = ours(&standin)[0].id;
        wait::until("the comment's number", SOON, || {
            (daemon.job(id).comment_id == Some(comment)).then_some(())
        });
        assert_eq!(posts(&standin).len(), 1, "{answer:?}");
    }
}

#[test]
fn a_body_without_end_is_cut_off() {
    for status in [200, 502] {
        let (standin, daemon, _) = found(Fault::on_post().answer(Answer::Endless { status }));
        let streamed = posts(&standin)[0].streamed_bytes();
        assert!(streamed < 64 << 20, "{streamed} bytes were read");
        assert!(daemon.rss_kb() < 100_000, "{} kB resident", daemon.rss_kb());
    }
}

#[test]
fn a_created_comment_with_a_body_without_end() {
    let (standin, daemon) = world_with(|setup| setup.number("github_api_timeout_seconds", 2));
    standin.fault(Fault::on_post().answer(Answer::Endless { status: 201 }));
    daemon.wait_posted(daemon.submit(ISSUE, "created").job.id);
    assert_eq!((posts(&standin).len(), ours(&standin).len()), (1, 1));
}

#[test]
fn headers_that_trickle_past_the_timeout() {
    found(Fault::on_post().answer(Answer::Trickle {
        bytes: 10,
        every_ms: 200,
    }));
}

#[test]
fn headers_that_trickle_but_arrive() {
    let (_, _, job) = found(Fault::on_post().answer(Answer::Trickle {
        bytes: 200,
        every_ms: 20,
    }));
    assert_eq!(job.last_error, None);
}

#[test]
fn a_proxy_that_keeps_only_the_answer_from_us_makes_no_second_comment() {
    found(Fault::on_post().answer(Answer::Refuse(Refusal::ProxyForbidden)));
}

#[test]
fn a_proxys_refusal_is_not_the_jobs_fault() {
    for refusal in [Refusal::ProxyForbidden, Refusal::ProxyAuthentication] {
        let (standin, daemon) = world_with(|setup| setup);
        standin.refuse_only(Kind::Post, Scope::Everything, refusal);
        let id = daemon.submit(ISSUE, "let me out").job.id;
        arrived(&standin, Kind::Post, 1);
        wait::until("the lane to say why it waits", SOON, || {
            daemon.status().lanes[0].reason.clone()
        });
        let job = daemon.job(id);
        assert!(!job.state.is_finished(), "{job:?}");
        assert!(bodies(&standin).is_empty());
    }
}

#[test]
fn nothing_is_sent_before_github_has_told_the_time() {
    let (standin, daemon) = world_with(|setup| setup);
    standin.refuse_only(Kind::User, Scope::Everything, Refusal::BadGateway);
    let id = daemon.submit(ISSUE, "patience").job.id;
    arrived(&standin, Kind::User, 2);
    standin.allow(&Scope::Everything);
    let job = daemon.wait_posted(id);
    assert_posted_once(&standin, &job, "patience");
    let first = &standin.requests()[0];
    assert_eq!(first.kind, Kind::User, "who am I, and what time is it");
}

#[test]
fn tls_that_fails_is_surely_not_sent() {
    let standin = crate::world::standin();
    let url = standin.url().replace("http://", "https://");
    let daemon = harness::setup::Setup::new(&url).start();
    let id = daemon.submit(ISSUE, "encrypted").job.id;
    wait::until("the lane to say that it is offline", SOON, || {
        (daemon.status().lanes[0].phase == "offline").then_some(())
    });
    let job = daemon.job(id);
    assert_eq!((job.state, job.attempts), (JobState::Queued, 0));
    assert!(standin.comments().is_empty());
}
