//! Faults by script: what the client sees, and whether a comment exists.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use harness::github::{
    Answer, Change, Config, Fault, GithubStandin, Hide, Kind, LOGIN, Pause, Refusal, TOKEN,
};
use harness::wait;

use crate::client::{PATH, call, post, send, try_call};

const SOON: Duration = Duration::from_secs(10);

fn standin(fault: Fault) -> GithubStandin {
    let standin = GithubStandin::start(Config::example()).unwrap();
    standin.fault(fault);
    standin
}

fn try_post(standin: &GithubStandin) -> std::io::Result<crate::client::Answer> {
    try_call(standin, "POST", PATH, r#"{"body":"hello"}"#)
}

#[test]
fn connections_close_before_and_after_creating() {
    let before = standin(Fault::on_post().without_creating().answer(Answer::Close));
    assert_eq!(
        try_post(&before).unwrap_err().kind(),
        ErrorKind::UnexpectedEof
    );
    assert!(before.comments().is_empty());
    assert_eq!(try_post(&before).unwrap().status, 201, "only once");

    let after = standin(Fault::on_post().answer(Answer::Close));
    assert_eq!(
        try_post(&after).unwrap_err().kind(),
        ErrorKind::UnexpectedEof
    );
    assert_eq!(after.comments().len(), 1);
    assert_eq!(after.requests_of(Kind::Post)[0].status, None);
}

#[test]
fn connections_reset() {
    let standin = standin(Fault::on_post().answer(Answer::Reset));
    assert_eq!(
        try_post(&standin).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(standin.comments().len(), 1);
}

#[test]
fn errors_before_and_after_creating() {
    let bad_gateway = Answer::Refuse(Refusal::BadGateway);
    let after = standin(Fault::on_post().answer(bad_gateway));
    assert_eq!(try_post(&after).unwrap().status, 502);
    assert_eq!(after.comments().len(), 1);

    let server_error = Answer::Refuse(Refusal::ServerError);
    let before = standin(Fault::on_post().without_creating().answer(server_error));
    assert_eq!(try_post(&before).unwrap().status, 500);
    assert!(before.comments().is_empty());
}

#[test]
fn answers_that_are_not_what_they_should_be() {
    let raw = |status, body: &str| Answer::Raw {
        status,
        content_type: "text/plain".to_owned(),
        body: body.to_owned(),
    };
    let odd = standin(Fault::on_post().answer(raw(200, "fine")));
    let answer = try_post(&odd).unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "fine"));
    assert!(answer.header("x-github-request-id").is_some());

    let empty = standin(Fault::on_post().answer(raw(201, "")));
    assert_eq!(try_post(&empty).unwrap().body, "");
    assert_eq!(empty.comments().len(), 1);

    let without = standin(Fault::on_post().answer(Answer::Without(vec!["id".to_owned()])));
    let json = try_post(&without).unwrap().json();
    assert!(json.get("id").is_none() && json.get("body").is_some());

    let cut = standin(Fault::on_post().answer(Answer::Truncated));
    assert!(try_post(&cut).is_err(), "shorter than its content-length");
    assert_eq!(cut.comments().len(), 1);
}

#[test]
fn a_held_request_is_visible_and_goes_on_without_its_client() {
    let standin = standin(Fault::on_post().hold_before(Pause::UntilReleased));
    let client = send(
        standin.address(),
        "POST",
        PATH,
        Some(TOKEN),
        r#"{"body":"late"}"#,
    );
    wait::until("the held request", SOON, || standin.requests().pop());
    assert!(standin.comments().is_empty());
    drop(client);
    standin.release();
    let comment = wait::until("the comment", SOON, || standin.comments().pop());
    assert_eq!(comment.body, "late");
}

#[test]
fn delays_hold_the_answer() {
    let standin = standin(Fault::on_post().hold_after(Pause::Ms(300)));
    let start = Instant::now();
    assert_eq!(try_post(&standin).unwrap().status, 201);
    assert!(start.elapsed() >= Duration::from_millis(300));
    let record = &standin.requests()[0];
    assert!(record.answered_ms.unwrap() - record.received_ms >= 300);
}

#[test]
fn an_endless_body_ends_when_the_client_leaves() {
    let standin = standin(Fault::on_post().answer(Answer::Endless { status: 200 }));
    let mut client = send(
        standin.address(),
        "POST",
        PATH,
        Some(TOKEN),
        r#"{"body":"x"}"#,
    );
    let mut buffer = vec![0; 1 << 20];
    client.read_exact(&mut buffer).unwrap();
    drop(client);
    let sent = standin.requests()[0].streamed_bytes();
    assert!(sent >= 1 << 20, "{sent}");
    assert_eq!(
        call(&standin, "GET", "/user", "").status,
        200,
        "and serves others"
    );
}

#[test]
fn heads_trickle() {
    let standin = standin(Fault::on_post().answer(Answer::Trickle {
        bytes: 50,
        every_ms: 20,
    }));
    let answer = try_post(&standin).unwrap();
    assert_eq!(answer.status, 201);
    assert!(
        answer.head_took >= Duration::from_millis(60),
        "{:?}",
        answer.head_took
    );
}

#[test]
fn listings_can_be_stale() {
    let standin = standin(Fault::on_post().hide(Hide::Listings(2)));
    assert_eq!(post(&standin, "late to the party").status, 201);
    assert_eq!(call(&standin, "GET", PATH, "").body, "[]");
    assert_eq!(call(&standin, "GET", PATH, "").body, "[]");
    assert_eq!(
        call(&standin, "GET", PATH, "")
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );

    standin.fault(Fault::on_post().hide(Hide::Ms(200)));
    assert_eq!(post(&standin, "later").status, 201);
    assert_eq!(
        call(&standin, "GET", PATH, "")
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    wait::until("the second comment to be listed", SOON, || {
        (call(&standin, "GET", PATH, "")
            .json()
            .as_array()
            .unwrap()
            .len()
            == 2)
            .then_some(())
    });
}

#[test]
fn bodies_change_on_creation() {
    let replace = Change::Replace {
        from: "@a".to_owned(),
        to: "@b".to_owned(),
    };
    let standin = standin(
        Fault::on_post()
            .change(replace)
            .change(Change::Append(" \n".to_owned())),
    );
    post(&standin, "hi @a\nbye");
    standin.fault(
        Fault::on_post()
            .change(Change::TrimEnd)
            .change(Change::Crlf),
    );
    post(&standin, "hi\nbye \n");
    let bodies: Vec<String> = standin.comments().into_iter().map(|c| c.body).collect();
    assert_eq!(bodies, ["hi @b\nbye \n", "hi\r\nbye"]);
}

#[test]
fn somebody_else_comments_at_the_same_moment() {
    let standin = standin(Fault::on_post().intruder(Some("human"), "me too"));
    standin.fault(
        Fault::on_post()
            .without_creating()
            .intruder(None, "by hand")
            .answer(Answer::Close),
    );
    assert_eq!(try_post(&standin).unwrap().status, 201);
    assert!(try_post(&standin).is_err());
    let seen: Vec<(String, String)> = standin
        .comments()
        .into_iter()
        .map(|c| (c.login, c.body))
        .collect();
    let wanted = [("human", "me too"), (LOGIN, "hello"), (LOGIN, "by hand")];
    assert_eq!(
        seen,
        wanted.map(|(login, body)| (login.to_owned(), body.to_owned()))
    );
}

#[test]
fn faults_choose_their_target() {
    let other = "octo/demo#2".parse().unwrap();
    let standin = standin(Fault::on_post().target(other).answer(Answer::Close));
    assert_eq!(try_post(&standin).unwrap().status, 201);
    assert_eq!(standin.waiting_faults().len(), 1);
    let path = "/repos/octo/demo/issues/2/comments";
    assert!(try_call(&standin, "POST", path, r#"{"body":"x"}"#).is_err());
    assert!(standin.waiting_faults().is_empty());
}

#[test]
fn offline_refuses_and_online_serves_the_same_port() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    assert_eq!(post(&standin, "before").status, 201);
    standin.go_offline().unwrap();
    let refused = std::net::TcpStream::connect(standin.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    standin.go_online().unwrap();
    assert_eq!(post(&standin, "after").status, 201);
    assert_eq!(standin.comments().len(), 2);
}
