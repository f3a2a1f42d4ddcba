//! The table of facts, row by row, with the bodies and headers that GitHub sends.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;

use super::*;
use crate::github::Comment;
use crate::github::answer::{Body, Headers};

const ID: (&str, &str) = ("x-github-request-id", "C0DE:3F2A:1B:2C:65F");
const DATE: (&str, &str) = ("date", "Fri, 20 Nov 2026 12:00:00 GMT");
/// 15 minutes after `DATE`.
const RESET: (&str, &str) = ("x-ratelimit-reset", "1795176900");
const USED_UP: (&str, &str) = ("x-ratelimit-remaining", "0");
const PLENTY: (&str, &str) = ("x-ratelimit-remaining", "4987");
const SSO_URL: &str = "https://github.com/orgs/acme/sso?authorization_request=AB12";

fn api() -> ApiUrl {
    ApiUrl::parse("https://api.github.com").unwrap()
}

fn of_post_here(answer: &Answer) -> Outcome {
    of_post(answer, &api())
}

fn of_user_here(answer: &Answer) -> Result<Identity, Trouble> {
    of_user(answer, &api())
}

fn of_page_here(answer: &Answer) -> Result<Page, ListError> {
    of_page(answer, &api())
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    Answer {
        status,
        headers: Headers::from(&map),
        body: Body::Whole(Bytes::copy_from_slice(body.as_bytes())),
    }
}

/// What an outcome is, without its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Posted,
    Unknown,
    Refused(RefusalKind),
    Moved,
    Account(TroubleKind, Option<u64>),
    Owner(Option<u64>),
    Foreign(Option<u64>),
}
use Is::{Account, Foreign, Moved, Owner, Posted, Refused, Unknown};
use RefusalKind::{Archived, Gone, Locked, NoPermission, NotFound, NotWelcome, Rejected};
use TroubleKind::{Blocked, Denied, Limited, Offline};

fn sort(outcome: &Outcome) -> (Is, String) {
    match outcome {
        Outcome::Posted { .. } => (Posted, String::new()),
        Outcome::NotSent(trouble) => panic!("an answer came: {trouble:?}"),
        Outcome::Unknown { reason } => (Unknown, reason.clone()),
        Outcome::Refused { kind, reason } => (Refused(*kind), reason.clone()),
        Outcome::Moved(moved) => (Moved, moved.reason.clone()),
        Outcome::Owner(trouble) => {
            let wait = trouble.wait.map(|wait| wait.as_secs());
            (Owner(wait), trouble.reason.clone())
        }
        Outcome::Foreign(trouble) => {
            let wait = trouble.wait.map(|wait| wait.as_secs());
            (Foreign(wait), trouble.reason.clone())
        }
        Outcome::Account(trouble) => {
            let wait = trouble.wait.map(|wait| wait.as_secs());
            (Account(trouble.kind, wait), trouble.reason.clone())
        }
    }
}

/// Status, headers besides `ID` and `DATE`, GitHub's message, what it is, and a word that the
/// person must read.
type Row<'a> = (u16, &'a [(&'static str, &'a str)], &'a str, Is, &'a str);

fn check(rows: &[Row<'_>]) {
    for (status, headers, message, want, word) in rows {
        let mut all = vec![ID, DATE, PLENTY, RESET];
        all.extend_from_slice(headers);
        let body = serde_json::json!({
            "message": message,
            "documentation_url": "https://docs.github.com/rest/issues/comments#create-an-issue-comment",
            "status": status.to_string(),
        });
        let (is, reason) = sort(&of_post_here(&answer(*status, &all, &body.to_string())));
        assert_eq!(is, *want, "{status} {message}");
        assert!(reason.contains(word), "{word:?} is missing: {reason}");
        assert!(
            reason.contains(message) || is == Posted,
            "not quoted: {reason}"
        );
    }
}

#[test]
fn limits_are_the_accounts_and_wait_as_long_as_github_says() {
    let primary = "API rate limit exceeded for user ID 9. If you reach out to GitHub Support for \
                   help, please include the request ID C0DE:3F2A:1B:2C:65F.";
    let secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before \
                     you try again.";
    let content = "You have exceeded a secondary rate limit and have been temporarily blocked \
                   from content creation. Please retry your request again later.";
    let abuse = "You have triggered an abuse detection mechanism. Please wait a few minutes \
                 before you try again.";
    let retry = ("retry-after", "60");
    let retry_at = ("retry-after", "Fri, 20 Nov 2026 12:03:00 GMT");
    let limited = |wait| Account(Limited, wait);
    check(&[
        (403, &[USED_UP], primary, limited(Some(900)), "limits"),
        (429, &[USED_UP], primary, limited(Some(900)), "limits"),
        (403, &[retry], secondary, limited(Some(60)), "limits"),
        (429, &[retry], secondary, limited(Some(60)), "limits"),
        (403, &[retry_at], secondary, limited(Some(180)), "limits"),
        (403, &[], secondary, limited(None), "limits"),
        (403, &[USED_UP], secondary, limited(Some(900)), "limits"),
        (403, &[], content, limited(None), "limits"),
        (403, &[retry], content, limited(Some(60)), "limits"),
        (403, &[], abuse, limited(None), "limits"),
        (429, &[], "Slow down", limited(None), "limits"),
        (403, &[retry], "Forbidden", limited(Some(60)), "limits"),
        (403, &[USED_UP], "Forbidden", limited(Some(900)), "limits"),
        (
            403,
            &[],
            "Maximum number of login attempts exceeded. Please try again later.",
            limited(None),
            "limits",
        ),
    ]);
}

#[test]
fn what_bars_the_account_is_the_accounts() {
    let version = "The version you specified in the \"X-GitHub-API-Version\" request header, \
                   \"2022-11-28\", is not a supported version.";
    let blocked = Account(Blocked, None);
    check(&[
        (401, &[], "Bad credentials", blocked, "valid one"),
        (401, &[], "Requires authentication", blocked, "valid one"),
        (401, &[USED_UP], "Bad credentials", blocked, "valid one"),
        (
            403,
            &[],
            "Sorry. Your account was suspended.",
            blocked,
            "barred",
        ),
        (
            403,
            &[],
            "This installation has been suspended",
            blocked,
            "barred",
        ),
        (
            403,
            &[],
            "At least one email address must be verified to do that.",
            blocked,
            "barred",
        ),
        (410, &[], version, blocked, "newer comenqd"),
        (400, &[], version, blocked, "newer comenqd"),
        (403, &[], "Forbidden", Account(Denied, None), "forbids"),
    ]);
}

#[test]
fn what_bars_one_owner_is_the_owners() {
    let saml = "Resource protected by organization SAML enforcement. You must grant your Personal \
                Access token access to this organization.";
    let sso_header = format!("required; url={SSO_URL}");
    let sso = ("x-github-sso", sso_header.as_str());
    let allow_list = "Although you appear to have the correct authorization credentials, the \
                      `acme` organization has an IP allow list enabled, and your IP address is \
                      not permitted to access this resource.";
    let oauth = "Although you appear to have the correct authorization credentials, the `acme` \
                 organization has enabled OAuth App access restrictions, meaning that data access \
                 to third-parties is limited.";
    let classic = "`acme` forbids access via a personal access token (classic). Please use a \
                   GitHub App, OAuth App, or a personal access token with fine-grained \
                   permissions.";
    let owner = Owner(None);
    check(&[
        (403, &[sso], saml, owner, SSO_URL),
        (403, &[USED_UP, RESET, sso], saml, Owner(Some(900)), SSO_URL),
        (403, &[], saml, owner, "bars"),
        (403, &[("x-github-sso", "required")], saml, owner, "bars"),
        (403, &[], allow_list, owner, "bars"),
        (403, &[], oauth, owner, "bars"),
        (403, &[], classic, owner, "bars"),
        (403, &[], "Repository access blocked", owner, "bars"),
    ]);
    let closed = r#"{"message":"Repository access blocked","block":{"reason":"tos",
        "created_at":"2026-11-01T08:00:00Z","html_url":"https://github.com/tos"}}"#;
    let hostile = r#"{"message":"Repository access blocked","block":{"html_url":"javascript:1"}}"#;
    let json = r#"{"message":"Resource protected by organization SAML enforcement."}"#;
    for (headers, body, want) in [
        (vec![ID, DATE, sso], json, Some(SSO_URL)),
        (
            vec![ID, DATE, ("x-github-sso", "required; url=data:x")],
            json,
            None,
        ),
        (vec![ID, DATE], closed, Some("https://github.com/tos")),
        (vec![ID, DATE], hostile, None),
    ] {
        let Outcome::Owner(trouble) = of_post_here(&answer(403, &headers, body)) else {
            panic!("{body} is not the owner's");
        };
        assert_eq!(trouble.url.as_deref(), want);
    }
}

#[test]
fn what_can_never_be_posted_is_the_jobs() {
    let needs = (
        "x-accepted-github-permissions",
        "issues=write; pull_requests=write",
    );
    let locked = "Unable to create comment because issue is locked.";
    check(&[
        (403, &[], locked, Refused(Locked), "issue is locked"),
        // The last request of the hour: 0 remain, and yet it is the issue.
        (403, &[USED_UP], locked, Refused(Locked), "issue is locked"),
        (
            403,
            &[],
            "Repository was archived so is read-only.",
            Refused(Archived),
            "archived",
        ),
        (
            403,
            &[],
            "Resource not accessible by integration",
            Refused(NoPermission),
            "permission",
        ),
        (
            403,
            &[needs],
            "Resource not accessible by personal access token",
            Refused(NoPermission),
            "issues=write; pull_requests=write",
        ),
        (
            403,
            &[],
            "Must have admin rights to Repository.",
            Refused(NoPermission),
            "permission",
        ),
        (
            403,
            &[],
            "User is blocked",
            Refused(NotWelcome),
            "may not comment",
        ),
        (404, &[], "Not Found", Refused(NotFound), "may not see it"),
        (
            404,
            &[USED_UP],
            "Not Found",
            Refused(NotFound),
            "may not see it",
        ),
        (410, &[], "This issue was deleted", Refused(Gone), "deleted"),
        (
            410,
            &[],
            "Issues are disabled for this repo",
            Refused(Gone),
            "disabled",
        ),
        (422, &[], "Validation Failed", Refused(Rejected), "rejects"),
    ]);
}

#[test]
fn a_redirect_within_the_api_may_be_followed() {
    let location = "https://api.github.com/repositories/1300192/issues/1/comments";
    for status in [301, 302, 307, 308] {
        for (to, want) in [
            (location, Moved),
            ("/repositories/1300192/issues/1/comments", Moved),
            (
                "https://evil.example/repositories/1",
                Refused(RefusalKind::Moved),
            ),
            (
                "http://api.github.com/repositories/1",
                Refused(RefusalKind::Moved),
            ),
        ] {
            let moved = answer(
                status,
                &[ID, DATE, ("location", to)],
                r#"{"message":"Moved Permanently"}"#,
            );
            let outcome = of_post_here(&moved);
            let (is, reason) = sort(&outcome);
            assert_eq!(is, want, "{status} {to}");
            assert!(reason.contains(to), "{reason}");
            if let Outcome::Moved(moved) = outcome {
                assert_eq!(moved.location, location);
            }
        }
        let nowhere = answer(status, &[ID, DATE], "{}");
        assert_eq!(sort(&of_post_here(&nowhere)).0, Refused(RefusalKind::Moved));
    }
}

#[test]
fn an_unprocessable_comment_tells_by_its_errors() {
    for (error, want) in [
        (
            r#"{"resource":"IssueComment","code":"unprocessable","field":"data","message":"Body is too long (maximum is 65536 characters)"}"#,
            Refused(Rejected),
        ),
        (
            r#"{"resource":"IssueComment","code":"unprocessable","field":"data","message":"User is blocked"}"#,
            Refused(NotWelcome),
        ),
        (r#""User is blocked""#, Refused(NotWelcome)),
        (
            r#"{"resource":"IssueComment","code":"missing_field","field":"body"}"#,
            Refused(Rejected),
        ),
        (
            r#"{"resource":"IssueComment","code":"custom","field":"body","message":"was marked as spam"}"#,
            Refused(Rejected),
        ),
        (
            r#"{"resource":"IssueComment","code":"custom","field":"body","message":"was submitted too quickly"}"#,
            Account(Limited, None),
        ),
        (r#""was submitted too quickly""#, Account(Limited, None)),
        (
            r#"{"resource":"IssueComment","code":"unprocessable","field":"data","message":"Could not resolve to a node with the global id of 'I_x'."}"#,
            Unknown,
        ),
    ] {
        let body = format!(r#"{{"message":"Validation Failed","errors":[{error}]}}"#);
        let (is, reason) = sort(&of_post_here(&answer(422, &[ID, DATE], &body)));
        assert_eq!(is, want, "{error}");
        assert!(reason.contains("Validation Failed; "), "{reason}");
    }
}

#[test]
fn every_other_status_is_an_unknown_outcome() {
    let json = r#"{"message":"Server Error"}"#;
    let unicorn = "<!DOCTYPE html><html><title>Unicorn!</title></html>";
    for status in [
        200, 202, 204, 206, 300, 303, 304, 305, 400, 402, 405, 406, 408, 409, 411, 413, 415, 418,
        423, 424, 451, 499, 500, 501, 502, 503, 504, 520, 599, 999,
    ] {
        for body in [json, unicorn, ""] {
            let outcome = of_post_here(&answer(status, &[ID, DATE, ("retry-after", "9")], body));
            let (is, reason) = sort(&outcome);
            let is_foreign = (400..500).contains(&status) && body != json;
            if is_foreign && status != 408 && status != 499 {
                assert_eq!(is, Foreign(Some(9)), "{status} {body}");
            } else {
                assert_eq!(is, Unknown, "{status} {body}");
                assert!(reason.contains(&status.to_string()), "{reason}");
            }
        }
    }
}

#[test]
fn what_nothing_proves_to_be_githubs_may_have_kept_only_the_answer_from_us() {
    let json = r#"{"message":"Not Found"}"#;
    let html = "<html><h1>403 Forbidden</h1><hr>squid</html>";
    let offline = Foreign(None);
    for (status, headers, body, want) in [
        (403, vec![DATE], html, offline),
        (404, vec![DATE], json, offline),
        (404, vec![ID, DATE], html, offline),
        (410, vec![], "", offline),
        (422, vec![], json, offline),
        (401, vec![], json, offline),
        (407, vec![], html, offline),
        (400, vec![], html, offline),
        (
            302,
            vec![("location", "https://portal.example/login")],
            html,
            offline,
        ),
        (403, vec![("retry-after", "30")], html, Foreign(Some(30))),
        // GitHub's outer edge limits in HTML.
        (
            429,
            vec![("retry-after", "30")],
            html,
            Account(Limited, Some(30)),
        ),
        (429, vec![], "", Account(Limited, None)),
        (502, vec![], html, Unknown),
        (408, vec![], html, Unknown),
    ] {
        let (is, reason) = sort(&of_post_here(&answer(status, &headers, body)));
        assert_eq!(is, want, "{status} {headers:?}");
        assert!(!reason.contains('<'), "{reason}");
    }
    let mut broken = answer(404, &[ID, DATE], "");
    broken.body = Body::Unreadable("it has more than 65536 bytes".into());
    let (is, reason) = sort(&of_post_here(&broken));
    assert_eq!(is, offline);
    assert!(reason.contains("65536"), "{reason}");
}

#[test]
fn a_201_is_a_comment_whatever_follows() {
    let url = "https://github.com/o/r/issues/1#issuecomment-5";
    let whole = format!(r#"{{"id":5,"html_url":"{url}","user":{{"login":"x","id":9}}}}"#);
    let posted = |comment_id, url: Option<&str>| Outcome::Posted {
        comment_id,
        url: url.map(str::to_owned),
    };
    for (headers, body, want) in [
        (vec![ID, DATE], whole.as_str(), posted(Some(5), Some(url))),
        (vec![], whole.as_str(), posted(Some(5), Some(url))),
        (vec![ID], r#"{"id":5}"#, posted(Some(5), None)),
        (vec![ID], r#"{"id":"five"}"#, posted(None, None)),
        (vec![ID], "<html>", posted(None, None)),
        (vec![], "", posted(None, None)),
    ] {
        assert_eq!(of_post_here(&answer(201, &headers, body)), want, "{body}");
    }
    let mut cut = answer(201, &[ID], "");
    cut.body = Body::Unreadable("it broke off".into());
    assert_eq!(of_post_here(&cut), posted(None, None));
}

#[test]
fn who_am_i_names_the_user_or_the_trouble() {
    let octocat = r#"{"login":"octocat","id":9,"type":"User"}"#;
    let good = of_user_here(&answer(200, &[ID, DATE], octocat)).unwrap();
    assert_eq!((good.user_id, good.login.as_str()), (9, "octocat"));
    let integration = r#"{"message":"Resource not accessible by integration"}"#;
    let bad = r#"{"message":"Bad credentials"}"#;
    for (status, headers, body, kind, wait) in [
        (401, vec![ID, DATE], bad, Blocked, None),
        (403, vec![ID, DATE], integration, Blocked, None),
        (
            404,
            vec![ID, DATE],
            r#"{"message":"Not Found"}"#,
            Blocked,
            None,
        ),
        (301, vec![ID, DATE], "", Blocked, None),
        (
            403,
            vec![ID, DATE],
            r#"{"message":"Forbidden"}"#,
            Denied,
            None,
        ),
        (
            403,
            vec![ID, DATE, USED_UP, RESET],
            "{}",
            Limited,
            Some(900),
        ),
        (502, vec![ID, DATE], "", Offline, None),
        (503, vec![ID, ("retry-after", "20")], "", Offline, Some(20)),
        (404, vec![], "<html>", Offline, None),
        // A portal that answers everything with its own page.
        (200, vec![DATE], "<html>", Offline, None),
        (200, vec![ID, DATE], "<html>", Offline, None),
        (200, vec![ID, DATE], "{}", Offline, None),
        // Without GitHub's time an attempt cannot be dated.
        (200, vec![ID], octocat, Offline, None),
        (200, vec![DATE], octocat, Offline, None),
    ] {
        let trouble = of_user_here(&answer(status, &headers, body)).unwrap_err();
        let got = (trouble.kind, trouble.wait.map(|wait| wait.as_secs()));
        assert_eq!(got, (kind, wait), "{status} {headers:?} {body}");
    }
}

#[test]
fn a_page_is_a_listing_gone_or_a_trouble() {
    let page = of_page_here(&answer(200, &[ID, DATE], "[]")).unwrap();
    assert_eq!(
        (page.comments, page.has_next),
        (Vec::<Comment>::new(), false)
    );
    let json = r#"{"message":"Not Found"}"#;
    let away = ("location", "https://evil.example/repositories/1");
    for status in [404, 410, 301, 307] {
        let gone = of_page_here(&answer(status, &[ID, DATE, away], json)).unwrap_err();
        assert!(matches!(gone, ListError::Gone { .. }), "{status}: {gone:?}");
    }
    let near = (
        "location",
        "https://api.github.com/repositories/1/issues/1/comments",
    );
    let moved = of_page_here(&answer(301, &[ID, DATE, near], json)).unwrap_err();
    assert!(matches!(moved, ListError::Moved(_)), "{moved:?}");
    let sso = (
        "x-github-sso",
        "required; url=https://github.com/orgs/a/sso",
    );
    let owner = of_page_here(&answer(403, &[ID, DATE, sso], json)).unwrap_err();
    assert!(matches!(owner, ListError::Owner(_)), "{owner:?}");
    for (status, headers, body, kind) in [
        (200, vec![ID, DATE], "{}", Denied),
        (200, vec![ID, DATE], "<html>", Denied),
        // An empty list out of somebody's cache must not say that nothing was posted.
        (200, vec![ID], "[]", Offline),
        (200, vec![DATE], "[]", Offline),
        (401, vec![ID, DATE], json, Blocked),
        (403, vec![ID, DATE], json, Denied),
        (
            403,
            vec![ID, DATE],
            r#"{"message":"Resource not accessible by integration"}"#,
            Denied,
        ),
        (422, vec![ID, DATE], json, Denied),
        (429, vec![ID, DATE], json, Limited),
        (451, vec![ID, DATE], json, Denied),
        (500, vec![ID, DATE], json, Denied),
        (502, vec![], "", Denied),
        (404, vec![], json, Offline),
        (302, vec![], "", Offline),
    ] {
        let ListError::Trouble(trouble) =
            of_page_here(&answer(status, &headers, body)).unwrap_err()
        else {
            panic!("{status} {body} is not gone");
        };
        assert_eq!(trouble.kind, kind, "{status} {headers:?} {body}");
    }
}

#[test]
fn no_answer_makes_a_wait_of_more_than_an_hour() {
    for header in [
        ("retry-after", "100000"),
        ("x-ratelimit-reset", "9999999999"),
    ] {
        let limited = answer(
            403,
            &[ID, DATE, USED_UP, header],
            r#"{"message":"rate limit"}"#,
        );
        let Outcome::Account(trouble) = of_post_here(&limited) else {
            panic!("a limit is the account's");
        };
        assert_eq!(trouble.wait, Some(Duration::from_secs(3600)));
    }
}

proptest! {
    /// Whatever comes: 201 alone is posted, only GitHub itself can refuse a job, and words for
    /// people stay on one line of bounded length.
    #[test]
    fn no_answer_breaks_the_rules(
        status in 100_u16..1000,
        is_github in any::<bool>(),
        message in "(?s).{0,700}|issue is locked|rate limit|[[:cntrl:]]{0,9}",
        garbage in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..64)),
        retry_after in proptest::option::of("[0-9]{1,25}|[ -~]{0,40}"),
        reset in "[0-9-]{0,25}",
    ) {
        let mut headers = vec![DATE, USED_UP, ("x-ratelimit-reset", reset.as_str())];
        if is_github {
            headers.push(ID);
        }
        if let Some(retry_after) = &retry_after {
            headers.push(("retry-after", retry_after));
        }
        let json = serde_json::json!({"message": message, "errors": [message]}).to_string();
        let mut answer = answer(status, &headers, &json);
        if let Some(garbage) = &garbage {
            answer.body = Body::Whole(Bytes::copy_from_slice(garbage));
        }
        let outcome = of_post_here(&answer);
        let (is, reason) = sort(&outcome);
        prop_assert_eq!(is == Posted, status == 201);
        let refused = matches!(is, Refused(_) | Moved | Owner(_));
        prop_assert!(!refused || is_github);
        prop_assert!(!(500..600).contains(&status) || is == Unknown);
        prop_assert!(reason.chars().count() < 900 && !reason.contains(char::is_control));
        if let Account(_, Some(wait)) | Owner(Some(wait)) = is {
            prop_assert!(wait <= 3600);
        }
        prop_assert_eq!(of_user_here(&answer).is_ok(), false);
    }
}
