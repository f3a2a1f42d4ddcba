//! One line per figure: the figure, its floor, their ratio, what is aimed at.

use std::fmt;
use std::time::Duration;

/// A figure with its unit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    /// A time.
    Time(Duration),
    /// So many a second.
    Rate(f64),
    /// Memory.
    Kilobytes(u64),
}

impl Value {
    fn number(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64(),
            Self::Rate(rate) => rate,
            Self::Kilobytes(kb) => f64::from(u32::try_from(kb).unwrap_or(u32::MAX)),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Time(time) if time.as_millis() == 0 => {
                format!("{:.0} µs", time.as_secs_f64() * 1e6)
            }
            Self::Time(time) => format!("{:.1} ms", time.as_secs_f64() * 1e3),
            Self::Rate(rate) => format!("{rate:.0} /s"),
            Self::Kilobytes(_) => format!("{:.1} MB", self.number() / 1024.0),
        };
        f.pad(&text)
    }
}

/// What a figure should reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Aim {
    /// At most this.
    AtMost(Value),
    /// At most so many times its floor.
    TimesFloor(f64),
    /// At least so many times its floor.
    AtLeastTimesFloor(f64),
    /// At most this above its floor.
    AboveFloor(Value),
    /// Only to be known.
    None,
}

/// One line.
#[derive(Debug)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// What came out.
    pub(crate) figure: Value,
    /// What the machine needs for the part that cannot be avoided.
    pub(crate) floor: Value,
    /// What that part is.
    pub(crate) floor_is: &'static str,
    /// What the figure should reach.
    pub(crate) aim: Aim,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.figure.number() / self.floor.number()
    }

    fn verdict(&self) -> String {
        let (met, aim) = match self.aim {
            Aim::None => return String::new(),
            Aim::AtMost(most) => (self.figure.number() <= most.number(), format!("≤ {most}")),
            Aim::TimesFloor(most) => (self.ratio() <= most, format!("≤ {most} × floor")),
            Aim::AtLeastTimesFloor(least) => (self.ratio() >= least, format!("≥ {least} × floor")),
            Aim::AboveFloor(most) => (
                self.figure.number() <= self.floor.number() + most.number(),
                format!("≤ floor + {most}"),
            ),
        };
        format!("{aim}: {}", if met { "reached" } else { "MISSED" })
    }
}

/// The names of the columns.
pub(crate) fn head() -> String {
    format!(
        "{:<44} {:>10} {:>10} {:>7}  {:<28} aim",
        "what", "figure", "floor", "ratio", "the floor is"
    )
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!(
            "{:<44} {:>10} {:>10} {:>6.1}×  {:<28} {}",
            self.what,
            self.figure,
            self.floor,
            self.ratio(),
            self.floor_is,
            self.verdict()
        );
        f.write_str(line.trim_end())
    }
}
