//! The tables of accounts, and GitHub Apps.

use super::*;

const APP_KEY: &str = include_str!("app_key.pem");

fn names(config: &Config) -> Vec<&str> {
    config.accounts.iter().map(|it| it.name.as_str()).collect()
}

fn account<'a>(config: &'a Config, name: &str) -> &'a AccountConfig {
    let mut accounts = config.accounts.iter();
    accounts.find(|it| it.name.as_str() == name).unwrap()
}

fn token(account: &AccountConfig) -> &str {
    match &account.credential {
        Credential::Token(secret) => secret.expose(),
        other => panic!("{other:?}"),
    }
}

/// A flat token and two tables; `bot` with everything that a table can say.
fn two_tables() -> Room {
    let room = Room::new().env("COMENQD_GITHUB_TOKEN", "of-default");
    let file = room.write("bot-token", "of-bot\n", 0o600);
    let text = format!(
        "cooldown_period_seconds = 100\n\
         [accounts.bot]\n\
         github_token_file = '{}'\n\
         api_url = 'https://ghe.example/api/v3'\n\
         cooldown_period_seconds = 2\n\
         cooldown_jitter_seconds = 3\n\
         allowed_repositories = ['octo/*', 'cat/docs']\n\
         allowed_users = ['alice', 7, '8']\n\
         marker = true\n\
         [accounts.a-2_x]\n",
        file.display()
    );
    room.write("config.toml", &text, 0o600);
    room
}

#[test]
fn a_table_makes_an_account_beside_the_flat_one() {
    let config = two_tables().load().unwrap();
    assert_eq!(names(&config), ["default", "a-2_x", "bot"]);
    let default = account(&config, "default");
    assert_eq!(token(default), "of-default");
    assert_eq!(default.cooldown, Duration::from_secs(100));
    assert_eq!(default.remedy, "systemctl restart comenqd");
    assert!(!default.credential_reloads);

    let bot = account(&config, "bot");
    assert_eq!(token(bot), "of-bot");
    assert_eq!(bot.remedy, "systemctl reload comenqd");
    assert!(bot.credential_reloads);
    assert_eq!(bot.api_url.as_str(), "https://ghe.example/api/v3");
    assert_eq!(bot.cooldown, Duration::from_secs(2));
    assert_eq!(bot.jitter, Duration::from_secs(3));
    assert!(bot.marker);
    assert_eq!(bot.allowed_users, Some([7, 8, 1000].into()));
    let globs = bot.allowed_repositories.as_ref().unwrap();
    let globs: Vec<_> = globs.iter().map(crate::policy::RepoGlob::as_str).collect();
    assert_eq!(globs, ["octo/*", "cat/docs"]);

    let other = account(&config, "a-2_x");
    assert_eq!(other.credential, Credential::None);
    assert_eq!(other.cooldown, Duration::from_secs(960), "not the flat one");
}

#[test]
fn a_user_s_own_daemon_names_its_own_systemd() {
    let config = two_tables().env("MANAGERPID", "812").load().unwrap();
    assert_eq!(config.manager, Manager::User);
    let default = account(&config, "default");
    assert_eq!(default.remedy, "systemctl --user restart comenqd");
    let bot = account(&config, "bot");
    assert_eq!(bot.remedy, "systemctl --user reload comenqd");
    assert_eq!(two_tables().load().unwrap().manager, Manager::System);
    // From a terminal that a user's systemd started.
    let by_hand = two_tables().env("MANAGERPID", "811").load().unwrap();
    assert_eq!(by_hand.manager, Manager::System);
}

#[test]
fn the_rules_of_accounts_are_part_of_the_policy() {
    let policy = two_tables().load().unwrap().policy;
    assert_eq!(policy.may_use(1000, "bot"), Ok(()));
    let error = policy.may_use(1001, "bot").unwrap_err().to_string();
    assert!(error.contains("allowed_users in [accounts.bot]"), "{error}");
    let all: Vec<_> = policy.accounts_of(1001).collect();
    assert_eq!(all, ["a-2_x", "default"]);
}

#[test]
fn each_account_has_a_systemd_credential_of_its_own_that_comes_first() {
    let room = two_tables();
    room.write("github-token-bot", "of-systemd\n", 0o400);
    room.write("github-token", "unset\n", 0o400);
    let directory = room.dir.path().to_owned();
    let room = room.env("CREDENTIALS_DIRECTORY", directory);
    let config = room.load().unwrap();
    let bot = account(&config, "bot");
    assert_eq!(token(bot), "of-systemd");
    let source = bot.credential_source.as_deref();
    assert_eq!(source, Some("systemd credential github-token-bot"));
    assert_eq!(bot.remedy, "systemctl restart comenqd");
    assert_eq!(token(account(&config, "default")), "of-default");
    room.write("github-token-bot", "unset", 0o400);
    assert_eq!(token(account(&room.load().unwrap(), "bot")), "of-bot");
}

#[test]
fn without_a_flat_credential_the_tables_are_all_there_is() {
    let config = Room::with_file("[accounts.bot]\n").load().unwrap();
    assert_eq!(names(&config), ["bot"]);
    assert!(!config.render().contains("github_api_url"));
    // A file that says `unset` is still an account that waits for its token.
    let room = Room::new();
    let file = room.write("token", "unset", 0o600);
    let text = format!("github_token_file = '{}'\n[accounts.bot]\n", file.display());
    room.write("config.toml", &text, 0o600);
    let config = room.load().unwrap();
    assert_eq!(names(&config), ["default", "bot"]);
    assert_eq!(
        account(&config, "default").remedy,
        "systemctl reload comenqd"
    );
}

#[test]
fn flat_keys_that_no_account_would_hear_are_an_error() {
    let room = Room::with_file("cooldown_period_seconds = 1200\n[accounts.bot]\n");
    assert_eq!(
        room.error(),
        "DIR/config.toml line 1: cooldown_period_seconds means the account \"default\", which has \
         no credential, while other accounts have tables of their own; move it into the table \
         [accounts.NAME] that it is for, or give a token outside the tables too"
    );
    let room = Room::with_file("github_token = 'ghp_x'\n[accounts.default]\n");
    assert_eq!(
        room.error(),
        "DIR/config.toml line 1: github_token means the account \"default\", and so does \
         [accounts.default]; move it there, or remove that table"
    );
    // What concerns no account may stand there.
    assert!(
        Room::with_file("max_attempts = 3\n[accounts.default]\n")
            .load()
            .is_ok()
    );
}

#[test]
fn the_table_of_default_hears_both_names_of_its_credential() {
    let room = Room::with_file("[accounts.default]\ncooldown_period_seconds = 9");
    room.write("github-token", "short", 0o400);
    let directory = room.dir.path().to_owned();
    let room = room.env("CREDENTIALS_DIRECTORY", directory);
    assert_eq!(token(&room.load().unwrap().accounts[0]), "short");
    room.write("github-token-default", "long", 0o400);
    let config = room.load().unwrap();
    assert_eq!(token(&config.accounts[0]), "long");
    assert_eq!(config.accounts[0].cooldown, Duration::from_secs(9));
}

#[test]
fn an_app_has_two_numbers_and_a_key() {
    let room = Room::new();
    let file = room.write("app.pem", APP_KEY, 0o600);
    let text = format!(
        "[accounts.app]\napp_id = 12\ninstallation_id = 34\napp_key_file = '{}'\n",
        file.display()
    );
    room.write("config.toml", &text, 0o600);
    let config = room.load().unwrap();
    let app = account(&config, "app");
    assert!(
        matches!(
            app.credential,
            Credential::App {
                app_id: 12,
                installation_id: 34,
                ..
            }
        ),
        "{app:?}"
    );
    assert_eq!(app.remedy, "systemctl reload comenqd");
    let shown = room.hidden(&config.render());
    assert!(
        shown.contains("app_id = 12 # DIR/config.toml line 2\n"),
        "{shown}"
    );
    assert!(
        shown.contains("# private key: from file DIR/app.pem\n"),
        "{shown}"
    );
    assert!(!shown.contains("BEGIN"), "{shown}");
}

#[test]
fn an_apps_key_can_be_a_systemd_credential_and_the_flat_account_an_app() {
    let text = "app_id = 12\ninstallation_id = 34\n[accounts.b]\napp_id = 5\ninstallation_id = 6";
    let room = Room::with_file(text);
    room.write("github-app-key", APP_KEY, 0o400);
    room.write("github-app-key-b", "unset\n", 0o400);
    room.write("github-token", "unset\n", 0o400);
    let directory = room.dir.path().to_owned();
    let room = room.env("CREDENTIALS_DIRECTORY", directory);
    let config = room.load().unwrap();
    assert_eq!(names(&config), ["default", "b"]);
    let app = account(&config, "default");
    let source = app.credential_source.as_deref();
    let expected = "the App's private key, systemd credential github-app-key";
    assert_eq!(source, Some(expected));
    assert!(matches!(app.credential, Credential::App { app_id: 12, .. }));
    // A key that says `unset` is not there yet; jobs are taken all the same.
    assert_eq!(account(&config, "b").credential, Credential::None);
}

#[test]
fn an_app_that_does_not_add_up_is_an_error() {
    let key = |room: &Room| room.write("app.pem", APP_KEY, 0o600).display().to_string();
    let error = |text: &str| {
        let room = Room::new();
        let text = text.replace("KEY", &key(&room));
        room.write("config.toml", &text, 0o600);
        room.write("token", "ghp_topsecret", 0o600);
        room.error()
    };
    assert_eq!(
        error("[accounts.a]\napp_id = 1\napp_key_file = 'KEY'"),
        "account \"a\" is a GitHub App but has no installation_id; both numbers are in the \
         addresses of GitHub's settings pages for the App and for its installation"
    );
    assert!(error("app_key_file = 'KEY'").contains("has no app_id and installation_id;"));
    assert_eq!(
        error("[accounts.a]\napp_id = 1\ninstallation_id = 2"),
        "account \"a\" is a GitHub App but has no private key; give it as systemd credential \
         github-app-key-a, or name its file with app_key_file"
    );
    let both = error(
        "github_token = 'ghp_topsecret'\napp_id = 1\ninstallation_id = 2\napp_key_file = 'KEY'",
    );
    assert!(
        both.starts_with("account \"default\" has a token (from DIR/config.toml line 1) and is"),
        "{both}"
    );
    assert!(!both.contains("topsecret"));
}

#[test]
fn a_file_that_is_no_key_is_an_error_that_shows_nothing_of_it() {
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let half = &APP_KEY[..APP_KEY.len() / 2];
    for (text, mode, expected) in [
        ("", 0o600, "is empty"),
        ("ghp_topsecret", 0o600, "is not a PEM private key"),
        (certificate, 0o600, "but a certificate"),
        (half, 0o600, "is not a whole PEM private key"),
        (
            APP_KEY,
            0o640,
            "holds a GitHub App's private key and has mode 0640",
        ),
    ] {
        let room = Room::new();
        let file = room.write("app.pem", text, mode);
        let config = format!(
            "app_id = 1\ninstallation_id = 2\napp_key_file = '{}'",
            file.display()
        );
        room.write("config.toml", &config, 0o600);
        let error = room.error();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(error.contains("DIR/app.pem"), "{error}");
        assert!(
            !error.contains("topsecret") && !error.contains("MII"),
            "{error}"
        );
    }
    // The key itself where the path of its file belongs.
    let config = format!("app_id = 1\ninstallation_id = 2\napp_key_file = '''{APP_KEY}'''");
    let error = Room::with_file(&config).error();
    assert!(error.contains("stands where the path"), "{error}");
    assert!(!error.contains("BEGIN"), "{error}");
    let large = Room::new();
    let file = large.write("app.pem", &"x".repeat(20_000), 0o600);
    let config = format!(
        "app_id = 1\ninstallation_id = 2\napp_key_file = '{}'",
        file.display()
    );
    large.write("config.toml", &config, 0o600);
    assert!(large.error().contains("larger than 16384 bytes"));
}

#[test]
fn a_check_from_outside_the_service_misses_no_systemd_credential() {
    let text = "cooldown_period_seconds = 99\n[accounts.app]\napp_id = 1\ninstallation_id = 2\n\
                [policy]\nallowed_accounts = ['default']";
    let mut room = Room::with_file(text);
    assert!(room.error().contains("has no credential"));
    room.sources.flags.check_config = true;
    let config = room.load().unwrap();
    assert_eq!(names(&config), ["default", "app"]);
    let shown = config.render();
    assert!(
        shown.contains("# credential: none here; what systemd passes"),
        "{shown}"
    );
    // The directory is named, but closed: so systemd does for a control process.
    let closed = room.dir.path().join("closed");
    let mut room = room.env("CREDENTIALS_DIRECTORY", closed);
    assert!(room.load().is_ok());
    // Where they can be seen, all is checked.
    let open = room.dir.path().to_owned();
    room = room.env("CREDENTIALS_DIRECTORY", open);
    assert!(room.error().contains("has no credential"));
    room.write("github-token", "ghp_x", 0o400);
    assert!(room.error().contains("has no private key"));
}

#[test]
fn two_accounts_may_share_a_credential() {
    let room = Room::new();
    let file = room.write("token", "ghp_x", 0o600);
    let file = file.display();
    let text = format!(
        "[accounts.a]\ngithub_token_file = '{file}'\n[accounts.b]\ngithub_token_file = '{file}'"
    );
    room.write("config.toml", &text, 0o600);
    let config = room.load().unwrap();
    assert_eq!(names(&config), ["a", "b"]);
    let [a, b] = config.accounts.as_slice() else {
        panic!("{config:?}");
    };
    assert_eq!(a.credential.tag(), b.credential.tag());
    assert!(!format!("{config:?}").contains("ghp_x"));
}

#[test]
fn a_printed_configuration_is_one_again() {
    let room = two_tables();
    let text = room.load().unwrap().render();
    assert!(!text.contains("of-bot") && !text.contains("of-default"));
    room.write("config.toml", &text, 0o600);
    assert_eq!(values_of(&room.load().unwrap().render()), values_of(&text));
}

#[test]
fn lists_in_the_environment_stand_between_commas() {
    let room = Room::new()
        .env("COMENQD_ALLOWED_USERS", "alice, 7")
        .env("COMENQD_ALLOWED_REPOSITORIES", "octo/*,cat/docs")
        .env("COMENQD_COMMENT_MARKER", "true");
    let account = room.load().unwrap().accounts.remove(0);
    assert_eq!(account.allowed_users, Some([7, 1000].into()));
    assert_eq!(account.allowed_repositories.unwrap().len(), 2);
    assert!(account.marker);
    let room = Room::new().env("COMENQD_ALLOWED_USERS", "*");
    assert_eq!(room.load().unwrap().accounts[0].allowed_users, None);
}

#[test]
fn on_github_com_no_account_goes_below_its_limits() {
    let fast = "[accounts.ghe]\napi_url = 'https://ghe.example/api/v3'\n\
                cooldown_period_seconds = 1\n[accounts.public]\ncooldown_period_seconds = ";
    assert!(Room::with_file(&format!("{fast}8")).load().is_ok());
    let error = Room::with_file(&format!("{fast}7")).error();
    assert!(
        error.contains("accounts.public.cooldown_period_seconds = 7: must be"),
        "{error}"
    );
    let both = format!("look_delay_seconds = 1\n{fast}8");
    assert!(Room::with_file(&both).error().contains("from 60 to"));
}
