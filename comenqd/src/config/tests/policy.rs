//! `[policy]` and the tables of users.

use super::*;

const TABLES: &str = "[policy]\n\
     max_queued_jobs = 10\n\
     max_posts_per_day = 5\n\
     allowed_repositories = ['octo/*']\n\
     [policy.users.alice]\n\
     max_queued_jobs = 20\n\
     max_posts_per_day = 'unlimited'\n\
     allowed_accounts = ['bot']\n\
     [policy.users.\"bob.b\"]\n\
     allowed_repositories = ['*/*']\n\
     [policy.users.77]\n\
     max_queued_bytes = 0\n\
     [accounts.bot]\n\
     [accounts.other]\n";

#[test]
fn a_users_own_keys_replace_the_common_ones_one_by_one() {
    let policy = Room::with_file(TABLES).load().unwrap().policy;
    let alice = policy.limits(1000);
    assert_eq!(alice.max_queued_jobs, 20);
    assert_eq!(alice.max_posts_per_day, None);
    assert_eq!(alice.allowed_accounts, Some(["bot".to_owned()].into()));
    assert_eq!(alice.allowed_repositories.as_ref().unwrap().len(), 1);
    assert_eq!(alice.max_submits_per_minute, 600);
    let bob = policy.limits(1001);
    assert_eq!((bob.max_queued_jobs, bob.max_posts_per_day), (10, Some(5)));
    assert_eq!(bob.allowed_repositories, None);
    assert_eq!(policy.limits(77).max_queued_bytes, 0);
    assert_eq!(policy.limits(0).max_queued_bytes, 67_108_864);
    let rule = |uid, key| policy.rule(uid, key).to_string();
    assert_eq!(
        rule(1000, "max_queued_jobs"),
        "max_queued_jobs in [policy.users.alice]"
    );
    assert_eq!(rule(1001, "max_queued_jobs"), "max_queued_jobs in [policy]");
}

#[test]
fn the_printed_policy_says_whose_each_value_is() {
    let room = Room::with_file(TABLES);
    let text = room.hidden(&room.load().unwrap().render());
    for expected in [
        "[policy]\nmax_submits_per_minute = 600 # default\n\
         max_queued_jobs = 10 # DIR/config.toml line 2\n",
        "[policy.users.alice] # uid 1000\nmax_queued_jobs = 20 # DIR/config.toml line 6\n\
         max_posts_per_day = \"unlimited\" # DIR/config.toml line 7\n",
        "[policy.users.\"bob.b\"] # uid 1001\nallowed_repositories = [\"*/*\"] # DIR/",
        "[policy.users.77] # uid 77\nmax_queued_bytes = 0 # DIR/",
        "allowed_accounts = [\"*\"] # default\n",
    ] {
        assert!(text.contains(expected), "{expected}\n---\n{text}");
    }
    room.write("config.toml", &text, 0o600);
    assert_eq!(values_of(&room.load().unwrap().render()), values_of(&text));
}

#[test]
fn rules_can_name_only_users_and_accounts_that_exist() {
    for (text, expected) in [
        (
            "[policy.users.alicia]\nmax_queued_jobs = 1",
            "DIR/config.toml line 1: \"alicia\" cannot be the name of a user: there is no user \
             \"alicia\" on this host; correct the name, or write the user's number (id -u tells it)",
        ),
        (
            "[policy.users.slow]\n",
            "DIR/config.toml line 1: \"slow\" cannot be the name of a user: user \"slow\" cannot be \
             looked up (the name service is asleep); write the user's number (id -u tells it)",
        ),
        (
            "[policy.users.1000]\n[policy.users.alice]\n",
            "DIR/config.toml line 2: [policy.users.alice] is uid 1000, and so is [policy.users.1000]; \
             join the two tables",
        ),
        (
            "[policy]\nallowed_accounts = ['bto']\n[accounts.bot]\n",
            "DIR/config.toml line 2: policy.allowed_accounts = [\"bto\"]: there is no account \
             \"bto\"; did you mean \"bot\"?",
        ),
        (
            "[policy.users.alice]\nallowed_accounts = ['zzz']\n[accounts.bot]\n[accounts.cat]",
            "DIR/config.toml line 2: policy.users.alice.allowed_accounts = [\"zzz\"]: there is no \
             account \"zzz\"; there are: bot, cat",
        ),
        (
            "allowed_users = ['alicia']",
            "DIR/config.toml line 1: allowed_users = [\"alicia\"]: there is no user \"alicia\" on \
             this host; correct the name, or write the user's number (id -u tells it)",
        ),
    ] {
        assert_eq!(Room::with_file(text).error(), expected);
    }
}
