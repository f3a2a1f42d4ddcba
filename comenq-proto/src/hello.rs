//! The handshake: the first frame of each side.
//!
//! The shapes here never change, whatever the protocol version: they are how
//! two builds of any age find out whether they can talk. The answer is one
//! plain struct with two optional parts instead of an enum, see [`crate::text`]
//! for why.

use serde::{Deserialize, Serialize};

use crate::{
    cbor,
    error::WireError,
    limits::MAX_ENTRIES,
    text::text_enum,
    version::{ProtocolVersion, VersionRange},
};

/// The ability to tell what happens: the endpoint `subscribe`.
pub const FEATURE_EVENTS: &str = "events";

/// The ability to list only some jobs: the fields of `job_list` that choose them.
pub const FEATURE_LIST_FILTER: &str = "list_filter";

/// The ability to tell what a submission would give: the endpoint `job_check`.
pub const FEATURE_CHECK: &str = "job_check";

/// The ability to tell which jobs go next: the endpoint `forecast`, and in `job_get` the place of
/// a job.
pub const FEATURE_FORECAST: &str = "forecast";

/// Every ability that a daemon of this build has.
pub const FEATURES: &[&str] = &[
    FEATURE_EVENTS,
    FEATURE_LIST_FILTER,
    FEATURE_CHECK,
    FEATURE_FORECAST,
];

/// The client's first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The newest protocol version the client speaks.
    pub protocol_version: ProtocolVersion,
    /// The oldest protocol version the client speaks.
    pub min_protocol_version: ProtocolVersion,
    /// The client program, for the daemon's log.
    pub client_name: String,
    /// Its version, for the daemon's log.
    pub client_version: String,
    /// Optional abilities of the client; none are defined yet.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub supports: Vec<String>,
}

impl Hello {
    /// The greeting of a client built with this crate.
    #[must_use]
    pub fn new(client_name: impl Into<String>, client_version: impl Into<String>) -> Self {
        Self {
            protocol_version: ProtocolVersion::CURRENT,
            min_protocol_version: ProtocolVersion::MIN,
            client_name: client_name.into(),
            client_version: client_version.into(),
            supports: Vec::new(),
        }
    }

    /// The versions the client speaks.
    #[must_use]
    pub const fn range(&self) -> VersionRange {
        VersionRange {
            min: self.min_protocol_version,
            max: self.protocol_version,
        }
    }
}

/// The daemon's answer to a [`Hello`] it accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloAck {
    /// The version both sides use from here on.
    pub protocol_version: ProtocolVersion,
    /// The daemon's own version, for people.
    pub daemon_version: String,
    /// Optional abilities of the daemon, of [`FEATURES`] or newer.
    #[serde(default, deserialize_with = "cbor::list::<_, _, MAX_ENTRIES>")]
    pub features: Vec<String>,
    /// The longest frame payload the daemon takes, in bytes.
    pub max_frame: u32,
    /// Who the daemon thinks the client is.
    pub authz: Authz,
}

/// The peer as the kernel names it, and what that allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authz {
    /// The peer's user id.
    pub uid: u32,
    /// The peer's primary group id.
    pub gid: u32,
    /// What it may do.
    pub role: Role,
}

text_enum! {
    /// What a peer may do.
    Role {
        /// Everything: root, the daemon's own user, members of the admin group.
        Admin = "admin",
        /// Submit, and see and change the own jobs.
        Operator = "operator",
        /// Look only.
        ReadOnly = "read_only",
    }
}

/// The daemon's first frame: exactly one of its parts is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloReply {
    /// The connection is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<HelloAck>,
    /// The connection is refused and closed after this frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub err: Option<WireError>,
}

impl HelloReply {
    /// The connection is open.
    #[must_use]
    pub const fn accepted(ack: HelloAck) -> Self {
        Self {
            ack: Some(ack),
            err: None,
        }
    }

    /// The connection is refused.
    #[must_use]
    pub const fn refused(err: WireError) -> Self {
        Self {
            ack: None,
            err: Some(err),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_role_is_no_error() {
        let authz: Authz = cbor::from_slice(b"\xa3\x63uid\x01\x63gid\x02\x64role\x63zar").unwrap();
        assert_eq!(authz.role, Role::Unknown);
    }

    #[test]
    fn a_hello_without_supports_is_one_with_none() {
        let mut hello = cbor::to_bytes(&Hello::new("c", "1")).unwrap();
        assert_eq!(hello[0], 0xa5);
        hello[0] = 0xa4;
        hello.truncate(hello.len() - b"\x68supports\x80".len());
        assert_eq!(
            cbor::from_slice::<Hello>(&hello).unwrap(),
            Hello::new("c", "1")
        );
    }

    #[test]
    fn roles_keep_their_text() {
        for role in Role::ALL {
            assert_eq!(Role::from_text(role.as_str()), *role);
        }
        assert_eq!(Role::ReadOnly.to_string(), "read_only");
    }
}
