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
    let room = Room::new();
    room.write("github-token", "\n", 0o400);
    let credentials = room.dir.path().to_owned();
    let room = room.env("CREDENTIALS_DIRECTORY", credentials);
    assert!(
        room.error()
            .contains("systemd credential github-token is empty")
    );
    let error = Room::new().env("COMENQD_GITHUB_TOKEN", "two words").error();
    assert!(
        error.contains("at position 4") && !error.contains("two"),
        "{error}"
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
