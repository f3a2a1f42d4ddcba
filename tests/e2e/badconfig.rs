//! Whatever can be wrong with a configuration, at the start and at a reload: one line that names
//! the place, the key, the reason and what to do; and nothing is lost by it.

use std::os::unix::fs::PermissionsExt;

use harness::daemon::Daemon;
use harness::github::{APP_KEY, TOKEN};
use harness::setup::{Setup, Token};

use crate::world::{ISSUE, standin, world};

/// Key, value as TOML, and what the message must have beside file, line and key.
const BAD: &[(&str, &str, &str)] = &[
    ("cooldown_period_seconds", "0", "from 1 to"),
    ("cooldown_period_seconds", "'1'", "whole number of seconds"),
    (
        "cooldown_period",
        "5",
        "did you mean \"cooldown_period_seconds\"?",
    ),
    ("cooldown_jitter_seconds", "-1", "whole number of seconds"),
    ("max_attempts", "0", "from 1 to 100"),
    ("max_age_seconds", "'5d'", "whole number"),
    ("keep_finished_jobs", "1.5", "whole number"),
    ("keep_finished_days", "0", "from 1 to"),
    ("look_delay_seconds", "0", "from 1 to"),
    ("backoff_max_seconds", "0", "from 1 to"),
    ("github_api_timeout_seconds", "61", "from 1 to 60"),
    ("max_body_chars", "0", "from 1 to"),
    ("log_level", "'verbose'", "must be error, warn"),
    ("hold_restored_jobs", "'yes'", "true or false"),
    ("comment_marker", "1", "true or false"),
    ("allowed_repositories", "'octo/*'", "list in brackets"),
    ("allowed_repositories", "['octo']", "must have the form"),
    ("allowed_users", "['no-such-user-here']", "no user"),
    ("app_id", "'x'", "whole number"),
    ("github_api_url", "'http://github.example'", "https://"),
    ("policy.max_queued_jobs", "-1", "whole number"),
    (
        "policy.max_queued_jbos",
        "1",
        "did you mean \"max_queued_jobs\"?",
    ),
    ("policy.allowed_accounts", "['nobody']", "nobody"),
    (
        "policy.users.no-such-user-here.max_queued_jobs",
        "1",
        "no user",
    ),
    (
        "policy.users.12001.max_posts_per_day",
        "'many'",
        "unlimited",
    ),
    (
        "accounts.bot.cooldown_period_seconds",
        "'1'",
        "whole number",
    ),
    (
        "accounts.bot.token",
        "'x'",
        "did you mean \"github_token_file\"?",
    ),
    (
        "accounts.Bot.marker",
        "true",
        "cannot be the name of an account",
    ),
    ("accounts.bot.github_token", "'ghp_secret'", "did you mean"),
];

/// What a start with this set-up says; it must fail.
fn refused(setup: Setup) -> String {
    let mut daemon = Daemon::idle(setup);
    daemon.spawn();
    let status = daemon.wait_exit();
    let text = daemon.log();
    assert_eq!(status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

/// What a reload with this change says in `status`.
fn reload_error(daemon: &Daemon) -> String {
    daemon.reload();
    let error = daemon.status().config.unwrap().error;
    error.expect("a reload that fails")
}

#[test]
fn at_the_start_every_bad_value_is_named_with_file_line_and_reason() {
    let standin = standin();
    for (key, value, reason) in BAD {
        let setup = Setup::for_standin(&standin).raw(key, value);
        let text = refused(setup);
        let name = key.rsplit('.').next().unwrap();
        for part in ["config.toml line ", name, reason] {
            let is_name = key.contains("no-such-user") || key.contains("Bot");
            assert!(
                text.contains(part) || (part == name && is_name),
                "{key} = {value}: {text}"
            );
        }
        assert!(!text.contains("ghp_secret"), "{text}");
    }
}

#[test]
fn at_a_reload_each_of_them_changes_nothing() {
    let (_standin, mut daemon) = world();
    for (key, value, reason) in BAD {
        let was = daemon.setup.get(key);
        daemon.setup.set(key, value);
        let error = reload_error(&daemon);
        assert!(error.contains(reason), "{key} = {value}: {error}");
        match was {
            Some(was) => daemon.setup.set(key, &was),
            None => daemon.setup.unset(key),
        }
        daemon.reload();
        assert_eq!(daemon.status().config.unwrap().error, None, "{key}");
    }
    daemon.wait_posted(daemon.submit(ISSUE, "as before").job.id);
}

#[test]
fn a_file_that_is_not_toml_is_named_by_its_line_and_never_quoted() {
    let (_standin, daemon) = world();
    let text = "log_level = 'info'\ngithub_token = \"ghp_secret\n";
    daemon.setup.put_file("config.toml", text);
    daemon.reload_files();
    let error = daemon.status().config.unwrap().error.unwrap();
    assert!(
        error.contains("config.toml line 2 is not valid TOML"),
        "{error}"
    );
    assert!(!daemon.log().contains("ghp_secret"));
}

#[test]
fn an_app_key_that_is_none() {
    let standin = standin();
    let cut = &APP_KEY[..APP_KEY.len() / 2];
    for (key, expected) in [
        ("this is no key", "private key"),
        ("", "private key"),
        (cut, "private key"),
        (TOKEN, "private key"),
    ] {
        let setup = Setup::for_standin(&standin).token(Token::Absent);
        let file = setup.path("app-key").display().to_string();
        let setup = setup
            .file("app-key", key)
            .number("app_id", 1)
            .number("installation_id", 2)
            .text("app_key_file", &file);
        let text = refused(setup);
        assert!(
            text.contains(expected) && text.contains("app-key"),
            "{text}"
        );
        assert!(key.is_empty() || !text.contains(key), "{text}");
    }
}

#[test]
fn an_app_that_lacks_a_part_says_which() {
    let standin = standin();
    for (key, missing) in [("app_id", "installation_id"), ("installation_id", "app_id")] {
        let setup = Setup::for_standin(&standin)
            .token(Token::Absent)
            .number(key, 1);
        let text = refused(setup);
        assert!(text.contains(missing), "{text}");
    }
}

#[test]
fn secrets_that_others_can_read_are_refused_at_a_reload_too() {
    let (_standin, mut daemon) = world();
    let file = daemon.setup.path("loose");
    std::fs::write(&file, TOKEN).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    daemon
        .setup
        .set("accounts.bot.github_token_file", &format!("{file:?}"));
    let error = reload_error(&daemon);
    assert!(
        error.contains("loose") && error.contains("chmod"),
        "{error}"
    );
    assert!(!error.contains(TOKEN));
}

#[test]
fn a_check_says_the_same_and_starts_nothing() {
    let standin = standin();
    let setup = Setup::for_standin(&standin).raw("max_attempts", "0");
    let output = setup.command(&["--check-config"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("max_attempts = 0"), "{text}");
    assert!(!setup.path("queue").exists() && !setup.socket().exists());
}

#[test]
fn a_secret_in_the_wrong_place_is_in_no_log_and_no_status() {
    let (_standin, mut daemon) = world();
    for (key, value) in [
        (
            "github_api_url",
            "'https://u:ghp_LEAKEDLEAKED@ghe.example.com'",
        ),
        (
            "accounts.bot.api_url",
            "'https://ghe.example.com/?token=LEAKED'",
        ),
        (
            "github_token_file",
            "'0123456789abcdef0123456789abcdefLEAKED00'",
        ),
        ("github_token_file", "' ghp_LEAKEDspace'"),
        ("app_key_file", "'MIIEowLEAKEDKCAQEA'"),
        ("log_level", "'ghp_LEAKEDLEAKED'"),
        ("ghp_LEAKEDLEAKED", "1"),
    ] {
        let was = daemon.setup.get(key);
        daemon.setup.set(key, value);
        let error = reload_error(&daemon);
        assert!(!error.contains("LEAKED"), "{key}: {error}");
        assert!(error.contains("config.toml line "), "{key}: {error}");
        match was {
            Some(was) => daemon.setup.set(key, &was),
            None => daemon.setup.unset(key),
        }
    }
    let told = daemon.cli(&["status"]).ok().stdout;
    assert!(!told.contains("LEAKED"), "{told}");
    assert!(!daemon.log().contains("LEAKED"), "{}", daemon.log());
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let (_standin, mut daemon) = world();
    let pipe = daemon.setup.path("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let directory = daemon.setup.path(".");
    for (path, kind) in [(pipe, "a pipe"), (directory, "a directory")] {
        daemon
            .setup
            .set("accounts.bot.github_token_file", &format!("{path:?}"));
        let error = reload_error(&daemon);
        assert!(
            error.contains(&format!("is {kind}, not a token file")),
            "{error}"
        );
        assert!(!error.contains("chmod"), "{error}");
    }
}
