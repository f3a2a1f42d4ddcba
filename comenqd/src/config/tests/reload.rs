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

#[test]
fn what_was_not_taken_over_is_not_in_force() {
    let before = "socket_path = '/a'\nqueue_path = '/q'\nmax_attempts = 3";
    let room = Room::with_file(before);
    let running = room.load().unwrap();
    let text = "max_attempts = 4\nsocket_path = '/b'\nqueue_path = '/r'\n\
                hold_restored_jobs = false\n[accounts.default]\n";
    room.write("config.toml", text, 0o600);
    let reloaded = room.load().unwrap().as_reloaded(&running);
    assert_eq!(reloaded.queue_path, Path::new("/q"));
    assert_eq!(reloaded.socket_path, Path::new("/a"));
    assert!(reloaded.hold_restored_jobs);
    assert_eq!(reloaded.max_attempts, 4);
    let shown = room.hidden(&reloaded.render());
    for line in [
        "queue_path = \"/q\" # DIR/config.toml line 2\n",
        "socket_path = \"/a\" # DIR/config.toml line 1\n",
        "hold_restored_jobs = true # default\n",
        "max_attempts = 4 # DIR/config.toml line 1\n",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    // The file as it was differs from nothing that is in force.
    room.write("config.toml", before, 0o600);
    let again = room.load().unwrap();
    assert_eq!(reloaded.unreloadable_differences(&again), [""; 0]);
}
