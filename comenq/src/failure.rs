//! Errors as the user meets them: what, why, what to do, and the exit code.
//!
//! Decides the words and codes of everything that can go wrong in a run; the
//! commands only say which it is. Printing is [`Output`](crate::output::Output)'s
//! matter.

use std::{io, time::Duration};

use comenq_proto::{BodyError, ErrorCode, SubmitKey, TargetError, WireError};

use crate::{
    address::Address,
    client::{CallError, Client},
    exit::Exit,
    host::{Host, TunnelEnd},
    trust::UNMAPPED_UID,
    units::Units,
    when::WhenError,
};

/// One error, ready to be printed as text or JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Stable name for programs: the daemon's code in `snake_case` or our own.
    pub(crate) code: &'static str,
    /// What and why.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) detail: Option<String>,
    /// Whether the same command may succeed later.
    pub(crate) retryable: bool,
    /// When, in seconds from now, where the daemon says.
    pub(crate) retry_after_s: Option<u64>,
    /// The key to repeat with, when a comment may have been queued.
    pub(crate) key: Option<SubmitKey>,
    pub(crate) exit: Exit,
}

impl Failure {
    pub(crate) fn new(code: &'static str, exit: Exit, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            detail: None,
            retryable: false,
            retry_after_s: None,
            key: None,
            exit,
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new("usage", Exit::Usage, message)
    }

    /// A daemon that lacks an ability.
    pub(crate) fn too_old(ability: &str) -> Self {
        let text = format!("this comenqd cannot {ability}: it is older than this client");
        Self::new("unsupported", Exit::Incompatible, text).with_detail(
            "update comenqd and restart it (systemctl restart comenqd); meanwhile comenq list \
             shows how things stand",
        )
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says something more behind what to do.
    pub(crate) fn and_detail(mut self, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        self.detail = Some(match self.detail {
            Some(before) => format!("{before}\n{detail}"),
            None => detail,
        });
        self
    }

    const fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// A call that failed, in a command that changes nothing when repeated.
    pub(crate) fn of_call(error: CallError, client: &Client) -> Self {
        let address = client.address();
        match error {
            CallError::Unreachable(error) => unreachable(&error, address),
            CallError::Tunnel(end) => tunnel(end, address),
            CallError::Untrusted { uid } => untrusted(uid, address),
            CallError::Lost { reason, .. } => Self::new(
                "unreachable",
                Exit::Unreachable,
                format!(
                    "no answer from comenqd at {address} within {}: {reason}",
                    in_words(client.timeout())
                ),
            )
            .with_detail(format!(
                "look at its log with: {}",
                address.units().journalctl("-u comenqd")
            ))
            .retryable(),
            CallError::Refused(error) => error.into(),
            CallError::Protocol { reason, .. } => Self::new(
                "protocol_violation",
                Exit::Trouble,
                format!("what answers at {address} does not speak comenq's protocol: {reason}"),
            )
            .with_detail(match address.host() {
                Some(host) => format!(
                    "the shell there must print nothing of its own: ssh {} true",
                    host.by_hand()
                ),
                None => "is it comenqd? --socket or COMENQ_SOCKET names another socket".to_owned(),
            }),
        }
    }

    /// A submission that failed: when the daemon may have received it, the user
    /// needs the key to find out without posting twice.
    pub(crate) fn of_submission(error: CallError, client: &Client, key: &SubmitKey) -> Self {
        let (sent, is_lost) = match &error {
            CallError::Lost { sent, .. } => (*sent, true),
            CallError::Protocol { sent, .. } => (*sent, false),
            CallError::Unreachable(_)
            | CallError::Tunnel(_)
            | CallError::Untrusted { .. }
            | CallError::Refused(_) => (false, false),
        };
        let mut failure = Self::of_call(error, client);
        if sent {
            let there = match client.address() {
                // Without this user's environment the host's would be asked, which never saw it.
                own @ Address::Sockets(_) if own.units() == Units::User => {
                    format!("--socket {own} ")
                }
                _ => String::new(),
            };
            failure.detail = Some(format!(
                "the comment may or may not be queued; repeat with {there}--key {key} \
                 (the same command and that key never queue it twice)"
            ));
            failure.key = Some(key.clone());
            failure.code = "outcome_unknown";
            failure.retryable = true;
        } else if is_lost {
            failure.detail = Some(format!(
                "nothing was queued; look at the daemon's log with: {}",
                client.address().units().journalctl("-u comenqd")
            ));
        }
        failure
    }
}

/// Somebody else listens where comenqd should.
fn untrusted(uid: u32, address: &Address) -> Failure {
    let message = format!(
        "uid {uid} listens on socket {address}, who is neither root, nor the user comenq, nor \
         you: nothing was sent"
    );
    let why = if uid == UNMAPPED_UID {
        "this uid stands for users that do not exist in this container or user namespace; if you \
         know that it is comenqd"
    } else {
        "find out who that is and why; if that user is meant to run comenqd"
    };
    Failure::new("untrusted_socket", Exit::Refused, message).with_detail(format!(
        "{why}, --trust-socket (or COMENQ_TRUST_SOCKET=1) speaks to it all the same"
    ))
}

/// ssh said why on standard error; here is what that means.
fn tunnel(end: TunnelEnd, address: &Address) -> Failure {
    let there = address.host().map(Host::by_hand).unwrap_or_default();
    let advice = match end {
        TunnelEnd::Ssh => format!("try it alone: ssh {there} true"),
        TunnelEnd::NoClient => {
            format!("install comenq there, where ssh finds it: ssh {there} command -v comenq")
        }
        TunnelEnd::OldClient => {
            "update comenq there if it does not know dial-stdio; else mend what it complains of"
                .to_owned()
        }
        TunnelEnd::Untrusted => {
            format!("see who listens there: ssh {there} comenq doctor")
        }
        TunnelEnd::NoDaemon => format!("see what is wrong there: ssh {there} comenq doctor"),
    };
    let (code, exit) = match end {
        TunnelEnd::Untrusted => ("untrusted_socket", Exit::Refused),
        TunnelEnd::OldClient => ("unsupported", Exit::Incompatible),
        TunnelEnd::Ssh | TunnelEnd::NoClient | TunnelEnd::NoDaemon => {
            ("unreachable", Exit::Unreachable)
        }
    };
    let mut failure = Failure::new(code, exit, format!("cannot ask {address}: {end}"));
    failure.retryable = matches!(end, TunnelEnd::Ssh | TunnelEnd::NoDaemon);
    failure.with_detail(advice)
}

fn unreachable(error: &io::Error, address: &Address) -> Failure {
    if let Some(host) = address.host() {
        return Failure::new(
            "unreachable",
            Exit::Unreachable,
            format!("cannot ask {host}: {error}"),
        )
        .with_detail("--host needs an ssh client; COMENQ_SSH names another than ssh");
    }
    let (shown, units) = (address, address.units());
    if error.kind() == io::ErrorKind::InvalidInput {
        return Failure::usage(format!("{shown} cannot be a socket: {error}"))
            .with_detail("--socket or COMENQ_SOCKET names the daemon's socket");
    }
    let (what, advice) = match error.kind() {
        io::ErrorKind::NotFound => (
            format!("socket {shown} does not exist"),
            format!(
                "is comenqd installed and its socket started? {}; another socket is named with \
                 --socket or COMENQ_SOCKET",
                units.systemctl("enable --now comenq.socket")
            ),
        ),
        io::ErrorKind::ConnectionRefused => (
            format!("nobody listens on socket {shown}"),
            format!(
                "start it: {}; see why it stopped: {}",
                units.systemctl("restart comenq.socket"),
                units.look("status comenq.socket comenqd")
            ),
        ),
        io::ErrorKind::PermissionDenied => (
            format!("no permission to use socket {shown}"),
            "join its group, then log in anew: sudo usermod -aG comenq \"$USER\" \
             (ls -l shows the group when it is not comenq)"
                .to_owned(),
        ),
        _ => (
            format!("cannot connect to socket {shown}: {error}"),
            format!(
                "see how the daemon is: {}",
                units.look("status comenq.socket comenqd")
            ),
        ),
    };
    Failure::new("unreachable", Exit::Unreachable, what)
        .with_detail(advice)
        .retryable()
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        let retry = error
            .retry_after_s
            .map(|seconds| format!("try again in {}", in_words(Duration::from_secs(seconds))));
        let detail = match (error.detail, retry) {
            (Some(detail), Some(retry)) => Some(format!("{detail}; {retry}")),
            (detail, retry) => detail.or(retry),
        };
        let (message, detail) = match error.code {
            ErrorCode::Unknown(number) => (format!("{} (error {number})", error.message), detail),
            // This build asks for its own endpoints only.
            ErrorCode::UnknownEndpoint => (
                "this comenqd does not know what it was asked for: it is older than this client"
                    .to_owned(),
                Some("update comenqd and restart it (systemctl restart comenqd)".to_owned()),
            ),
            _ => (error.message, detail),
        };
        Self {
            code: error.code.name(),
            message,
            detail,
            retryable: error.retryable,
            retry_after_s: error.retry_after_s,
            key: None,
            exit: Exit::from_code(error.code.exit_code()),
        }
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        let code = ErrorCode::InvalidTarget.name();
        Self::new(code, Exit::Usage, error.to_string())
    }
}

impl From<WhenError> for Failure {
    fn from(error: WhenError) -> Self {
        let code = ErrorCode::InvalidValue.name();
        Self::new(code, Exit::Usage, error.to_string())
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::TooLarge { .. } => ErrorCode::BodyTooLong,
            BodyError::Blank | BodyError::Nul { .. } => ErrorCode::InvalidBody,
        };
        Self::new(code.name(), Exit::Usage, error.to_string())
    }
}

fn in_words(time: Duration) -> String {
    let (seconds, millis) = (time.as_secs(), time.subsec_millis());
    match (seconds, millis) {
        (3600.., _) => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        (120.., _) => format!("{} min {} s", seconds / 60, seconds % 60),
        (0, _) => format!("{millis} ms"),
        (_, 0) => format!("{seconds} s"),
        _ => format!("{seconds}.{millis:03} s"),
    }
}

#[cfg(test)]
mod tests;
