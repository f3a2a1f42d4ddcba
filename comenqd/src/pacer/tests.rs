//! What comes next, as a table of situations.

use std::sync::Arc;

use super::*;
use crate::clock::Mark;
use crate::clock::tests::Hands;
use crate::store::tests::sample_job;
use crate::store::{Halt, Lane, State};

const PACE: Pace = Pace {
    cooldown: Duration::from_secs(960),
    floor: Duration::from_secs(8),
    jitter: Duration::ZERO,
    look_delay: Duration::from_secs(60),
    longest_wait: Duration::from_secs(3600),
    token_tag: 1,
};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A clock, and the mark of so many seconds ago.
fn clock(ago: u64) -> (Clock, Mark) {
    let hands = Hands::new(1, seconds(10_000));
    let clock = Clock::new(Arc::clone(&hands) as Arc<_>);
    let mark = clock.mark();
    hands.pass(seconds(ago));
    (clock, mark)
}

fn ready() -> Agenda {
    Agenda {
        ready: true,
        ..Agenda::default()
    }
}

fn paced(mark: Mark) -> Agenda {
    Agenda {
        lane: Lane {
            pace: Some(mark),
            ..Lane::default()
        },
        ..ready()
    }
}

fn waiting(mark: Mark, kind: WaitKind) -> Agenda {
    let wait = Wait {
        kind,
        reason: "because".to_owned(),
        since: mark,
        wait_ms: 60_000,
        token_tag: 1,
    };
    Agenda {
        lane: Lane {
            wait: Some(wait),
            ..Lane::default()
        },
        ..ready()
    }
}

fn uncertain(mark: Mark, empty_looks: u32) -> Job {
    Job {
        state: State::Uncertain,
        look_from: Some(mark),
        empty_looks,
        ..sample_job(7)
    }
}

#[test]
fn the_first_request_asks_who_we_are() {
    let (clock, _) = clock(0);
    assert_eq!(plan(&ready(), &clock, &PACE, false), Plan::AskIdentity);
    assert_eq!(plan(&ready(), &clock, &PACE, true), Plan::Post);
}

#[test]
fn no_post_goes_before_its_slot() {
    let (clock, mark) = clock(959);
    let not_yet = Plan::NotYet {
        left: seconds(1),
        slot: Some(seconds(1)),
    };
    assert_eq!(plan(&paced(mark), &clock, &PACE, true), not_yet);
    assert_eq!(
        plan(&paced(mark), &clock, &PACE, false),
        not_yet,
        "asking can wait as well"
    );
    let (clock, mark) = self::clock(960);
    assert_eq!(plan(&paced(mark), &clock, &PACE, true), Plan::Post);
}

#[test]
fn a_wait_from_another_boot_is_measured_by_githubs_date_so_it_is_asked() {
    let (clock, mark) = clock(0);
    let elsewhere = paced(Mark { boot: 2, ..mark });
    assert_eq!(plan(&elsewhere, &clock, &PACE, false), Plan::AskIdentity);
}

#[test]
fn a_lane_in_trouble_sends_nothing_at_all() {
    for kind in [
        WaitKind::Limited,
        WaitKind::Denied,
        WaitKind::Blocked,
        WaitKind::Offline,
    ] {
        let (clock, mark) = clock(59);
        let agenda = Agenda {
            looks: vec![uncertain(mark, 0)],
            ..waiting(mark, kind)
        };
        let plan = plan(&agenda, &clock, &PACE, true);
        assert!(
            matches!(plan, Plan::LaneWaits { left, .. } if left == seconds(1)),
            "{plan:?}"
        );
        let (clock, mark) = self::clock(60);
        let probe = self::plan(&waiting(mark, kind), &clock, &PACE, false);
        assert_eq!(probe, Plan::AskIdentity, "after it one request probes");
    }
}

#[test]
fn only_what_a_token_was_blocked_for_ends_with_the_token() {
    let (clock, mark) = clock(0);
    let renewed = Pace {
        token_tag: 2,
        ..PACE
    };
    assert_eq!(
        plan(&waiting(mark, WaitKind::Blocked), &clock, &renewed, true),
        Plan::Post
    );
    let limited = plan(&waiting(mark, WaitKind::Limited), &clock, &renewed, true);
    assert!(matches!(limited, Plan::LaneWaits { .. }), "{limited:?}");
}

#[test]
fn looks_wait_their_own_times_and_go_before_posts() {
    let looking = |ago, empty_looks| {
        let (clock, mark) = clock(ago);
        let agenda = Agenda {
            looks: vec![uncertain(mark, empty_looks)],
            ..ready()
        };
        plan(
            &Agenda {
                ready: false,
                ..agenda
            },
            &clock,
            &PACE,
            true,
        )
    };
    assert_eq!(
        looking(59, 0),
        Plan::NotYet {
            left: seconds(1),
            slot: None
        }
    );
    assert!(matches!(looking(60, 0), Plan::Look(_)));
    assert_eq!(
        looking(959, 1),
        Plan::NotYet {
            left: seconds(1),
            slot: None
        }
    );
    assert!(matches!(looking(960, 1), Plan::Look(_)));
    let (clock, mark) = clock(960);
    let both = Agenda {
        looks: vec![uncertain(mark, 0)],
        ..paced(mark)
    };
    assert!(matches!(plan(&both, &clock, &PACE, true), Plan::Look(_)));
}

#[test]
fn with_nothing_to_do_nothing_is_asked() {
    let (clock, mark) = clock(60);
    let due = Some(UnixMs(5));
    let agenda = Agenda {
        ready: false,
        next_due: due,
        ..paced(mark)
    };
    // A time that people chose is GitHub's to tell: our own clock may be years behind.
    assert_eq!(plan(&agenda, &clock, &PACE, false), Plan::AskIdentity);
    clock.learn_github(UnixMs(0));
    assert_eq!(
        plan(&agenda, &clock, &PACE, false),
        Plan::Idle {
            due,
            slot: seconds(900)
        }
    );
}

fn jittered(jitter_ms: u64, mark: Mark) -> Agenda {
    let mut agenda = paced(mark);
    agenda.lane.jitter_ms = jitter_ms;
    agenda
}

#[test]
fn what_chance_drew_lengthens_the_interval_up_to_what_is_configured() {
    let shaky = Pace {
        jitter: seconds(100),
        ..PACE
    };
    let left = |jitter_ms, pace: &Pace| {
        let (clock, mark) = clock(900);
        match plan(&jittered(jitter_ms, mark), &clock, pace, true) {
            Plan::NotYet { left, .. } => left,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(left(0, &shaky), seconds(60));
    assert_eq!(left(40_000, &shaky), seconds(100));
    assert_eq!(left(100_000, &shaky), seconds(160));
    assert_eq!(
        left(u64::MAX, &shaky),
        seconds(160),
        "drawn under other settings"
    );
    assert_eq!(left(40_000, &PACE), seconds(60), "chance was switched off");
}

#[test]
fn a_blocked_account_does_nothing_whatever_is_due() {
    let (clock, mark) = clock(100_000);
    let wait = waiting(mark, WaitKind::Blocked).lane.wait.unwrap();
    let agenda = Agenda {
        blocked: Some(wait.clone()),
        looks: vec![uncertain(mark, 0)],
        ..ready()
    };
    let blocked = Plan::Blocked { wait };
    for identified in [false, true] {
        assert_eq!(plan(&agenda, &clock, &PACE, identified), blocked);
    }
}

#[test]
fn a_wait_that_was_stored_under_other_settings_ends_by_todays() {
    let (clock, mark) = clock(3600);
    let mut agenda = waiting(mark, WaitKind::Limited);
    agenda.lane.wait.as_mut().unwrap().wait_ms = u64::MAX;
    assert_eq!(plan(&agenda, &clock, &PACE, true), Plan::Post);
}

#[test]
fn of_two_stages_the_look_that_is_due_first_goes_first() {
    let (clock, mark) = clock(500);
    let first = Job {
        look_from: Some(mark),
        ..uncertain(mark, 0)
    };
    let agenda = |looks| Agenda {
        ready: false,
        looks,
        ..ready()
    };
    let both = agenda(vec![uncertain(mark, 1), first.clone()]);
    assert_eq!(
        plan(&both, &clock, &PACE, true),
        Plan::Look(Box::new(first))
    );
}

fn paused() -> Paused {
    Paused {
        halt: Halt {
            since: UnixMs(0),
            uid: 7,
            reason: None,
        },
        is_of_queue: true,
    }
}

#[test]
fn a_pause_stops_posts_and_not_looks() {
    let halted = |agenda: Agenda, ago, looks: bool| {
        let (clock, mark) = clock(ago);
        let agenda = Agenda {
            paused: Some(paused()),
            urgent: JobId::new(7).ok(),
            looks: looks.then(|| uncertain(mark, 0)).into_iter().collect(),
            ..agenda
        };
        plan(&agenda, &clock, &PACE, true)
    };
    let pause = |left| Plan::Paused {
        paused: paused(),
        left,
    };
    assert_eq!(halted(ready(), 1000, false), pause(None));
    assert_eq!(halted(Agenda::default(), 1000, false), pause(None));
    assert_eq!(halted(ready(), 59, true), pause(Some(seconds(1))));
    assert!(matches!(halted(ready(), 60, true), Plan::Look(_)));
}

#[test]
fn a_pause_asks_nothing_that_only_a_post_needs() {
    let (clock, mark) = clock(1000);
    let agenda = Agenda {
        paused: Some(paused()),
        ..paced(Mark { boot: 2, ..mark })
    };
    let plan = plan(&agenda, &clock, &PACE, false);
    assert!(matches!(plan, Plan::Paused { .. }), "{plan:?}");
}

#[test]
fn trouble_goes_before_a_pause() {
    let (clock, mark) = clock(0);
    let agenda = Agenda {
        paused: Some(paused()),
        ..waiting(mark, WaitKind::Limited)
    };
    let plan = plan(&agenda, &clock, &PACE, true);
    assert!(matches!(plan, Plan::LaneWaits { .. }), "{plan:?}");
}

#[test]
fn an_urgent_job_waits_for_the_floor_alone() {
    let id = JobId::new(7).unwrap();
    let urgent = |ago, is_ready| {
        let (clock, mark) = clock(ago);
        let agenda = Agenda {
            urgent: Some(id),
            ready: is_ready,
            ..jittered(600_000, mark)
        };
        let shaky = Pace {
            jitter: seconds(600),
            ..PACE
        };
        plan(&agenda, &clock, &shaky, true)
    };
    for is_ready in [false, true] {
        let not_yet = Plan::NotYet {
            left: seconds(1),
            slot: Some(seconds(1)),
        };
        assert_eq!(urgent(7, is_ready), not_yet);
        assert_eq!(urgent(8, is_ready), Plan::PostNow(id));
        assert_eq!(
            urgent(100_000, is_ready),
            Plan::PostNow(id),
            "it goes first"
        );
    }
}

#[test]
fn no_word_shortens_a_wait_of_the_lane() {
    let (clock, mark) = clock(0);
    for kind in [WaitKind::Limited, WaitKind::Denied, WaitKind::Offline] {
        let agenda = Agenda {
            urgent: JobId::new(7).ok(),
            ..waiting(mark, kind)
        };
        let plan = plan(&agenda, &clock, &PACE, true);
        assert!(matches!(plan, Plan::LaneWaits { .. }), "{plan:?}");
    }
}
