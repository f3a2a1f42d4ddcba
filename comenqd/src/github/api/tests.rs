//! Questions and redirects over real sockets. What a single answer means is `outcome`'s to test.

use super::*;
use crate::github::NoticeKind;
use crate::github::http::tests::{ID, LONG, NOON, Server, answer, client, target};

#[tokio::test]
async fn a_redirect_within_the_api_is_told_and_not_followed() {
    let id = "/repositories/1300192/issues/9/comments";
    for status in ["301 Moved", "307 Temporary"] {
        let headers = format!("{ID}location: {id}\r\n");
        let server = Server::start(&[answer(status, &headers, "{}")]).await;
        let http = server.client(LONG);
        let Outcome::Moved(moved) = http.post_comment(&target(), "hi").await.value else {
            panic!("{status} was not a move");
        };
        assert_eq!(moved.location, format!("http://{}{id}", server.address));
        let Err(ListError::Moved(again)) = http.is_open(&target()).await.value else {
            panic!("{status} was not a move");
        };
        assert_eq!((again, server.requests().len()), (moved, 2));
    }
}

#[tokio::test]
async fn a_redirect_leads_to_where_the_repository_lives_now() {
    let renamed = r#"{"id":1300192,"full_name":"New-Org/new.name"}"#;
    let seven = target().number;
    for (location, body, want, asked) in [
        (
            "/repositories/1300192/issues/9/comments",
            renamed,
            "New-Org/new.name#9",
            1,
        ),
        ("/repositories/1300192", renamed, "New-Org/new.name#7", 1),
        (
            "/repos/New-Org/other/issues/3/comments",
            "",
            "New-Org/other#3",
            0,
        ),
    ] {
        let server = Server::start(&[answer("200 OK", ID, body)]).await;
        let moved = Moved {
            location: format!("http://{}{location}", server.address),
            reason: "it moved".to_owned(),
        };
        let answered = server.client(LONG).resolve(&moved, seven).await;
        assert_eq!(answered.value.unwrap().to_string(), want);
        assert_eq!(answered.status.is_some(), asked == 1);
        let requests = server.requests();
        assert_eq!(requests.len(), asked);
        let to_id = |request: &String| request.starts_with("GET /repositories/1300192 HTTP/1.1");
        assert!(requests.iter().all(to_id), "{requests:?}");
    }
}

#[tokio::test]
async fn a_redirect_to_nowhere_leads_nowhere() {
    let seven = target().number;
    let missing = r#"{"message":"Not Found"}"#;
    let gone = |error: &ListError| matches!(error, ListError::Gone { .. });
    let later = |error: &ListError| matches!(error, ListError::Trouble(_));
    let fine: fn(&ListError) -> bool = gone;
    for (location, fault, is) in [
        ("/user", answer("200 OK", ID, "{}"), fine),
        (
            "/repositories/1",
            answer("404 Not Found", ID, missing),
            gone,
        ),
        (
            "/repositories/1",
            answer("200 OK", ID, r#"{"full_name":"a b/c"}"#),
            gone,
        ),
        (
            "/repositories/1",
            answer("200 OK", ID, r#"{"full_name":"ab"}"#),
            later,
        ),
        ("/repositories/1", answer("502 Bad Gateway", ID, ""), later),
    ] {
        let server = Server::start(&[fault]).await;
        let moved = Moved {
            location: format!("http://{}{location}", server.address),
            reason: "it moved".to_owned(),
        };
        let error = server
            .client(LONG)
            .resolve(&moved, seven)
            .await
            .value
            .unwrap_err();
        assert!(is(&error), "{location}: {error:?}");
    }
    // Whatever it is told, it asks nobody but its own API.
    let elsewhere = Server::start(&[answer("200 OK", ID, r#"{"full_name":"a/b"}"#)]).await;
    let moved = Moved {
        location: format!("http://{}/repositories/1", elsewhere.address),
        reason: "it moved".to_owned(),
    };
    let http = client("https://api.github.com", LONG);
    let error = http.resolve(&moved, seven).await.value.unwrap_err();
    assert!(gone(&error), "{error:?}");
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn an_issue_is_open_or_closed_or_not_known_to_be_either() {
    let server = Server::start(&[
        answer("200 OK", ID, r#"{"number":7,"state":"open","locked":true}"#),
        answer(
            "200 OK",
            ID,
            r#"{"number":7,"state":"closed","state_reason":"completed"}"#,
        ),
        answer("200 OK", ID, r#"{"number":7,"state":"half-open"}"#),
        answer("410 Gone", ID, r#"{"message":"This issue was deleted"}"#),
        answer("200 OK", "", r#"{"number":7,"state":"open"}"#),
    ])
    .await;
    let http = server.client(LONG);
    assert_eq!(http.is_open(&target()).await.value, Ok(true));
    assert_eq!(http.is_open(&target()).await.value, Ok(false));
    let odd = http.is_open(&target()).await.value.unwrap_err();
    assert!(matches!(odd, ListError::Trouble(_)), "{odd:?}");
    let gone = http.is_open(&target()).await.value.unwrap_err();
    assert!(matches!(gone, ListError::Gone { .. }), "{gone:?}");
    let unproven = http.is_open(&target()).await.value.unwrap_err();
    assert!(matches!(unproven, ListError::Trouble(_)), "{unproven:?}");
    let line = "GET /repos/Octo-Org/hello.world/issues/7 HTTP/1.1";
    assert!(server.requests()[0].starts_with(line));
}

#[tokio::test]
async fn status_and_warnings_come_with_every_answer() {
    let expires = "github-authentication-token-expiration: 2026-12-01 08:00:00 UTC\r\n";
    let sunset = "sunset: Fri, 10 Mar 2028 00:00:00 GMT\r\n";
    let headers = format!("{ID}{expires}{sunset}");
    let server = Server::start(&[answer("401 Unauthorized", &headers, "{}")]).await;
    let http = server.client(LONG);
    let user = http.who_am_i().await;
    let post = http.post_comment(&target(), "hi").await;
    let list = http.comments_since(&target(), NOON).await;
    for (status, notices) in [
        (user.status, user.notices),
        (post.status, post.notices),
        (list.status, list.notices),
    ] {
        assert_eq!(status, Some(401));
        let kinds: Vec<NoticeKind> = notices.iter().map(|notice| notice.kind).collect();
        assert_eq!(kinds, [NoticeKind::TokenExpires, NoticeKind::Sunset]);
    }
}
