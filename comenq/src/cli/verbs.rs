//! The arguments of the verbs that need few.

use std::{path::PathBuf, time::Duration};

use clap::{Args, builder::PossibleValuesParser};
use clap_complete::Shell;
use comenq_proto::{FailureCode, JobId};

use super::{BodyArgs, Choice};

/// Tell all about one job, as a story
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  comenq show 7")]
pub(crate) struct ShowArgs {
    /// The job's number
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    pub(crate) id: JobId,
}

/// Remove these finished jobs, their text and their log (administrators)
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  comenq purge 7 8")]
pub(crate) struct JobsArgs {
    /// The jobs' numbers
    #[arg(value_name = "ID", required = true, allow_negative_numbers = true)]
    pub(crate) ids: Vec<JobId>,
}

/// Post this job next, without waiting for the cooldown (administrators)
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  comenq post-now 7")]
pub(crate) struct JobArgs {
    /// The job's number
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    pub(crate) id: JobId,
}

/// Tell what happens as it happens, until interrupted
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comenq watch                your jobs, and the accounts
  comenq watch 7 8            these jobs only
  comenq watch --all --json   everybody's, one JSON object a line")]
pub(crate) struct WatchArgs {
    /// Only these jobs [default: all of yours, and the accounts]
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    pub(crate) ids: Vec<JobId>,
    /// Everybody's jobs
    #[arg(short = 'a', long, conflicts_with = "ids")]
    pub(crate) all: bool,
}

/// Wait until these jobs are posted, or never will be
#[derive(Debug, Args)]
#[command(after_help = "\
It prints a line for each job that is posted. With --timeout it waits so long at most, else as \
long as it takes. Exit code 6: a job will never be posted; 7: the time is up. Ctrl-C ends the \
wait and leaves the jobs as they are.

Example:
  comenq wait 7 8 --timeout 2h")]
pub(crate) struct WaitArgs {
    /// The jobs' numbers
    #[arg(value_name = "ID", required = true, allow_negative_numbers = true)]
    pub(crate) ids: Vec<JobId>,
    /// `--timeout`, which every verb has, is the limit of the wait here.
    #[arg(skip)]
    pub(crate) limit: Option<Duration>,
}

/// Give a job another text, while it is queued or held
#[derive(Debug, Args)]
#[command(after_help = "\
Without BODY and --file the comment is read from standard input; on a terminal the editor
opens with the text there is.

Examples:
  comenq edit 7 \"other text\"
  comenq edit 7")]
pub(crate) struct EditArgs {
    /// The job's number
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    pub(crate) id: JobId,
    /// The new comment (`-`: standard input)
    #[arg(value_name = "BODY")]
    pub(crate) body: Option<String>,
    #[command(flatten)]
    pub(crate) from: BodyArgs,
}

const RETRY_USAGE: &str = "comenq retry [OPTIONS] ID...
       comenq retry [OPTIONS] --reason CODE";

/// Revive failed jobs: by number, by what they are, or all that failed for a reason
#[derive(Debug, Args)]
#[command(override_usage = RETRY_USAGE, after_help = "\
Examples:
  comenq retry 7
  comenq retry --repo owner/repo
  comenq retry --reason locked")]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// All that failed for this reason
    #[arg(
        long,
        value_name = "CODE",
        value_parser = failure_codes(),
        conflicts_with_all = ["ids", "Filter"]
    )]
    pub(crate) reason: Option<String>,
}

fn failure_codes() -> PossibleValuesParser {
    PossibleValuesParser::new(FailureCode::ALL.iter().map(|code| code.as_str()))
}

/// End a pause, or let an account try again that is blocked (administrators)
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comenq resume            the queue goes on
  comenq resume docs-bot   the account tries again, also one that is blocked or barred")]
pub(crate) struct ResumeArgs {
    /// The account's name, as `comenq status` shows it; without it the queue
    /// goes on after `comenq pause`
    #[arg(value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
}

/// Post nothing more, with all accounts or with one (administrators)
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  comenq pause --reason \"GitHub maintenance\"")]
pub(crate) struct PauseArgs {
    /// Only this account
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Why, for those who wait
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// Take no new jobs, and post those that are queued (administrators)
#[derive(Debug, Args)]
#[command(after_help = "\
What is queued is posted all the same.

Examples:
  comenq drain --reason \"moving house\"
  comenq drain --off")]
pub(crate) struct DrainArgs {
    /// Take jobs again
    #[arg(long)]
    pub(crate) off: bool,
    /// Why, for those who are refused
    #[arg(long, value_name = "TEXT", conflicts_with = "off")]
    pub(crate) reason: Option<String>,
}

/// Print the script that makes a shell complete words
#[derive(Debug, Args)]
#[command(after_help = "\
In bash, zsh and fish the numbers of jobs and the names of accounts are completed too, by
asking the daemon.

Examples:
  comenq completions bash > ~/.local/share/bash-completion/completions/comenq
  comenq completions zsh > ~/.zfunc/_comenq
  comenq completions fish > ~/.config/fish/completions/comenq.fish")]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManPagesArgs {
    /// An existing directory
    #[arg(value_name = "DIRECTORY")]
    pub(crate) directory: PathBuf,
}
