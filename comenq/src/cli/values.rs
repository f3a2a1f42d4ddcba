//! Values that several arguments have: lengths of time, whether to use colours.

use std::{str::FromStr, time::Duration};

use clap::ValueEnum;
use jiff::SignedDuration;

/// How long a lost connection is repeated where nobody says.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest `--timeout`: beyond a year of waiting somebody meant something else.
const MAX_TIMEOUT: Duration = Duration::from_secs(366 * 24 * 60 * 60);

const FORMS: &str = "write for example 60s, 500ms or 2m";

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Colour {
    /// The one of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok()
    }
}

/// How long to wait for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as it takes.
    Endless,
    /// So long at most.
    Limit(Duration),
}

impl Patience {
    /// The text of [`Self::Endless`].
    pub(super) const ENDLESS: &str = "ever";

    /// The limit, if there is one.
    pub(crate) const fn limit(self) -> Option<Duration> {
        match self {
            Self::Endless => None,
            Self::Limit(limit) => Some(limit),
        }
    }
}

impl FromStr for Patience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            Self::ENDLESS => Ok(Self::Endless),
            text => duration(text).map(Self::Limit),
        }
    }
}

/// A length of time to wait.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => text
            .parse::<SignedDuration>()
            .ok()
            .and_then(|signed| Duration::try_from(signed).ok())
            .ok_or_else(|| format!("this is no length of time; {FORMS}"))?,
    };
    if parsed.is_zero() || parsed > MAX_TIMEOUT {
        return Err(format!("it must be above zero and at most a year; {FORMS}"));
    }
    Ok(parsed)
}
