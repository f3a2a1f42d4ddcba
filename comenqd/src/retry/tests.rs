use super::*;
use crate::github::RefusalKind;

const POLICY: Policy = Policy {
    backoff_min: Duration::from_secs(60),
    backoff_max: Duration::from_secs(3600),
    max_attempts: 3,
    max_age: Duration::from_secs(5 * 24 * 3600),
};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn trouble(kind: TroubleKind, wait: Option<u64>) -> Trouble {
    Trouble {
        kind,
        reason: "so it is".to_owned(),
        wait: wait.map(secs),
    }
}

const TRIED: Tried = Tried {
    attempts: 1,
    strikes: 0,
    owner_strikes: 0,
    denied: 0,
    seed: 7,
};

use TroubleKind::{Blocked, Denied, Limited, Offline};

/// A backoff, and at most as much again by chance, but never beyond the maximum.
fn assert_backoff(wait: Duration, least: u64, what: &str) {
    let most = secs(least * 2).min(POLICY.backoff_max);
    assert!((secs(least)..=most).contains(&wait), "{what}: {wait:?}");
}

#[test]
fn a_lane_waits_as_github_says() {
    for (kind, said, strikes, want) in [
        // What GitHub says, and a second for its whole-second clock; strikes change nothing.
        (Limited, 90, 0, 91),
        (Limited, 90, 9, 91),
        (Limited, 3600, 0, 3601),
        (Limited, 86_400, 0, 3601),
        // A limit is never shorter than our own first wait.
        (Limited, 0, 0, 60),
        (Limited, 5, 4, 60),
        (Limited, 59, 0, 60),
        (Limited, 60, 0, 61),
        (Offline, 5, 0, 6),
        (Denied, 0, 0, 1),
        (Blocked, 7, 0, 8),
    ] {
        let wait = lane_wait(&trouble(kind, Some(said)), strikes, 7, &POLICY);
        assert_eq!(wait.wait, secs(want), "{kind:?} {said} {strikes}");
        assert_eq!((wait.kind, wait.reason.as_str()), (kind, "so it is"));
    }
}

#[test]
fn a_lane_that_is_told_no_time_waits_twice_as_long_each_time() {
    for (kind, strikes, least) in [
        (Offline, 0, 60),
        (Offline, 1, 120),
        (Blocked, 2, 240),
        (Limited, 3, 480),
        (Denied, 5, 1920),
        (Offline, 6, 3600),
        (Offline, 7, 3600),
        (Offline, u32::MAX, 3600),
    ] {
        for seed in 0..100 {
            let wait = lane_wait(&trouble(kind, None), strikes, seed, &POLICY);
            assert_backoff(wait.wait, least, &format!("{kind:?} {strikes} {seed}"));
        }
    }
}

#[test]
fn an_odd_policy_still_waits() {
    let upside_down = Policy {
        backoff_min: secs(90),
        backoff_max: secs(30),
        ..POLICY
    };
    let zero = Policy {
        backoff_min: Duration::ZERO,
        backoff_max: Duration::ZERO,
        ..POLICY
    };
    for strikes in [0, 1, 50] {
        let wait = |policy| lane_wait(&trouble(Offline, None), strikes, 7, policy).wait;
        assert_eq!(wait(&upside_down), secs(30));
        assert_eq!(wait(&zero), Duration::ZERO);
    }
}

#[test]
fn the_backoff_never_shrinks() {
    let policy = Policy {
        backoff_min: Duration::from_millis(700),
        ..POLICY
    };
    for seed in 0..20 {
        let waits: Vec<Duration> = (0..40)
            .map(|strikes| lane_wait(&trouble(Offline, None), strikes, seed, &policy).wait)
            .collect();
        assert!(waits.is_sorted(), "{waits:?}");
        let first = policy.backoff_min..policy.backoff_min * 2;
        assert!(first.contains(&waits[0]), "{waits:?}");
        assert_eq!(waits.last(), Some(&policy.backoff_max));
    }
}

#[test]
fn each_outcome_has_its_decision() {
    let wait = |kind, wait| LaneWait {
        kind,
        reason: "so it is".to_owned(),
        wait: secs(wait),
    };
    let posted = |comment_id, url: Option<&str>| (comment_id, url.map(str::to_owned));
    for (comment_id, url) in [posted(Some(5), Some("https://x")), posted(None, None)] {
        assert_eq!(
            decide(
                &Outcome::Posted {
                    comment_id,
                    url: url.clone()
                },
                &Tried {
                    attempts: 1,
                    strikes: 7,
                    ..TRIED
                },
                &POLICY
            ),
            Decision::Posted { comment_id, url },
        );
    }
    let reason = || "so it is".to_owned();
    for (outcome, strikes, want) in [
        (
            Outcome::NotSent(trouble(Offline, None)),
            1,
            Decision::PutBack {
                wait: lane_wait(&trouble(Offline, None), 1, 7, &POLICY),
            },
        ),
        (
            Outcome::Refused {
                kind: RefusalKind::Locked,
                reason: reason(),
            },
            0,
            Decision::Dead {
                failure: Failure::Locked,
                reason: reason(),
            },
        ),
        (
            Outcome::Account(trouble(Limited, Some(90))),
            0,
            Decision::Defer {
                wait: wait(Limited, 91),
            },
        ),
        (
            Outcome::Account(trouble(Blocked, None)),
            50,
            Decision::Defer {
                wait: wait(Blocked, 3600),
            },
        ),
        (
            Outcome::Account(trouble(Offline, None)),
            50,
            Decision::Defer {
                wait: wait(Offline, 3600),
            },
        ),
        (
            Outcome::Account(trouble(Limited, None)),
            50,
            Decision::Defer {
                wait: wait(Limited, 3600),
            },
        ),
    ] {
        let tried = Tried {
            attempts: 2,
            strikes,
            ..TRIED
        };
        assert_eq!(decide(&outcome, &tried, &POLICY), want);
    }
}

#[test]
fn an_unknown_outcome_is_looked_for_however_many_there_were() {
    let unknown = Outcome::Unknown {
        reason: "status 502".to_owned(),
    };
    for attempts in [1, 3, 400] {
        let tried = Tried { attempts, ..TRIED };
        let Decision::LookFirst { reason, wait: None } = decide(&unknown, &tried, &POLICY) else {
            panic!("attempt {attempts} is not looked for");
        };
        assert!(reason.contains(&attempts.to_string()) && reason.contains("status 502"));
    }
}

#[test]
fn a_job_that_is_denied_again_and_again_dies_but_no_other_account_trouble_kills() {
    let judged = |denied| {
        let tried = Tried { denied, ..TRIED };
        decide(&Outcome::Account(trouble(Denied, None)), &tried, &POLICY)
    };
    for denied in [0, 1, MAX_DENIED - 2] {
        assert!(matches!(judged(denied), Decision::Defer { .. }), "{denied}");
    }
    for denied in [MAX_DENIED - 1, MAX_DENIED, u32::MAX] {
        let decision = judged(denied);
        let failure = Failure::Denied;
        assert!(
            matches!(&decision, Decision::Dead { failure: is, .. } if *is == failure),
            "{decision:?}"
        );
    }
}

#[test]
fn a_complete_look_concludes_or_asks_for_another() {
    let posted = Finding::Posted {
        id: 5,
        url: "https://x".to_owned(),
    };
    let done = Verdict::Posted {
        comment_id: 5,
        url: "https://x".to_owned(),
    };
    let again = Verdict::LookAgain { wait: secs(960) };
    for (finding, looks, attempts, cancel_requested, want) in [
        (&posted, 1, 1, false, &done),
        (&posted, 2, 9, false, &done),
        (&posted, 1, 1, true, &done),
        (&Finding::Nothing, 0, 1, false, &again),
        (&Finding::Nothing, 1, 1, false, &again),
        (&Finding::Nothing, 1, 1, true, &again),
        (&Finding::Nothing, 1, 9, false, &again),
        (&Finding::Nothing, 2, 1, false, &Verdict::Requeue),
        (&Finding::Nothing, 3, 2, false, &Verdict::Requeue),
        (&Finding::Nothing, 2, 1, true, &Verdict::Cancelled),
        (&Finding::Nothing, 2, 9, true, &Verdict::Cancelled),
    ] {
        let looked = Looked {
            looks,
            attempts,
            cancel_requested,
            is_too_old: false,
            cooldown: secs(960),
            look_delay: secs(60),
        };
        assert_eq!(&after_look(finding, &looked, &POLICY), want, "{looked:?}");
    }
}

fn looked(looks: u32, attempts: u32) -> Looked {
    Looked {
        looks,
        attempts,
        cancel_requested: false,
        is_too_old: false,
        cooldown: secs(8),
        look_delay: secs(60),
    }
}

#[test]
fn the_second_look_waits_for_the_longer_of_pace_and_delay() {
    let verdict = after_look(&Finding::Nothing, &looked(1, 1), &POLICY);
    assert_eq!(verdict, Verdict::LookAgain { wait: secs(60) });
}

#[test]
fn the_last_attempt_that_leaves_no_trace_is_given_up() {
    for attempts in [3, 4] {
        let Verdict::GiveUp { reason } =
            after_look(&Finding::Nothing, &looked(2, attempts), &POLICY)
        else {
            panic!("{attempts} attempts are not given up");
        };
        assert!(reason.starts_with("outcome unknown"), "{reason}");
    }
}

#[test]
fn an_ambiguous_comment_is_shown_and_never_posted_again() {
    let url = "https://github.com/o/r/issues/1#issuecomment-5";
    let odd = Finding::Ambiguous {
        url: url.to_owned(),
    };
    for (looks, attempts, cancel_requested) in [(1, 1, false), (2, 9, false), (1, 1, true)] {
        let looked = Looked {
            cancel_requested,
            ..looked(looks, attempts)
        };
        let Verdict::Ambiguous { reason } = after_look(&odd, &looked, &POLICY) else {
            panic!("{looked:?} is not ambiguous");
        };
        assert!(
            reason.contains(url) && reason.starts_with("outcome unknown"),
            "{reason}"
        );
    }
}

fn owner_trouble(wait: Option<u64>) -> OwnerTrouble {
    OwnerTrouble {
        reason: "single sign-on".to_owned(),
        url: Some("https://sso".to_owned()),
        wait: wait.map(secs),
    }
}

#[test]
fn an_owner_that_bars_the_account_waits_for_itself() {
    let tried = Tried {
        // The lane's strikes have no say.
        strikes: 50,
        owner_strikes: 2,
        ..TRIED
    };
    let bar = |wait| match decide(&Outcome::Owner(owner_trouble(wait)), &tried, &POLICY) {
        Decision::BarOwner { bar } => bar,
        other => panic!("{other:?}"),
    };
    let unsaid = bar(None);
    assert_backoff(unsaid.wait, 240, "the third time");
    assert_eq!(unsaid.url.as_deref(), Some("https://sso"));
    assert_eq!(bar(Some(600)).wait, secs(601));
    assert_eq!(
        bar(Some(1)).wait,
        secs(60),
        "never less than our own first wait"
    );
}

#[test]
fn chance_spreads_who_met_the_same_outage() {
    let waits = (0..50).map(|seed| backoff(2, seed, &POLICY));
    let distinct: std::collections::BTreeSet<_> = waits.collect();
    assert!(distinct.len() > 40, "{distinct:?}");
    assert_eq!(backoff(2, 7, &POLICY), backoff(2, 7, &POLICY));
}

#[test]
fn a_move_is_followed_as_often_as_there_are_attempts() {
    let moved = Moved {
        location: "https://api.github.com/repositories/7".to_owned(),
        reason: "301".to_owned(),
    };
    let judged = |attempts| {
        let tried = Tried { attempts, ..TRIED };
        decide(&Outcome::Moved(moved.clone()), &tried, &POLICY)
    };
    for attempts in [1, 2] {
        assert!(matches!(judged(attempts), Decision::Follow { .. }));
    }
    for attempts in [3, 400] {
        let failure = Failure::TooManyAttempts;
        let decision = judged(attempts);
        assert!(
            matches!(&decision, Decision::Dead { failure: is, .. } if *is == failure),
            "{decision:?}"
        );
    }
}

#[test]
fn each_refusal_has_the_failure_of_its_name() {
    for kind in [
        RefusalKind::NotFound,
        RefusalKind::Gone,
        RefusalKind::Locked,
        RefusalKind::Archived,
        RefusalKind::NoPermission,
        RefusalKind::NotWelcome,
        RefusalKind::Rejected,
        RefusalKind::Moved,
    ] {
        let reason = "so it is".to_owned();
        let refused = Outcome::Refused { kind, reason };
        let Decision::Dead { failure, .. } = decide(&refused, &TRIED, &POLICY) else {
            panic!("{kind:?} is not for good");
        };
        assert_eq!(failure.as_str(), kind.as_str());
    }
}

#[test]
fn what_is_too_old_is_given_up_only_once_it_is_surely_not_there() {
    let old = |looks, attempts| Looked {
        is_too_old: true,
        ..looked(looks, attempts)
    };
    let verdict = |finding: &Finding, looked| after_look(finding, &looked, &POLICY);
    let nothing = |looked| verdict(&Finding::Nothing, looked);
    assert!(matches!(nothing(old(1, 1)), Verdict::LookAgain { .. }));
    let Verdict::TooOld { reason } = nothing(old(2, 1)) else {
        panic!("it goes on for ever");
    };
    assert!(reason.contains("within 120 h"), "{reason}");
    assert!(matches!(nothing(old(2, 3)), Verdict::GiveUp { .. }));
    let cancelled = Looked {
        cancel_requested: true,
        ..old(2, 1)
    };
    assert_eq!(nothing(cancelled), Verdict::Cancelled);
    let posted = Finding::Posted {
        id: 5,
        url: String::new(),
    };
    assert!(matches!(
        verdict(&posted, old(2, 1)),
        Verdict::Posted { .. }
    ));
}
