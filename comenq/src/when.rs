//! A point in time as a user names it: `2h`, an RFC 3339 time, or a local one.
//!
//! Decides which texts name one. A length of time stays one, for the daemon
//! counts it from when it takes the job; what needs the zone is resolved when
//! the zone is known. Called by the arguments and for the lines of a batch.

use std::{str::FromStr, time::Duration};

use comenq_proto::MAX_TIME_DISTANCE;
use jiff::{Span, SpanRelativeTo, Timestamp, civil::DateTime, tz::TimeZone};

/// What the errors end with.
const FORMS: &str = "write for example 2h, 90m or 7d, an RFC 3339 time such as \
     2026-11-20T18:00:00Z, or a local time such as '2026-11-20 18:00'";

/// A text that names no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WhenError {
    /// None of the forms.
    #[error("{given:?} is no time; {FORMS}")]
    NoTime {
        /// The text, cut.
        given: String,
    },
    /// A length of time that is zero, negative or more than ten years.
    #[error("{given:?} is not a length of time above zero and up to ten years; {FORMS}")]
    OutOfBounds {
        /// The text, cut.
        given: String,
    },
}

/// A point in time as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// So long from when the daemon takes the job.
    After(Duration),
    /// This moment.
    At(Timestamp),
    /// This time by the clock on the wall.
    Local(DateTime),
}

/// A point in time as the wire has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Milliseconds from when the daemon takes the job.
    AfterMs(u64),
    /// Milliseconds since 1970.
    AtMs(i64),
}

impl When {
    /// The same for the wire; `zone` is asked only for a local time. Where a
    /// clock is put forward or back, a missing time is the one after the change
    /// and a double one the first.
    ///
    /// # Errors
    /// The local time is one that no calendar has.
    pub(crate) fn moment(self, zone: impl FnOnce() -> TimeZone) -> Result<Moment, WhenError> {
        match self {
            Self::After(time) => Ok(Moment::AfterMs(
                u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            )),
            Self::At(time) => Ok(Moment::AtMs(time.as_millisecond())),
            Self::Local(time) => {
                let zoned = time
                    .to_zoned(zone())
                    .map_err(|_| no_time(&time.to_string()))?;
                Ok(Moment::AtMs(zoned.timestamp().as_millisecond()))
            }
        }
    }
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let text = text.trim();
        // jiff's local times drop a zone in brackets, so that another time would
        // be taken than was meant.
        if text.contains('[') {
            return Err(no_time(text));
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time));
        }
        // A date alone would be midnight, at the beginning of the day.
        if text.contains(':')
            && let Ok(time) = text.parse::<DateTime>()
        {
            return Ok(Self::Local(time));
        }
        let span = text.parse::<Span>().map_err(|_| no_time(text))?;
        let out_of_bounds = || WhenError::OutOfBounds { given: cut(text) };
        // Months and years have no fixed length, and jiff says so here.
        let time = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| no_time(text))?;
        let time = Duration::try_from(time).map_err(|_| out_of_bounds())?;
        if time.as_millis() == 0 || time > MAX_TIME_DISTANCE {
            return Err(out_of_bounds());
        }
        Ok(Self::After(time))
    }
}

fn no_time(text: &str) -> WhenError {
    WhenError::NoTime { given: cut(text) }
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use jiff::tz::offset;

    use super::*;

    fn moment(text: &str) -> Result<Moment, WhenError> {
        text.parse::<When>()?.moment(|| TimeZone::fixed(offset(1)))
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
            "2026-11-20",
            "18:00",
            "2 months",
            "1y",
            "2026-13-20 18:00",
            "2026-11-20T18:00[Europe/Berlin]",
            "2026-11-20T18:00+01:00[Europe/Berlin]",
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
}
