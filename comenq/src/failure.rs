//! Errors as the user meets them: what, why, what to do, and the exit code.
//!
//! Decides the words and codes of everything that can go wrong in a run; the
//! commands only say which it is. Printing is [`Output`](crate::output::Output)'s
//! matter.

use std::{io, path::Path, time::Duration};

use comenq_proto::{BodyError, ErrorCode, SubmitKey, TargetError, WireError};

use crate::{
    client::{CallError, Client},
    exit::Exit,
    trust::UNMAPPED_UID,
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

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    const fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// A call that failed, in a command that changes nothing when repeated.
    pub(crate) fn of_call(error: CallError, client: &Client) -> Self {
        let socket = client.socket();
        match error {
            CallError::Unreachable(error) => unreachable(&error, socket),
            CallError::Untrusted { uid } => untrusted(uid, socket),
            CallError::Lost { reason, .. } => Self::new(
                "unreachable",
                Exit::Unreachable,
                format!(
                    "no answer from comenqd at {} within {}: {reason}",
                    socket.display(),
                    in_words(client.timeout())
                ),
            )
            .with_detail("look at its log with: journalctl -u comenqd")
            .retryable(),
            CallError::Refused(error) => error.into(),
            CallError::Protocol { reason, .. } => Self::new(
                "protocol_violation",
                Exit::Trouble,
                format!(
                    "what answers at {} does not speak comenq's protocol: {reason}",
                    socket.display()
                ),
            )
            .with_detail("is it comenqd? --socket or COMENQ_SOCKET names another socket"),
        }
    }

    /// A submission that failed: when the daemon may have received it, the user
    /// needs the key to find out without posting twice.
    pub(crate) fn of_submission(error: CallError, client: &Client, key: &SubmitKey) -> Self {
        let (sent, is_lost) = match &error {
            CallError::Lost { sent, .. } => (*sent, true),
            CallError::Protocol { sent, .. } => (*sent, false),
            CallError::Unreachable(_) | CallError::Untrusted { .. } | CallError::Refused(_) => {
                (false, false)
            }
        };
        let mut failure = Self::of_call(error, client);
        if sent {
            failure.detail = Some(format!(
                "the comment may or may not be queued; repeat with --key {key} \
                 (the same command and that key never queue it twice)"
            ));
            failure.key = Some(key.clone());
            failure.code = "outcome_unknown";
            failure.retryable = true;
        } else if is_lost {
            failure.detail = Some(
                "nothing was queued; look at the daemon's log with: journalctl -u comenqd"
                    .to_owned(),
            );
        }
        failure
    }
}

/// Somebody else listens where comenqd should.
fn untrusted(uid: u32, socket: &Path) -> Failure {
    let message = format!(
        "uid {uid} listens on socket {}, who is neither root, nor the user comenq, nor you: \
         nothing was sent",
        socket.display()
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

fn unreachable(error: &io::Error, socket: &Path) -> Failure {
    let shown = socket.display();
    if error.kind() == io::ErrorKind::InvalidInput {
        return Failure::usage(format!("{shown} cannot be a socket: {error}"))
            .with_detail("--socket or COMENQ_SOCKET names the daemon's socket");
    }
    let (what, advice) = match error.kind() {
        io::ErrorKind::NotFound => (
            format!("socket {shown} does not exist"),
            "is comenqd installed and its socket started? systemctl enable --now comenq.socket; \
             another socket is named with --socket or COMENQ_SOCKET"
                .to_owned(),
        ),
        io::ErrorKind::ConnectionRefused => (
            format!("nobody listens on socket {shown}"),
            "start it: systemctl restart comenq.socket; \
             see why it stopped: systemctl status comenq.socket comenqd"
                .to_owned(),
        ),
        io::ErrorKind::PermissionDenied => (
            format!("no permission to use socket {shown}"),
            "join its group, then log in anew: sudo usermod -aG comenq \"$USER\" \
             (ls -l shows the group when it is not comenq)"
                .to_owned(),
        ),
        _ => (
            format!("cannot connect to socket {shown}: {error}"),
            "see how the daemon is: systemctl status comenq.socket comenqd".to_owned(),
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
mod tests {
    use super::*;
    use crate::trust::Trust;

    fn client() -> Client {
        let trust = Trust {
            anybody: false,
            own_uid: 1000,
            lookup_user: |_| None,
        };
        Client::new("/run/x.sock".into(), Duration::from_millis(1500), trust)
    }

    #[test]
    fn an_unreachable_socket_is_told_with_what_to_do() {
        let failure = |kind: io::ErrorKind| unreachable(&kind.into(), Path::new("/run/x.sock"));
        let missing = failure(io::ErrorKind::NotFound);
        assert_eq!(missing.exit, Exit::Unreachable);
        assert!(missing.message.contains("/run/x.sock does not exist"));
        assert!(missing.detail.unwrap().contains("comenq.socket"));
        let denied = failure(io::ErrorKind::PermissionDenied).detail.unwrap();
        assert!(denied.contains("usermod -aG comenq") && denied.contains("log in anew"));
        let refused = failure(io::ErrorKind::ConnectionRefused);
        assert!(refused.message.contains("nobody listens"));
        let impossible = failure(io::ErrorKind::InvalidInput);
        assert_eq!(impossible.exit, Exit::Usage);
    }

    #[test]
    fn a_strangers_socket_is_refused_with_the_way_round() {
        let failure = untrusted(1001, Path::new("/run/x.sock"));
        assert_eq!(
            (failure.code, failure.exit),
            ("untrusted_socket", Exit::Refused)
        );
        assert!(
            failure
                .message
                .contains("uid 1001 listens on socket /run/x.sock")
        );
        assert!(failure.message.contains("nothing was sent"));
        assert!(failure.detail.unwrap().contains("--trust-socket"));
        let unmapped = untrusted(UNMAPPED_UID, Path::new("/run/x.sock"));
        assert!(unmapped.detail.unwrap().contains("user namespace"));
    }

    #[test]
    fn a_lost_submission_names_its_key_only_when_it_was_sent() {
        let key = SubmitKey::parse("k-1").unwrap();
        let lost = |sent| CallError::Lost {
            reason: "why".into(),
            sent,
        };
        let sent = Failure::of_submission(lost(true), &client(), &key);
        assert!(sent.detail.unwrap().contains("repeat with --key k-1"));
        assert_eq!(
            (sent.code, sent.key),
            ("outcome_unknown", Some(key.clone()))
        );
        assert!(
            sent.message.contains("within 1.500 s: why"),
            "{}",
            sent.message
        );
        let unsent = Failure::of_submission(lost(false), &client(), &key);
        assert!(unsent.detail.unwrap().contains("nothing was queued"));
        assert_eq!((unsent.code, unsent.key), ("unreachable", None));
        assert_eq!(unsent.exit, Exit::Unreachable);
    }

    #[test]
    fn the_daemons_errors_keep_their_name_and_their_wait() {
        let error = WireError::new(ErrorCode::JobBusy, "job 7 is being posted")
            .with_detail("wait for its outcome")
            .with_retry_after(Duration::from_secs(30));
        let failure = Failure::from(error);
        assert_eq!((failure.code, failure.exit), ("job_busy", Exit::JobState));
        assert!(failure.retryable);
        assert_eq!(
            failure.detail.unwrap(),
            "wait for its outcome; try again in 30 s"
        );
    }
}
