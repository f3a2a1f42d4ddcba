//! A GitHub App against a server that answers as a test tells it. Whether the signature is right
//! is `credential`'s, and the stand-in's, to test.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use super::*;
use crate::clock::tests::Hands;
use crate::clock::{Clock, UnixMs};
use crate::github::credential::{Credential, tests::PKCS1};
use crate::github::http::tests::{Fault, ID, LONG, NOON, Server, answer, header, settings, target};
use crate::github::{GitHub as _, Outcome};

const APP: &str = r#"{"id":12345,"slug":"octo-app","name":"Octo App"}"#;
const BOT: &str = r#"{"login":"octo-app[bot]","id":77,"type":"Bot"}"#;

fn ok(body: &str) -> Fault {
    answer("200 OK", ID, body)
}

/// A token that ends so long after noon.
fn token(name: &str, minutes: u32) -> Fault {
    let (hours, minutes) = (12 + minutes / 60, minutes % 60);
    let body = format!(
        r#"{{"token":"{name}","expires_at":"2026-11-20T{hours}:{minutes:02}:00Z","permissions":{{}}}}"#
    );
    answer("201 Created", ID, &body)
}

fn refused(status: &str, message: &str) -> Fault {
    answer(status, ID, &format!(r#"{{"message":"{message}"}}"#))
}

struct Bench {
    server: Server,
    hands: Arc<Hands>,
    http: Http,
}

impl Bench {
    async fn start(faults: &[Fault]) -> Self {
        Self::at_path("", faults).await
    }

    async fn at_path(path: &str, faults: &[Fault]) -> Self {
        let server = Server::start(faults).await;
        let mut settings = settings(&format!("http://{}{path}", server.address), LONG);
        settings.credential = Credential::App {
            app_id: 12345,
            installation_id: 678,
            key: AppKey::parse(PKCS1).unwrap(),
        };
        let hands = Hands::new(1, Duration::from_secs(1000));
        let clock = Arc::new(Clock::new(Arc::clone(&hands) as Arc<_>));
        let http = Http::new(settings, clock).unwrap();
        Self {
            server,
            hands,
            http,
        }
    }

    /// The first line and the authorization of each request.
    fn asked(&self) -> Vec<(String, String)> {
        let read = |request: &String| {
            let line = request.lines().next().unwrap().to_owned();
            let line = line.trim_end_matches(" HTTP/1.1").to_owned();
            let authorization = header(request, "authorization").unwrap_or_default();
            let token = authorization.strip_prefix("Bearer ").unwrap().to_owned();
            let is_jwt = token.split('.').count() == 3;
            (line, if is_jwt { "JWT".to_owned() } else { token })
        };
        self.server.requests().iter().map(read).collect()
    }

    fn claims(&self, request: usize) -> Value {
        let requests = self.server.requests();
        let jwt = header(&requests[request], "authorization").unwrap();
        let claims = jwt.split('.').nth(1).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
    }

    async fn trouble(&self) -> Trouble {
        self.http.who_am_i().await.value.unwrap_err()
    }
}

fn lines<const N: usize>(lines: [(&str, &str); N]) -> Vec<(String, String)> {
    lines
        .map(|(line, token)| (line.to_owned(), token.to_owned()))
        .to_vec()
}

#[tokio::test]
async fn an_app_posts_as_its_bot_with_its_installations_token() {
    let created = answer("201 Created", ID, r#"{"id":5}"#);
    let bench = Bench::at_path("/api/v3", &[ok(APP), token("ghs_1", 60), ok(BOT), created]).await;
    let answered = bench.http.who_am_i().await;
    let bot = answered.value.unwrap();
    assert_eq!((bot.user_id, bot.login.as_str()), (77, "octo-app[bot]"));
    assert_eq!(answered.request_id.as_deref(), Some("C0DE:1"));
    let outcome = bench.http.post_comment(&target(), "hi").await.value;
    assert!(matches!(outcome, Outcome::Posted { .. }), "{outcome:?}");
    let want = lines([
        ("GET /api/v3/app", "JWT"),
        ("POST /api/v3/app/installations/678/access_tokens", "JWT"),
        ("GET /api/v3/users/octo-app%5Bbot%5D", "ghs_1"),
        (
            "POST /api/v3/repos/Octo-Org/hello.world/issues/7/comments",
            "ghs_1",
        ),
    ]);
    assert_eq!(bench.asked(), want);
    assert_eq!(bench.claims(1)["iss"], "12345");
}

#[tokio::test]
async fn a_token_is_renewed_when_five_minutes_are_left_and_not_before() {
    let bench = Bench::start(&[
        ok(APP),
        token("ghs_1", 60),
        ok(BOT),
        ok(BOT),
        token("ghs_2", 60),
        ok(BOT),
    ])
    .await;
    bench.http.who_am_i().await.value.unwrap();
    bench.hands.pass(Duration::from_secs(54 * 60));
    bench.http.who_am_i().await.value.unwrap();
    bench.hands.pass(Duration::from_secs(61));
    bench.http.who_am_i().await.value.unwrap();
    let tokens: Vec<String> = bench.asked().into_iter().map(|(_, token)| token).collect();
    assert_eq!(tokens, ["JWT", "JWT", "ghs_1", "ghs_1", "JWT", "ghs_2"]);
}

#[tokio::test]
async fn a_wrong_clock_costs_one_more_request_and_no_more() {
    let ill_timed = "'Expiration time' claim ('exp') is too far in the future";
    let bench = Bench::start(&[
        refused("401 Unauthorized", ill_timed),
        ok(APP),
        token("ghs_1", 60),
        ok(BOT),
    ])
    .await;
    // Ten years ahead: what our wall clock says, nobody else does.
    bench.hands.jump_wall(10 * 365 * 86_400_000);
    bench.http.who_am_i().await.value.unwrap();
    let seconds = |request: usize, claim: &str| bench.claims(request)[claim].as_i64().unwrap();
    let noon = NOON.0 / 1000;
    assert!(seconds(0, "iat") > noon + 10 * 364 * 86_400);
    for request in [1, 2] {
        assert!((noon - 60..noon).contains(&seconds(request, "iat")));
        assert!((noon + 300..noon + 600).contains(&seconds(request, "exp")));
    }
    // Where GitHub insists, it is not asked for ever.
    let bench = Bench::start(&[refused("401 Unauthorized", ill_timed)]).await;
    assert_eq!(bench.trouble().await.kind, TroubleKind::Blocked);
    assert_eq!(bench.asked().len(), 2);
}

#[tokio::test]
async fn what_is_wrong_with_an_app_is_told_with_what_to_do() {
    let bad_key = "A JSON web token could not be decoded";
    let suspended = "This installation has been suspended";
    for (faults, words) in [
        (
            vec![refused("401 Unauthorized", bad_key)],
            "app_id and private key must belong",
        ),
        (
            vec![refused("404 Not Found", "Integration not found")],
            "correct app_id",
        ),
        (
            vec![ok(APP), refused("404 Not Found", "Not Found")],
            "correct installation_id",
        ),
        (
            vec![ok(APP), refused("403 Forbidden", suspended)],
            "its owner can lift that",
        ),
        (
            vec![
                ok(APP),
                token("ghs_1", 60),
                refused("403 Forbidden", suspended),
            ],
            "its owner can lift that",
        ),
        (
            vec![
                ok(APP),
                token("ghs_1", 60),
                refused("404 Not Found", "Not Found"),
            ],
            "no bot user",
        ),
    ] {
        let bench = Bench::start(&faults).await;
        let trouble = bench.trouble().await;
        assert_eq!(trouble.kind, TroubleKind::Blocked, "{trouble:?}");
        assert!(trouble.reason.contains(words), "{}", trouble.reason);
        assert!(trouble.reason.contains("GitHub says"), "{}", trouble.reason);
        assert_eq!(bench.asked().len(), faults.len());
    }
}

#[tokio::test]
async fn what_is_not_the_apps_fault_does_not_block_it() {
    let slow = answer(
        "403 Forbidden",
        &format!("{ID}retry-after: 30\r\n"),
        r#"{"message":"You have exceeded a secondary rate limit"}"#,
    );
    for (faults, kind, wait) in [
        (vec![slow], TroubleKind::Limited, Some(30)),
        (
            vec![answer("502 Bad Gateway", ID, "<html>")],
            TroubleKind::Offline,
            None,
        ),
        (vec![Fault::Close], TroubleKind::Offline, None),
        (vec![answer("200 OK", "", APP)], TroubleKind::Offline, None),
        (vec![ok("{}")], TroubleKind::Offline, None),
        (
            vec![ok(r#"{"slug":"../../evil"}"#)],
            TroubleKind::Offline,
            None,
        ),
        (
            vec![ok(APP), answer("201 Created", ID, "{}")],
            TroubleKind::Offline,
            None,
        ),
        (
            vec![ok(APP), token("ghs_\\u00e9", 60)],
            TroubleKind::Offline,
            None,
        ),
        (
            vec![answer("407 Proxy", "", "<html>")],
            TroubleKind::Offline,
            None,
        ),
    ] {
        let bench = Bench::start(&faults).await;
        let trouble = bench.trouble().await;
        let wait = wait.map(Duration::from_secs);
        assert_eq!((trouble.kind, trouble.wait), (kind, wait), "{trouble:?}");
        assert_eq!(bench.asked().len(), faults.len(), "{trouble:?}");
    }
}

#[tokio::test]
async fn a_token_that_ended_early_is_replaced_at_the_next_question() {
    let lost = || refused("401 Unauthorized", "Bad credentials");
    let bench = Bench::start(&[
        ok(APP),
        token("ghs_1", 60),
        ok(BOT),
        lost(),
        token("ghs_2", 60),
        ok(BOT),
        lost(),
        token("ghs_3", 60),
        ok(BOT),
        lost(),
    ])
    .await;
    bench.http.who_am_i().await.value.unwrap();
    // In a POST: the account waits, and nothing is held against the job or the App.
    let Outcome::Account(trouble) = bench.http.post_comment(&target(), "hi").await.value else {
        panic!("a lost token is the account's trouble");
    };
    assert_eq!(trouble.kind, TroubleKind::Offline, "{trouble:?}");
    bench.http.who_am_i().await.value.unwrap();
    // In the question itself: at once.
    bench.http.who_am_i().await.value.unwrap();
    let listed = bench.http.comments_since(&target(), UnixMs(0)).await.value;
    listed.unwrap_err();
    let tokens: Vec<String> = bench.asked().into_iter().map(|(_, token)| token).collect();
    assert_eq!(
        tokens,
        [
            "JWT", "JWT", "ghs_1", "ghs_1", "JWT", "ghs_2", "ghs_2", "JWT", "ghs_3", "ghs_3"
        ]
    );
}

#[tokio::test]
async fn an_attempt_never_stops_to_get_a_token() {
    let bench = Bench::start(&[ok(APP), token("ghs_1", 60), ok(BOT)]).await;
    let not_sent = |outcome: Outcome| match outcome {
        Outcome::NotSent(trouble) => trouble.kind,
        other => panic!("{other:?}"),
    };
    let early = bench.http.post_comment(&target(), "hi").await.value;
    assert_eq!(not_sent(early), TroubleKind::Offline);
    assert_eq!(bench.asked().len(), 0);
    bench.http.who_am_i().await.value.unwrap();
    bench.hands.pass(Duration::from_secs(3600));
    let late = bench.http.post_comment(&target(), "hi").await.value;
    assert_eq!(not_sent(late), TroubleKind::Offline);
    assert_eq!(bench.asked().len(), 3);
}

#[tokio::test]
async fn a_renamed_app_is_found_under_its_new_name() {
    let renamed = ok(r#"{"id":12345,"slug":"new-app"}"#);
    let new_bot = ok(r#"{"login":"new-app[bot]","id":77}"#);
    let missing = refused("404 Not Found", "Not Found");
    let bench = Bench::start(&[
        ok(APP),
        token("ghs_1", 60),
        ok(BOT),
        missing,
        renamed,
        new_bot,
    ])
    .await;
    bench.http.who_am_i().await.value.unwrap();
    bench.trouble().await;
    let bot = bench.http.who_am_i().await.value.unwrap();
    assert_eq!((bot.user_id, bot.login.as_str()), (77, "new-app[bot]"));
    assert_eq!(bench.asked()[5].0, "GET /users/new-app%5Bbot%5D");
}

#[tokio::test]
async fn a_token_that_is_lost_for_good_is_not_tried_again() {
    let lost = refused("401 Unauthorized", "Bad credentials");
    let broken = answer("502 Bad Gateway", ID, "");
    let bench = Bench::start(&[ok(APP), token("ghs_1", 60), ok(BOT), lost, broken]).await;
    bench.http.who_am_i().await.value.unwrap();
    assert_eq!(bench.trouble().await.kind, TroubleKind::Offline);
    let outcome = bench.http.post_comment(&target(), "hi").await.value;
    assert!(matches!(outcome, Outcome::NotSent(_)), "{outcome:?}");
    assert_eq!(bench.asked().len(), 5);
}
