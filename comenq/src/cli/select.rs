//! Which jobs a change is for: numbers, ranges of them, or a filter.

use std::str::FromStr;

use clap::Args;
use comenq_proto::JobId;

use super::Filter;

/// Most numbers in a range: more were meant as something else.
const MAX_SPAN: u64 = 1000;

// No doc comment: it would stand in the help of every verb that has it.
#[derive(Debug, Default, Args)]
pub(crate) struct SelectArgs {
    #[command(flatten)]
    pub(crate) choice: Choice,
}

// As above.
#[derive(Debug, Default, Args)]
pub(crate) struct Choice {
    /// The jobs' numbers, or ranges of them
    #[arg(
        value_name = "ID",
        allow_negative_numbers = true,
        conflicts_with = "Filter"
    )]
    pub(crate) ids: Vec<Span>,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// Everybody's jobs, for administrators [default: yours]
    #[arg(short = 'a', long)]
    pub(crate) all: bool,
    /// Do not ask
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

/// One number, or all from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: JobId,
    pub(crate) last: JobId,
}

impl Span {
    /// Whether it was written as a range.
    pub(crate) fn is_range(self) -> bool {
        self.first != self.last
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = |text: &str| text.parse::<JobId>().map_err(|error| error.to_string());
        let Some((first, last)) = text.split_once("..") else {
            let id = id(text)?;
            return Ok(Self {
                first: id,
                last: id,
            });
        };
        let (first, last) = (id(first)?, id(last)?);
        if first >= last {
            return Err("a range goes up: 4..9".to_owned());
        }
        if last.get() - first.get() >= MAX_SPAN {
            return Err(format!("a range has at most {MAX_SPAN} numbers"));
        }
        Ok(Self { first, last })
    }
}
