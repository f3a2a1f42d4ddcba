//! What time it is on the stand-in: this machine's clock plus an offset that a
//! test may move at any moment.
//!
//! Used by everything that writes a `Date`, a `created_at` or a rate-limit
//! reset. It must not know who asks.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 9999-12-31T23:59:59Z, the last second an HTTP date can name.
const LAST_SECOND: i64 = 253_402_300_799;

/// A clock that may be wrong by any number of seconds, years included.
#[derive(Debug, Default)]
pub struct Clock {
    offset_seconds: AtomicI64,
}

impl Clock {
    /// A clock that is `offset_seconds` ahead (negative: behind).
    #[must_use]
    pub fn with_offset(offset_seconds: i64) -> Self {
        Self {
            offset_seconds: AtomicI64::new(offset_seconds),
        }
    }

    /// Moves the clock; later answers use the new offset.
    pub fn set_offset_seconds(&self, offset_seconds: i64) {
        self.offset_seconds.store(offset_seconds, Ordering::SeqCst);
    }

    /// How far ahead of this machine the clock is.
    #[must_use]
    pub fn offset_seconds(&self) -> i64 {
        self.offset_seconds.load(Ordering::SeqCst)
    }

    /// Whole seconds since 1970, held inside what an HTTP date can say.
    #[must_use]
    pub fn epoch_seconds(&self) -> i64 {
        let real = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let real = i64::try_from(real.as_secs()).unwrap_or(LAST_SECOND);
        real.saturating_add(self.offset_seconds())
            .clamp(0, LAST_SECOND)
    }
}

/// Seconds since 1970 as a `Date` header names them.
pub(super) fn http_date(epoch_seconds: i64) -> String {
    let seconds = u64::try_from(epoch_seconds).unwrap_or(0);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Seconds since 1970 as GitHub writes times in JSON: `2026-11-20T10:21:07Z`.
#[must_use]
pub fn rfc3339(epoch_seconds: i64) -> String {
    jiff::Timestamp::from_second(epoch_seconds).map_or_else(
        |_| String::from("1970-01-01T00:00:00Z"),
        |time| time.to_string(),
    )
}

/// The seconds since 1970 that a client's `since` names, fractions rounded down.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>()
        .ok()
        .map(jiff::Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_of_skew_stay_inside_an_http_date() {
        for offset in [i64::MIN, -3_000_000_000, 0, 3_000_000_000, i64::MAX] {
            let clock = Clock::with_offset(offset);
            assert!(httpdate::parse_http_date(&http_date(clock.epoch_seconds())).is_ok());
            assert!(parse_rfc3339(&rfc3339(clock.epoch_seconds())).is_some());
        }
    }
}
