//! What the client repeats, and what it takes for an answer.

use comenq_proto::{HelloReply, JobGet, JobSubmit, Ping, Pong, ProtocolVersion};

use super::*;
use crate::test_daemon::{Peer, TestDaemon, Visit, ack, greeted};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(100);

fn own() -> Trust {
    Trust {
        anybody: false,
        own_uid: nix::unistd::geteuid().as_raw(),
        lookup_user: |_| None,
    }
}

fn client(daemon: &TestDaemon, timeout: Duration) -> Client {
    Client::new(daemon.address(), timeout, own())
}

fn submit() -> JobSubmit {
    JobSubmit {
        owner: "o".into(),
        repo: "r".into(),
        number: 1,
        body: "text".into(),
        key: Some("k".into()),
        ..JobSubmit::default()
    }
}

/// Greets, reads one request and closes without an answer.
fn breaks() -> Visit {
    greeted(|peer| drop(peer.receive_frame()))
}

/// Greets and refuses one request.
fn refuses(code: ErrorCode) -> Visit {
    greeted(move |peer| {
        let (id, _) = peer.request::<Ping>();
        peer.refuse(id, &WireError::new(code, "no"));
    })
}

fn pongs(peer: &mut Peer) {
    peer.answer::<Ping>(&Pong {});
}

fn refused(result: Result<Pong, CallError>) -> ErrorCode {
    match result {
        Err(CallError::Refused(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

fn lost(result: Result<Pong, CallError>) -> bool {
    match result {
        Err(CallError::Lost { sent, .. }) => sent,
        other => panic!("{other:?}"),
    }
}

#[test]
fn calls_share_one_connection() {
    let daemon = TestDaemon::serving(|peer| {
        pongs(peer);
        pongs(peer);
        assert!(peer.receive_frame().is_none());
    });
    let mut client = client(&daemon, LONG);
    assert!(client.ack().is_none());
    client.call(&Ping {}).unwrap();
    client.call(&Ping {}).unwrap();
    assert_eq!(client.ack().unwrap().daemon_version, "9.9.9");
    assert!(!client.has_repeated());
}

#[test]
fn an_answer_may_need_many_reads() {
    let version = "9".repeat(100_000);
    let said = version.clone();
    let daemon = TestDaemon::start(vec![Box::new(|peer| {
        let _hello = peer.receive_frame();
        let mut ack = ack();
        ack.daemon_version = said;
        peer.send(&HelloReply::accepted(ack));
        pongs(peer);
    })]);
    let mut client = client(&daemon, LONG);
    client.call(&Ping {}).unwrap();
    assert_eq!(client.ack().unwrap().daemon_version, version);
}

#[test]
fn a_broken_connection_is_repeated_with_the_same_request() {
    let daemon = TestDaemon::start(vec![
        Box::new(|_| {}),
        greeted(|peer| assert_eq!(peer.request::<JobSubmit>().1, submit())),
        greeted(|peer| {
            let (id, request) = peer.request::<JobSubmit>();
            assert_eq!(request, submit());
            let known = WireError::new(ErrorCode::KeyReused, "other content");
            peer.refuse(id, &known);
        }),
    ]);
    let mut client = client(&daemon, LONG);
    let answer = client.call(&submit());
    assert!(matches!(answer, Err(CallError::Refused(e)) if e.code == ErrorCode::KeyReused));
    assert!(client.has_repeated());
}

#[test]
fn without_a_key_an_open_submission_is_not_repeated() {
    let daemon = TestDaemon::start(vec![breaks()]);
    let mut request = submit();
    request.key = None;
    let mut client = client(&daemon, LONG);
    let answer = client.call(&request);
    assert!(
        matches!(answer, Err(CallError::Lost { sent: true, .. })),
        "{answer:?}"
    );
    assert!(!client.has_repeated());
}

#[test]
fn a_daemon_that_was_never_there_is_told_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut client = Client::new(
        Address::Sockets(vec![directory.path().join("sock")]),
        LONG,
        own(),
    );
    let started = Instant::now();
    let answer = client.call(&Ping {});
    assert!(started.elapsed() < LONG / 2);
    let Err(CallError::Unreachable(error)) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_daemon_that_went_away_is_waited_for_until_the_deadline() {
    let daemon = TestDaemon::start(vec![breaks()]);
    assert!(lost(client(&daemon, SHORT).call(&Ping {})));
}

#[test]
fn an_answer_that_never_comes_ends_at_the_deadline() {
    for greets in [false, true] {
        let silent = |peer: &mut Peer| while peer.receive_frame().is_some() {};
        let daemon = if greets {
            TestDaemon::serving(silent)
        } else {
            TestDaemon::start(vec![Box::new(silent)])
        };
        let sent = lost(client(&daemon, SHORT).call(&Ping {}));
        assert_eq!(sent, greets);
    }
}

#[test]
fn a_failed_commit_counts_as_a_broken_connection() {
    let daemon = TestDaemon::start(vec![refuses(ErrorCode::CommitFailed), greeted(pongs)]);
    client(&daemon, LONG).call(&Ping {}).unwrap();

    let daemon = TestDaemon::start(vec![refuses(ErrorCode::CommitFailed)]);
    assert!(lost(client(&daemon, SHORT).call(&Ping {})));
}

#[test]
fn a_store_that_is_still_closed_after_a_failed_commit_is_waited_for() {
    let daemon = TestDaemon::start(vec![
        refuses(ErrorCode::CommitFailed),
        greeted(|peer| {
            let (id, _) = peer.request::<Ping>();
            let closed = WireError::new(ErrorCode::StoreUnavailable, "closed");
            peer.refuse(id, &closed);
            pongs(peer);
        }),
    ]);
    client(&daemon, LONG).call(&Ping {}).unwrap();
}

#[test]
fn other_refusals_are_answers() {
    for code in [
        ErrorCode::StoreUnavailable,
        ErrorCode::NoSuchJob,
        ErrorCode::Unknown(999),
    ] {
        let daemon = TestDaemon::start(vec![refuses(code)]);
        assert_eq!(refused(client(&daemon, LONG).call(&Ping {})), code);
    }
}

#[test]
fn after_a_lost_answer_only_a_judgement_of_the_request_is_final() {
    let then = |code| TestDaemon::start(vec![breaks(), refuses(code)]);
    let daemon = then(ErrorCode::StoreUnavailable);
    assert!(lost(client(&daemon, SHORT).call(&Ping {})));
    let daemon = then(ErrorCode::NotAllowed);
    assert!(lost(client(&daemon, LONG).call(&Ping {})));
    let daemon = then(ErrorCode::NoSuchJob);
    assert_eq!(
        refused(client(&daemon, LONG).call(&Ping {})),
        ErrorCode::NoSuchJob
    );
}

#[test]
fn a_refusal_is_read_though_the_daemon_did_not_listen() {
    let turns_away = |code| -> Visit {
        Box::new(move |peer| {
            let full = WireError::new(code, "full");
            peer.send(&HelloReply::refused(full));
        })
    };
    let full = turns_away(ErrorCode::TooManyConnections);
    let hasty = turns_away(ErrorCode::RateLimited);
    let late = turns_away(ErrorCode::HelloLate);
    let daemon = TestDaemon::start(vec![full, hasty, late, greeted(pongs)]);
    client(&daemon, LONG).call(&Ping {}).unwrap();
}

#[test]
fn a_peer_that_is_refused_for_a_while_is_told_so_at_once() {
    let refuses: Visit = Box::new(|peer| {
        let refused = WireError::new(ErrorCode::PeerRefused, "you broke the protocol");
        peer.send(&HelloReply::refused(refused));
    });
    let daemon = TestDaemon::start(vec![refuses]);
    let code = refused(client(&daemon, LONG).call(&Ping {}));
    assert_eq!(code, ErrorCode::PeerRefused);
}

#[test]
fn a_version_we_do_not_speak_is_refused_on_either_side() {
    let code = ErrorCode::IncompatibleProtocol;
    let refusing: Visit = Box::new(move |peer| {
        let _hello = peer.receive_frame();
        peer.send(&HelloReply::refused(WireError::new(code, "too old")));
    });
    let choosing: Visit = Box::new(|peer| {
        let _hello = peer.receive_frame();
        let mut ack = ack();
        ack.protocol_version = ProtocolVersion(ProtocolVersion::CURRENT.0 + 1);
        peer.send(&HelloReply::accepted(ack));
    });
    for visit in [refusing, choosing] {
        let daemon = TestDaemon::start(vec![visit]);
        assert_eq!(refused(client(&daemon, LONG).call(&Ping {})), code);
    }
}

#[test]
fn nonsense_is_not_repeated() {
    let not_frames: Visit = greeted(|peer| {
        let _request = peer.receive_frame();
        peer.send_bytes(&[0; 4]);
    });
    let other_id = greeted(|peer| {
        let (id, _) = peer.request::<Ping>();
        peer.reply(id + 1, &Pong {});
    });
    let other_body = greeted(|peer| {
        let (id, _) = peer.request::<Ping>();
        peer.reply(id, &7);
    });
    for visit in [not_frames, other_id, other_body] {
        let daemon = TestDaemon::start(vec![visit]);
        let answer = client(&daemon, LONG).call(&Ping {});
        assert!(
            matches!(answer, Err(CallError::Protocol { sent: true, .. })),
            "{answer:?}"
        );
    }
    let neither: Visit = Box::new(|peer| {
        let _hello = peer.receive_frame();
        peer.send_bytes(b"\0\0\0\x01\xa0");
    });
    let daemon = TestDaemon::start(vec![neither]);
    let answer = client(&daemon, LONG).call(&Ping {});
    assert!(
        matches!(answer, Err(CallError::Protocol { sent: false, .. })),
        "{answer:?}"
    );
}

#[test]
fn an_envelope_the_daemon_could_not_read_is_refused_under_id_zero() {
    let daemon = TestDaemon::serving(|peer| {
        let _request = peer.request::<JobGet>();
        peer.refuse(0, &WireError::new(ErrorCode::BadRequest, "what?"));
    });
    let answer = client(&daemon, LONG).call(&JobGet { id: 1 });
    assert!(matches!(answer, Err(CallError::Refused(e)) if e.code == ErrorCode::BadRequest));
}
