//! Every row of the project's table of GitHub's answers, with the body and the
//! headers a client decides by.

use harness::github::{Config, GithubStandin, Kind, LOGIN, Refusal, Scope, Wording};

use crate::client::{PATH, call, post};

fn row(refusal: Refusal) -> crate::client::Answer {
    let standin = GithubStandin::start(Config::example()).unwrap();
    standin.refuse(Scope::Issue("octo/demo#1".parse().unwrap()), refusal);
    let answer = post(&standin, "hello");
    assert!(standin.comments().is_empty());
    assert_eq!(
        call(&standin, "GET", "/user", "").status,
        200,
        "elsewhere all is well"
    );
    answer
}

#[test]
fn refusals_of_the_job_say_why() {
    for (refusal, status, text) in [
        (Refusal::Locked, 403, "issue is locked"),
        (
            Refusal::Archived,
            403,
            "Repository was archived so is read-only.",
        ),
        (
            Refusal::IntegrationForbidden,
            403,
            "Resource not accessible by integration",
        ),
        (
            Refusal::PersonalTokenForbidden,
            403,
            "Resource not accessible by personal access token",
        ),
        (Refusal::NotFound, 404, "Not Found"),
        (Refusal::IssueDeleted, 410, "This issue was deleted"),
        (Refusal::IssuesDisabled, 410, "Issues has been disabled"),
        (Refusal::BodyTooLong, 422, "Body is too long"),
        (Refusal::UserBlocked, 422, "User is blocked"),
        (Refusal::MissingField, 422, "wasn't supplied"),
        (Refusal::Spam, 422, "spam"),
        (Refusal::AccessBlocked, 403, "Repository access blocked"),
        (Refusal::OtherForbidden, 403, "Forbidden"),
        (Refusal::ApiVersionRetired, 410, "API version"),
        (Refusal::TooQuickly, 422, "was submitted too quickly"),
        (Refusal::BadCredentials, 401, "Bad credentials"),
        (Refusal::ServerError, 500, "Server Error"),
        (
            Refusal::Status {
                status: 418,
                message: "teapot".to_owned(),
            },
            418,
            "teapot",
        ),
    ] {
        let answer = row(refusal);
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(text), "{text}: {}", answer.body);
        assert!(answer.json()["message"].is_string());
        assert!(answer.header("x-github-request-id").is_some());
    }
}

#[test]
fn refusals_with_headers_of_their_own() {
    let answer = row(Refusal::IntegrationForbidden);
    assert!(
        answer
            .header("x-accepted-github-permissions")
            .unwrap()
            .contains("issues=write")
    );
    let answer = row(Refusal::Saml {
        organization: "octo".to_owned(),
    });
    let sso = answer.header("x-github-sso").unwrap();
    assert!(sso.starts_with("required; url=https://github.com/orgs/octo/sso?"));
    let answer = row(Refusal::IpAllowList {
        organization: "octo".to_owned(),
    });
    assert!(
        answer
            .body
            .contains("`octo` organization has an IP allow list enabled")
    );
}

#[test]
fn limits_say_when_they_end() {
    let answer = row(Refusal::RateLimited {
        reset_in_seconds: 30,
        status: 429,
    });
    assert_eq!(answer.status, 429);
    assert!(answer.body.contains("API rate limit exceeded"));
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"));
    let reset: u64 = answer.header("x-ratelimit-reset").unwrap().parse().unwrap();
    let date = httpdate::parse_http_date(answer.header("date").unwrap()).unwrap();
    let date = date
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!((29..=31).contains(&(reset - date)));
    assert_eq!(answer.header("retry-after"), None);

    let answer = row(Refusal::secondary(Some(7)));
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (403, Some("7"))
    );
    assert_ne!(answer.header("x-ratelimit-remaining"), Some("0"));
    for (wording, text) in [
        (Wording::Secondary, "secondary rate limit"),
        (
            Wording::ContentCreation,
            "temporarily blocked from content creation",
        ),
        (Wording::Abuse, "abuse detection mechanism"),
    ] {
        let answer = row(Refusal::Secondary {
            retry_after_seconds: None,
            status: 429,
            wording,
        });
        assert_eq!((answer.status, answer.header("retry-after")), (429, None));
        assert!(answer.body.contains(text));
    }
}

#[test]
fn proxies_and_gateways_speak_html() {
    for (refusal, status, from_github) in [
        (Refusal::BadGateway, 502, true),
        (Refusal::Unavailable, 503, true),
        (Refusal::GatewayTimeout, 504, true),
        (Refusal::ProxyForbidden, 403, false),
        (Refusal::ProxyAuthentication, 407, false),
    ] {
        let answer = row(refusal);
        assert_eq!(answer.status, status);
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
        assert_eq!(answer.header("x-github-request-id").is_some(), from_github);
    }
}

#[test]
fn redirects_name_a_place() {
    for status in [301, 302, 307, 308] {
        let location = "/repositories/1000000/issues/2/comments".to_owned();
        let answer = row(Refusal::Redirect { status, location });
        assert_eq!(answer.status, status);
        let location = answer.header("location").unwrap();
        assert!(location.starts_with("http://127.0.0.1:"), "{location}");
    }
    let location = "https://evil.example/x".to_owned();
    let answer = row(Refusal::Redirect {
        status: 307,
        location: location.clone(),
    });
    assert_eq!(answer.header("location"), Some(location.as_str()));
}

#[test]
fn conditions_hold_where_they_are_set() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    let issue = Scope::Issue("octo/demo#1".parse().unwrap());
    standin.refuse(issue.clone(), Refusal::Locked);
    assert_eq!(
        call(&standin, "GET", PATH, "").status,
        200,
        "a locked issue can be read"
    );
    let other = call(
        &standin,
        "POST",
        "/repos/octo/demo/issues/2/comments",
        r#"{"body":"x"}"#,
    );
    assert_eq!(other.status, 201);
    standin.allow(&issue);
    assert_eq!(post(&standin, "unlocked").status, 201);
    standin.refuse(Scope::Repo("octo/demo".parse().unwrap()), Refusal::NotFound);
    assert_eq!(call(&standin, "GET", PATH, "").status, 404);
    standin.refuse(Scope::Login(LOGIN.to_owned()), Refusal::BadCredentials);
    assert_eq!(
        call(&standin, "GET", "/user", "").status,
        401,
        "the wider scope wins"
    );
    standin.allow(&Scope::Login(LOGIN.to_owned()));
    standin.refuse_only(Kind::User, Scope::Everything, Refusal::IntegrationForbidden);
    assert_eq!(call(&standin, "GET", "/user", "").status, 403);
}

#[test]
fn the_hourly_allowance_runs_out_and_comes_back() {
    let standin = GithubStandin::start(Config::example()).unwrap();
    standin.set_rate(LOGIN, 1, 2);
    assert_eq!(
        post(&standin, "the last one").header("x-ratelimit-remaining"),
        Some("0")
    );
    assert_eq!(post(&standin, "too many").status, 403);
    standin.clock().set_offset_seconds(2);
    assert_eq!(
        post(&standin, "a new hour").header("x-ratelimit-remaining"),
        Some("4999")
    );
}
