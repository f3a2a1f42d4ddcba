use super::*;

const ANN: u32 = 1000;
const BEN: u32 = 1001;

fn limits() -> Limits {
    Limits {
        connections: 6,
        root_reserve: 2,
        user_connections: 3,
        requests_per_second: 10,
        violations_per_minute: 3,
        refusal: at(60),
        ..Limits::new(1024)
    }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_user_has_so_many_places_and_others_have_theirs() {
    let (mut users, limits) = (Users::default(), limits());
    for _ in 0..3 {
        users.admit(ANN, at(0), &limits).unwrap();
    }
    assert_eq!(users.admit(ANN, at(0), &limits), Err(Refusal::TooMany));
    users.admit(BEN, at(0), &limits).unwrap();
    users.leave(ANN, at(1));
    assert_eq!(users.admit(ANN, at(1), &limits), Ok(()));
}

#[test]
fn the_last_places_are_roots() {
    let (mut users, limits) = (Users::default(), limits());
    for uid in [ANN, ANN, BEN, BEN] {
        users.admit(uid, at(0), &limits).unwrap();
    }
    assert_eq!(users.admit(BEN, at(0), &limits), Err(Refusal::Crowded));
    users.admit(ROOT, at(0), &limits).unwrap();
    users.admit(ROOT, at(0), &limits).unwrap();
    assert_eq!(users.admit(ROOT, at(0), &limits), Err(Refusal::Crowded));
}

#[test]
fn root_may_have_more_places_than_a_user() {
    let (mut users, limits) = (Users::default(), limits());
    for _ in 0..6 {
        assert_eq!(users.admit(ROOT, at(0), &limits), Ok(()));
    }
}

#[test]
fn requests_come_in_a_burst_and_then_at_their_rate() {
    let (mut users, limits) = (Users::default(), limits());
    for _ in 0..20 {
        users.request(ANN, at(1), &limits).unwrap();
    }
    let wait = users.request(ANN, at(1), &limits).unwrap_err();
    assert_eq!(wait, Duration::from_millis(100));
    assert!(users.request(BEN, at(1), &limits).is_ok(), "another user");
    // A refused one costs nothing: after the wait exactly one is free.
    let later = at(1) + wait;
    assert!(users.request(ANN, later, &limits).is_ok());
    assert!(users.request(ANN, later, &limits).is_err());
    for _ in 0..20 {
        users.request(ANN, at(60), &limits).unwrap();
    }
    assert!(
        users.request(ANN, at(60), &limits).is_err(),
        "two seconds' worth at most"
    );
}

#[test]
fn a_connection_costs_a_request_and_connecting_again_resets_nothing() {
    let (mut users, limits) = (Users::default(), limits());
    for _ in 0..20 {
        users.admit(ANN, at(0), &limits).unwrap();
        users.leave(ANN, at(0));
    }
    let refused = users.admit(ANN, at(0), &limits);
    assert!(matches!(refused, Err(Refusal::TooFast(_))), "{refused:?}");
    assert!(users.request(ANN, at(0), &limits).is_err());
    assert_eq!(users.admit(ANN, at(1), &limits), Ok(()));
}

#[test]
fn who_keeps_breaking_the_protocol_is_refused_for_a_while() {
    let (mut users, limits) = (Users::default(), limits());
    for _ in 0..3 {
        users.admit(ANN, at(0), &limits).unwrap();
        assert!(!users.violation(ANN, at(0), &limits));
        users.leave(ANN, at(0));
    }
    assert_eq!(users.admit(ANN, at(0), &limits), Ok(()));
    assert!(users.violation(ANN, at(1), &limits));
    assert!(!users.violation(ANN, at(2), &limits), "told once");
    users.leave(ANN, at(2));
    let refused = users.admit(ANN, at(12), &limits);
    assert_eq!(refused, Err(Refusal::Violator(at(50))));
    assert_eq!(users.admit(BEN, at(12), &limits), Ok(()));
    assert_eq!(users.admit(ANN, at(62), &limits), Ok(()));
}

#[test]
fn who_breaks_it_seldom_is_not_refused() {
    let (mut users, limits) = (Users::default(), limits());
    // Three a minute drain as fast as they come.
    for turn in 0..100 {
        assert!(!users.violation(ANN, at(20 * turn), &limits));
    }
    assert_eq!(users.admit(ANN, at(2000), &limits), Ok(()));
}

#[test]
fn root_is_never_refused_for_what_it_broke() {
    let (mut users, limits) = (Users::default(), limits());
    for _ in 0..100 {
        assert!(!users.violation(ROOT, at(0), &limits));
    }
    assert_eq!(users.admit(ROOT, at(0), &limits), Ok(()));
}

#[test]
fn users_are_forgotten_after_a_while_but_not_what_holds() {
    let (mut users, limits) = (Users::default(), limits());
    for uid in 1..=100 {
        users.admit(uid, at(0), &limits).unwrap();
        users.leave(uid, at(0));
    }
    for _ in 0..4 {
        users.violation(7, at(0), &limits);
    }
    users.admit(8, at(0), &limits).unwrap();
    users.admit(ANN, at(50), &limits).unwrap();
    assert_eq!(users.known.len(), 101, "not swept yet");
    users.admit(ANN, at(60 - 1), &limits).unwrap();
    users.admit(ANN, at(61), &limits).unwrap();
    let mut left: Vec<_> = users.known.keys().copied().collect();
    left.sort_unstable();
    // 7 is refused until the 60th second and its violations drain until then.
    assert_eq!(left, [8, ANN]);
}

#[test]
fn a_refused_user_is_remembered_through_a_sweep() {
    let limits = Limits {
        refusal: at(600),
        ..limits()
    };
    let mut users = Users::default();
    for _ in 0..4 {
        users.violation(ANN, at(0), &limits);
    }
    users.admit(BEN, at(300), &limits).unwrap();
    let refused = users.admit(ANN, at(301), &limits);
    assert_eq!(refused, Err(Refusal::Violator(at(299))));
}

#[test]
fn the_table_is_bounded_whoever_comes() {
    let (mut users, limits) = (Users::default(), limits());
    users.admit(ANN, at(0), &limits).unwrap();
    for uid in 2000..30_000 {
        // Each leaves a violation that would be remembered for twenty seconds.
        users.admit(uid, at(1), &limits).unwrap();
        users.violation(uid, at(1), &limits);
        users.leave(uid, at(1));
    }
    assert!(
        users.known.len() <= MOST_ABSENT + 2,
        "{}",
        users.known.len()
    );
    assert_eq!(
        users.known[&ANN].connections, 1,
        "who is here is never forgotten"
    );
}
