//! The arguments of `list` and `history`, and the filter that other verbs select jobs by.

use clap::{Args, builder::PossibleValuesParser};
use comenq_proto::JobState;

use crate::{repository::Repository, when::Since};

const EXAMPLES: &str = "\
Examples:
  comenq list                              your jobs
  comenq list -a --state failed            everybody's failed ones
  comenq list --repo owner/repo --since 2d
  comenq list --timeline                   who goes when
  comenq history -n 10
  comenq list --json | jq '.jobs[].id'";

// No doc comment: it would stand in the help of every verb that has it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Filter {
    /// In this state; may be given several times
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = states())]
    pub(crate) state: Vec<String>,
    /// Of this account
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// For this repository, or all of an owner
    #[arg(long, value_name = "OWNER[/REPO]")]
    pub(crate) repo: Option<Repository>,
    /// Queued since then: 2h, 'yesterday 18:00', 2026-11-20T18:00:00Z
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub(crate) since: Option<Since>,
}

fn states() -> PossibleValuesParser {
    PossibleValuesParser::new(JobState::ALL.iter().map(|state| state.as_str()))
}

impl Filter {
    /// Whether it says anything.
    pub(crate) const fn is_empty(&self) -> bool {
        self.state.is_empty()
            && self.account.is_none()
            && self.repo.is_none()
            && self.since.is_none()
    }
}

/// What is queued, and what was finished within a day
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ListArgs {
    /// Everybody's jobs [default: yours]
    #[arg(short = 'a', long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// At most this many jobs
    #[arg(
        short = 'n',
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) limit: Option<u32>,
    /// Finished jobs only, of any age, the newest first
    #[arg(long)]
    pub(crate) history: bool,
    /// Go on where an earlier list ended
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
    /// Show the list anew every two seconds, until interrupted
    #[arg(long, conflicts_with_all = ["cursor", "json"])]
    pub(crate) watch: bool,
    /// The coming posts of each account against the clock, everybody's
    #[arg(long, conflicts_with_all = ["history", "cursor", "watch", "all", "state", "repo", "since"])]
    pub(crate) timeline: bool,
}
