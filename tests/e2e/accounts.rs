//! Several accounts: who posts as whom, who may, and that two of one login are one to GitHub.

use std::time::Duration;

use comenq_proto::{ErrorCode, JobState};
use harness::daemon::{Daemon, submission};
use harness::github::{GithubStandin, LOGIN, TOKEN, USER_ID};
use harness::needs;
use harness::setup::{Setup, Token};

use crate::world::{
    ANN, BEN, ISSUE, OTHER, assert_refused, assert_spaced, gaps, post, posts, run_as, standin,
};

const SECOND_TOKEN: &str = "ghp_second00000000000000000000000000000";
const SECOND_LOGIN: &str = "second-bot";

/// Two accounts, neither of them `default`: `one` is [`LOGIN`], `two` somebody else.
fn two(change: impl FnOnce(Setup) -> Setup) -> (GithubStandin, Daemon) {
    let standin = standin();
    standin.add_token(SECOND_TOKEN, SECOND_LOGIN, 777);
    let daemon = change(both(&standin)).start();
    (standin, daemon)
}

fn both(standin: &GithubStandin) -> Setup {
    Setup::for_standin(standin)
        .without("github_api_url")
        .without("cooldown_period_seconds")
        .token(Token::Absent)
        .account("one", standin.url(), TOKEN)
        .account("two", standin.url(), SECOND_TOKEN)
}

/// Two accounts with tokens of the same user, and this pace.
fn one_login(seconds: u64) -> (GithubStandin, Daemon) {
    let standin = standin();
    standin.add_token(SECOND_TOKEN, LOGIN, USER_ID);
    let daemon = both(&standin)
        .number("accounts.one.cooldown_period_seconds", seconds)
        .number("accounts.two.cooldown_period_seconds", seconds)
        .start();
    (standin, daemon)
}

fn author(standin: &GithubStandin, body: &str) -> String {
    let comments = standin.comments().into_iter();
    let mut found = comments.filter(|comment| comment.body == body);
    found.next().map(|comment| comment.login).unwrap()
}

#[test]
fn two_accounts_post_as_two_users_and_do_not_wait_for_each_other() {
    let (standin, daemon) = two(|setup| {
        setup
            .number("accounts.one.cooldown_period_seconds", 600)
            .number("accounts.two.cooldown_period_seconds", 600)
    });
    let one = post(&daemon, ISSUE, "as one", &["--account", "one"]);
    let two = post(&daemon, ISSUE, "as two", &["--account", "two"]);
    daemon.wait_posted(one);
    let job = daemon.wait_posted(two);
    assert_eq!(job.account, "two");
    assert_eq!(author(&standin, "as one"), LOGIN);
    assert_eq!(author(&standin, "as two"), SECOND_LOGIN);
    let lanes = daemon.status().lanes;
    let names: Vec<_> = lanes.iter().map(|lane| lane.account.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(lanes[1].login.as_deref(), Some(SECOND_LOGIN));
}

#[test]
fn which_of_several_must_be_said_unless_one_is_the_default() {
    let (standin, daemon) = two(|setup| setup);
    let done = daemon.cli(&["post", "--json", ISSUE, "as whom?"]).run();
    assert_refused(&done, 2, ErrorCode::AccountNeeded);
    assert!(done.stderr.contains("one, two"), "{done:?}");

    let standin_url = standin.url().to_owned();
    standin.add_token(SECOND_TOKEN, SECOND_LOGIN, 777);
    let daemon = Setup::for_standin(&standin)
        .account("two", &standin_url, SECOND_TOKEN)
        .start();
    let job = daemon.wait_posted(post(&daemon, ISSUE, "as the default", &[]));
    assert_eq!(job.account, "default");
    assert_eq!(author(&standin, "as the default"), LOGIN);
}

#[test]
fn an_account_nobody_knows_is_refused_with_those_there_are() {
    let (standin, daemon) = two(|setup| setup);
    let words = ["post", "--json", "--account", "three", ISSUE, "x"];
    let done = daemon.cli(&words).run();
    assert_refused(&done, 2, ErrorCode::UnknownAccount);
    assert!(done.stderr.contains("one, two"), "{done:?}");
    let done = daemon.cli(&["resume", "--json", "three"]).run();
    assert_refused(&done, 2, ErrorCode::UnknownAccount);
    assert!(posts(&standin).is_empty());
}

#[test]
fn two_accounts_of_one_login_share_the_pace() {
    let (standin, daemon) = one_login(2);
    let mut last = 0;
    for (account, text) in [
        ("one", "first"),
        ("two", "second"),
        ("two", "third"),
        ("one", "fourth"),
    ] {
        last = post(&daemon, ISSUE, text, &["--account", account]);
    }
    for id in 1..=last {
        daemon.wait_posted(id);
    }
    assert_eq!(posts(&standin).len(), 4);
    assert_spaced(&standin, Duration::from_secs(2));
}

#[test]
fn the_slower_of_two_accounts_of_one_login_sets_the_pace() {
    let standin = standin();
    standin.add_token(SECOND_TOKEN, LOGIN, USER_ID);
    let daemon = both(&standin)
        .number("accounts.one.cooldown_period_seconds", 1)
        .number("accounts.two.cooldown_period_seconds", 3)
        .start();
    // Then both are known to be one user.
    daemon.wait_posted(post(&daemon, ISSUE, "first", &["--account", "two"]));
    for text in ["second", "third"] {
        daemon.wait_posted(post(&daemon, ISSUE, text, &["--account", "one"]));
    }
    let gaps = gaps(&standin);
    assert!(gaps[1] >= Duration::from_secs(3), "{gaps:?}");
}

#[test]
fn the_shared_pace_outlives_a_restart_in_either_order() {
    for (before, after) in [("one", "two"), ("two", "one")] {
        let (standin, mut daemon) = one_login(3);
        daemon.wait_posted(post(&daemon, ISSUE, "before", &["--account", before]));
        let id = post(&daemon, ISSUE, "after", &["--account", after]);
        daemon.kill9();
        daemon.start_again();
        daemon.wait_posted(id);
        assert_spaced(&standin, Duration::from_secs(3));
        assert!(
            gaps(&standin)[0] < Duration::from_secs(9),
            "{:?}",
            gaps(&standin)
        );
    }
}

#[test]
fn users_take_turns_though_they_use_different_accounts_of_one_login() {
    if !needs::root() {
        return;
    }
    let (standin, daemon) = one_login(2);
    daemon.wait_posted(post(&daemon, OTHER, "first", &["--account", "one"]));
    let queue = |uid, account: &str, target: &str, text: &str| {
        let words = ["post", "--account", account, target, text];
        let done = run_as(&daemon, uid, &words);
        assert_eq!(done.code, 0, "{done:?}");
    };
    for number in 1..=3 {
        let target = format!("octo/demo#{number}");
        queue(ANN, "one", &target, &format!("ann {number}"));
    }
    queue(BEN, "two", "octo/demo#7", "ben 1");
    queue(BEN, "two", "octo/demo#8", "ben 2");
    daemon.wait_posted(6);
    daemon.wait_posted(4);
    let bodies = crate::world::bodies(&standin);
    assert_eq!(
        bodies,
        ["first", "ann 1", "ben 1", "ann 2", "ben 2", "ann 3"]
    );
    assert_spaced(&standin, Duration::from_secs(2));
}

#[test]
fn an_account_posts_only_where_it_may() {
    let (standin, daemon) = two(|setup| {
        setup
            .raw("accounts.one.allowed_repositories", "['octo/*']")
            .raw("accounts.two.allowed_repositories", "['acme/*']")
    });
    standin.add_issue("acme/site#1", false).unwrap();
    let words = ["post", "--json", "--account", "two", ISSUE, "x"];
    let done = daemon.cli(&words).run();
    assert_refused(&done, 4, ErrorCode::RepositoryNotAllowed);
    assert!(
        done.stderr
            .contains("allowed_repositories in [accounts.two]"),
        "{done:?}"
    );
    // The only account that may is the one that is meant.
    assert_eq!(
        daemon.job(post(&daemon, "Octo/Demo#1", "x", &[])).account,
        "one"
    );
    assert_eq!(
        daemon.job(post(&daemon, "acme/site#1", "x", &[])).account,
        "two"
    );
}

#[test]
fn an_account_is_used_only_by_who_may() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) =
        two(|setup| setup.raw("accounts.two.allowed_users", &format!("[{ANN}]")));
    let words = ["post", "--json", "--account", "two", ISSUE, "x"];
    assert_eq!(run_as(&daemon, ANN, &words).code, 0);
    let done = run_as(&daemon, BEN, &words);
    assert_refused(&done, 4, ErrorCode::AccountNotAllowed);
    assert!(
        done.stderr.contains("allowed_users in [accounts.two]"),
        "{done:?}"
    );
    let done = daemon.cli(&words).run();
    assert_refused(&done, 4, ErrorCode::AccountNotAllowed);
    let done = run_as(&daemon, BEN, &["status", "--json"]);
    assert_eq!(
        done.json()["status"]["own"]["accounts"],
        serde_json::json!(["one"])
    );
}

#[test]
fn a_user_may_be_kept_to_accounts_and_repositories() {
    if !needs::root() {
        return;
    }
    let user = format!("policy.users.{ANN}");
    let (_standin, daemon) = two(|setup| {
        setup
            .raw(&format!("{user}.allowed_accounts"), "['one']")
            .raw(&format!("{user}.allowed_repositories"), "['octo/demo']")
    });
    let words = |account, target| ["post", "--json", "--account", account, target, "x"];
    assert_eq!(run_as(&daemon, ANN, &words("one", ISSUE)).code, 0);
    assert_eq!(run_as(&daemon, BEN, &words("two", "any/where#1")).code, 0);
    let done = run_as(&daemon, ANN, &words("two", ISSUE));
    assert_refused(&done, 4, ErrorCode::AccountNotAllowed);
    assert!(
        done.stderr.contains(&format!("[policy.users.{ANN}]")),
        "{done:?}"
    );
    let done = run_as(&daemon, ANN, &words("one", "octo/other#1"));
    assert_refused(&done, 4, ErrorCode::RepositoryNotAllowed);
}

#[test]
fn jitter_only_lengthens_the_pace() {
    let standin = standin();
    let daemon = Setup::for_standin(&standin)
        .number("cooldown_jitter_seconds", 2)
        .start();
    assert_eq!(daemon.status().lanes[0].jitter_ms, 2_000);
    for number in 1..=6 {
        daemon.submit(&format!("octo/demo#{number}"), "x");
    }
    for id in 1..=6 {
        daemon.wait_posted(id);
    }
    assert_spaced(&standin, Duration::from_secs(1));
    let gaps = gaps(&standin);
    assert!(gaps.iter().all(|gap| gap.as_millis() < 4_500), "{gaps:?}");
    let shortest = gaps.iter().min().unwrap();
    let longest = gaps.iter().max().unwrap();
    assert!(
        *longest > *shortest + Duration::from_millis(100),
        "no chance in {gaps:?}"
    );
}

#[test]
fn trouble_of_one_account_is_not_the_others() {
    let (standin, daemon) = two(|setup| setup);
    standin.revoke(SECOND_TOKEN);
    let stuck = daemon.connect().call(&comenq_proto::JobSubmit {
        account: Some("two".to_owned()),
        ..submission(ISSUE, "stuck", None)
    });
    let stuck = stuck.unwrap().unwrap().job.id;
    let lane = crate::world::lane_in(&daemon, "two", "blocked");
    assert!(lane.reason.unwrap().contains("Bad credentials"));
    daemon.wait_posted(post(&daemon, ISSUE, "fine", &["--account", "one"]));
    assert_eq!(daemon.job(stuck).state, JobState::Queued);
}
