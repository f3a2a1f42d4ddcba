//! Whose units the daemon has, for the commands that people are told.

/// Which systemd looks after the daemon that is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Units {
    /// The host's.
    System,
    /// The user's own.
    User,
}

impl Units {
    /// `systemctl …`, by somebody who may: `sudo systemctl restart comenqd`.
    pub(crate) fn systemctl(self, what: &str) -> String {
        match self {
            Self::System => format!("sudo {}", self.look(what)),
            Self::User => self.look(what),
        }
    }

    /// `systemctl …`, for what anybody may, or beside other commands that are shown without sudo.
    pub(crate) fn look(self, what: &str) -> String {
        format!("systemctl{} {what}", self.scope())
    }

    /// `journalctl …`.
    pub(crate) fn journalctl(self, what: &str) -> String {
        format!("journalctl{} {what}", self.scope())
    }

    /// The argument that tells systemd's programs whose units are meant.
    const fn scope(self) -> &'static str {
        match self {
            Self::System => "",
            Self::User => " --user",
        }
    }
}
