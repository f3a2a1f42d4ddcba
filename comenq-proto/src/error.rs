//! Errors as they travel: a frozen number, a text, what to do next.
//!
//! Decides the numbers, their names, whether repeating can help, and the exit
//! code a command line owes its caller. The daemon's service builds these; the
//! client branches on them. Numbers are never reused.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! error_codes {
    ($($(#[$meta:meta])* $number:literal $variant:ident $name:literal,)+) => {
        /// What went wrong: 1xx protocol, 2xx the request, 3xx not allowed, 4xx the
        /// job's state, 5xx the daemon. On the wire a `u16`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[$meta])* $variant,)+
            /// A number of a newer daemon, kept as it is; its hundred still tells
            /// whose trouble it is.
            Unknown(u16),
        }

        impl ErrorCode {
            /// Every code this build knows, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self {
                    $(Self::$variant => $number,)+
                    Self::Unknown(number) => number,
                }
            }

            /// The code of a number.
            #[must_use]
            pub const fn from_number(number: u16) -> Self {
                match number {
                    $($number => Self::$variant,)+
                    _ => Self::Unknown(number),
                }
            }

            /// The name in `snake_case`, for programs that print JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Unknown(_) => "unknown",
                }
            }
        }
    };
}

error_codes! {
    /// No common protocol version.
    100 IncompatibleProtocol "incompatible_protocol",
    /// The peer broke a rule of framing or order.
    101 ProtocolViolation "protocol_violation",
    /// All places for connections are taken.
    102 TooManyConnections "too_many_connections",
    /// No endpoint has this name.
    103 UnknownEndpoint "unknown_endpoint",
    /// The peer's user asks faster than it may; nothing was done.
    104 RateLimited "rate_limited",
    /// The peer's user kept breaking the protocol, and is not served for a while.
    105 PeerRefused "peer_refused",
    /// A request on a connection that carries events.
    106 EventsOnly "events_only",
    /// The peer said nothing in time; it broke no rule, and nothing was done.
    107 HelloLate "hello_late",
    /// The request cannot be read.
    200 BadRequest "bad_request",
    /// Owner, repository or number is not one GitHub could have.
    201 InvalidTarget "invalid_target",
    /// The comment is blank or holds a NUL.
    202 InvalidBody "invalid_body",
    /// The comment is longer than allowed.
    203 BodyTooLong "body_too_long",
    /// The submit key is empty, too long or not printable ASCII.
    204 InvalidKey "invalid_key",
    /// The submit key was used for other content.
    205 KeyReused "key_reused",
    /// The target's host is not the one the account posts to.
    206 WrongHost "wrong_host",
    /// The cursor is not one the daemon gave.
    207 InvalidCursor "invalid_cursor",
    /// Zero is no job id.
    208 InvalidId "invalid_id",
    /// A value is out of its bounds, or contradicts another.
    209 InvalidValue "invalid_value",
    /// No account has this name.
    210 UnknownAccount "unknown_account",
    /// Several accounts could post it; the request must name one.
    211 AccountNeeded "account_needed",
    /// The peer's role does not allow this.
    300 NotAllowed "not_allowed",
    /// The peer's user has no id here (user namespace).
    301 UnmappedPeer "unmapped_peer",
    /// The peer has used up what it may use.
    302 QuotaExceeded "quota_exceeded",
    /// The rules do not let this peer, or this account, post there.
    303 RepositoryNotAllowed "repository_not_allowed",
    /// The rules do not let this peer use this account.
    304 AccountNotAllowed "account_not_allowed",
    /// A dangerous operation that the configuration does not allow.
    305 DangerousDisabled "dangerous_disabled",
    /// No job has this id, or it is not the peer's to see.
    400 NoSuchJob "no_such_job",
    /// The job's state does not allow this.
    401 WrongState "wrong_state",
    /// The job is being posted at this moment.
    402 JobBusy "job_busy",
    /// Whether the job's comment exists is not known yet.
    403 Unresolved "unresolved",
    /// The account waits for something that nobody can shorten.
    404 LaneWaiting "lane_waiting",
    /// A defect of the daemon.
    500 Internal "internal",
    /// The store cannot be opened; the daemon keeps trying.
    501 StoreUnavailable "store_unavailable",
    /// The disk refused the commit; whether the change is stored is unknown.
    502 CommitFailed "commit_failed",
    /// The disk is nearly full: jobs are posted, but no more are taken.
    503 StoreFull "store_full",
    /// The queue is being drained: jobs are posted, but no more are taken.
    504 Draining "draining",
}

impl ErrorCode {
    /// Whether repeating the same request later can succeed.
    #[must_use]
    pub const fn retryable_by_default(self) -> bool {
        matches!(
            self,
            Self::TooManyConnections
                | Self::RateLimited
                | Self::PeerRefused
                | Self::HelloLate
                | Self::QuotaExceeded
                | Self::JobBusy
                | Self::LaneWaiting
                | Self::StoreUnavailable
                | Self::CommitFailed
                | Self::StoreFull
                | Self::Draining
        )
    }

    /// The exit code a command line owes its caller for this error.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self.number() {
            100 => 8,
            200..=299 => 2,
            300..=399 => 4,
            400..=499 => 5,
            _ => 1,
        }
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.number())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u16::deserialize(deserializer).map(Self::from_number)
    }
}

/// One error of the daemon: what, why, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct WireError {
    /// What kind; programs branch on this alone.
    pub code: ErrorCode,
    /// What and why, for people.
    pub message: String,
    /// What to do about it, or more of the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether repeating the same request later can succeed.
    pub retryable: bool,
    /// When repeating makes sense, in seconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

impl WireError {
    /// An error that is retryable as its code is by default.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            detail: None,
            retryable: code.retryable_by_default(),
            retry_after_s: None,
        }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same with a time to wait, rounded up to whole seconds.
    #[must_use]
    pub const fn with_retry_after(mut self, wait: Duration) -> Self {
        let part = if wait.subsec_nanos() > 0 { 1 } else { 0 };
        self.retry_after_s = Some(wait.as_secs().saturating_add(part));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor;

    #[test]
    fn codes_are_in_order_and_map_both_ways() {
        assert!(ErrorCode::ALL.is_sorted_by_key(|code| code.number()));
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(code.number()), *code);
        }
        assert_eq!(ErrorCode::from_number(599), ErrorCode::Unknown(599));
        assert_eq!(ErrorCode::Unknown(599).number(), 599);
    }

    #[test]
    fn the_hundred_decides_the_exit_code_even_of_unknown_ones() {
        for (number, exit) in [(100, 8), (101, 1), (199, 1), (200, 2), (299, 2)] {
            assert_eq!(ErrorCode::from_number(number).exit_code(), exit, "{number}");
        }
        for (number, exit) in [(300, 4), (399, 4), (402, 5), (499, 5), (502, 1), (700, 1)] {
            assert_eq!(ErrorCode::from_number(number).exit_code(), exit, "{number}");
        }
    }

    #[test]
    fn an_error_travels_with_its_number() {
        let error = WireError::new(ErrorCode::JobBusy, "job 7 is being posted")
            .with_detail("try again in a minute")
            .with_retry_after(Duration::from_millis(1500));
        assert!(error.retryable);
        assert_eq!(error.retry_after_s, Some(2));
        let bytes = cbor::to_bytes(&error).unwrap();
        assert_eq!(cbor::from_slice::<WireError>(&bytes).unwrap(), error);
        assert_eq!(&bytes[..9], b"\xa5\x64code\x19\x01\x92");
    }
}
