use std::task::Poll;

use comenq_proto::MAX_FRAME;

use super::*;
use crate::server::memory::Budget;

const LONG: Duration = Duration::from_secs(60);

fn framed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

#[tokio::test]
async fn memory_and_budget_of_a_large_frame_are_given_back() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let budget = Budget::new(MAX_FRAME).of(1);
    let stop = CancellationToken::new();
    let mut frames = FrameStream::new(ours, &Limits::new(1024), budget.clone(), stop);
    let write = async {
        theirs
            .write_all(&framed(&vec![1; MAX_FRAME]))
            .await
            .unwrap();
        theirs.write_all(&framed(b"x")).await.unwrap();
    };
    let read = async {
        let frame = frames.next(Patience::Between(LONG)).await.unwrap();
        assert_eq!(frame.bytes.len(), MAX_FRAME);
        assert_eq!(budget.free(), 0);
        drop(frame);
        assert_eq!(budget.free(), MAX_FRAME);
        frames.next(Patience::Between(LONG)).await.unwrap()
    };
    let (frame, ()) = tokio::join!(read, write);
    assert_eq!(frame.bytes, &b"x"[..]);
    assert!(
        frames.buffer.capacity() <= READ_ROOM,
        "{}",
        frames.buffer.capacity()
    );
}

#[tokio::test]
async fn nothing_is_allocated_for_a_large_frame_before_its_share() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let budget = Budget::new(0).of(1);
    let limits = Limits {
        frame_timeout: Duration::from_millis(20),
        ..Limits::new(1024)
    };
    let mut frames = FrameStream::new(ours, &limits, budget, CancellationToken::new());
    theirs.write_all(&[0, 15, 0, 0, 1]).await.unwrap();
    let ended = frames.next(Patience::Between(LONG)).await.unwrap_err();
    assert!(matches!(ended, Ended::NoRoom(0x000f_0000)), "{ended}");
    assert!(frames.buffer.capacity() <= READ_ROOM);
}

#[tokio::test]
async fn readiness_of_before_is_not_a_word_from_the_peer() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let budget = Budget::new(0).of(1);
    let stop = CancellationToken::new();
    let mut frames = FrameStream::new(ours, &Limits::new(1024), budget, stop);
    // A read that fills all the room there is leaves tokio in the belief that more has come.
    let full = framed(&[1; READ_ROOM - 4]);
    theirs.write_all(&full).await.unwrap();
    frames.next(Patience::Between(LONG)).await.unwrap();
    assert_eq!(frames.buffer.capacity(), 0, "it was full");
    {
        let mut heard = std::pin::pin!(frames.readable());
        let first = std::future::poll_fn(|cx| Poll::Ready(heard.as_mut().poll(cx))).await;
        assert!(first.is_pending(), "{first:?}");
    }
    theirs.write_all(&framed(b"x")).await.unwrap();
    frames.readable().await.unwrap();
    let frame = frames.next(Patience::Between(LONG)).await.unwrap();
    assert_eq!(frame.bytes, &b"x"[..]);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_rings_when_it_was_last_set_to() {
    let seconds = Duration::from_secs;
    let start = Instant::now();
    let mut alarm = Alarm::new(seconds(2));
    alarm.set(seconds(10));
    tokio::time::sleep(seconds(6)).await;
    alarm.set(seconds(10));
    alarm.rings().await;
    assert_eq!(start.elapsed().as_secs(), 16);
    alarm.set(seconds(100));
    alarm.set(seconds(1));
    alarm.rings().await;
    assert_eq!(start.elapsed().as_secs(), 17);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_alive_by_the_daemons_own_writes_but_a_begun_frame_is_not() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let limits = Limits::new(1024);
    let idle = Patience::Between(Duration::from_secs(60));
    let budget = Budget::new(MAX_FRAME).of(1);
    let mut frames = FrameStream::new(ours, &limits, budget, CancellationToken::new());
    let start = Instant::now();
    // As a stream of events does: whatever comes first, the client's next frame or an event.
    for _ in 0..10 {
        tokio::select! {
            frame = frames.next(idle) => panic!("{frame:?}"),
            () = tokio::time::sleep(Duration::from_secs(40)) => {}
        }
        frames.send(vec![1]).await.unwrap();
    }
    assert!(matches!(frames.next(idle).await, Err(Ended::Idle)));
    assert_eq!(start.elapsed().as_secs(), 460);

    theirs.write_all(&[0, 0]).await.unwrap();
    let begun = Instant::now();
    let ended = loop {
        tokio::select! {
            frame = frames.next(idle) => break frame.unwrap_err(),
            () = tokio::time::sleep(Duration::from_secs(4)) => {}
        }
        frames.send(vec![1]).await.unwrap();
    };
    assert!(matches!(ended, Ended::Slow), "{ended}");
    assert_eq!(begun.elapsed(), limits.frame_timeout);
}
