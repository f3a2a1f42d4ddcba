//! Which systemd looks after the daemon: the host's or a user's own.
//!
//! Decides the commands and places that people are told, nothing else.

use std::ffi::OsString;

/// Whose systemd runs the daemon. Started by hand it counts as the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Manager {
    /// The host's, as its administrator installed it.
    #[default]
    System,
    /// A user's own: `systemctl --user`.
    User,
}

impl Manager {
    /// By `MANAGERPID`, which a user's systemd sets to its own number, see
    /// <https://www.freedesktop.org/software/systemd/man/252/systemd.exec.html#%24MANAGERPID>
    /// (read 2026-11-30), and the number of our parent: a terminal hands on what it was given.
    #[must_use]
    pub fn of(manager_pid: Option<&OsString>, parent_pid: i32) -> Self {
        let named = manager_pid.and_then(|it| it.to_str()?.parse::<i32>().ok());
        if named == Some(parent_pid) {
            Self::User
        } else {
            Self::System
        }
    }

    /// What has everything read anew, what systemd passes too.
    #[must_use]
    pub const fn restart(self) -> &'static str {
        match self {
            Self::System => "systemctl restart comenqd",
            Self::User => "systemctl --user restart comenqd",
        }
    }

    /// What has the configuration and the files that it names read anew.
    #[must_use]
    pub const fn reload(self) -> &'static str {
        match self {
            Self::System => "systemctl reload comenqd",
            Self::User => "systemctl --user reload comenqd",
        }
    }

    /// Where the unit looks for the token of the account `default`, and whose it is to be.
    #[must_use]
    pub const fn token_file(self) -> &'static str {
        match self {
            Self::System => "/etc/comenqd/github-token (root, mode 0600)",
            Self::User => "~/.config/comenqd/github-token (mode 0600)",
        }
    }
}
