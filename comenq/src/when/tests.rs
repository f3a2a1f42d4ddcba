//! Which texts name a time.

use jiff::tz::{TimeZone, offset};

use super::*;

const NOW: i64 = 1_795_176_600_000; // Friday 2026-11-20 13:10 by the clock

fn times() -> Times {
    let now = || Timestamp::from_millisecond(NOW).unwrap();
    Times::new(now, || TimeZone::fixed(offset(1)))
}

fn moment(text: &str) -> Result<Moment, WhenError> {
    text.parse::<When>()?.moment(times())
}

#[test]
fn lengths_of_time_stay_relative() {
    for (text, seconds) in [
        ("2h", 7200),
        ("90m", 5400),
        ("1h30m", 5400),
        ("90 min", 5400),
        ("7d", 604_800),
        ("2 weeks", 1_209_600),
        ("PT15M", 900),
    ] {
        assert_eq!(
            moment(text).unwrap(),
            Moment::AfterMs(seconds * 1000),
            "{text}"
        );
    }
    assert_eq!(moment("500ms").unwrap(), Moment::AfterMs(500));
}

#[test]
fn times_are_absolute_and_local_ones_in_the_zone() {
    let evening = Moment::AtMs(1_795_197_600_000); // 2026-11-20 18:00 UTC
    for text in [
        "2026-11-20T18:00:00Z",
        "2026-11-20T20:00:00+02:00",
        "2026-11-20 18:00Z",
        "2026-11-20 19:00",
        "2026-11-20T19:00:00",
        " 2026-11-20 19:00 ",
    ] {
        assert_eq!(moment(text).unwrap(), evening, "{text}");
    }
}

#[test]
fn anything_else_is_refused_with_the_forms() {
    for text in [
        "",
        "60",
        "soon",
        "9",
        "m",
        "am",
        "2026-11-20",
        "2 months",
        "1y",
        "tomorrow 25:00",
        "sometime 9:00",
        "2026-13-20 18:00",
    ] {
        let error = moment(text).unwrap_err();
        assert!(matches!(error, WhenError::NoTime { .. }), "{text}: {error}");
        assert!(error.to_string().contains("for example 2h"), "{error}");
    }
    for text in ["0s", "-2h", "2h ago", "600 weeks"] {
        let error = moment(text).unwrap_err();
        assert!(
            matches!(error, WhenError::OutOfBounds { .. }),
            "{text}: {error}"
        );
    }
}

#[test]
fn the_clock_is_read_as_date_reads_it() {
    let hour = 3_600_000;
    let in_hours = |hours: i64, minutes: i64| Moment::AtMs(NOW + hours * hour + minutes * 60_000);
    for (text, expected) in [
        ("18:00", in_hours(4, 50)),
        ("today 18:00", in_hours(4, 50)),
        ("tomorrow 9:00", in_hours(19, 50)),
        ("tomorrow 9am", in_hours(19, 50)),
        ("saturday 9:00", in_hours(19, 50)),
        ("tomorrow", in_hours(24, 0)),
        ("2026-11-21 9:00 UTC", in_hours(20, 50)),
    ] {
        assert_eq!(moment(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn a_time_of_day_that_has_been_is_a_mistake() {
    let error = moment("9:00").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"9:00\" was 4 h ago; name the day too, such as 'tomorrow 9:00'"
    );
    assert!(matches!(moment("yesterday"), Err(WhenError::Past { .. })));
}

#[test]
fn since_looks_back() {
    let since = |text: &str| text.parse::<Since>()?.at_ms(times());
    for text in ["2h", "2h ago", "11:10", "2026-11-20T10:10:00Z"] {
        assert_eq!(since(text).unwrap(), NOW - 2 * 3_600_000, "{text}");
    }
    assert_eq!(since("yesterday").unwrap(), NOW - 24 * 3_600_000);
    assert!(since("soon").is_err());
    assert!("2h".parse::<Length>().is_ok());
    assert!("9:00".parse::<Length>().is_err());
}
