use super::*;
use crate::clock::{TimeSource, UnixMs};

/// A clock whose hand the test turns.
#[derive(Debug, Default)]
struct Hand(AtomicU64);

impl Hand {
    fn turn(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

impl TimeSource for Hand {
    fn boot_id(&self) -> u128 {
        1
    }
    fn boottime(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
    fn wall(&self) -> UnixMs {
        UnixMs(0)
    }
}

struct Room {
    hand: Arc<Hand>,
    sent: Arc<Mutex<Vec<String>>>,
    watchdog: Watchdog,
    stalled: Vec<&'static str>,
}

fn recorder() -> (Notifier, Arc<Mutex<Vec<String>>>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&sent);
    let notifier = Notifier::new(Arc::new(move |states: &[NotifyState<'_>]| {
        log.lock()
            .unwrap()
            .extend(states.iter().map(ToString::to_string));
        Ok(())
    }));
    (notifier, sent)
}

const INTERVAL: Duration = Duration::from_secs(20);
const PERIOD: Duration = Duration::from_secs(5);

impl Room {
    fn new() -> Self {
        let hand = Arc::new(Hand::default());
        let clock = Arc::new(Clock::new(Arc::clone(&hand) as Arc<dyn TimeSource>));
        let (notifier, sent) = recorder();
        let watchdog = Watchdog::new(notifier, clock, Some(INTERVAL));
        Self {
            hand,
            sent,
            watchdog,
            stalled: Vec::new(),
        }
    }

    /// Lets that much time pass, checks, and says whether a ping left.
    fn after(&mut self, seconds: u64) -> bool {
        self.hand.turn(seconds);
        self.sent.lock().unwrap().clear();
        let now = self.watchdog.clock.boottime();
        self.watchdog.check(now, &mut self.stalled);
        self.sent.lock().unwrap().contains(&"WATCHDOG=1".to_owned())
    }
}

#[test]
fn a_part_that_beats_keeps_the_daemon_alive_and_a_silent_one_does_not() {
    let mut room = Room::new();
    let accept = room.watchdog.register("accept");
    let worker = room.watchdog.register("worker");
    assert!(room.after(20));
    accept.beat();
    assert!(!room.after(1));
    assert_eq!(room.stalled, ["worker"]);
    worker.beat();
    assert!(room.after(0));
    assert!(room.stalled.is_empty());
}

#[test]
fn a_declared_deadline_replaces_beats_until_it_passes() {
    let mut room = Room::new();
    let worker = room.watchdog.register("worker");
    worker.busy_for(Duration::from_secs(35));
    assert!(room.after(34));
    assert!(!room.after(2));
    worker.beat();
    assert!(room.after(0));
    // A short one does not make it wait less than the interval.
    worker.busy_for(Duration::from_secs(1));
    assert!(room.after(20));
    // And a beat ends a long one.
    worker.busy_for(Duration::from_secs(1000));
    worker.beat();
    assert!(!room.after(21));
}

#[test]
fn a_part_that_left_is_not_waited_for() {
    let mut room = Room::new();
    drop(room.watchdog.register("accept"));
    assert!(room.after(1000));
}

#[test]
fn time_in_which_nobody_ran_counts_against_nobody() {
    let mut room = Room::new();
    let worker = room.watchdog.register("worker");
    room.hand.turn(3600);
    room.watchdog.forgive(Duration::from_secs(3595), PERIOD);
    assert!(room.after(0));
    assert!(!room.after(20), "a stall is still a stall");
    drop(worker);
}

#[test]
fn beats_may_come_from_another_thread() {
    let mut room = Room::new();
    let pulse = room.watchdog.register("commit");
    room.hand.turn(30);
    std::thread::spawn(move || {
        pulse.beat();
        pulse
    })
    .join()
    .unwrap();
    assert!(room.after(0));
}

#[test]
fn each_part_tells_whether_it_answers_and_for_whom_it_works() {
    let room = Room::new();
    let accept = room.watchdog.register("accept");
    let _worker = room.watchdog.register_for("worker", "bot".to_owned());
    drop(room.watchdog.register("gone"));
    let state = |name, account: Option<&str>, alive| PartState {
        name,
        account: account.map(str::to_owned),
        alive,
    };
    let well = [
        state("accept", None, true),
        state("worker", Some("bot"), true),
    ];
    assert_eq!(room.watchdog.parts(), well);
    room.hand.turn(21);
    accept.beat();
    let ill = [
        state("accept", None, true),
        state("worker", Some("bot"), false),
    ];
    assert_eq!(room.watchdog.parts(), ill);
}

#[tokio::test(start_paused = true)]
async fn also_without_a_watchdog_time_in_which_nobody_ran_counts_against_nobody() {
    let hand = Arc::new(Hand::default());
    let clock = Arc::new(Clock::new(Arc::clone(&hand) as Arc<dyn TimeSource>));
    let watchdog = Watchdog::new(recorder().0, clock, None);
    let _accept = watchdog.register("accept");
    let stop = CancellationToken::new();
    let work = async {
        tokio::time::sleep(UNWATCHED / 4).await;
        hand.turn(3600);
        assert!(!watchdog.parts()[0].alive, "nobody has forgiven it yet");
        tokio::time::sleep(UNWATCHED / 4).await;
        assert!(watchdog.parts()[0].alive);
        stop.cancel();
    };
    tokio::join!(watchdog.run(stop.clone()), work);
}

#[test]
fn without_a_watchdog_nothing_hurries() {
    let clock = Arc::new(Clock::new(Arc::new(Hand::default())));
    let watchdog = Watchdog::new(recorder().0, clock, None);
    assert_eq!(watchdog.register("accept").period(), UNHURRIED);
}

#[tokio::test(start_paused = true)]
async fn the_task_pings_four_times_in_an_interval() {
    let room = Room::new();
    let stop = CancellationToken::new();
    let work = async {
        // The paused runtime's time and the hand move together.
        for _ in 0..9 {
            tokio::time::sleep(PERIOD).await;
            room.hand.turn(5);
        }
        stop.cancel();
    };
    tokio::join!(room.watchdog.run(stop.clone()), work);
    let pings = room.sent.lock().unwrap().len();
    assert!((8..=10).contains(&pings), "{pings}");
}

#[test]
fn the_same_status_is_said_once() {
    let (notifier, sent) = recorder();
    notifier.status("3 queued");
    notifier.status("3 queued");
    notifier.status("2 queued");
    notifier.ready();
    notifier.stopping();
    assert_eq!(
        *sent.lock().unwrap(),
        [
            "STATUS=3 queued",
            "STATUS=2 queued",
            "READY=1",
            "STOPPING=1"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn long_work_asks_for_time_while_it_lasts() {
    let (notifier, sent) = recorder();
    let work = tokio::time::sleep(Duration::from_secs(12));
    notifier.extending(work).await;
    assert_eq!(*sent.lock().unwrap(), ["EXTEND_TIMEOUT_USEC=15000000"; 3]);
}
