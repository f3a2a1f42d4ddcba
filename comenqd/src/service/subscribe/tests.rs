use comenq_proto::from_slice;

use super::*;
use crate::clock::tests::Hands;
use crate::groups::Groups;
use crate::notify::{Notifier, Watchdog};
use crate::policy::Rules;
use crate::queue::{Queue, State, sample_lane};
use crate::service::Settings;
use crate::store::{Committed, Failure};
use std::time::Duration;

const ANN: u32 = 1000;
const BEN: u32 = 1001;

struct Room {
    service: Service,
    queue: Queue,
}

impl Room {
    fn new() -> Self {
        let clock = Arc::new(Clock::new(Hands::new(7, Duration::from_secs(1))));
        let queue = Queue::new(Arc::clone(&clock), 9);
        let watchdog = Watchdog::new(Notifier::system(), Arc::clone(&clock), None);
        let settings = Settings {
            accounts: Vec::new(),
            max_body_chars: 1,
            own_uid: 0,
            access: crate::policy::Access::default(),
            started_at: UnixMs(0),
            loaded_at: UnixMs(0),
            config_error: None,
            waits_for_restart: Vec::new(),
        };
        let rules = Rules::default();
        let nobody: crate::groups::Lookup = Arc::new(|_| Ok(Vec::new()));
        let groups = Groups::new(nobody, Arc::clone(&clock));
        let watchdog = Arc::new(watchdog);
        let service = Service::new(queue.clone(), clock, rules, watchdog, groups, settings);
        Self { service, queue }
    }

    fn subscribe(&self, uid: u32, request: &Subscribe) -> Box<dyn EventSource> {
        subscribe(&self.service, caller(uid), request).unwrap().1
    }

    fn tell(&self, news: Vec<News>) {
        self.queue.observer().committed(Committed {
            news,
            ..Committed::default()
        });
    }
}

fn caller(uid: u32) -> Caller {
    let role = if uid == 0 {
        Role::Admin
    } else {
        Role::Operator
    };
    Caller { uid, role }
}

fn failed(id: u64, uid: u32) -> News {
    News {
        happened: Happened::Failed,
        is_new: false,
        id: JobId::new(id).unwrap(),
        uid,
        account: "default".into(),
        target: "o/r#1".into(),
        state: State::Failed,
        comment_url: Some("https://x".into()),
        next_attempt_at: None,
        reason: Some("a private reason".into()),
        failure: Some(Failure::Locked),
        superseded_by: None,
    }
}

async fn next(stream: &mut Box<dyn EventSource>) -> Vec<WireEvent> {
    let bodies = stream.next().await;
    bodies.iter().map(|it| from_slice(it).unwrap()).collect()
}

async fn ids(stream: &mut Box<dyn EventSource>) -> Vec<Option<u64>> {
    next(stream)
        .await
        .iter()
        .map(|event| event.job_id)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn each_subscriber_gets_what_it_asked_for() {
    let room = Room::new();
    let all = Subscribe::default();
    let mine = Subscribe {
        mine: true,
        ..Subscribe::default()
    };
    let one = Subscribe {
        ids: vec![2],
        ..Subscribe::default()
    };
    let mut all = room.subscribe(ANN, &all);
    let mut mine = room.subscribe(ANN, &mine);
    let mut one = room.subscribe(ANN, &one);
    room.tell(vec![failed(1, ANN), failed(2, BEN)]);
    room.queue.tell_pause(None, true);
    assert_eq!(ids(&mut all).await, [Some(1), Some(2), None]);
    assert_eq!(ids(&mut mine).await, [Some(1), None]);
    assert_eq!(ids(&mut one).await, [Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn of_somebody_elses_job_the_reason_is_left_out_but_not_for_admins() {
    let room = Room::new();
    let mut seen = Vec::new();
    let request = Subscribe::default();
    let mut streams = [ANN, BEN, 0].map(|uid| room.subscribe(uid, &request));
    room.tell(vec![failed(1, ANN)]);
    for stream in &mut streams {
        let event = next(stream).await.pop().unwrap();
        assert_eq!(event.failure, Some(FailureCode::Locked));
        assert_eq!(
            event.comment_url.as_deref(),
            Some("https://x"),
            "as in job_get"
        );
        seen.push(event.reason);
    }
    let whole = Some("a private reason".to_owned());
    assert_eq!(seen, [whole.clone(), None, whole]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_go_on_says_so_first() {
    let room = Room::new();
    room.tell(vec![failed(1, ANN), failed(2, ANN)]);
    let after = |epoch, seq| Subscribe {
        after: Some(Position { epoch, seq }),
        ..Subscribe::default()
    };
    let mut known = room.subscribe(ANN, &after(9, 1));
    assert_eq!(ids(&mut known).await, [Some(2)]);
    let mut unknown = room.subscribe(ANN, &after(8, 1));
    let mark = next(&mut unknown).await.pop().unwrap();
    let position = Position { epoch: 9, seq: 2 };
    assert_eq!((mark.kind, mark.position), (EventKind::Snapshot, position));
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_heartbeats_also_when_others_are_busy() {
    let room = Room::new();
    let request = Subscribe {
        mine: true,
        ..Subscribe::default()
    };
    let mut stream = room.subscribe(ANN, &request);
    let start = Instant::now();
    let busy = async {
        loop {
            room.tell(vec![failed(1, BEN)]);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let beats = async {
        for number in 1..=2 {
            let beat = next(&mut stream).await.pop().unwrap();
            assert_eq!(beat.kind, EventKind::Heartbeat);
            assert_eq!(start.elapsed(), HEARTBEAT * number);
        }
    };
    tokio::select! {
        () = busy => unreachable!("it never ends"),
        () = beats => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_was_too_slow_is_told_how_much_it_missed() {
    let room = Room::new();
    let mut stream = room.subscribe(ANN, &Subscribe::default());
    let kept = u64::try_from(comenq_proto::EVENTS_KEPT).unwrap();
    for id in 1..=kept + 5 {
        room.tell(vec![failed(id, ANN)]);
    }
    let mark = next(&mut stream).await.pop().unwrap();
    assert_eq!((mark.kind, mark.missed), (EventKind::Lagged, Some(5)));
    assert_eq!(ids(&mut stream).await.first(), Some(&Some(6)));
}

#[tokio::test(start_paused = true)]
async fn lanes_tell_of_their_trouble_once_and_when_it_is_over() {
    let room = Room::new();
    room.queue
        .set_accounts(vec![sample_lane(crate::queue::Phase::Idle)]);
    let mut stream = room.subscribe(ANN, &Subscribe::default());
    let phases = [
        crate::queue::Phase::Limited,
        crate::queue::Phase::Limited,
        crate::queue::Phase::Idle,
        crate::queue::Phase::Posting,
    ];
    for phase in phases {
        room.queue.report(sample_lane(phase));
    }
    let events = next(&mut stream).await;
    let told: Vec<_> = events
        .iter()
        .map(|it| (it.kind, it.account.as_deref()))
        .collect();
    let account = Some("default");
    assert_eq!(
        told,
        [
            (EventKind::LaneLimited, account),
            (EventKind::LaneOk, account)
        ]
    );
}

#[test]
fn a_subscription_that_contradicts_itself_is_refused() {
    let room = Room::new();
    let code = |ids, mine| {
        let request = Subscribe {
            ids,
            mine,
            after: None,
        };
        subscribe(&room.service, caller(ANN), &request)
            .map(|_| ())
            .map_err(|it| it.code)
    };
    assert_eq!(code(vec![1], true), Err(ErrorCode::InvalidValue));
    assert_eq!(code(vec![0], false), Err(ErrorCode::InvalidId));
    assert_eq!(code(vec![1], false), Ok(()));
}
