use super::super::sample_lane;
use super::*;

fn pause(number: u64) -> What {
    What::Pause {
        account: Some(number.to_string()),
        paused: true,
    }
}

fn publish(bus: &Bus, numbers: std::ops::Range<u64>) {
    bus.publish(UnixMs(1), numbers.map(pause));
}

async fn seqs(subscription: &mut Subscription) -> Vec<u64> {
    match subscription.next().await {
        Batch::Events(events) => events.iter().map(|event| event.seq).collect(),
        Batch::Lagged(missed) => panic!("missed {missed}"),
    }
}

const KEPT: u64 = EVENTS_KEPT as u64;

#[tokio::test(start_paused = true)]
async fn a_reader_gets_what_happens_from_then_on_in_order() {
    let bus = Arc::new(Bus::new(7));
    publish(&bus, 0..3);
    let mut reader = bus.subscribe(None);
    assert_eq!((reader.position(), reader.is_gapless()), ((7, 3), true));
    publish(&bus, 3..5);
    assert_eq!(seqs(&mut reader).await, [4, 5]);
    let waiting = tokio::time::timeout(Duration::from_secs(60), reader.next()).await;
    assert!(waiting.is_err(), "nothing happened: {waiting:?}");
    publish(&bus, 5..6);
    assert_eq!(seqs(&mut reader).await, [6]);
    assert_eq!(reader.position(), (7, 6));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_comes_back_goes_on_where_it_was_or_is_told_that_it_cannot() {
    let bus = Arc::new(Bus::new(7));
    publish(&bus, 0..5);
    let mut back = bus.subscribe(Some((7, 2)));
    assert!(back.is_gapless());
    assert_eq!(seqs(&mut back).await, [3, 4, 5]);
    for unknown in [(8, 2), (7, 6), (0, 0)] {
        let reader = bus.subscribe(Some(unknown));
        let told = (reader.position(), reader.is_gapless());
        assert_eq!(told, ((7, 5), false), "{unknown:?}");
    }
    publish(&bus, 5..KEPT + 5);
    assert!(bus.subscribe(Some((7, 5))).is_gapless(), "just kept");
    assert!(!bus.subscribe(Some((7, 4))).is_gapless(), "just lost");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_one_mark_for_what_it_missed_and_then_all_that_is_kept() {
    let bus = Arc::new(Bus::new(7));
    let mut reader = bus.subscribe(None);
    publish(&bus, 0..KEPT + 300);
    let Batch::Lagged(missed) = reader.next().await else {
        panic!("it was not told");
    };
    assert_eq!((missed, bus.missed()), (300, 300));
    let mut got = Vec::new();
    while got.last() != Some(&(KEPT + 300)) {
        got.extend(seqs(&mut reader).await);
    }
    assert!(got.into_iter().eq(301..=KEPT + 300));
    let ring = bus.ring.lock().unwrap();
    assert_eq!(ring.events.len(), EVENTS_KEPT, "and no more is kept");
}

#[tokio::test(start_paused = true)]
async fn the_first_goes_at_once_and_what_follows_together_the_more_readers_the_later() {
    let bus = Arc::new(Bus::new(7));
    for (others, pace) in [(0, LEAST_PACE), (199, Duration::from_millis(50))] {
        let crowd: Vec<_> = (0..others).map(|_| bus.subscribe(None)).collect();
        let mut reader = bus.subscribe(None);
        publish(&bus, 0..1);
        let start = Instant::now();
        assert_eq!(seqs(&mut reader).await.len(), 1);
        assert_eq!(start.elapsed(), Duration::ZERO);
        publish(&bus, 1..3);
        assert_eq!(seqs(&mut reader).await.len(), 2);
        assert_eq!(start.elapsed(), pace, "{} readers", crowd.len() + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_goes_out_in_parts() {
    let bus = Arc::new(Bus::new(7));
    let mut reader = bus.subscribe(None);
    publish(&bus, 0..KEPT);
    let mut parts = Vec::new();
    while reader.position().1 < KEPT {
        parts.push(seqs(&mut reader).await.len());
    }
    let expected = vec![MOST_AT_ONCE; usize::try_from(KEPT).unwrap() / MOST_AT_ONCE];
    assert_eq!(parts, expected);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_loses_nothing() {
    let bus = Arc::new(Bus::new(7));
    let mut reader = bus.subscribe(None);
    assert_eq!(bus.readers(), 1);
    for number in 0..3 {
        publish(&bus, number..number + 1);
        let early = tokio::time::timeout(Duration::ZERO, reader.next()).await;
        drop(early);
    }
    publish(&bus, 3..4);
    let mut last = reader.position().1;
    while last < 4 {
        last = *seqs(&mut reader).await.last().unwrap();
    }
    drop(reader);
    assert_eq!(bus.readers(), 0);
}

#[test]
fn an_event_is_shown_in_each_shape_once() {
    let bus = Arc::new(Bus::new(7));
    publish(&bus, 0..1);
    let event = Arc::clone(bus.ring.lock().unwrap().events.front().unwrap());
    assert_eq!(&*event.shown(true, |_| vec![1]), [1]);
    assert_eq!(&*event.shown(true, |_| vec![2]), [1], "made once");
    assert_eq!(&*event.shown(false, |_| vec![3]), [3], "but apart");
}

#[test]
fn only_a_change_of_a_lanes_trouble_is_news() {
    let ok = sample_lane(Phase::Idle);
    let posting = sample_lane(Phase::Posting);
    assert_eq!(LaneNews::between(&ok, &posting), None);
    let limited = LaneReport {
        reason: Some("slow down".to_owned()),
        next_post_at: Some(UnixMs(9)),
        ..sample_lane(Phase::Limited)
    };
    let news = |trouble, reason: Option<&str>, next_try_at| {
        Some(What::Lane(LaneNews {
            account: "default".to_owned(),
            trouble,
            reason: reason.map(str::to_owned),
            next_try_at,
        }))
    };
    let told = LaneNews::between(&ok, &limited);
    let trouble = Some(LaneTrouble::Limited);
    assert_eq!(told, news(trouble, Some("slow down"), Some(UnixMs(9))));
    assert_eq!(LaneNews::between(&limited, &limited), None);
    assert_eq!(
        LaneNews::between(&limited, &posting),
        news(None, None, None)
    );
}
