//! Times for people and for programs.
//!
//! Decides the form alone: RFC 3339 in UTC for JSON; for text the local clock,
//! with the date when it isn't today. The clock and the zone come from outside.

use std::time::Duration;

use comenq_proto::SubmitKey;
use jiff::{Timestamp, Zoned, tz::TimeZone};

/// What no calendar has.
const IMPOSSIBLE: &str = "an impossible time";

/// The clock and the zone, each asked only when needed.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    now: fn() -> Timestamp,
    zone: fn() -> TimeZone,
}

impl Times {
    pub(crate) const fn new(now: fn() -> Timestamp, zone: fn() -> TimeZone) -> Self {
        Self { now, zone }
    }

    /// A new key for a submission.
    pub(crate) fn unique_key(self) -> SubmitKey {
        SubmitKey::unique((self.now)().as_millisecond())
    }

    /// The zone of the clock on the wall.
    pub(crate) fn zone(self) -> TimeZone {
        (self.zone)()
    }

    /// Now, in milliseconds since 1970.
    pub(crate) fn now_ms(self) -> i64 {
        (self.now)().as_millisecond()
    }

    /// Now, by the clock on the wall.
    pub(crate) fn now_zoned(self) -> Zoned {
        (self.now)().to_zoned((self.zone)())
    }

    /// `Tue 2026-12-01 09:00 CET`: a time somebody chose, shown back to be checked.
    pub(crate) fn chosen(self, unix_ms: i64) -> String {
        match Timestamp::from_millisecond(unix_ms) {
            Ok(time) => {
                let local = time.to_zoned((self.zone)());
                local.strftime("%a %Y-%m-%d %H:%M %Z").to_string()
            }
            Err(_) => IMPOSSIBLE.to_owned(),
        }
    }

    /// `12:41`, or `2026-11-21 12:41` when that isn't today.
    pub(crate) fn clock(self, unix_ms: i64) -> String {
        let Ok(time) = Timestamp::from_millisecond(unix_ms) else {
            return IMPOSSIBLE.to_owned();
        };
        let zone = (self.zone)();
        let today = (self.now)().to_zoned(zone.clone()).date();
        let local = time.to_zoned(zone);
        let format = if local.date() == today {
            "%H:%M"
        } else {
            "%Y-%m-%d %H:%M"
        };
        local.strftime(format).to_string()
    }

    /// `12:41 (in 31 min)`; `now` when it has come.
    pub(crate) fn ahead(self, unix_ms: i64) -> String {
        match self.until(unix_ms) {
            Duration::ZERO => "now".to_owned(),
            left => format!("{} (in {})", self.clock(unix_ms), span(left)),
        }
    }

    /// `in 31 min`; `now` when it has come.
    pub(crate) fn distance(self, unix_ms: i64) -> String {
        match self.until(unix_ms) {
            Duration::ZERO => "now".to_owned(),
            left => format!("in {}", span(left)),
        }
    }

    /// `09:12 (3 h ago)`.
    pub(crate) fn ago(self, unix_ms: i64) -> String {
        format!("{} ({})", self.clock(unix_ms), self.passed(unix_ms))
    }

    /// `3 h ago`.
    pub(crate) fn passed(self, unix_ms: i64) -> String {
        let passed = self.now_ms().saturating_sub(unix_ms);
        let passed = Duration::from_millis(u64::try_from(passed).unwrap_or(0));
        format!("{} ago", span(passed))
    }

    /// As [`ahead`](Self::ahead), or as [`ago`](Self::ago) once it has come.
    pub(crate) fn near(self, unix_ms: i64) -> String {
        match self.until(unix_ms) {
            Duration::ZERO => self.ago(unix_ms),
            _ => self.ahead(unix_ms),
        }
    }

    /// How long it is until then; nothing when it has come.
    pub(crate) fn until(self, unix_ms: i64) -> Duration {
        let left = unix_ms.saturating_sub((self.now)().as_millisecond());
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }
}

/// About how long, in the largest unit that still says something.
pub(crate) fn span(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = time.as_millis().div_ceil(1000);
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
    let rounded = |unit: u64| seconds.saturating_add(unit / 2) / unit;
    match seconds {
        0..=90 => format!("{seconds} s"),
        _ if seconds < 2 * HOUR => format!("{} min", rounded(MINUTE)),
        _ if seconds < 2 * DAY => format!("{} h", rounded(HOUR)),
        _ => format!("{} days", rounded(DAY)),
    }
}

/// `12:04`, `1:02:03`: how long it still is, for a display that counts down.
pub(crate) fn countdown(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// RFC 3339 in UTC, for JSON; `None` for a time no calendar has.
pub(crate) fn rfc3339(unix_ms: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(unix_ms).ok()?;
    Some(time.to_string())
}

#[cfg(test)]
mod tests {
    use jiff::tz::offset;

    use super::*;

    const NOW: i64 = 1_795_176_600_000; // 2026-11-20 12:10:00 UTC

    fn times() -> Times {
        let now = || Timestamp::from_millisecond(NOW).unwrap();
        Times::new(now, || TimeZone::fixed(offset(1)))
    }

    #[test]
    fn clock_times_are_local_and_dated_only_on_other_days() {
        assert_eq!(times().clock(NOW), "13:10");
        assert_eq!(times().clock(NOW + 10 * 3_600_000), "23:10");
        assert_eq!(times().clock(NOW + 11 * 3_600_000), "2026-11-21 00:10");
        assert_eq!(times().clock(i64::MAX), "an impossible time");
    }

    #[test]
    fn distances_are_rounded_to_what_people_say() {
        assert_eq!(times().ahead(NOW + 31 * 60_000), "13:41 (in 31 min)");
        assert_eq!(times().ahead(NOW + 1), "13:10 (in 1 s)");
        assert_eq!(times().ahead(NOW), "now");
        assert_eq!(times().ahead(i64::MIN), "now");
        assert_eq!(times().ago(NOW - 3 * 3_600_000), "10:10 (3 h ago)");
        assert_eq!(times().near(NOW - 3 * 3_600_000), "10:10 (3 h ago)");
        assert_eq!(times().near(NOW + 31 * 60_000), "13:41 (in 31 min)");
        for (seconds, text) in [
            (90, "90 s"),
            (91, "2 min"),
            (7199, "120 min"),
            (7200, "2 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
        assert_eq!(span(Duration::from_secs(3 * 86_400)), "3 days");
    }

    #[test]
    fn a_countdown_shows_every_second() {
        let shown = |seconds| countdown(Duration::from_secs(seconds));
        assert_eq!(shown(724), "12:04");
        assert_eq!(shown(4), "0:04");
        assert_eq!(shown(3723), "1:02:03");
        assert_eq!(countdown(Duration::from_millis(1)), "0:01");
    }

    #[test]
    fn a_chosen_time_is_shown_with_its_day_and_zone() {
        assert_eq!(times().chosen(NOW), "Fri 2026-11-20 13:10 +01");
    }

    #[test]
    fn programs_get_utc() {
        assert_eq!(rfc3339(NOW).unwrap(), "2026-11-20T12:10:00Z");
        assert_eq!(rfc3339(NOW + 5).unwrap(), "2026-11-20T12:10:00.005Z");
        assert_eq!(rfc3339(i64::MAX), None);
    }
}
