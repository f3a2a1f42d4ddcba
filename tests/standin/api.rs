//! The API as it is when nothing goes wrong.

use harness::github::{Config, GithubStandin, Kind, LOGIN, TOKEN, USER_ID, parse_rfc3339};
use serde_json::json;

use crate::client::{PATH, call, post, receive, send};

#[test]
fn a_comment_is_created_and_listed() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    let created = post(&standin, "hello\nworld");
    assert_eq!(created.status, 201);
    let json = created.json();
    let html_url = json["html_url"].as_str().unwrap();
    assert!(html_url.starts_with("https://github.com/octo/demo/issues/1#issuecomment-"));
    assert_eq!(json["user"]["login"], LOGIN);
    assert_eq!(json["user"]["id"], USER_ID);
    assert!(parse_rfc3339(json["created_at"].as_str().unwrap()).is_some());
    for name in [
        "date",
        "x-github-request-id",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-ratelimit-used",
        "x-ratelimit-resource",
        "x-github-media-type",
        "location",
    ] {
        assert!(
            created.header(name).is_some(),
            "{name} is missing in {}",
            created.head
        );
    }
    assert_eq!(
        created.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    let listed = call(&standin, "GET", "/repos/OCTO/Demo/issues/1/comments", "").json();
    assert_eq!(
        listed.as_array().unwrap().len(),
        1,
        "owner and repository ignore case"
    );
    assert_eq!(listed[0]["id"], json["id"]);
    assert_eq!(listed[0]["body"], "hello\nworld");
}

#[test]
fn requests_are_recorded_without_their_token() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    assert_eq!(post(&standin, "one").status, 201);
    let records = standin.requests_of(Kind::Post);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].login.as_deref(), Some(LOGIN));
    assert_eq!(records[0].status, Some(201));
    assert_eq!(records[0].header("user-agent"), ["test"]);
    assert_eq!(records[0].target, Some("octo/demo#1".parse().unwrap()));
    assert!(!serde_json::to_string(&records).unwrap().contains(TOKEN));
}

#[test]
fn pages_follow_the_link_header() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    let target = "octo/demo#1".parse().unwrap();
    let ids: Vec<u64> = (0..250)
        .map(|n| standin.add_comment(&target, "someone", &format!("c{n}"), 0))
        .collect();
    let mut path = format!("{PATH}?per_page=100&since=2000-01-01T00:00:00Z");
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let answer = call(&standin, "GET", &path, "");
        pages += 1;
        let json = answer.json();
        seen.extend(
            json.as_array()
                .unwrap()
                .iter()
                .map(|c| c["id"].as_u64().unwrap()),
        );
        let link = answer.header("link").unwrap();
        let Some(next) = link.split(", ").find(|link| link.ends_with("rel=\"next\"")) else {
            assert!(link.contains("rel=\"first\"") && link.contains("rel=\"prev\""));
            break;
        };
        let url = next.split(['<', '>']).nth(1).unwrap();
        path = url.strip_prefix(standin.url()).unwrap().to_owned();
    }
    assert_eq!((pages, seen), (3, ids));
    let short = call(&standin, "GET", "/repos/octo/demo/issues/2/comments", "");
    assert_eq!((short.header("link"), short.body.as_str()), (None, "[]"));
    assert_eq!(
        call(&standin, "GET", PATH, "")
            .json()
            .as_array()
            .unwrap()
            .len(),
        30
    );
}

#[test]
fn since_filters_on_the_updated_time() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    let target = "octo/demo#1".parse().unwrap();
    let edited = standin.add_comment(&target, "someone", "old, edited now", 7_200);
    let old = standin.add_comment(&target, "someone", "old", 7_200);
    let since = harness::github::rfc3339(standin.clock().epoch_seconds() - 3_600);
    let path = format!("{PATH}?since={since}");
    assert_eq!(call(&standin, "GET", &path, "").body, "[]");
    standin.edit_comment(edited, "edited");
    let listed = call(&standin, "GET", &path, "").json();
    assert_eq!(listed[0]["id"], edited);
    assert_eq!(listed.as_array().unwrap().len(), 1, "not {old}");
}

#[test]
fn who_am_i_and_what_is_there() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    let user = call(&standin, "GET", "/user", "").json();
    assert_eq!(
        (&user["login"], &user["id"]),
        (&json!(LOGIN), &json!(USER_ID))
    );
    assert_eq!(
        call(&standin, "GET", "/repos/octo/demo", "").json()["full_name"],
        "octo/demo"
    );
    assert_eq!(
        call(&standin, "GET", "/repos/octo/demo/issues/1", "").status,
        200
    );
    for path in [
        "/repos/octo/none",
        "/repos/octo/demo/issues/77/comments",
        "/nothing",
    ] {
        let missing = call(&standin, "GET", path, "");
        assert_eq!(
            (missing.status, missing.json()["message"].as_str()),
            (404, Some("Not Found"))
        );
    }
}

#[test]
fn a_prefix_stands_before_every_path() {
    let config = Config {
        prefix: "/api/v3".to_owned(),
        ..Config::example()
    };
    let standin = GithubStandin::start(config).unwrap();
    assert!(standin.url().ends_with("/api/v3"));
    assert_eq!(call(&standin, "GET", "/api/v3/user", "").status, 200);
    assert_eq!(call(&standin, "GET", "/user", "").status, 404);
    let answer = call(
        &standin,
        "POST",
        &format!("/api/v3{PATH}"),
        r#"{"body":"x"}"#,
    );
    assert_eq!(answer.status, 201);
    assert_eq!(
        standin.requests_of(Kind::Post)[0].path,
        PATH,
        "recorded without the prefix"
    );
}

#[test]
fn the_clock_can_be_years_off() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    for offset in [-40 * 365 * 86_400, -90, 0, 600, 60 * 365 * 86_400] {
        standin.clock().set_offset_seconds(offset);
        let answer = post(&standin, "when?");
        let date = httpdate::parse_http_date(answer.header("date").unwrap()).unwrap();
        let date = date
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let json = answer.json();
        let created = parse_rfc3339(json["created_at"].as_str().unwrap()).unwrap();
        assert!(
            i64::try_from(date).unwrap() - created <= 1,
            "one clock for both"
        );
        let reset: i64 = answer.header("x-ratelimit-reset").unwrap().parse().unwrap();
        assert!(
            reset > created || offset < 0,
            "a window opened later stays open"
        );
    }
}

#[test]
fn bodies_are_checked_as_github_checks_them() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    assert_eq!(post(&standin, " \n ").status, 422);
    assert_eq!(call(&standin, "POST", PATH, "{}").status, 422);
    assert_eq!(call(&standin, "POST", PATH, "not json").status, 400);
    assert_eq!(
        post(&standin, &"é".repeat(131_072)).status,
        201,
        "262144 bytes are accepted"
    );
    let long = post(&standin, &"x".repeat(262_145));
    assert_eq!(long.status, 422);
    let text = long.json()["errors"][0]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(text, "Body is too long (maximum is 65536 characters)");
}

#[test]
fn tokens_are_checked() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    let stranger = receive(send(standin.address(), "GET", "/user", Some("ghp_x"), "")).unwrap();
    assert_eq!(stranger.status, 401);
    assert_eq!(stranger.json()["message"], "Bad credentials");
    let nobody = receive(send(standin.address(), "GET", "/user", None, "")).unwrap();
    assert_eq!(nobody.json()["message"], "Requires authentication");
    standin.revoke(TOKEN);
    assert_eq!(call(&standin, "GET", "/user", "").status, 401);
}
