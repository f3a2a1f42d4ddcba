//! Loading again, and what only a restart changes.

use super::*;

#[test]
fn what_a_reload_can_take_over_is_no_difference() {
    let room = Room::with_file("log_level = 'info'");
    let old = room.load().unwrap();
    let token = room.write("token", "ghp_x", 0o600);
    let text = format!(
        "log_level = 'debug'\nmax_attempts = 9\n[accounts.bot]\ncooldown_period_seconds = 99\n\
         github_token_file = '{}'\n[policy]\nmax_queued_jobs = 3\n",
        token.display()
    );
    room.write("config.toml", &text, 0o600);
    let new = room.load().unwrap();
    assert_eq!(new.log_level, LogLevel::Debug);
    assert_eq!(old.unreloadable_differences(&new), Vec::<String>::new());
    assert_eq!(old.unreloadable_differences(&old), Vec::<String>::new());
}

#[test]
fn what_only_a_restart_changes_is_named() {
    let room = Room::with_file("socket_path = '/a'\nqueue_path = '/q'");
    let old = room.load().unwrap();
    let text = "socket_path = '/b'\nqueue_path = '/r'\nhold_restored_jobs = false\n\
                [accounts.bot]\n";
    room.write("config.toml", text, 0o600);
    let new = room.load().unwrap();
    assert_eq!(
        old.unreloadable_differences(&new),
        [
            "socket_path stays /a until a restart: /b is not used yet",
            "queue_path stays /q until a restart: /r is not used yet",
            "hold_restored_jobs stays true until a restart: it is asked when the queue is opened",
            "account \"bot\" has no credential: one that systemd is to pass reaches comenqd only \
             with a restart",
        ]
    );
    assert!(new.unreloadable_differences(&new).is_empty());
}

#[test]
fn credentials_that_only_a_restart_reads_are_told() {
    let room = Room::new();
    let file = room.write("token", "ghp_x", 0o600);
    let text = format!("[accounts.bot]\ngithub_token_file = '{}'", file.display());
    room.write("config.toml", &text, 0o600);
    let room = room.env("COMENQD_GITHUB_TOKEN", "ghp_y");
    assert_eq!(
        room.load().unwrap().fixed_credentials(),
        [
            "the credential of account \"default\" comes from environment variable \
             COMENQD_GITHUB_TOKEN; if it was replaced there, run: systemctl restart comenqd"
        ]
    );
}

#[test]
fn a_replaced_token_file_is_read_again() {
    let room = Room::new();
    let file = room.write("token", "first", 0o600);
    let text = format!("github_token_file = '{}'", file.display());
    room.write("config.toml", &text, 0o600);
    let old = room.load().unwrap();
    room.write("token", "second", 0o600);
    let new = room.load().unwrap();
    let tag = |config: &Config| config.accounts[0].credential.tag();
    assert_ne!(tag(&old), tag(&new));
}
