//! Whatever can be wrong with a configuration file.

use super::*;

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
    let room = Room::with_file("log_level = 'info'\ncooldown_seconds = 3\n");
    assert_eq!(
        room.error(),
        "DIR/config.toml line 2: there is no key \"cooldown_seconds\"; \
         did you mean \"cooldown_period_seconds\"?"
    );
    let room = Room::new().env("COMENQD_SOCKET", "/x");
    assert_eq!(
        room.error(),
        "environment variable COMENQD_SOCKET: there is no key \"socket\"; \
         did you mean \"socket_path\"?"
    );
    assert!(Room::with_file("[zzz]\nx = 1").error().contains(
        "no key \"zzz\"; there are: admin_group, allow_dangerous, allowed_repositories,"
    ));
}

#[test]
fn values_out_of_bounds_say_what_would_do() {
    let room = Room::with_file("cooldown_period_seconds = 7");
    assert_eq!(
        room.error(),
        "DIR/config.toml line 1: cooldown_period_seconds = 7: \
         must be a whole number of seconds from 8 to 604800, for it posts to api.github.com"
    );
    for (text, expected) in [
        (
            "cooldown_period_seconds = '960'",
            "= \"960\": must be a whole number of seconds",
        ),
        (
            "cooldown_period_seconds = -1",
            "= -1: must be a whole number",
        ),
        (
            "look_delay_seconds = 59",
            "from 60 to 86400, for account \"default\" posts to api.github.com",
        ),
        (
            "backoff_min_seconds = 90\nbackoff_max_seconds = 80",
            "from 90 to 86400, and no less than backoff_min_seconds",
        ),
        ("github_api_timeout_seconds = 61", "from 1 to 60"),
        ("max_body_chars = 262145", "from 1 to 262144"),
        (
            "log_level = 'loud'",
            "log_level = \"loud\": must be error, warn",
        ),
        ("log_level = 3", "log_level = 3: must be a string in quotes"),
        ("hold_restored_jobs = 'yes'", "must be true or false"),
        ("socket_path = ''", "must be a path"),
        (
            "github_api_url = 'http://github.com'",
            "must begin with https://",
        ),
    ] {
        let error = Room::with_file(text).error();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let long = format!("socket_path = '/{}'", "x".repeat(107));
    assert!(Room::with_file(&long).error().contains("is 108 bytes long"));
    assert!(
        Room::new()
            .env("COMENQD_MAX_BODY_CHARS", "")
            .error()
            .contains("= \"\": must be")
    );
}

#[test]
fn a_broken_file_is_an_error_that_never_quotes_it() {
    let error = Room::with_file("log_level = 'info'\ngithub_token = \"ghp_secret\n").error();
    assert!(
        error.starts_with("DIR/config.toml line 2 is not valid TOML: "),
        "{error}"
    );
    assert!(!error.contains("ghp_secret"));
    let error = Room::with_file("github_token = 7305").error();
    assert!(
        error.contains("is not a string") && !error.contains("7305"),
        "{error}"
    );
}

const WHOLE: &str = "must be a whole number of";

/// Table, key, a value that it cannot have, and what the error must say.
const WRONG: &[(&str, &str, &str, &str)] = &[
    ("", "max_attempts", "0", "attempts from 1 to 100"),
    ("", "max_attempts", "'5'", WHOLE),
    ("", "max_age_seconds", "59", "from 60 to"),
    ("", "max_age_seconds", "true", WHOLE),
    ("", "keep_finished_jobs", "-1", WHOLE),
    ("", "keep_finished_jobs", "1e3", WHOLE),
    ("", "keep_finished_days", "0", "days from 1 to 3660"),
    ("", "keep_finished_days", "[]", WHOLE),
    ("", "cooldown_jitter_seconds", "86401", "from 0 to 86400"),
    ("", "comment_marker", "1", "must be true or false"),
    ("", "queue_path", "3", "must be a string in quotes"),
    ("", "socket_path", "3", "must be a string in quotes"),
    ("", "github_token_file", "3", "must be the path of a file"),
    ("", "app_key_file", "3", "must be the path of a file"),
    ("", "app_id", "0", "whole number of GitHub's from 1"),
    (
        "",
        "installation_id",
        "'2'",
        "whole number of GitHub's from 1",
    ),
    ("", "allowed_users", "'alice'", "must be a list in brackets"),
    ("", "allowed_users", "[1.5]", "1.5 must be a user's name"),
    (
        "",
        "allowed_users",
        "[['root']]",
        "must be a user's name in quotes, or a number",
    ),
    ("", "allowed_users", "['']", "an empty name is nobody's"),
    ("", "allowed_users", "[-1]", "-1 is no user's number"),
    ("", "allowed_users", "['4294967295']", "is no user's number"),
    (
        "",
        "allowed_repositories",
        "['octo']",
        "\"octo\" must have the form",
    ),
    ("", "allowed_repositories", "['a/[b]']", "has '['"),
    ("", "allowed_repositories", "[3]", "3 must be a string like"),
    (
        "accounts.bot",
        "api_url",
        "'http://ghe'",
        "must begin with https://",
    ),
    ("accounts.bot", "api_url", "3", "must be a string in quotes"),
    ("accounts.bot", "cooldown_period_seconds", "7", "from 8 to"),
    ("accounts.bot", "cooldown_jitter_seconds", "'1'", WHOLE),
    ("accounts.bot", "marker", "'true'", "must be true or false"),
    ("accounts.bot", "app_id", "1.0", "whole number of GitHub's"),
    (
        "accounts.bot",
        "github_token_file",
        "''",
        "must be the path of a file",
    ),
    (
        "accounts.bot",
        "app_key_file",
        "{}",
        "must be the path of a file",
    ),
    (
        "accounts.bot",
        "allowed_users",
        "{}",
        "must be a list in brackets",
    ),
    ("policy", "max_queued_jobs", "-1", "jobs from 0 to"),
    ("policy", "max_queued_jobs", "'many'", WHOLE),
    (
        "policy",
        "max_queued_bytes",
        "1099511627777",
        "bytes from 0 to",
    ),
    (
        "policy",
        "max_submits_per_minute",
        "4294967296",
        "from 0 to 4294967295",
    ),
    ("policy", "max_posts_per_day", "'none'", "or \"unlimited\""),
    ("policy", "max_posts_per_day", "'5'", "or \"unlimited\""),
    (
        "policy",
        "allowed_accounts",
        "[3]",
        "must be an account's name",
    ),
    ("policy", "allowed_accounts", "'default'", "must be a list"),
    ("policy.users.alice", "max_queued_jobs", "''", WHOLE),
    (
        "policy.users.alice",
        "allowed_repositories",
        "['a']",
        "must have the form",
    ),
];

#[test]
fn every_key_refuses_another_type_and_what_is_out_of_range() {
    for (table, key, wrong, expected) in WRONG {
        let header = if table.is_empty() {
            String::new()
        } else {
            format!("[{table}]")
        };
        let name = if table.is_empty() {
            (*key).to_owned()
        } else {
            format!("{table}.{key}")
        };
        let error = Room::with_file(&format!("{header}\n{key} = {wrong}")).error();
        let place = format!("DIR/config.toml line 2: {name} = ");
        assert!(error.starts_with(&place), "{error}");
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn every_table_refuses_keys_it_does_not_know_and_says_what_was_meant() {
    for (text, expected) in [
        (
            "[account.bot]",
            "no key \"account\"; did you mean \"accounts\"?",
        ),
        ("[polcy]", "no key \"polcy\"; did you mean \"policy\"?"),
        (
            "api_url = 'x'",
            "no key \"api_url\"; it belongs into a table [accounts.NAME]",
        ),
        (
            "max_queued_jobs = 3",
            "no key \"max_queued_jobs\"; it belongs into [policy]",
        ),
        (
            "[accounts.bot]\ngithub_token = 'ghp_x'",
            "did you mean \"github_token_file\"?",
        ),
        (
            "[accounts.bot]\ncooldown_seconds = 9",
            "did you mean \"cooldown_period_seconds\"?",
        ),
        (
            "[accounts.bot]\nlog_level = 'info'",
            "it belongs above the first table",
        ),
        (
            "[accounts.bot]\nmax_queued_jobs = 1",
            "it belongs into [policy]",
        ),
        ("[accounts.bot.more]", "no key \"more\""),
        (
            "[policy]\nmax_jobs = 3",
            "did you mean \"max_queued_jobs\"?",
        ),
        ("[policy]\nuser = 3", "did you mean \"users\"?"),
        (
            "[policy]\nmax_attempts = 3",
            "it belongs above the first table",
        ),
        (
            "[policy.users.alice]\nmax_queued = 3",
            "did you mean \"max_queued_jobs\"?",
        ),
        (
            "[policy.users.alice]\nusers = 3",
            "there is no key \"users\"",
        ),
    ] {
        let error = Room::with_file(text).error();
        assert!(error.contains(expected), "{text}: {error}");
        assert!(error.contains("config.toml line "), "{text}: {error}");
    }
    for name in [
        "COMENQD_MAX_QUEUED_JOBS",
        "COMENQD_ACCOUNTS",
        "COMENQD_POLICY",
    ] {
        let error = Room::new().env(name, "3").error();
        assert!(
            error.starts_with(&format!("environment variable {name}: ")),
            "{error}"
        );
    }
}

#[test]
fn what_must_be_a_table_is_one() {
    for (text, expected) in [
        (
            "accounts = 3",
            "accounts = (integer): must be a table of keys; write it like [accounts.bot]",
        ),
        ("[[accounts]]", "accounts = (array): must be a table"),
        (
            "[accounts]\nbot = 'ghp_topsecret'",
            "accounts.bot = (string): must be a table",
        ),
        (
            "policy = true",
            "policy = (boolean): must be a table of keys; write it like [policy]",
        ),
        (
            "[policy]\nusers = []",
            "policy.users = (array): must be a table",
        ),
        (
            "[policy.users]\nalice = 3",
            "policy.users.alice = (integer): must be a table",
        ),
    ] {
        let error = Room::with_file(text).error();
        assert!(error.contains(expected), "{text}: {error}");
        assert!(!error.contains("topsecret"), "{error}");
    }
}

#[test]
fn an_accounts_name_is_short_and_plain() {
    let long = "a".repeat(40);
    for name in [
        "Bot",
        "1bot",
        "-bot",
        "\"a.b\"",
        "\"\"",
        "\"a/b\"",
        "\"bøt\"",
        long.as_str(),
    ] {
        let error = Room::with_file(&format!("[accounts.{name}]")).error();
        assert!(
            error.contains("cannot be the name of an account: must begin with a letter"),
            "{error}"
        );
    }
    let fits = "a".repeat(39);
    assert!(
        Room::with_file(&format!("[accounts.{fits}]"))
            .load()
            .is_ok()
    );
}

#[test]
fn a_number_too_large_for_toml_and_a_key_twice_name_their_line() {
    for text in [
        "log_level = 'info'\nmax_attempts = 99999999999999999999",
        "[accounts.bot]\napp_id = 99999999999999999999",
        "max_attempts = 1\nmax_attempts = 2",
        "[accounts.bot]\n[accounts.bot]",
    ] {
        let error = Room::with_file(text).error();
        assert!(
            error.starts_with("DIR/config.toml line 2 is not valid TOML: "),
            "{error}"
        );
    }
}

#[test]
fn a_number_too_large_says_so() {
    let error = Room::with_file("app_id = 99999999999999999999").error();
    assert!(
        error.contains("the number of app_id is larger than 9223372036854775807;"),
        "{error}"
    );
}

#[test]
fn an_error_is_one_line_whatever_it_quotes() {
    for text in [
        "log_level = \"\"\"a\nb\"\"\"",
        "max_attempts = \"\"\"a\nb\"\"\"",
        "\"a\\nb\" = 1",
        "[accounts.\"a\\nb\"]",
        "[policy.users.\"a\\nb\"]",
        "allowed_users = [\"a\\nb\"]",
        "allowed_repositories = [\"a\\nb\"]",
        "[policy]\nallowed_accounts = [\"a\\nb\"]",
        "github_token_file = \"/a\\nb\"",
    ] {
        let error = Room::with_file(text).error();
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn an_empty_list_in_the_environment_is_a_mistake() {
    for (name, value) in [
        ("COMENQD_ALLOWED_USERS", ""),
        ("COMENQD_ALLOWED_USERS", " , "),
        ("COMENQD_ALLOWED_REPOSITORIES", ""),
    ] {
        let error = Room::new().env(name, value).error();
        assert!(
            error.contains("names nothing; write what is allowed"),
            "{error}"
        );
    }
    // In the file it is said on purpose.
    let config = Room::with_file("allowed_users = []").load().unwrap();
    assert_eq!(config.accounts[0].allowed_users, Some([].into()));
}
