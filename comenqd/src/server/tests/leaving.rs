//! When the accept loop ends because nobody is there.

use std::os::unix::net::UnixListener;

use super::*;

#[tokio::test]
async fn it_ends_once_nobody_is_connected() {
    let mut room = Room::new(limits());
    let client = room.greeted().await;
    let quiet = tokio::time::timeout(SHORT, room.leave.quiet()).await;
    assert!(quiet.is_err(), "somebody is connected");
    drop(client);
    let quiet = room.leave.quiet().await;
    assert!(room.leave.lasts(quiet, SHORT).await, "nobody came");
    assert!(room.leave.leave(quiet).await);
    assert!(room.stop.is_cancelled());
    room.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_came_since_is_not_missed() {
    let mut room = Room::new(limits());
    let quiet = room.leave.quiet().await;
    // And has gone again.
    drop(room.greeted().await);
    let later = room.leave.quiet().await;
    assert_ne!(quiet, later);
    assert!(!room.leave.lasts(quiet, LONG).await);
    assert!(!room.leave.leave(quiet).await);
    assert!(!room.stop.is_cancelled());
    let mut client = room.connect().await;
    assert!(client.hello(&Hello::new("test", "1")).await.ack.is_some());
}

#[tokio::test]
async fn who_is_refused_has_come_too() {
    let mut room = Room::new(Limits {
        user_connections: 0,
        connections: 0,
        ..limits()
    });
    let quiet = room.leave.quiet().await;
    let mut client = room.connect().await;
    assert!(client.hello(&Hello::new("test", "1")).await.err.is_some());
    assert!(!room.leave.leave(quiet).await);
}

/// The kernel has the connection, and nobody has accepted it.
#[tokio::test]
async fn who_waits_at_the_socket_is_not_left() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let socket = UnixListener::bind(&path).unwrap();
    let (mut presence, mut leave) = presence();
    let since = leave.quiet().await;
    let asked = tokio::spawn(async move { leave.leave(since).await });
    let wish = presence.wish().await;
    assert!(presence.allows(&wish, &socket));
    let _waits = UnixStream::connect(&path).await.unwrap();
    assert!(!presence.allows(&wish, &socket));
    wish.answer(false);
    assert!(!asked.await.unwrap());
}
