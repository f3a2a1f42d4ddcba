//! The first frame of each side.

use super::*;

#[tokio::test]
async fn the_handshake_tells_the_client_who_it_is() {
    let room = Room::new(limits());
    let mut client = room.connect().await;
    let ack = client.hello(&Hello::new("test", "1")).await.ack.unwrap();
    assert_eq!(ack.protocol_version, ProtocolVersion::CURRENT);
    assert_eq!(ack.max_frame, u32::try_from(MAX_FRAME).unwrap());
    assert_eq!(ack.authz.uid, nix::unistd::geteuid().as_raw());
    assert_eq!(ack.authz.role, Role::Operator);
    assert_eq!(ack.daemon_version, env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn a_role_that_takes_long_keeps_nobody_else_waiting() {
    let room = Room::new(limits());
    let hangs = &room.toy.role_hangs;
    hangs.store(true, Ordering::SeqCst);
    let mut first = room.connect().await;
    let hello = to_bytes(&Hello::new("test", "1")).unwrap();
    first.write(&framed(&hello)).await;
    while hangs.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    let _others = (room.greeted().await, room.greeted().await);
    room.toy.role.notify_one();
    assert!(first.hello_reply().await.ack.is_some());
}

#[tokio::test]
async fn a_late_hello_is_refused_with_the_reason() {
    let room = Room::new(Limits {
        hello_timeout: SHORT,
        ..limits()
    });
    let mut silent = room.connect().await;
    let mut halting = room.connect().await;
    halting.write(&[0, 0]).await;
    for (client, code) in [
        (&mut silent, ErrorCode::HelloLate),
        (&mut halting, ErrorCode::ProtocolViolation),
    ] {
        let error = client.hello_reply().await.err.unwrap();
        assert_eq!(error.code, code);
        assert_eq!(
            error.message,
            "no complete Hello within 0.06 s of connecting"
        );
        assert!(client.closed().await);
    }
    // Who did not begin may have been kept from it: that breaks no rule.
    assert_eq!(room.toy.violations.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_client_of_another_age_is_told_which_side_is_old() {
    let room = Room::new(limits());
    let mut client = room.connect().await;
    let mut hello = Hello::new("test", "1");
    hello.protocol_version = ProtocolVersion(9);
    hello.min_protocol_version = ProtocolVersion(8);
    let error = client.hello(&hello).await.err.unwrap();
    assert_eq!(error.code, ErrorCode::IncompatibleProtocol);
    assert!(error.message.contains("the daemon is too old"), "{error}");
    drop(client.0.shutdown().await);
    assert!(client.closed().await);
}

#[tokio::test]
async fn a_first_frame_that_is_no_hello_is_refused() {
    let room = Room::new(limits());
    let mut client = room.connect().await;
    client.write(&request(1, "echo", vec![1])).await;
    let error = client.hello_reply().await.err.unwrap();
    assert_eq!(error.code, ErrorCode::ProtocolViolation);
    assert!(
        error
            .message
            .starts_with("the first frame is not a Hello: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_refused_peer_can_read_why_also_after_it_wrote() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (_limits, in_force) = watch::channel(limits());
    let toy = Arc::new(Toy::default());
    let shared = Arc::new(Shared::new(toy, in_force, CancellationToken::new()));
    let peer = Peer {
        uid: UNMAPPED_UID,
        gid: UNMAPPED_UID,
        pid: 1,
    };
    let refusal = tokio::spawn(connection::refuse(ours, peer, shared, unmapped()));
    let mut client = Client(theirs);
    let error = client.hello(&Hello::new("test", "1")).await.err.unwrap();
    assert_eq!(error.code, ErrorCode::UnmappedPeer);
    assert!(error.message.contains("65534"));
    assert!(client.closed().await);
    drop(client);
    refusal.await.unwrap();
}
