//! Arguments: what can be typed, and the short form of `post`.
//!
//! Decides shape only; whether a target or a body is a good one is decided by
//! the command. clap's own errors keep their text and their exit code 2. What
//! can only be meant as a value, `-1` or a time `-5m`, is taken as one, so that
//! the error says what is wrong with it.

mod post;
#[cfg(test)]
mod tests;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{
    Args, Parser, Subcommand,
    builder::{BoolishValueParser, PossibleValuesParser},
    error::{ContextKind, ContextValue, ErrorKind},
};
use comenq_proto::{FailureCode, JobId, MAX_PAGE};
use jiff::SignedDuration;

pub(crate) use self::post::{PostArgs, SubmitOptions};

/// Where the packaged daemon listens.
const DEFAULT_SOCKET: &str = "/run/comenq/comenq.sock";

/// Longest `--timeout`: beyond a day somebody meant something else.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  unexpected, or trouble of the daemon; of health: it is degraded
  2  bad usage or input
  3  daemon unreachable, or no answer in time; if a comment may have been
     queued, the error names the key to repeat with
  4  refused: this user may not do that
  5  no such job, or its state forbids it
  6  the job waited for did not get posted
  7  the wait for a job timed out
  8  client and daemon speak no common protocol version, or the daemon is too old for this

Short form:
  comenq OWNER/REPO NUMBER [BODY]    the same as comenq post …";

/// Queue GitHub comments; comenqd posts them at a pace GitHub tolerates.
#[derive(Debug, Parser)]
#[command(name = "comenq", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print JSON, errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The daemon's socket
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "COMENQ_SOCKET",
        default_value = DEFAULT_SOCKET
    )]
    pub(crate) socket: PathBuf,
    /// Speak to whoever listens on the socket: for a user namespace, where
    /// nobody can be told from anybody
    #[arg(
        long,
        global = true,
        env = "COMENQ_TRUST_SOCKET",
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) trust_socket: bool,
    /// How long a lost connection is repeated and an answer waited for
    #[arg(long, global = true, value_name = "TIME", default_value = "60s", value_parser = timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Queue a comment for an issue or pull request, or a batch of them
    Post(Box<PostArgs>),
    /// List unfinished jobs and those finished within a day
    List(ListArgs),
    /// Tell all about one job
    Show(ShowArgs),
    /// Tell how the daemon is and what it waits for
    Status,
    /// Give a job another text, while it is queued or held
    Edit(EditArgs),
    /// Keep these jobs from being posted until they are released
    Hold(JobsArgs),
    /// Let these held jobs go on
    Release(JobsArgs),
    /// Never post these jobs
    Cancel(JobsArgs),
    /// Revive these failed jobs
    Retry(RetryArgs),
    /// Put these jobs before your others
    Bump(JobsArgs),
    /// Post this job next, without waiting for the cooldown (administrators)
    PostNow(JobArgs),
    /// Remove these finished jobs, their text and their log (administrators)
    Purge(JobsArgs),
    /// Post nothing more, with all accounts or with one (administrators)
    Pause(PauseArgs),
    /// End a pause, or let an account try again that is blocked (administrators)
    Resume(ResumeArgs),
    /// Take no new jobs, and post those that are queued (administrators)
    Drain(DrainArgs),
    /// Write everything in the queue to standard output, as a backup (administrators)
    Export,
    /// Tell what happens as it happens, until interrupted
    Watch(WatchArgs),
    /// Tell whether the daemon is well: exit code 0, or 1 if it is degraded
    Health,
    /// Print what the daemon counts, as text for monitoring
    Metrics,
    /// Ask the daemon whether it answers
    Ping,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// At most this many jobs
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PAGE)))]
    pub(crate) limit: Option<u32>,
    /// Finished jobs only, of any age, the newest first
    #[arg(long)]
    pub(crate) history: bool,
    /// Go on where an earlier list ended
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The job's number
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    pub(crate) id: JobId,
}

#[derive(Debug, Args)]
pub(crate) struct JobsArgs {
    /// The jobs' numbers
    #[arg(value_name = "ID", required = true, allow_negative_numbers = true)]
    pub(crate) ids: Vec<JobId>,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Only these jobs [default: all of yours, and the accounts]
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    pub(crate) ids: Vec<JobId>,
    /// Everybody's jobs
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Without BODY and without --file the comment is read from standard input.")]
pub(crate) struct EditArgs {
    /// The job's number
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    pub(crate) id: JobId,
    /// The new comment (`-`: standard input)
    #[arg(value_name = "BODY")]
    pub(crate) body: Option<String>,
    /// Read the new comment from a file (`-`: standard input)
    #[arg(short = 'F', long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

const RETRY_USAGE: &str = "comenq retry [OPTIONS] ID...
       comenq retry [OPTIONS] --reason CODE";

#[derive(Debug, Args)]
#[command(override_usage = RETRY_USAGE)]
pub(crate) struct RetryArgs {
    /// The jobs' numbers
    #[arg(
        value_name = "ID",
        allow_negative_numbers = true,
        required_unless_present = "reason",
        conflicts_with = "reason"
    )]
    pub(crate) ids: Vec<JobId>,
    /// All that failed for this reason
    #[arg(long, value_name = "CODE", value_parser = failure_codes())]
    pub(crate) reason: Option<String>,
}

fn failure_codes() -> PossibleValuesParser {
    PossibleValuesParser::new(FailureCode::ALL.iter().map(|code| code.as_str()))
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The account's name, as `comenq status` shows it; without it the queue
    /// goes on after `comenq pause`
    #[arg(value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The job's number
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    pub(crate) id: JobId,
}

#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// Only this account
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Why, for those who wait
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DrainArgs {
    /// Take jobs again
    #[arg(long)]
    pub(crate) off: bool,
    /// Why, for those who are refused
    #[arg(long, value_name = "TEXT", conflicts_with = "off")]
    pub(crate) reason: Option<String>,
}

/// Parses `args`, the program's name first.
pub(crate) fn parse(args: Vec<OsString>) -> Result<Cli, clap::Error> {
    let error = match Cli::try_parse_from(&args) {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    match short_form(&error, args) {
        Some(args) => Cli::try_parse_from(args),
        None => Err(error),
    }
}

/// The arguments with `post` put in, when clap stumbled over a target in the
/// place of a command. No command has a slash in its name.
fn short_form(error: &clap::Error, mut args: Vec<OsString>) -> Option<Vec<OsString>> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    if !word.contains('/') {
        return None;
    }
    let at = args.iter().position(|arg| arg == word.as_str())?;
    args.insert(at, "post".into());
    Some(args)
}

/// Whether `--json` is among the arguments; asked before parsing, because
/// errors of parsing are printed that way too.
pub(crate) fn wants_json(args: &[OsString]) -> bool {
    args.iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg == "--json")
}

fn timeout(text: &str) -> Result<Duration, String> {
    const FORMS: &str = "write for example 60s, 500ms or 2m";
    let parsed = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => text
            .parse::<SignedDuration>()
            .ok()
            .and_then(|signed| Duration::try_from(signed).ok())
            .ok_or_else(|| format!("this is no length of time; {FORMS}"))?,
    };
    if parsed.is_zero() || parsed > MAX_TIMEOUT {
        return Err(format!("it must be above zero and at most a day; {FORMS}"));
    }
    Ok(parsed)
}
