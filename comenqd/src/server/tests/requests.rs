//! Requests, good and bad, and the end of a connection.

use super::*;

#[tokio::test]
async fn a_request_may_arrive_byte_by_byte_and_several_at_once() {
    let room = Room::new(limits());
    let mut client = room.greeted().await;
    for byte in request(5, "echo", vec![9]) {
        client.write(&[byte]).await;
        tokio::task::yield_now().await;
    }
    let response = client.response().await;
    assert_eq!((response.request_id, response.kind), (5, Kind::Ok));
    assert_eq!(response.body.as_slice(), [9]);

    let mut many = Vec::new();
    for id in 1..=40 {
        many.extend(request(id, "echo", vec![0; 150]));
    }
    client.write(&many).await;
    for id in 1..=40 {
        assert_eq!(client.response().await.request_id, id);
    }
}

#[tokio::test]
async fn a_wrong_frame_length_ends_the_connection_at_once() {
    let room = Room::new(limits());
    let too_large = u32::try_from(MAX_FRAME + 1).unwrap();
    for len in [0, too_large, u32::MAX] {
        let mut client = room.greeted().await;
        client.write(&len.to_be_bytes()).await;
        assert!(client.closed().await, "{len}");
        let mut client = room.connect().await;
        client.write(&len.to_be_bytes()).await;
        assert!(client.closed().await, "{len} instead of a Hello");
    }
}

#[tokio::test]
async fn unreadable_requests_are_answered_and_the_third_in_a_row_is_the_last() {
    let room = Room::new(limits());
    let mut client = room.greeted().await;
    client.write(&framed(b"\xff")).await;
    assert_eq!(client.error().await, (0, ErrorCode::BadRequest));
    client.write(&request(7, "bad", vec![1])).await;
    assert_eq!(client.error().await, (7, ErrorCode::BadRequest));
    // A readable one in between forgives, also if it is refused.
    client.write(&request(8, "nonsense", vec![1])).await;
    assert_eq!(client.error().await, (8, ErrorCode::UnknownEndpoint));
    for id in 9..=11 {
        client.write(&request(id, "bad", vec![1])).await;
        assert_eq!(client.error().await, (id, ErrorCode::BadRequest));
    }
    assert!(client.closed().await);
}

#[tokio::test]
async fn an_envelope_of_another_version_is_refused_with_its_id() {
    let room = Room::new(limits());
    let mut client = room.greeted().await;
    let envelope = RequestEnvelope {
        v: 7,
        request_id: 3,
        endpoint: "echo".to_owned(),
        body: ByteBuf::from(vec![1]),
    };
    client.write(&framed(&to_bytes(&envelope).unwrap())).await;
    assert_eq!(client.error().await, (3, ErrorCode::BadRequest));
    assert_eq!(client.call(4, "echo").await.kind, Kind::Ok);
}

#[tokio::test]
async fn a_stop_finishes_the_current_request_and_takes_no_further_one() {
    let room = Room::new(limits());
    let mut busy = room.greeted().await;
    let mut idle = room.greeted().await;
    let mut two = request(1, "slow", vec![1]);
    two.extend(request(2, "echo", vec![1]));
    busy.write(&two).await;
    room.toy.slow_began.notified().await;
    room.stop.cancel();
    assert!(idle.closed().await);
    assert!(!room.server.is_finished());
    room.toy.slow.notify_one();
    assert_eq!(busy.response().await.request_id, 1);
    assert!(busy.closed().await);
    room.server.await.unwrap().unwrap();
    assert!(!room.dir.path().join("s").exists());
}
