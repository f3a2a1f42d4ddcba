//! The clock's promises, with hands that the tests turn.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::*;

/// A time source whose hands the tests turn; also the worker's tests use it.
pub(crate) struct Hands {
    boot: u128,
    boottime_ms: AtomicU64,
    wall_ms: AtomicI64,
}

impl Hands {
    pub(crate) fn new(boot: u128, boottime: Duration) -> Arc<Self> {
        let boottime_ms = AtomicU64::new(boottime.as_millis().try_into().unwrap());
        Arc::new(Self {
            boot,
            boottime_ms,
            wall_ms: AtomicI64::new(1_800_000_000_000),
        })
    }

    /// Time passes, by every clock.
    pub(crate) fn pass(&self, span: Duration) {
        let ms = span.as_millis().try_into().unwrap();
        self.boottime_ms.fetch_add(ms, Ordering::Relaxed);
        self.jump_wall(ms.try_into().unwrap());
    }

    /// Somebody sets the wall clock.
    pub(crate) fn jump_wall(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl TimeSource for Hands {
    fn boot_id(&self) -> u128 {
        self.boot
    }

    fn boottime(&self) -> Duration {
        Duration::from_millis(self.boottime_ms.load(Ordering::Relaxed))
    }

    fn wall(&self) -> UnixMs {
        UnixMs(self.wall_ms.load(Ordering::Relaxed))
    }
}

const INTERVAL: Duration = Duration::from_secs(960);
const DATE: UnixMs = UnixMs(1_800_000_000_000);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn within_a_boot_only_boottime_counts() {
    let hands = Hands::new(1, seconds(1000));
    let clock = Clock::new(hands.clone());
    let mark = clock.mark();
    for jump in [-40 * 365 * 86_400_000, 0, 40 * 365 * 86_400_000] {
        hands.jump_wall(jump);
        assert_eq!(clock.remaining(mark, INTERVAL), INTERVAL);
    }
    hands.pass(seconds(959));
    assert_eq!(clock.remaining(mark, INTERVAL), seconds(1));
    hands.pass(seconds(100));
    assert_eq!(clock.remaining(mark, INTERVAL), Duration::ZERO);
}

#[test]
fn a_restart_within_the_boot_changes_nothing() {
    let hands = Hands::new(1, seconds(1000));
    let mark = Clock::new(hands.clone()).mark();
    hands.pass(seconds(60));
    let after = Clock::new(hands);
    assert_eq!(after.remaining(mark, INTERVAL), seconds(900));
}

#[test]
fn after_a_reboot_githubs_date_decides_with_slack() {
    let before = Clock::new(Hands::new(1, seconds(5000)));
    before.learn_github(DATE);
    let mark = before.mark();
    let after = Clock::new(Hands::new(2, seconds(10)));
    after.learn_github(DATE.plus(seconds(300)));
    assert_eq!(after.remaining(mark, INTERVAL), seconds(660) + BRIDGE_SLACK);
    // A Date before the mark: nothing has passed, and no more than one interval is left.
    after.learn_github(DATE.minus(seconds(300)));
    assert_eq!(after.remaining(mark, INTERVAL), INTERVAL);
}

#[test]
fn after_a_reboot_without_a_date_a_full_interval_counts_from_the_start() {
    let mark = Clock::new(Hands::new(1, seconds(5000))).mark();
    let hands = Hands::new(2, seconds(10));
    let after = Clock::new(hands.clone());
    assert_eq!(after.remaining(mark, INTERVAL), INTERVAL);
    hands.pass(seconds(100));
    assert_eq!(after.remaining(mark, INTERVAL), seconds(860));
}

#[test]
fn githubs_time_of_an_earlier_mark_is_known_once_any_date_is() {
    let hands = Hands::new(1, seconds(1000));
    let clock = Clock::new(hands.clone());
    let mark = clock.mark();
    assert_eq!((mark.github, clock.github_at(mark)), (None, None));
    hands.pass(seconds(30));
    clock.learn_github(DATE);
    assert_eq!(clock.github_at(mark), Some(DATE.minus(seconds(30))));
    assert_eq!(clock.start_mark().github, Some(DATE.minus(seconds(30))));
    let elsewhere = Mark {
        boot: 9,
        boottime_ms: 0,
        github: Some(DATE),
    };
    assert_eq!(clock.github_at(elsewhere), Some(DATE));
}

#[test]
fn each_host_has_a_time_of_its_own() {
    let hands = Hands::new(1, Duration::from_secs(100));
    let whole = Arc::new(Clock::new(Arc::clone(&hands) as Arc<_>));
    let (one, other) = (Clock::of_host(&whole), Clock::of_host(&whole));
    one.learn_github(UnixMs(5_000_000));
    assert_eq!(one.github_now(), Some(UnixMs(5_000_000)));
    assert_eq!(other.github_now(), None);
    other.learn_github(UnixMs(9_000_000));
    assert_eq!(one.github_now(), Some(UnixMs(5_000_000)));
    assert_eq!(whole.github_now(), Some(UnixMs(9_000_000)));
}

#[test]
fn our_wall_clock_is_believed_until_githubs_contradicts_it() {
    let hands = Hands::new(1, Duration::from_secs(100));
    let clock = Clock::new(Arc::clone(&hands) as Arc<_>);
    let wall = clock.wall();
    assert_eq!(clock.best_wall(), wall);
    clock.learn_github(wall.minus(Duration::from_secs(59)));
    assert_eq!(clock.best_wall(), wall);
    let far = wall.minus(Duration::from_secs(61));
    clock.learn_github(far);
    assert_eq!(clock.best_wall(), far);
}
