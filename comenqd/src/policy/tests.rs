use super::*;

const ALICE: u32 = 1000;
const BOB: u32 = 1001;

fn globs(texts: &[&str]) -> Vec<RepoGlob> {
    let globs = texts.iter().map(|text| RepoGlob::parse(text).unwrap());
    globs.collect()
}

fn target(slug: &str) -> Target {
    Target::from_slug(slug, "1").unwrap()
}

/// Alice may use `bot` only and post many; `bot` posts to octo/* only; `owners` is Bob's.
fn policy() -> Policy {
    let alice = UserRules {
        name: "alice".to_owned(),
        limits: Limits {
            max_queued_jobs: 9,
            allowed_accounts: Some(BTreeSet::from(["bot".to_owned()])),
            ..Limits::default()
        },
        own_keys: BTreeSet::from(["max_queued_jobs", "allowed_accounts"]),
    };
    let bot = AccountRules {
        allowed_repositories: Some(globs(&["octo/*"])),
        section: "[accounts.bot]".to_owned(),
        ..AccountRules::default()
    };
    let owners = AccountRules {
        allowed_users: Some(BTreeSet::from([BOB])),
        section: "[accounts.owners]".to_owned(),
        ..AccountRules::default()
    };
    let everyone = Limits {
        allowed_repositories: Some(globs(&["octo/*", "cat/docs"])),
        ..Limits::default()
    };
    Policy::new(
        everyone,
        BTreeMap::from([(ALICE, alice)]),
        BTreeMap::from([
            ("bot".to_owned(), bot),
            ("default".to_owned(), AccountRules::default()),
            ("owners".to_owned(), owners),
        ]),
    )
}

#[test]
fn a_user_has_own_limits_and_everyone_else_the_common_ones() {
    let policy = policy();
    assert_eq!(policy.limits(ALICE).max_queued_jobs, 9);
    assert_eq!(policy.limits(BOB).max_queued_jobs, 1000);
    let shown = |uid, key| policy.rule(uid, key).to_string();
    assert_eq!(
        shown(ALICE, "max_queued_jobs"),
        "max_queued_jobs in [policy.users.alice]"
    );
    assert_eq!(
        shown(ALICE, "max_posts_per_day"),
        "max_posts_per_day in [policy]"
    );
    assert_eq!(shown(BOB, "max_queued_jobs"), "max_queued_jobs in [policy]");
}

#[test]
fn an_account_is_for_whom_both_sides_allow_it() {
    let policy = policy();
    let of = |uid| policy.accounts_of(uid).collect::<Vec<_>>();
    assert_eq!(of(ALICE), ["bot"]);
    assert_eq!(of(BOB), ["bot", "default", "owners"]);
    assert_eq!(of(0), ["bot", "default"]);
    assert_eq!(
        policy.may_use(ALICE, "default").unwrap_err().to_string(),
        "uid 1000 may not use account \"default\" (allowed_accounts in [policy.users.alice] of \
         the daemon's configuration); use another account, or ask an administrator to change that \
         rule"
    );
    let error = policy.may_use(0, "owners").unwrap_err().to_string();
    assert!(
        error.contains("(allowed_users in [accounts.owners] of"),
        "{error}"
    );
}

#[test]
fn a_repository_is_allowed_where_user_and_account_both_cover_it() {
    let policy = policy();
    assert_eq!(policy.may_post_to(BOB, "bot", &target("Octo/any")), Ok(()));
    assert_eq!(
        policy.may_post_to(BOB, "default", &target("cat/docs")),
        Ok(())
    );
    let rule = |uid, account, slug| match policy.may_post_to(uid, account, &target(slug)) {
        Err(Denied::Repository { rule, .. }) => rule.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        rule(BOB, "bot", "cat/docs"),
        "allowed_repositories in [accounts.bot]"
    );
    assert_eq!(
        rule(BOB, "default", "cat/x"),
        "allowed_repositories in [policy]"
    );
    // Alice's own table replaced nothing there, but her limits were taken before everyone's.
    assert_eq!(
        rule(ALICE, "bot", "cat/docs"),
        "allowed_repositories in [accounts.bot]"
    );
    let error = policy
        .may_post_to(BOB, "default", &target("cat/x"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "uid 1001 may not post to cat/x as account \"default\" (allowed_repositories in [policy] \
         of the daemon's configuration does not cover it); ask an administrator to change that \
         rule"
    );
    let denied = policy.may_post_to(ALICE, "owners", &target("octo/x"));
    assert!(matches!(denied, Err(Denied::Account { .. })), "{denied:?}");
}

#[test]
fn an_empty_list_allows_nothing() {
    let limits = Limits {
        allowed_repositories: Some(globs(&[])),
        ..Limits::default()
    };
    let policy = Policy::new(limits, BTreeMap::new(), BTreeMap::new());
    assert!(policy.may_post_to(BOB, "default", &target("a/b")).is_err());
    assert_eq!(policy.may_use(BOB, "default"), Ok(()));
}
