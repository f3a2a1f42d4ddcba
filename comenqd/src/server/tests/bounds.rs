//! What a slow or greedy peer runs into.

use comenq_proto::USER_BUDGET_PARTS;

use super::*;
use crate::server::limits::RATE_PAUSE;

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let room = Room::new(Limits {
        idle_timeout: SHORT,
        ..limits()
    });
    let mut client = room.greeted().await;
    assert!(client.closed().await);
}

#[tokio::test]
async fn a_frame_once_begun_must_be_finished_in_time() {
    let room = Room::new(Limits {
        frame_timeout: SHORT,
        ..limits()
    });
    for begin in [&[0][..], &[0, 0, 0, 9, 1], &[0, 1, 0, 0, 1]] {
        let mut client = room.greeted().await;
        client.write(begin).await;
        assert!(client.closed().await, "{begin:?}");
    }
}

#[tokio::test]
async fn large_replies_pass_and_a_peer_that_does_not_read_is_dropped() {
    let room = Room::new(Limits {
        write_timeout: SHORT * 16,
        ..limits()
    });
    let mut client = room.greeted().await;
    assert_eq!(client.call(1, "large").await.body.len(), 1_000_000);
    client.write(&request(2, "large", vec![1])).await;
    // The server gave up: writing to it fails.
    while client.0.write_all(&[0]).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let mut got = Vec::new();
    let _ = client.0.read_to_end(&mut got).await;
    assert!(!got.is_empty() && got.len() < 1_000_000, "{}", got.len());
}

#[tokio::test]
async fn half_received_frames_share_a_budget() {
    let frame = request(1, "echo", vec![0; 16 * 1024]);
    let budget = frame.len() + 1000;
    let room = Room::new(Limits {
        frame_budget_bytes: budget,
        ..limits()
    });
    let (mut first, mut second) = (room.greeted().await, room.greeted().await);
    let (head, tail) = frame.split_at(5000);
    first.write(head).await;
    // The answer to a small request proves that the server has seen the first one's half.
    let mut third = room.greeted().await;
    third.call(1, "echo").await;
    second.write(&frame).await;
    assert_eq!(third.call(2, "echo").await.kind, Kind::Ok);
    let early = tokio::time::timeout(SHORT, second.0.read(&mut [0])).await;
    assert!(early.is_err(), "answered without a share");
    first.write(tail).await;
    assert_eq!(first.response().await.kind, Kind::Ok);
    assert_eq!(second.response().await.kind, Kind::Ok);
}

#[tokio::test]
async fn who_gets_no_share_of_the_budget_in_time_is_dropped() {
    let frame = request(1, "echo", vec![0; 16 * 1024]);
    let limits = Limits {
        frame_budget_bytes: 1000,
        frame_timeout: SHORT,
        ..limits()
    };
    let room = Room::new(limits);
    let mut client = room.greeted().await;
    client.write(&frame).await;
    assert!(client.closed().await);
}

#[tokio::test]
async fn beyond_the_last_place_a_peer_is_told_so_until_one_is_free() {
    let room = Room::new(Limits {
        connections: 1,
        ..limits()
    });
    let first = room.greeted().await;
    let mut second = room.connect().await;
    let error = second.hello(&Hello::new("test", "1")).await.err.unwrap();
    assert_eq!(error.code, ErrorCode::TooManyConnections);
    assert!(error.retryable);
    drop((first, second));
    tokio::time::timeout(LONG, async {
        loop {
            let mut client = room.connect().await;
            if client.hello(&Hello::new("test", "1")).await.ack.is_some() {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn who_asks_too_fast_is_told_so_and_keeps_the_connection() {
    let room = Room::new(Limits {
        requests_per_second: 2,
        ..limits()
    });
    let mut client = room.greeted().await;
    let mut other = room.greeted().await;
    let mut refused = None;
    for id in 1..=200 {
        client.write(&request(id, "echo", vec![1])).await;
        let response = client.response().await;
        assert_eq!(response.request_id, id);
        if response.kind == Kind::Err {
            refused = Some(from_slice::<WireError>(&response.body).unwrap());
            break;
        }
        assert!(id <= 20, "nobody was refused");
    }
    let error = refused.unwrap();
    assert_eq!(error.code, ErrorCode::RateLimited);
    assert!(error.retryable);
    assert_eq!(error.retry_after_s, Some(1));
    // Another connection of the same user does not help, this one goes on after the wait.
    assert_eq!(other.call(1, "echo").await.kind, Kind::Err);
    tokio::time::sleep(SHORT * 10).await;
    assert_eq!(client.call(201, "echo").await.kind, Kind::Ok);
}

#[tokio::test]
async fn refusals_of_a_hasty_connection_come_no_faster_than_its_pauses() {
    let room = Room::new(Limits {
        requests_per_second: 1,
        ..limits()
    });
    let mut client = room.greeted().await;
    let many: Vec<u8> = (1..=6)
        .flat_map(|id| request(id, "echo", vec![1]))
        .collect();
    let start = std::time::Instant::now();
    client.write(&many).await;
    let mut refused = 0;
    for id in 1..=6 {
        let response = client.response().await;
        assert_eq!(response.request_id, id);
        refused += u32::from(response.kind == Kind::Err);
    }
    assert!(refused >= 4, "{refused}");
    assert!(start.elapsed() >= RATE_PAUSE * (refused - 1));
}

#[tokio::test]
async fn replies_that_nobody_reads_share_a_budget() {
    let room = Room::new(Limits {
        // One user's part of it has room for two.
        reply_budget_bytes: USER_BUDGET_PARTS * 2 * MAX_FRAME,
        ..limits()
    });
    let mut deaf = Vec::new();
    for _ in 0..3 {
        let mut client = room.greeted().await;
        client.write(&request(1, "large", vec![1])).await;
        deaf.push(client);
    }
    // Two replies are made and wait for their readers, the third is not made yet.
    let mut third = deaf.pop().unwrap();
    let early = tokio::time::timeout(SHORT, third.0.read(&mut [0])).await;
    assert!(early.is_err(), "answered without a share");
    assert_eq!(room.greeted().await.call(1, "echo").await.kind, Kind::Ok);
    assert_eq!(deaf[0].response().await.body.len(), 1_000_000);
    drop(deaf);
    assert_eq!(third.response().await.body.len(), 1_000_000);
}

#[tokio::test]
async fn limits_change_while_the_server_runs() {
    let room = Room::new(limits());
    let first = room.greeted().await;
    room.limits.send_replace(Limits {
        connections: 1,
        ..limits()
    });
    let mut second = room.connect().await;
    let error = second.hello(&Hello::new("test", "1")).await.err.unwrap();
    assert_eq!(error.code, ErrorCode::TooManyConnections);
    drop(first);
}
