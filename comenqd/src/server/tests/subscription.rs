//! A connection that has become a stream of events.

use std::pin::Pin;

use tokio::sync::mpsc;

use super::*;

/// Gives what the test sends it.
#[derive(Debug)]
pub(super) struct ToyEvents(pub(super) mpsc::UnboundedReceiver<Vec<u8>>);

impl EventSource for ToyEvents {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Bodies> + Send + '_>> {
        Box::pin(async {
            match self.0.recv().await {
                Some(body) => vec![body.into()],
                None => std::future::pending().await,
            }
        })
    }
}

async fn subscribed(room: &Room) -> (Client, mpsc::UnboundedSender<Vec<u8>>) {
    let mut client = room.greeted().await;
    assert_eq!(client.call(9, "subscribe").await.kind, Kind::Ok);
    let events = room.toy.events.lock().unwrap().pop().unwrap();
    (client, events)
}

#[tokio::test]
async fn events_follow_the_reply_under_its_number() {
    let room = Room::new(limits());
    let (mut client, events) = subscribed(&room).await;
    for text in [b"one".to_vec(), b"two".to_vec()] {
        events.send(text).unwrap();
    }
    for text in [b"one", b"two"] {
        let event = client.response().await;
        assert_eq!((event.kind, event.request_id), (Kind::Event, 9));
        assert_eq!(&event.body[..], text);
    }
}

#[tokio::test]
async fn a_request_among_events_is_turned_down_and_ends_them() {
    let room = Room::new(limits());
    let (mut client, _events) = subscribed(&room).await;
    client.write(&request(10, "echo", vec![1])).await;
    assert_eq!(client.error().await, (10, ErrorCode::EventsOnly));
    assert!(client.closed().await);

    // Sent ahead of the reply: it is no different.
    let mut client = room.greeted().await;
    let both = [
        request(1, "subscribe", vec![1]),
        request(2, "echo", vec![1]),
    ];
    client.write(&both.concat()).await;
    assert_eq!(client.response().await.kind, Kind::Ok);
    assert_eq!(client.error().await, (2, ErrorCode::EventsOnly));
    assert!(client.closed().await);

    let (mut client, _events) = subscribed(&room).await;
    client.write(&framed(b"no envelope")).await;
    assert_eq!(client.error().await, (0, ErrorCode::EventsOnly));
}

#[tokio::test]
async fn the_idle_limit_does_not_hold_for_events() {
    let room = Room::new(Limits {
        idle_timeout: SHORT,
        ..limits()
    });
    let mut idle = room.greeted().await;
    let (mut client, events) = subscribed(&room).await;
    assert!(idle.closed().await, "the limit holds for others");
    tokio::time::sleep(SHORT * 2).await;
    events.send(b"late".to_vec()).unwrap();
    assert_eq!(&client.response().await.body[..], b"late");
}

#[tokio::test]
async fn a_peer_that_goes_and_a_stop_end_the_stream() {
    let room = Room::new(limits());
    let (client, events) = subscribed(&room).await;
    drop(client);
    events.closed().await;
    let (mut client, events) = subscribed(&room).await;
    room.stop.cancel();
    assert!(client.closed().await);
    events.closed().await;
    room.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_dropped() {
    let room = Room::new(Limits {
        write_timeout: SHORT * 4,
        ..limits()
    });
    let (_client, events) = subscribed(&room).await;
    for _ in 0..8 {
        drop(events.send(vec![7; 500_000]));
    }
    events.closed().await;
}
