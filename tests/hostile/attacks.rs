//! The attacks. Each is one line of a table in its play; what is said here is what must have come
//! of it.

use harness::needs;

use crate::arena::{Tally, attack, attack_beside_others, patient, setup, standin};

/// Under limits that never refuse the attacker as a whole: the worst it can do each time.
fn at_its_worst(name: &str, seconds: f64) -> Option<Tally> {
    if !needs::root() {
        return None;
    }
    let standin = standin();
    let mut daemon = patient(&standin).start();
    Some(attack(&mut daemon, name, seconds))
}

/// Under the limits everybody has.
fn as_configured(name: &str, seconds: f64) -> Option<Tally> {
    if !needs::root() {
        return None;
    }
    let standin = standin();
    let mut daemon = setup(&standin).start();
    Some(attack(&mut daemon, name, seconds))
}

#[test]
fn two_hundred_writers_of_a_byte_a_second() {
    if !needs::root() {
        return;
    }
    let standin = standin();
    let mut daemon = patient(&standin).start();
    let came = attack_beside_others(&mut daemon, "slow_writers", 13.0);
    assert_eq!(came["opened"], 200);
    // The last of those who wait for memory get it when the first are closed, and then their time.
    assert!(came["closed"] >= 190, "after ten seconds: {came:?}");
}

#[test]
fn ten_thousand_half_frames() {
    if let Some(came) = at_its_worst("half_frames", 30.0) {
        assert_eq!(came["sent"], 10_000);
    }
}

#[test]
fn frames_of_four_gigabytes() {
    if let Some(came) = at_its_worst("huge_length", 2.0) {
        assert!(came["closed"] > 20, "{came:?}");
    }
}

#[test]
fn frames_of_nothing() {
    if let Some(came) = at_its_worst("zero_length", 2.0) {
        assert!(came["closed"] > 20, "{came:?}");
    }
}

#[test]
fn frames_of_garbage() {
    if let Some(came) = at_its_worst("garbage", 2.0) {
        assert!(came["closed"] > 20, "{came:?}");
    }
}

#[test]
fn bombs_of_cbor() {
    for bomb in ["nested", "huge_arrays", "huge_maps", "endless_strings"] {
        if let Some(came) = at_its_worst(bomb, 2.0) {
            assert!(came["refused"] > 20, "{bomb}: {came:?}");
            assert_eq!(came["taken"], 0, "{bomb}");
        }
    }
}

#[test]
fn a_megabyte_of_zeros_in_an_unknown_field() {
    // A field nobody knows is ignored, however large: `ping` and `job_list` answer.
    if let Some(came) = at_its_worst("zeros", 2.0) {
        assert!(came["refused"] > 20 && came["taken"] > 10, "{came:?}");
    }
}

#[test]
fn connecting_and_closing() {
    if let Some(came) = as_configured("connect_and_close", 3.0) {
        assert!(came["turns"] > 1_000, "{came:?}");
    }
}

#[test]
fn replies_that_are_never_read() {
    let Some(came) = at_its_worst("deaf", 5.0) else {
        return;
    };
    assert!(came["held"] > 200 && came["job"] > 0, "{came:?}");
}

#[test]
fn one_user_who_asks_as_fast_as_it_can() {
    let Some(came) = as_configured("hurry", 3.0) else {
        return;
    };
    assert!(came["limited"] > 0, "{came:?}");
    assert_eq!(came["other"], 0, "no connection ended: {came:?}");
    assert!(came["served_later"] >= 30, "{came:?}");
    // The burst, and three seconds of the rate.
    assert!(came["answered"] <= 4_000 + 6 * 2_000, "{came:?}");
}

#[test]
fn one_user_who_takes_every_place() {
    let Some(came) = as_configured("crowd", 3.0) else {
        return;
    };
    assert_eq!((came["held"], came["code"]), (256, 102), "one user's part");
}

#[test]
fn one_user_who_keeps_breaking_the_protocol() {
    let Some(came) = as_configured("violate", 3.0) else {
        return;
    };
    assert_eq!(came["code"], 105, "{came:?}");
    assert!((20..=23).contains(&came["broken"]), "{came:?}");
    assert!(came["refused"] > 20, "coming again helps nothing: {came:?}");
}
