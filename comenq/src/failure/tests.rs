//! What each error says.

use super::*;
use crate::trust::Trust;

fn client() -> Client {
    let trust = Trust {
        anybody: false,
        own_uid: 1000,
        lookup_user: |_| None,
    };
    Client::new(address(), Duration::from_millis(1500), trust)
}

fn address() -> Address {
    Address::Sockets(vec!["/run/x.sock".into()])
}

#[test]
fn an_unreachable_socket_is_told_with_what_to_do() {
    let failure = |kind: io::ErrorKind| unreachable(&kind.into(), &address());
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
    let failure = untrusted(1001, &address());
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
    let unmapped = untrusted(UNMAPPED_UID, &address());
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
