//! Repositories and issues that change while comments wait, several accounts at once, refusals of
//! one owner, and warnings.

use harness::github::{Config, GithubStandin, LOGIN, Refusal, Scope, TOKEN, Target};
use serde_json::json;

use crate::client::{PATH, call, call_as, post};

fn start() -> GithubStandin {
    GithubStandin::start(Config::example()).unwrap()
}

fn target(name: &str) -> Target {
    name.parse().unwrap()
}

#[test]
fn a_renamed_repository_redirects_until_its_name_is_taken() {
    let standin = start();
    let before = post(&standin, "before").json()["id"].clone();
    let id = call(&standin, "GET", "/repos/octo/demo", "").json()["id"].clone();
    standin.rename("octo/demo", "New-Org/New.Name").unwrap();
    for (method, path, status, rest) in [
        ("GET", "/repos/octo/demo", 301, ""),
        ("GET", "/repos/octo/demo/issues/1", 301, "/issues/1"),
        ("GET", PATH, 301, "/issues/1/comments"),
        ("POST", PATH, 307, "/issues/1/comments"),
    ] {
        let answer = call_as(&standin, TOKEN, method, path);
        assert_eq!(answer.status, status, "{method} {path}");
        let location = format!("{}/repositories/{id}{rest}", standin.url());
        assert_eq!(answer.header("location"), Some(location.as_str()));
        assert!(answer.header("x-github-request-id").is_some());
        assert_eq!(answer.json()["url"], location);
    }
    assert_eq!(standin.comments().len(), 1, "a redirect creates nothing");
    let by_id = call(&standin, "GET", &format!("/repositories/{id}"), "").json();
    assert_eq!(by_id["full_name"], "New-Org/New.Name");
    for path in [
        format!("/repositories/{id}/issues/1/comments"),
        "/repos/new-org/new.name/issues/1/comments".to_owned(),
    ] {
        assert_eq!(call(&standin, "GET", &path, "").json()[0]["id"], before);
        assert_eq!(call_as(&standin, TOKEN, "POST", &path).status, 201);
    }
    standin.add_issue("octo/demo#1", false).unwrap();
    assert_eq!(post(&standin, "another repository").status, 201);
    let again = call(&standin, "GET", "/repos/octo/demo", "").json();
    assert_ne!(again["id"], id);
    standin.rename("octo/none", "a/b").unwrap_err();
    standin.rename("octo/demo", "nonsense").unwrap_err();
}

#[test]
fn a_transferred_issue_redirects_to_its_new_number() {
    let standin = start();
    standin.add_issue("other/place#1", false).unwrap();
    post(&standin, "moves with it");
    let to = target("other/place#40");
    standin.transfer(&target("octo/demo#1"), &to).unwrap();
    let answer = call(&standin, "GET", "/repos/octo/demo/issues/1", "");
    assert_eq!(answer.status, 301);
    let location = answer.header("location").unwrap();
    assert!(location.ends_with("/issues/40"), "{location}");
    let path = location.strip_prefix(standin.url()).unwrap();
    assert_eq!(call(&standin, "GET", path, "").json()["number"], 40);
    assert_eq!(standin.comments()[0].target, to);
    assert_eq!(post(&standin, "x").status, 307);
    standin.transfer(&target("octo/demo#1"), &to).unwrap_err();
}

#[test]
fn an_issue_says_whether_it_is_open_and_locked() {
    let standin = start();
    let read = || call(&standin, "GET", "/repos/octo/demo/issues/1", "").json();
    assert_eq!(
        (&read()["state"], &read()["locked"]),
        (&json!("open"), &json!(false))
    );
    standin.set_open(&target("octo/demo#1"), false).unwrap();
    standin.refuse(Scope::Issue(target("octo/demo#1")), Refusal::Locked);
    assert_eq!(
        (&read()["state"], &read()["locked"]),
        (&json!("closed"), &json!(true))
    );
    assert_eq!(read()["state_reason"], "completed");
    standin.set_open(&target("octo/demo#1"), true).unwrap();
    assert_eq!(read()["state"], "open");
    standin.set_open(&target("octo/demo#99"), true).unwrap_err();
}

#[test]
fn each_token_posts_as_its_own_user() {
    let standin = start();
    standin.add_token("ghp_second", "second-bot", 99);
    standin.add_token("ghp_again", LOGIN, 583_231);
    for token in [TOKEN, "ghp_second", "ghp_again"] {
        assert_eq!(call_as(&standin, token, "POST", PATH).status, 201);
    }
    let logins: Vec<String> = standin.comments().into_iter().map(|c| c.login).collect();
    assert_eq!(logins, [LOGIN, "second-bot", LOGIN]);
    standin.refuse(
        Scope::Login("second-bot".to_owned()),
        Refusal::secondary(None),
    );
    assert_eq!(call_as(&standin, "ghp_second", "POST", PATH).status, 403);
    assert_eq!(call_as(&standin, "ghp_again", "POST", PATH).status, 201);
    let user = call_as(&standin, TOKEN, "GET", "/users/second-bot").json();
    assert_eq!(user["id"], 99);
}

#[test]
fn an_owner_can_bar_the_account_from_its_own_only() {
    let standin = start();
    standin.add_issue("free/demo#1", false).unwrap();
    let owner = Scope::Owner("octo".to_owned());
    let organization = || "octo".to_owned();
    for refusal in [
        Refusal::Saml {
            organization: organization(),
        },
        Refusal::IpAllowList {
            organization: organization(),
        },
        Refusal::AccessBlocked,
    ] {
        standin.refuse(owner.clone(), refusal);
        assert_eq!(post(&standin, "x").status, 403);
        assert_eq!(call(&standin, "GET", PATH, "").status, 403);
        assert_eq!(call(&standin, "GET", "/user", "").status, 200);
        let elsewhere = "/repos/free/demo/issues/1/comments";
        assert_eq!(call_as(&standin, TOKEN, "POST", elsewhere).status, 201);
    }
    standin.allow(&owner);
    assert_eq!(post(&standin, "x").status, 201);
}

#[test]
fn warnings_stand_on_every_answer_of_githubs_to_that_account() {
    let standin = start();
    standin.add_token("ghp_second", "second-bot", 99);
    let expires = "github-authentication-token-expiration";
    standin.warn(Some(LOGIN), expires, Some("2026-12-01 08:00:00 UTC"));
    standin.warn(None, "sunset", Some("Fri, 10 Mar 2028 00:00:00 GMT"));
    standin.refuse(Scope::Everything, Refusal::OtherForbidden);
    for (token, has_expiry) in [(TOKEN, true), ("ghp_second", false)] {
        let answer = call_as(&standin, token, "POST", PATH);
        assert_eq!(answer.header(expires).is_some(), has_expiry);
        assert!(answer.header("sunset").unwrap().contains("2028"));
    }
    standin.refuse(Scope::Everything, Refusal::ProxyForbidden);
    assert_eq!(
        post(&standin, "x").header("sunset"),
        None,
        "a proxy knows nothing"
    );
    standin.allow(&Scope::Everything);
    standin.warn(None, "sunset", None);
    assert_eq!(post(&standin, "x").header("sunset"), None);
}
