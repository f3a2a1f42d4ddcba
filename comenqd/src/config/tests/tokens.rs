//! Where the token of the keys outside any table comes from.

use super::*;

fn pair(token: &str, source: &str) -> (String, String) {
    (token.to_owned(), source.to_owned())
}

#[test]
fn the_strongest_source_of_a_token_wins_and_unset_asks_the_next() {
    let room = Room::with_file("github_token = 'from-config'");
    let file = room.write("token", "from-file\n", 0o600);
    room.write("github-token", "from-credential\n", 0o444);
    let credentials = room.dir.path().to_owned();
    let room = room
        .env("COMENQD_GITHUB_TOKEN_FILE", file)
        .env("COMENQD_GITHUB_TOKEN", "from-env")
        .env("CREDENTIALS_DIRECTORY", credentials);
    assert_eq!(
        room.token(),
        Some(pair("from-credential", "systemd credential github-token"))
    );
    room.write("github-token", "unset\n", 0o444);
    assert_eq!(
        room.token(),
        Some(pair(
            "from-env",
            "environment variable COMENQD_GITHUB_TOKEN"
        ))
    );
    let room = room.env("COMENQD_GITHUB_TOKEN", "unset");
    assert_eq!(room.token(), Some(pair("from-file", "file DIR/token")));
    room.write("token", "unset", 0o600);
    assert_eq!(
        room.token(),
        Some(pair("from-config", "DIR/config.toml line 1"))
    );
    room.write("config.toml", "github_token = 'unset'", 0o644);
    assert_eq!(room.token(), None);
}

#[test]
fn an_empty_or_impossible_token_is_an_error_of_its_source() {
    let room = Room::new().env("COMENQD_GITHUB_TOKEN", "");
    assert_eq!(
        room.error(),
        "the GitHub token from environment variable COMENQD_GITHUB_TOKEN is empty; put a token \
         there, or the word \"unset\" to pass this source over"
    );
    let error = Room::new().env("COMENQD_GITHUB_TOKEN", "two words").error();
    assert!(
        error.contains("at position 4") && !error.contains("two"),
        "{error}"
    );
}

/// Jobs are taken meanwhile.
#[test]
fn what_systemd_passes_and_is_no_token_leaves_the_account_without_one() {
    let room = Room::new();
    room.write("github-token", "\n", 0o400);
    let credentials = room.dir.path().to_owned();
    let room = room.env("CREDENTIALS_DIRECTORY", credentials);
    let config = room.load().unwrap();
    let account = &config.accounts[0];
    assert_eq!(account.credential, Credential::None);
    assert_eq!(account.remedy, "systemctl restart comenqd");
    assert_eq!(
        account.credential_trouble.as_deref(),
        Some(
            "the GitHub token from systemd credential github-token is empty; put a token there, or \
             the word \"unset\" to pass this source over"
        )
    );
}

#[test]
fn a_token_that_others_can_read_is_refused_with_the_remedy() {
    let room = Room::new();
    room.write("config.toml", "github_token = 'ghp_x'", 0o640);
    assert_eq!(
        room.error(),
        "DIR/config.toml holds a GitHub token and has mode 0640: others than its owner can get \
         at it: refused; run: chmod 600 DIR/config.toml"
    );
    // Also where a stronger source wins: it lies open all the same.
    let room = room.env("COMENQD_GITHUB_TOKEN", "stronger");
    assert!(room.error().contains("has mode 0640"));

    let room = Room::new();
    let file = room.write("token", "ghp_x", 0o604);
    let room = room.env("COMENQD_GITHUB_TOKEN_FILE", file);
    assert!(
        room.error()
            .contains("DIR/token holds a GitHub token and has mode 0604")
    );
}

#[test]
fn a_token_of_another_owner_is_refused() {
    let room = Room::new();
    let file = room.write("token", "ghp_x", 0o600);
    let mut room = room.env("COMENQD_GITHUB_TOKEN_FILE", &file);
    if euid() == 0 {
        chown(&file, Some(1234), None).unwrap();
    } else {
        room.sources.euid = 1234;
    }
    let error = room.error();
    assert!(error.contains("neither root nor the daemon"), "{error}");
    assert!(
        error.contains(&format!("run: chown {} DIR/token", room.sources.euid)),
        "{error}"
    );
}

#[test]
fn a_missing_token_file_is_an_error() {
    let room = Room::new();
    let file = room.dir.path().join("absent");
    let room = room.env("COMENQD_GITHUB_TOKEN_FILE", file);
    assert!(
        room.error()
            .starts_with("cannot read token file DIR/absent: ")
    );
}

#[test]
fn a_token_in_place_of_its_files_path_is_not_shown() {
    let room = Room::new();
    room.write("config.toml", "github_token_file = 'ghp_topsecret'", 0o600);
    let error = room.error();
    assert!(error.contains("github_token_file"), "{error}");
    assert!(!error.contains("topsecret"), "{error}");
}

/// Secrets of all forms, each with the part that must never be seen.
const SECRETS: [(&str, &str); 7] = [
    ("ghp_LEAKEDLEAKED", "LEAKED"),
    (" ghp_LEAKEDspace", "LEAKED"),
    ("0123456789abcdef0123456789abcdefLEAKED00", "LEAKED"),
    ("v1.0123456789abcdef0123456789abcdefLEAKED00", "LEAKED"),
    ("github_pat_11LEAKED_x", "LEAKED"),
    ("MIIEowLEAKEDAAKCAQEA", "LEAKED"),
    ("https://ghe.example/ghs_LEAKED", "LEAKED"),
];

#[test]
fn a_secret_in_the_wrong_place_is_never_shown() {
    for (secret, part) in SECRETS {
        for text in [
            format!("github_api_url = '{secret}'"),
            format!("github_api_url = 'https://u:{secret}@ghe.example.com'"),
            format!("github_api_url = 'https://ghe.example.com/?token={secret}'"),
            format!(
                "[accounts.bot]\napi_url = 'https://{}@ghe.example'",
                secret.trim()
            ),
            format!("github_token_file = '{secret}'"),
            format!("github_token_file = '/{secret}'"),
            format!("[accounts.bot]\ngithub_token_file = '{secret}'"),
            format!("app_id = 1\ninstallation_id = 2\napp_key_file = '{secret}'"),
            format!("log_level = '{secret}'"),
            format!("queue_path = '{secret}'"),
            format!("socket_path = '/run/{secret}'"),
            format!("max_attempts = '{secret}'"),
            format!("hold_restored_jobs = '{secret}'"),
            format!("app_id = '{secret}'"),
            format!("'{secret}' = 1"),
            format!("[accounts.'{secret}']"),
            format!("[accounts.bot]\n'{secret}' = 1"),
            format!("[policy.users.'{secret}']"),
            format!("allowed_users = ['{secret}']"),
            format!("allowed_repositories = ['{secret}']"),
            format!("[policy]\nallowed_accounts = ['{secret}']"),
        ] {
            let error = Room::with_file(&text).error();
            assert!(!error.contains(part), "{text}: {error}");
            let is_told = error.contains("line ") || error.contains("token file /");
            assert!(is_told, "the place is told: {error}");
        }
    }
}

#[test]
fn a_short_password_in_an_address_is_not_shown_either() {
    for url in [
        "https://me:pw7@ghe.example",
        "https://ghe.example?pw7",
        "pw7",
        "https://me:pw7@",
    ] {
        let error = Room::with_file(&format!("github_api_url = '{url}'")).error();
        assert!(!error.contains("pw7"), "{error}");
        assert!(error.contains("github_api_url = (not shown): "), "{error}");
    }
    let error = Room::with_file("log_level = 'pw7pw7'").error();
    assert!(
        error.contains("log_level = (not shown): must be error"),
        "{error}"
    );
}

#[test]
fn what_is_no_file_is_named_and_never_waited_for() {
    let room = Room::new();
    let fifo = room.dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let socket = room.dir.path().join("socket");
    let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (path, kind) in [
        (room.dir.path(), "a directory"),
        (Path::new("/dev/zero"), "a device"),
        (&fifo, "a pipe"),
        (&socket, "a socket"),
    ] {
        let shown = room.hidden(&path.display().to_string());
        for (text, what) in [
            ("github_token_file = 'PATH'", "token file"),
            (
                "app_id = 1\ninstallation_id = 2\napp_key_file = 'PATH'",
                "private key",
            ),
        ] {
            let text = text.replace("PATH", &path.display().to_string());
            room.write("config.toml", &text, 0o600);
            let expected =
                format!("{shown} is {kind}, not a {what}: refused; name the file itself");
            assert_eq!(room.error(), expected);
        }
        let mut room = Room::new();
        room.sources.flags.config = Some(path.to_owned());
        let expected = format!("is {kind}, not a configuration file: refused");
        assert!(room.error().contains(&expected), "{}", room.error());
    }
}

#[test]
fn only_a_file_with_a_token_in_it_is_to_be_closed() {
    let room = Room::new();
    let file = room.write(
        "passwd",
        "root:x:0:0:root:/root:/bin/bash\nalice:x:1\n",
        0o644,
    );
    let error = room.env("COMENQD_GITHUB_TOKEN_FILE", file).error();
    assert!(error.contains("that no token has"), "{error}");
    assert!(!error.contains("chmod"), "{error}");
}

#[test]
fn a_secret_in_place_of_a_path_is_not_shown_where_another_source_wins() {
    let room = Room::with_file("github_token_file = '0123456789abcdef0123456789abcdefLEAKED00'")
        .env("COMENQD_GITHUB_TOKEN", "stronger");
    let error = room.error();
    assert!(
        error.contains("line 1: github_token_file = (not shown): must be the path"),
        "{error}"
    );
    room.write(
        "config.toml",
        "github_token_file = '/ghp_LEAKEDLEAKED'",
        0o600,
    );
    let shown = room.load().unwrap().render();
    assert!(!shown.contains("LEAKED"), "{shown}");
    assert!(
        shown.contains("# github_token_file: (not shown)\n"),
        "{shown}"
    );
}
