use super::*;

const POLICY: Policy = Policy {
    backoff_min: Duration::from_secs(60),
    backoff_max: Duration::from_secs(3600),
    max_unknown_attempts: 3,
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

use TroubleKind::{Blocked, Denied, Limited, Offline};

#[test]
fn a_lane_waits_as_github_says_or_doubles() {
    for (kind, said, strikes, want) in [
        (Offline, None, 0, 60),
        (Offline, None, 1, 120),
        (Blocked, None, 2, 240),
        (Limited, None, 3, 480),
        (Denied, None, 5, 1920),
        (Offline, None, 6, 3600),
        (Offline, None, 7, 3600),
        (Offline, None, u32::MAX, 3600),
        // What GitHub says, and a second for its whole-second clock; strikes change nothing.
        (Limited, Some(90), 0, 91),
        (Limited, Some(90), 9, 91),
        (Limited, Some(3600), 0, 3601),
        (Limited, Some(86_400), 0, 3601),
        // A limit is never shorter than our own first wait.
        (Limited, Some(0), 0, 60),
        (Limited, Some(5), 4, 60),
        (Limited, Some(59), 0, 60),
        (Limited, Some(60), 0, 61),
        (Offline, Some(5), 0, 6),
        (Denied, Some(0), 0, 1),
        (Blocked, Some(7), 0, 8),
    ] {
        let wait = lane_wait(&trouble(kind, said), strikes, &POLICY);
        assert_eq!(wait.wait, secs(want), "{kind:?} {said:?} {strikes}");
        assert_eq!((wait.kind, wait.reason.as_str()), (kind, "so it is"));
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
        let wait = |policy| lane_wait(&trouble(Offline, None), strikes, policy).wait;
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
    let waits: Vec<Duration> = (0..40)
        .map(|strikes| lane_wait(&trouble(Offline, None), strikes, &policy).wait)
        .collect();
    assert!(waits.is_sorted(), "{waits:?}");
    assert_eq!(waits.first(), Some(&policy.backoff_min));
    assert_eq!(waits.last(), Some(&policy.backoff_max));
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
                1,
                7,
                0,
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
                wait: wait(Offline, 120),
            },
        ),
        (
            Outcome::Refused { reason: reason() },
            0,
            Decision::Dead { reason: reason() },
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
        assert_eq!(decide(&outcome, 2, strikes, 0, &POLICY), want);
    }
}

#[test]
fn an_unknown_outcome_is_looked_for_however_many_there_were() {
    let unknown = Outcome::Unknown {
        reason: "status 502".to_owned(),
    };
    for attempt in [1, 3, 400] {
        let Decision::LookFirst { reason } = decide(&unknown, attempt, 9, 0, &POLICY) else {
            panic!("attempt {attempt} is not looked for");
        };
        assert!(reason.contains(&attempt.to_string()) && reason.contains("status 502"));
    }
}

#[test]
fn a_job_that_is_denied_again_and_again_dies_but_no_other_account_trouble_kills() {
    for strikes in [0, 1, MAX_DENIED - 2] {
        let decision = decide(
            &Outcome::Account(trouble(Denied, None)),
            1,
            0,
            strikes,
            &POLICY,
        );
        assert!(matches!(decision, Decision::Defer { .. }), "{strikes}");
    }
    for strikes in [MAX_DENIED - 1, MAX_DENIED, u32::MAX] {
        let decision = decide(
            &Outcome::Account(trouble(Denied, None)),
            1,
            0,
            strikes,
            &POLICY,
        );
        assert!(matches!(decision, Decision::Dead { .. }), "{strikes}");
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
