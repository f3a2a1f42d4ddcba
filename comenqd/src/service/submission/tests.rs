//! What is acceptable, and what is said of what is not.

use super::*;
use crate::clock::tests::Hands;
use crate::service::Account;
use std::sync::Arc;

fn account(name: &str, web_host: Option<&str>) -> Account {
    Account {
        name: name.to_owned(),
        web_host: web_host.map(str::to_owned),
        marker_chars: 0,
    }
}

fn settings(accounts: Vec<Account>) -> Settings {
    Settings {
        accounts,
        max_body_chars: 5,
        own_uid: 1,
        access: crate::policy::Access::default(),
        started_at: UnixMs(0),
        loaded_at: UnixMs(0),
        config_error: None,
        waits_for_restart: Vec::new(),
    }
}

fn request() -> JobSubmit {
    JobSubmit {
        owner: "Owner".to_owned(),
        repo: "repo".to_owned(),
        number: 12,
        body: "häh?!".to_owned(),
        key: Some("k1".to_owned()),
        ..JobSubmit::default()
    }
}

fn judged(settings: &Settings, rules: &Policy, request: &JobSubmit) -> Result<NewJob, WireError> {
    let clock = Clock::new(Hands::new(1, Duration::from_secs(1000)) as Arc<_>);
    let judge = Judge {
        uid: 1000,
        settings,
        rules,
        clock: &clock,
    };
    judge.parse(request)
}

fn parsed(request: &JobSubmit) -> Result<NewJob, WireError> {
    let settings = settings(vec![account("default", Some("github.com"))]);
    judged(&settings, &Policy::default(), request)
}

fn refusal(change: impl FnOnce(&mut JobSubmit)) -> (ErrorCode, String) {
    let mut request = request();
    change(&mut request);
    let error = parsed(&request).err().unwrap();
    (error.code, error.message)
}

#[test]
fn a_good_request_becomes_types() {
    let new = parsed(&request()).unwrap();
    assert_eq!(new.target.to_string(), "Owner/repo#12");
    assert_eq!((new.uid, new.account.as_str()), (1000, "default"));
    assert_eq!(new.body.as_str(), "häh?!");
    assert_eq!(new.key.unwrap().as_str(), "k1");
}

#[test]
fn each_bad_field_has_its_code() {
    assert_eq!(refusal(|it| it.owner.push(' ')).0, ErrorCode::InvalidTarget);
    assert_eq!(refusal(|it| it.number = 0).0, ErrorCode::InvalidTarget);
    assert_eq!(
        refusal(|it| it.body = " \n".into()).0,
        ErrorCode::InvalidBody
    );
    assert_eq!(
        refusal(|it| it.body = "\0".into()).0,
        ErrorCode::InvalidBody
    );
    assert_eq!(
        refusal(|it| it.key = Some("a b".into())).0,
        ErrorCode::InvalidKey
    );
    assert_eq!(
        refusal(|it| it.replace_key = Some(String::new())).0,
        ErrorCode::InvalidValue
    );
    let huge = "x".repeat(MAX_BODY_BYTES + 1);
    assert_eq!(refusal(|it| it.body = huge).0, ErrorCode::BodyTooLong);
    assert_eq!(
        refusal(|it| it.body = "123456".into()),
        (
            ErrorCode::BodyTooLong,
            "comment has 6 characters; the limit is 5".to_owned()
        )
    );
}

#[test]
fn impossible_wishes_are_told_apart() {
    type Change = fn(&mut JobSubmit);
    let refusals: [(Change, &str); 9] = [
        (|it| it.priority = 101, "priority 101"),
        (|it| it.priority = -101, "priority -101"),
        (|it| it.delay_ms = Some(0), "the delay must be above zero"),
        (
            |it| it.expires_in_ms = Some(u64::MAX),
            "the span to expire must be",
        ),
        (
            |it| it.not_before_ms = Some(i64::MAX),
            "the time to post it is more than ten years",
        ),
        (
            |it| it.expires_at_ms = Some(it.expires_at_ms.unwrap_or(1)),
            "more than ten years",
        ),
        (
            |it| (it.not_before_ms, it.delay_ms) = (Some(1), Some(1)),
            "both a time and a delay",
        ),
        (
            |it| (it.expires_at_ms, it.expires_in_ms) = (Some(1), Some(1)),
            "both a time and a span",
        ),
        (
            |it| (it.delay_ms, it.expires_in_ms) = (Some(2000), Some(1000)),
            "would expire before",
        ),
    ];
    for (change, words) in refusals {
        let (code, message) = refusal(change);
        assert_eq!(code, ErrorCode::InvalidValue, "{message}");
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn what_the_account_adds_to_a_comment_counts() {
    let mut marked = account("default", None);
    marked.marker_chars = 2;
    let settings = settings(vec![marked]);
    let error = judged(&settings, &Policy::default(), &request())
        .err()
        .unwrap();
    assert_eq!(error.message, "comment has 5 characters; the limit is 3");
}

#[test]
fn a_link_to_another_host_is_refused_except_by_an_api_on_this_machine() {
    let other = refusal(|it| it.host = Some("ghe.example".into()));
    assert_eq!(
        other,
        (
            ErrorCode::WrongHost,
            "the link leads to \"ghe.example\", and this daemon posts to github.com".to_owned()
        )
    );
    let with_host = |host: &str| JobSubmit {
        host: Some(host.to_owned()),
        ..request()
    };
    assert!(parsed(&with_host("GitHub.com")).is_ok());
    let local = settings(vec![account("default", None)]);
    assert!(judged(&local, &Policy::default(), &with_host("anything:8080")).is_ok());
}

#[test]
fn the_account_follows_from_the_name_the_host_and_the_rules() {
    let both = settings(vec![
        account("default", Some("github.com")),
        account("work", Some("ghe.example")),
    ]);
    let chosen = |account: Option<&str>, host: Option<&str>| {
        let request = JobSubmit {
            account: account.map(str::to_owned),
            host: host.map(str::to_owned),
            ..request()
        };
        judged(&both, &Policy::default(), &request).map(|new| new.account)
    };
    assert_eq!(chosen(None, None).unwrap(), "default");
    assert_eq!(chosen(None, Some("ghe.example")).unwrap(), "work");
    assert_eq!(chosen(Some("work"), None).unwrap(), "work");
    let code = |account, host| chosen(account, host).unwrap_err().code;
    assert_eq!(code(Some("wrok"), None), ErrorCode::UnknownAccount);
    assert_eq!(code(Some("work"), Some("github.com")), ErrorCode::WrongHost);
    assert_eq!(code(None, Some("gitlab.com")), ErrorCode::WrongHost);
}

#[test]
fn among_several_accounts_without_a_default_one_must_be_named() {
    let settings = settings(vec![account("a", None), account("b", None)]);
    let error = judged(&settings, &Policy::default(), &request())
        .err()
        .unwrap();
    assert_eq!(error.code, ErrorCode::AccountNeeded);
    assert_eq!(error.message, "several accounts could post this: a, b");
}
