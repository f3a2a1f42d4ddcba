//! comenqd's own GitHub client against the stand-in: what only both together can show, such as
//! that a signature made by one is accepted by the other.

use std::sync::Arc;
use std::time::Duration;

use comenq_proto::Target;
use comenqd::api_url::ApiUrl;
use comenqd::clock::Clock;
use comenqd::github::{
    AppKey, Credential, GitHub as _, Http, ListError, NoticeKind, Outcome, Settings, TroubleKind,
};
use comenqd::secret::Secret;
use harness::github::{
    APP_KEY, App, Config, Fault, GithubStandin, Kind, LOGIN, Refusal, Scope, TOKEN, USER_ID,
};

fn standin() -> GithubStandin {
    let config = Config {
        prefix: "/api/v3".to_owned(),
        ..Config::example()
    };
    let standin = GithubStandin::start(config).unwrap();
    standin.add_app(&App::example()).unwrap();
    standin
}

fn http(standin: &GithubStandin, credential: Credential) -> Http {
    let settings = Settings {
        api_url: ApiUrl::parse(standin.url()).unwrap(),
        credential,
        timeout: Duration::from_secs(20),
        user_agent: "comenqd/test".to_owned(),
    };
    Http::new(settings, Arc::new(Clock::system())).unwrap()
}

fn user(standin: &GithubStandin) -> Http {
    http(standin, Credential::Token(Secret::parse(TOKEN).unwrap()))
}

fn app(standin: &GithubStandin) -> Http {
    let credential = Credential::App {
        app_id: 12_345,
        installation_id: 678,
        key: AppKey::parse(APP_KEY).unwrap(),
    };
    http(standin, credential)
}

fn target() -> Target {
    Target::parse("octo", "demo", 1).unwrap()
}

#[tokio::test]
async fn an_app_posts_under_its_bots_name_whatever_the_clocks_say() {
    for offset in [0, -40 * 365 * 86_400, 60 * 365 * 86_400] {
        let standin = standin();
        standin.clock().set_offset_seconds(offset);
        let http = app(&standin);
        let bot = http.who_am_i().await.value.unwrap();
        assert_eq!(
            (bot.user_id, bot.login.as_str()),
            (41_898_282, "octo-app[bot]")
        );
        let posted = http.post_comment(&target(), "hi").await;
        assert!(matches!(posted.value, Outcome::Posted { .. }), "{posted:?}");
        assert_eq!(standin.comments()[0].user_id, bot.user_id);
        let listed = http
            .comments_since(&target(), comenqd::clock::UnixMs(0))
            .await;
        assert_eq!(listed.value.unwrap()[0].user_id, bot.user_id);
        assert_eq!(standin.requests_of(Kind::AppToken).len(), 1);
    }
}

#[tokio::test]
async fn an_app_gets_over_lost_tokens_and_tells_what_it_cannot_get_over() {
    let standin = standin();
    let http = app(&standin);
    http.who_am_i().await.value.unwrap();
    standin.expire_app_tokens(678);
    let Outcome::Account(trouble) = http.post_comment(&target(), "hi").await.value else {
        panic!("a lost token is the account's trouble");
    };
    assert_eq!(trouble.kind, TroubleKind::Offline, "{trouble:?}");
    http.who_am_i().await.value.unwrap();
    standin.suspend_installation(678, true);
    let suspended = http.who_am_i().await.value.unwrap_err();
    assert_eq!(suspended.kind, TroubleKind::Blocked);
    assert!(suspended.reason.contains("suspended"), "{suspended:?}");
    let Outcome::Account(trouble) = http.post_comment(&target(), "hi").await.value else {
        panic!("a suspended installation is the account's trouble");
    };
    assert_eq!(trouble.kind, TroubleKind::Blocked);
    standin.suspend_installation(678, false);
    http.who_am_i().await.value.unwrap();
    standin.uninstall_app(678);
    let gone = http.who_am_i().await.value.unwrap_err();
    assert_eq!(gone.kind, TroubleKind::Blocked);
    assert!(gone.reason.contains("installation_id"), "{gone:?}");
    assert!(standin.comments().is_empty());
}

#[tokio::test]
async fn tokens_that_last_less_than_five_minutes_are_renewed_each_time() {
    let standin = standin();
    standin.set_app_token_seconds(678, 250);
    let http = app(&standin);
    for _ in 0..3 {
        http.who_am_i().await.value.unwrap();
        let outcome = http.post_comment(&target(), "hi").await.value;
        assert!(matches!(outcome, Outcome::Posted { .. }), "{outcome:?}");
    }
    assert_eq!(standin.requests_of(Kind::AppToken).len(), 3);
    assert_eq!(
        standin.requests_of(Kind::App).len(),
        1,
        "a slug does not change"
    );
}

#[tokio::test]
async fn a_renamed_repository_is_found_and_posted_to() {
    let standin = standin();
    let http = user(&standin);
    standin.rename("octo/demo", "New-Org/new.name").unwrap();
    let answered = http.post_comment(&target(), "hi").await;
    let Outcome::Moved(moved) = answered.value else {
        panic!("{answered:?}");
    };
    assert_eq!(answered.status, Some(307));
    assert_eq!(standin.requests_of(Kind::Post).len(), 1);
    let new = http.resolve(&moved, target().number).await.value.unwrap();
    assert_eq!(new.to_string(), "New-Org/new.name#1");
    let outcome = http.post_comment(&new, "hi").await.value;
    assert!(matches!(outcome, Outcome::Posted { .. }), "{outcome:?}");
    let listed = http
        .comments_since(&target(), comenqd::clock::UnixMs(0))
        .await;
    assert!(
        matches!(listed.value, Err(ListError::Moved(_))),
        "{listed:?}"
    );
}

#[tokio::test]
async fn a_transferred_issue_is_found_under_its_new_number() {
    let standin = standin();
    let http = user(&standin);
    standin.add_issue("other/place#1", false).unwrap();
    let (from, to) = (
        "octo/demo#1".parse().unwrap(),
        "other/place#40".parse().unwrap(),
    );
    standin.transfer(&from, &to).unwrap();
    let Err(ListError::Moved(moved)) = http.is_open(&target()).await.value else {
        panic!("it moved");
    };
    let new = http.resolve(&moved, target().number).await.value.unwrap();
    assert_eq!(new.to_string(), "other/place#40");
    assert_eq!(http.is_open(&new).await.value, Ok(true));
    standin.set_open(&to, false).unwrap();
    assert_eq!(http.is_open(&new).await.value, Ok(false));
}

#[tokio::test]
async fn one_owners_bar_is_told_with_its_address() {
    let standin = standin();
    let http = user(&standin);
    let organization = "octo".to_owned();
    for (refusal, url) in [
        (
            Refusal::Saml { organization },
            Some("https://github.com/orgs/octo/sso?authorization_request=AZSTANDIN"),
        ),
        (
            Refusal::IpAllowList {
                organization: "octo".to_owned(),
            },
            None,
        ),
        (Refusal::AccessBlocked, Some("https://github.com/tos")),
    ] {
        standin.refuse(Scope::Owner("octo".to_owned()), refusal);
        let Outcome::Owner(trouble) = http.post_comment(&target(), "hi").await.value else {
            panic!("{url:?} is the owner's");
        };
        assert_eq!(trouble.url.as_deref(), url);
        let open = http.is_open(&target()).await.value;
        assert!(matches!(open, Err(ListError::Owner(_))), "{open:?}");
        http.who_am_i().await.value.unwrap();
    }
}

#[tokio::test]
async fn warnings_and_status_reach_the_caller() {
    let standin = standin();
    let expires = "github-authentication-token-expiration";
    standin.warn(Some(LOGIN), expires, Some("2026-12-01 08:00:00 UTC"));
    standin.warn(None, "deprecation", Some("@1688169599"));
    let http = user(&standin);
    let me = http.who_am_i().await;
    assert_eq!(me.value.unwrap().user_id, USER_ID);
    let kinds: Vec<NoticeKind> = me.notices.iter().map(|notice| notice.kind).collect();
    assert_eq!(kinds, [NoticeKind::TokenExpires, NoticeKind::Deprecation]);
    standin.fault(Fault::on_post().answer(harness::github::Answer::Close));
    let lost = http.post_comment(&target(), "hi").await;
    assert_eq!((lost.status, lost.notices.len()), (None, 0));
}
