//! A point in time as a user names it: `2h`, `tomorrow 9:00`, an RFC 3339 time.
//!
//! Decides which texts name one. A length of time stays one, for the daemon
//! counts it from when it takes the job; what needs the clock or the zone is
//! resolved when they are known. Times by the clock are read as `date -d` reads
//! them, by the library that is its successor. Called by the arguments and for the
//! lines of a batch.

use std::{fmt, str::FromStr, time::Duration};

use comenq_proto::MAX_TIME_DISTANCE;
use jiff::{Span, SpanRelativeTo, Timestamp, civil::DateTime};
use parse_datetime::{ParsedDateTime, parse_datetime_at_date};

use crate::times::{Times, span};

/// What the errors end with.
const FORMS: &str = "write for example 2h, 90m or 7d, a time such as 'tomorrow 9:00' or \
     '2026-11-20 18:00', or an RFC 3339 time such as 2026-11-20T18:00:00Z";

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
    /// A time by the clock that has been.
    #[error("{given:?} was {ago} ago; name the day too, such as 'tomorrow 9:00'")]
    Past {
        /// The text, cut.
        given: String,
        /// How long ago.
        ago: String,
    },
}

/// A point in time as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum When {
    /// So long from when the daemon takes the job.
    After(Duration),
    /// This moment.
    At(Timestamp),
    /// By the clock on the wall, in words that need to know what day it is.
    Clock(String),
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
    /// The same for the wire. Where a clock is put forward or back, a missing time
    /// is the one after the change and a double one the first.
    ///
    /// # Errors
    /// It is no time, or one by the clock that has been.
    pub(crate) fn moment(&self, times: Times) -> Result<Moment, WhenError> {
        match self {
            Self::After(time) => Ok(Moment::AfterMs(
                u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            )),
            Self::At(time) => Ok(Moment::AtMs(time.as_millisecond())),
            Self::Clock(text) => {
                let at_ms = by_clock(text, times)?;
                let now_ms = times.now_ms();
                if at_ms > now_ms || text.parse::<DateTime>().is_ok() {
                    return Ok(Moment::AtMs(at_ms));
                }
                let ago = u64::try_from(now_ms.saturating_sub(at_ms)).unwrap_or(0);
                Err(WhenError::Past {
                    given: cut(text),
                    ago: span(Duration::from_millis(ago)),
                })
            }
        }
    }
}

/// A time by the clock, in milliseconds since 1970.
fn by_clock(text: &str, times: Times) -> Result<i64, WhenError> {
    // Its local times drop a zone in brackets, so that another time would be taken
    // than was meant.
    if text.contains('[') {
        return Err(no_time(text));
    }
    if let Ok(time) = text.parse::<DateTime>() {
        let zoned = time.to_zoned(times.zone()).map_err(|_| no_time(text))?;
        return Ok(zoned.timestamp().as_millisecond());
    }
    match parse_datetime_at_date(times.now_zoned(), text) {
        Ok(ParsedDateTime::InRange(zoned)) => Ok(zoned.timestamp().as_millisecond()),
        _ => Err(no_time(text)),
    }
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let text = text.trim();
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time));
        }
        if let Ok(span) = text.parse::<Span>() {
            return length(text, span).map(Self::After);
        }
        // `date -d` takes a lone letter for a zone, a number for an hour or a day, and a
        // date for its midnight: here those are mistakes.
        let is_clock = text.contains(':') || has_word(text);
        if is_clock {
            return Ok(Self::Clock(text.to_owned()));
        }
        Err(no_time(text))
    }
}

/// Whether there is a word as long as `mon` or `9am`.
fn has_word(text: &str) -> bool {
    let mut words = text.split(|character: char| !character.is_ascii_alphanumeric());
    words.any(|word| word.len() >= 3 && word.bytes().any(|byte| byte.is_ascii_alphabetic()))
}

fn length(text: &str, span: Span) -> Result<Duration, WhenError> {
    let out_of_bounds = || WhenError::OutOfBounds { given: cut(text) };
    // Months and years have no fixed length, and jiff says so here.
    let time = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| no_time(text))?;
    let time = Duration::try_from(time).map_err(|_| out_of_bounds())?;
    if time.as_millis() == 0 || time > MAX_TIME_DISTANCE {
        return Err(out_of_bounds());
    }
    Ok(time)
}

/// A length of time from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) Duration);

impl FromStr for Length {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let text = text.trim();
        let span = text.parse::<Span>().map_err(|_| no_time(text))?;
        length(text, span).map(Self)
    }
}

/// A point in time that has been: a length of time is one ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Since {
    when: When,
    /// As it was typed.
    said: String,
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl Since {
    /// In milliseconds since 1970.
    ///
    /// # Errors
    /// It is no time.
    pub(crate) fn at_ms(&self, times: Times) -> Result<i64, WhenError> {
        match &self.when {
            When::After(time) => {
                let ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
                Ok(times.now_ms().saturating_sub(ms))
            }
            When::At(time) => Ok(time.as_millisecond()),
            When::Clock(text) => by_clock(text, times),
        }
    }
}

impl FromStr for Since {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let text = text.trim();
        let ago = text.strip_suffix("ago").map_or(text, str::trim);
        let when = ago.parse()?;
        let said = text.to_owned();
        Ok(Self { when, said })
    }
}

fn no_time(text: &str) -> WhenError {
    WhenError::NoTime { given: cut(text) }
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests;
