//! Protocol versions: which one both sides speak.
//!
//! Each side names a range; the highest common version wins. Decided here once
//! so that daemon and client cannot disagree. Knows no transport.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A version of the protocol. Raised only when an old reader would
/// misunderstand; new fields and endpoints need no new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProtocolVersion(
    /// The number on the wire.
    pub u16,
);

impl ProtocolVersion {
    /// The newest version this build speaks.
    pub const CURRENT: Self = Self(1);
    /// The oldest version this build still speaks.
    pub const MIN: Self = Self(1);
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The versions one side speaks, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionRange {
    /// The oldest.
    pub min: ProtocolVersion,
    /// The newest.
    pub max: ProtocolVersion,
}

impl VersionRange {
    /// What this build speaks.
    pub const SUPPORTED: Self = Self {
        min: ProtocolVersion::MIN,
        max: ProtocolVersion::CURRENT,
    };

    /// Whether `version` is one of them.
    #[must_use]
    pub fn contains(self, version: ProtocolVersion) -> bool {
        self.min <= version && version <= self.max
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "{}", self.max)
        } else {
            write!(f, "{} to {}", self.min, self.max)
        }
    }
}

/// The side that has to be updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Older {
    /// The daemon.
    Ours,
    /// The client.
    Theirs,
    /// Neither: the client's range is empty, its newest below its oldest.
    Nonsense,
}

/// No common version. The text is meant for the user of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.advice())]
pub struct Incompatible {
    /// What the daemon speaks.
    pub ours: VersionRange,
    /// What the client asked for.
    pub theirs: VersionRange,
    /// Which of them is behind.
    pub older: Older,
}

impl Incompatible {
    fn advice(&self) -> String {
        let Self { ours, theirs, .. } = self;
        let spoken = format!("client speaks protocol {theirs}, daemon speaks {ours}");
        match self.older {
            Older::Ours => format!(
                "{spoken}: the daemon is too old; update comenqd and restart it \
                 (systemctl restart comenqd)"
            ),
            Older::Theirs => {
                format!("{spoken}: the client is too old; update comenq where it was started")
            }
            Older::Nonsense => format!("{spoken}: the client's oldest version is above its newest"),
        }
    }
}

/// The highest version that the daemon (`ours`) and the client (`theirs`) both
/// speak.
///
/// # Errors
/// There is none; the error says which side is behind.
pub fn negotiate(
    ours: VersionRange,
    theirs: VersionRange,
) -> Result<ProtocolVersion, Incompatible> {
    let highest = ours.max.min(theirs.max);
    let older = if theirs.min > theirs.max {
        Older::Nonsense
    } else if highest < ours.min {
        Older::Theirs
    } else if highest < theirs.min {
        Older::Ours
    } else {
        return Ok(highest);
    };
    Err(Incompatible {
        ours,
        theirs,
        older,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(min: u16, max: u16) -> VersionRange {
        VersionRange {
            min: ProtocolVersion(min),
            max: ProtocolVersion(max),
        }
    }

    #[test]
    fn the_highest_common_version_wins() {
        for (ours, theirs, expected) in [
            (range(1, 1), range(1, 1), 1),
            (range(1, 3), range(2, 5), 3),
            (range(2, 5), range(1, 2), 2),
            (range(1, 9), range(4, 4), 4),
        ] {
            assert_eq!(negotiate(ours, theirs), Ok(ProtocolVersion(expected)));
        }
    }

    #[test]
    fn without_a_common_one_the_side_behind_is_named() {
        let client_old = negotiate(range(3, 4), range(1, 2)).unwrap_err();
        assert_eq!(client_old.older, Older::Theirs);
        assert_eq!(
            client_old.to_string(),
            "client speaks protocol 1 to 2, daemon speaks 3 to 4: \
             the client is too old; update comenq where it was started"
        );
        let daemon_old = negotiate(range(1, 1), range(2, 3)).unwrap_err();
        assert_eq!(daemon_old.older, Older::Ours);
        assert!(
            daemon_old
                .to_string()
                .contains("update comenqd and restart")
        );
        let nonsense = negotiate(range(1, 3), range(3, 2)).unwrap_err();
        assert_eq!(nonsense.older, Older::Nonsense);
    }

    #[test]
    fn this_build_speaks_with_itself() {
        let ours = VersionRange::SUPPORTED;
        assert_eq!(negotiate(ours, ours), Ok(ProtocolVersion::CURRENT));
        assert!(ours.contains(ProtocolVersion::MIN));
        assert!(!ours.contains(ProtocolVersion(ProtocolVersion::CURRENT.0 + 1)));
    }
}
