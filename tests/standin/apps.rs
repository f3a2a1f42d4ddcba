//! GitHub Apps: what proves one, what its tokens open and when they end.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use harness::github::{APP_KEY, App, Config, GithubStandin, Kind, TOKEN, parse_rfc3339};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::client::{PATH, call_as};

const TOKENS: &str = "/app/installations/678/access_tokens";
const BOT: &str = "octo-app[bot]";

fn with_app() -> GithubStandin {
    let standin = GithubStandin::start(Config::example()).unwrap();
    standin.add_app(&App::example()).unwrap();
    standin
}

/// A JSON Web Token by the example's key.
fn jwt(header: &Value, claims: &Value) -> String {
    let body: String = APP_KEY
        .lines()
        .skip_while(|line| !line.starts_with("-----"))
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let key = RsaKeyPair::from_der(&BASE64_STANDARD.decode(body).unwrap()).unwrap();
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let message = format!(
        "{}.{}",
        encode(header.to_string().as_bytes()),
        encode(claims.to_string().as_bytes())
    );
    let mut signature = vec![0; key.public().modulus_len()];
    let random = SystemRandom::new();
    key.sign(
        &RSA_PKCS1_SHA256,
        &random,
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{message}.{}", encode(&signature))
}

/// One whose times are so far from the stand-in's now.
fn timed(standin: &GithubStandin, issued: i64, expires: i64) -> String {
    let now = standin.clock().epoch_seconds();
    let claims = json!({"iat": now + issued, "exp": now + expires, "iss": "12345"});
    jwt(&json!({"alg": "RS256"}), &claims)
}

fn good(standin: &GithubStandin) -> String {
    timed(standin, -60, 500)
}

fn new_token(standin: &GithubStandin) -> String {
    let answer = call_as(standin, &good(standin), "POST", TOKENS);
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

#[test]
fn an_app_proves_itself_and_posts_as_its_bot() {
    let standin = with_app();
    let app = call_as(&standin, &good(&standin), "GET", "/app").json();
    assert_eq!(
        (&app["id"], &app["slug"]),
        (&json!(12345), &json!("octo-app"))
    );
    let answer = call_as(&standin, &good(&standin), "POST", TOKENS);
    assert_eq!(answer.status, 201);
    let ends = parse_rfc3339(answer.json()["expires_at"].as_str().unwrap()).unwrap();
    let lasts = ends - standin.clock().epoch_seconds();
    assert!((3_595..=3_600).contains(&lasts), "{lasts}");
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let bot = call_as(&standin, &token, "GET", "/users/octo-app%5Bbot%5D").json();
    assert_eq!(
        (&bot["id"], &bot["login"], &bot["type"]),
        (&json!(41_898_282), &json!(BOT), &json!("Bot"))
    );
    assert_eq!(call_as(&standin, &token, "POST", PATH).status, 201);
    let comment = &standin.comments()[0];
    assert_eq!((comment.login.as_str(), comment.user_id), (BOT, 41_898_282));
    let record = &standin.requests_of(Kind::Post)[0];
    assert_eq!(record.login.as_deref(), Some(BOT));
    assert_eq!(standin.requests_of(Kind::AppToken).len(), 1);
}

#[test]
fn each_kind_of_token_opens_only_its_own() {
    let standin = with_app();
    let token = new_token(&standin);
    let jwt = good(&standin);
    for (token, method, path, status, message) in [
        (
            token.as_str(),
            "GET",
            "/user",
            403,
            "Resource not accessible by integration",
        ),
        (
            &token,
            "GET",
            "/app",
            401,
            "A JSON web token could not be decoded",
        ),
        (
            TOKEN,
            "POST",
            TOKENS,
            401,
            "A JSON web token could not be decoded",
        ),
        (&jwt, "GET", "/user", 401, "Bad credentials"),
        (&jwt, "POST", PATH, 401, "Bad credentials"),
        (
            &jwt,
            "POST",
            "/app/installations/1/access_tokens",
            404,
            "Not Found",
        ),
        (TOKEN, "GET", "/users/nobody", 404, "Not Found"),
    ] {
        let answer = call_as(&standin, token, method, path);
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.json()["message"], message);
    }
    assert!(standin.comments().is_empty());
}

#[test]
fn a_web_token_is_checked_as_github_checks_it() {
    let standin = with_app();
    let now = standin.clock().epoch_seconds();
    let rs256 = json!({"alg": "RS256"});
    let claims = |issuer: Value| json!({"iat": now, "exp": now + 60, "iss": issuer});
    let mut forged = good(&standin);
    let at = forged.rfind('.').unwrap() + 8;
    let other = if &forged[at..=at] == "A" { "B" } else { "A" };
    forged.replace_range(at..=at, other);
    let undecodable = "A JSON web token could not be decoded";
    for (jwt, status, message) in [
        (forged, 401, undecodable),
        (
            jwt(&json!({"alg": "none"}), &claims(json!("12345"))),
            401,
            undecodable,
        ),
        (jwt(&rs256, &json!({"iss": "12345"})), 401, undecodable),
        ("a.b.c".to_owned(), 401, undecodable),
        (
            jwt(&rs256, &claims(json!("54321"))),
            404,
            "Integration not found",
        ),
        (timed(&standin, 30, 300), 401, "'Issued at' claim ('iat')"),
        (
            timed(&standin, -900, -5),
            401,
            "'Expiration time' claim ('exp') must be",
        ),
        (
            timed(&standin, 0, 700),
            401,
            "'Expiration time' claim ('exp') is too far",
        ),
    ] {
        let answer = call_as(&standin, &jwt, "GET", "/app");
        assert_eq!(answer.status, status, "{}", answer.body);
        let said = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(said.starts_with(message), "{said}");
        assert!(answer.header("x-github-request-id").is_some());
    }
    let number = jwt(&rs256, &claims(json!(12345)));
    assert_eq!(call_as(&standin, &number, "GET", "/app").status, 200);
}

#[test]
fn tokens_end_by_the_clock_or_when_told() {
    let standin = with_app();
    let works = |token: &str| call_as(&standin, token, "GET", PATH).status == 200;
    standin.set_app_token_seconds(678, 60);
    let short = new_token(&standin);
    assert!(works(&short));
    standin.clock().set_offset_seconds(61);
    assert!(!works(&short));
    let told = new_token(&standin);
    assert!(works(&told));
    standin.expire_app_tokens(678);
    assert!(!works(&told));
    assert!(works(&new_token(&standin)), "a new one works");
}

#[test]
fn an_installation_can_be_suspended_or_gone() {
    let standin = with_app();
    let token = new_token(&standin);
    standin.suspend_installation(678, true);
    for answer in [
        call_as(&standin, &token, "POST", PATH),
        call_as(&standin, &good(&standin), "POST", TOKENS),
    ] {
        assert_eq!(answer.status, 403);
        assert_eq!(
            answer.json()["message"],
            "This installation has been suspended"
        );
    }
    standin.suspend_installation(678, false);
    assert_eq!(call_as(&standin, &token, "POST", PATH).status, 201);
    standin.uninstall_app(678);
    assert_eq!(call_as(&standin, &token, "POST", PATH).status, 401);
    let missing = call_as(&standin, &good(&standin), "POST", TOKENS);
    assert_eq!(missing.status, 404);
    assert_eq!(
        call_as(&standin, &good(&standin), "GET", "/app").status,
        200
    );
}

#[test]
fn a_key_that_is_none_is_refused() {
    let standin = with_app();
    for key in [
        "",
        "ghp_x",
        "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----",
    ] {
        let app = App {
            private_key: key.to_owned(),
            ..App::example()
        };
        standin.add_app(&app).unwrap_err();
    }
}
