//! Which account is taken, and how little is told of those that one may not use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::tests::Hands;
use crate::clock::{Clock, UnixMs};
use crate::policy::{AccountRules, Limits, Policy};
use crate::service::Settings;

const ME: u32 = 1000;
const STRANGER: u32 = 7;

/// Three accounts of mine on two hosts, and one of somebody else's.
fn settings() -> Settings {
    let account = |name: &str, host: &str| Account {
        name: name.to_owned(),
        web_host: Some(host.to_owned()),
        marker_chars: 0,
    };
    Settings {
        accounts: vec![
            account("a", "github.com"),
            account("b", "GitHub.com"),
            account("c", "ghe.example.com"),
            account("theirs", "hidden.example.com"),
        ],
        max_body_chars: 100,
        own_uid: 1,
        access: crate::policy::Access::default(),
        started_at: UnixMs(0),
        loaded_at: UnixMs(0),
        config_error: None,
        waits_for_restart: Vec::new(),
    }
}

fn policy() -> Policy {
    let only = |uid| AccountRules {
        allowed_users: Some(BTreeSet::from([uid])),
        ..AccountRules::default()
    };
    let accounts = [("a", ME), ("b", ME), ("c", ME), ("theirs", 0)];
    let accounts = accounts.map(|(name, uid)| (name.to_owned(), only(uid)));
    Policy::new(Limits::default(), BTreeMap::new(), BTreeMap::from(accounts))
}

fn refused(uid: u32, asked: Option<&str>, host: Option<&str>) -> WireError {
    let (settings, rules) = (settings(), policy());
    let clock = Clock::new(Hands::new(1, Duration::from_secs(1000)) as Arc<_>);
    let judge = Judge {
        uid,
        settings: &settings,
        rules: &rules,
        clock: &clock,
    };
    let target = Target::parse("octo", "demo", 1).unwrap();
    choose(&judge, asked, host, &target).unwrap_err()
}

#[test]
fn only_the_hosts_one_may_post_to_are_named_and_each_once() {
    let error = refused(ME, None, Some("gitlab.com"));
    assert_eq!(error.code, ErrorCode::WrongHost);
    assert!(
        error.message.ends_with("to ghe.example.com, github.com"),
        "{error:?}"
    );
}

#[test]
fn of_an_account_that_is_not_for_the_user_no_host_is_told() {
    let error = refused(ME, Some("theirs"), Some("gitlab.com"));
    assert_eq!(error.code, ErrorCode::AccountNotAllowed);
    assert!(!format!("{error:?}").contains("hidden"), "{error:?}");
    assert_eq!(
        error.detail.as_deref(),
        Some("you may use a, b, c, or ask an administrator to change that rule")
    );
}

#[test]
fn who_may_use_no_account_is_told_so() {
    let unknown = refused(STRANGER, Some("zz"), None);
    assert_eq!(unknown.code, ErrorCode::UnknownAccount);
    assert_eq!(
        unknown.detail.as_deref(),
        Some("you may use no account; ask an administrator for one")
    );
    for host in [None, Some("github.com"), Some("gitlab.com")] {
        let denied = refused(STRANGER, None, host);
        assert_eq!(denied.code, ErrorCode::AccountNotAllowed);
        assert!(!denied.message.contains("another account"), "{denied:?}");
        let detail = denied.detail.unwrap();
        assert!(detail.starts_with("you may use no account; "), "{detail}");
    }
}
