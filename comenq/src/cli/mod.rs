//! Arguments: what can be typed, and the short form of `post`.
//!
//! Decides shape only; whether a target or a body is a good one is decided by
//! the command. clap's own errors keep their text and their exit code 2. What
//! can only be meant as a value, `-1` or a time `-5m`, is taken as one, so that
//! the error says what is wrong with it. Only the verb that is asked for has its
//! arguments built: a run is as long as a few system calls.

mod body;
mod help;
mod list;
mod post;
mod scan;
mod select;
mod values;
mod verbs;

#[cfg(test)]
mod tests;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{
    Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    builder::BoolishValueParser,
    error::{ContextKind, ContextValue},
};

pub(crate) use self::{
    body::BodyArgs,
    help::{GROUPS, screen},
    list::{Filter, ListArgs},
    post::{PostArgs, SubmitOptions},
    scan::Early,
    select::{Choice, SelectArgs, Span},
    values::{Colour, DEFAULT_TIMEOUT, Patience},
    verbs::{
        CompletionsArgs, DrainArgs, EditArgs, JobArgs, JobsArgs, ManPagesArgs, PauseArgs,
        ResumeArgs, RetryArgs, ShowArgs, WaitArgs, WatchArgs,
    },
};
use self::{scan::Scan, values::duration};
use crate::host::Host;

/// The program's name.
const NAME: &str = "comenq";

/// Queue GitHub comments; comenqd posts them at a pace GitHub tolerates.
#[derive(Debug, Parser)]
#[command(
    name = NAME,
    version,
    arg_required_else_help = true,
    subcommand_value_name = "COMMAND"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Verbs for programs.
const HIDDEN: [&str; 2] = ["dial-stdio", "man-pages"];

/// What every verb can be given.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Print JSON, errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Colours: auto, always or never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        value_enum
    )]
    pub(crate) color: Colour,
    #[arg(
        long,
        help = "Ask the daemon of another host, over ssh: [USER@]HOST or \
                ssh://[USER@]HOST[:PORT] [env: COMENQ_HOST]",
        global = true,
        value_name = "HOST",
        conflicts_with = "socket",
        allow_hyphen_values = true
    )]
    pub(crate) host: Option<Host>,
    #[arg(
        long,
        help = "The daemon's socket, instead of your own service's or the system's \
                [env: COMENQ_SOCKET]",
        global = true,
        value_name = "PATH"
    )]
    pub(crate) socket: Option<PathBuf>,
    /// Speak to whoever listens on the socket: for a user namespace, where
    /// nobody can be told from anybody
    #[arg(
        long,
        global = true,
        env = "COMENQ_TRUST_SOCKET",
        hide_env_values = true,
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) trust_socket: bool,
    /// How long a lost connection is repeated and an answer waited for [default: 60s]
    #[arg(long, global = true, value_name = "TIME", value_parser = duration, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,
}

impl Cli {
    /// The definition without any verb.
    fn alone() -> clap::Command {
        Global::augment_args(
            clap::Command::new(NAME)
                .version(env!("CARGO_PKG_VERSION"))
                .subcommand_required(true)
                .subcommand_value_name("COMMAND"),
        )
    }
}

/// The end of a help text of a verb that chooses jobs.
macro_rules! selecting {
    ($examples:literal) => {
        concat!(
            "An ID is a number (7, #7) or a range of your own jobs (4..9). Instead of numbers the ",
            "options choose jobs. On a terminal you are asked first if that is more than one.\n\n",
            "Examples:\n  ",
            $examples
        )
    };
}

/// Those with arguments are described where these are.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    Post(Box<PostArgs>),
    #[command(visible_alias = "ls")]
    List(Box<ListArgs>),
    Show(ShowArgs),
    /// Finished jobs of any age, the newest first
    History(Box<ListArgs>),
    /// Tell how the daemon is, what it waits for, and what would help
    #[command(
        after_help = "Examples:\n  comenq status\n  comenq status --json | jq -r '.status.degraded[]'"
    )]
    Status,
    Wait(WaitArgs),
    Watch(WatchArgs),
    /// Tell whether the daemon is well: exit code 0, or 1 if it is degraded
    #[command(after_help = "Example:\n  comenq health || comenq doctor")]
    Health,
    /// Print what the daemon counts, as text for monitoring
    #[command(after_help = "Example:\n  comenq metrics > /var/lib/node_exporter/comenq.prom")]
    Metrics,
    /// Ask the daemon whether it answers, and what you may do
    #[command(after_help = "Examples:\n  comenq ping\n  comenq --host ssh://user@mybox ping")]
    Ping,
    /// Find what is wrong here, and say which command mends it: exit code 1 if something is
    #[command(
        after_help = "Examples:\n  comenq doctor\n  comenq doctor --json | jq '.checks[] | select(.verdict == \"failed\")'"
    )]
    Doctor,
    Edit(EditArgs),
    /// Keep these jobs from being posted until they are released
    #[command(after_help = selecting!("comenq hold 7 9\n  comenq hold 4..9\n  comenq hold --repo owner/repo"))]
    Hold(SelectArgs),
    /// Let these held jobs go on
    #[command(after_help = selecting!("comenq release 7\n  comenq release --repo owner/repo -y"))]
    Release(SelectArgs),
    /// Put these jobs before your others, whatever their priority
    #[command(after_help = selecting!("comenq bump 7\n  comenq bump 9 7"))]
    Bump(SelectArgs),
    /// Never post these jobs
    #[command(after_help = selecting!("comenq cancel 7 8\n  comenq cancel 4..9\n  comenq cancel --state held --since 2d"))]
    Cancel(SelectArgs),
    Retry(Box<RetryArgs>),
    Pause(PauseArgs),
    Resume(ResumeArgs),
    Drain(DrainArgs),
    PostNow(JobArgs),
    Purge(JobsArgs),
    /// Write everything in the queue to standard output, as a backup (administrators)
    #[command(after_help = "Example:\n  comenq export > backup.jsonl")]
    Export,
    Completions(CompletionsArgs),
    /// Write the manual pages into a directory
    #[command(hide = true)]
    ManPages(ManPagesArgs),
    /// Join standard input and output to the daemon's socket: the far end of --host
    #[command(hide = true)]
    DialStdio,
}

/// Why there is nothing to do.
pub(crate) enum Stop {
    /// The first screen of help is to be shown: as an answer, or for want of a verb.
    Screen {
        /// Somebody asked for it.
        is_asked_for: bool,
    },
    /// clap says why.
    Clap(clap::Error),
}

impl From<clap::Error> for Stop {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error)
    }
}

/// Everything that can be typed; help is written to that width.
pub(crate) fn definition(width: usize) -> clap::Command {
    Cli::command().term_width(width)
}

/// Of all that only what concerns this verb: building the rest would take longer than
/// the rest of a run. `None` if there is no such verb.
fn definition_of(verb: &str, width: usize) -> Option<clap::Command> {
    let mut verbs = Command::augment_subcommands(clap::Command::new("comenq"));
    let found = verbs.find_subcommand_mut(verb).map(std::mem::take)?;
    Some(Cli::alone().term_width(width).subcommand(found))
}

/// Parses `args`, the program's name first; help is written to `width`.
pub(crate) fn parse(args: &[OsString], width: usize) -> Result<Cli, Stop> {
    match Scan::of(args) {
        Scan::Help => Err(Stop::Screen { is_asked_for: true }),
        Scan::Nothing => Err(Stop::Screen {
            is_asked_for: false,
        }),
        // No verb has a slash in its name.
        Scan::Word(at, word) if word.contains('/') => {
            let mut args = args.to_vec();
            args.insert(at, "post".into());
            Ok(parse_with(definition_of("post", width), &args, width)?)
        }
        Scan::Word(_, word) => Ok(parse_with(definition_of(word, width), args, width)?),
        Scan::Options => Ok(parse_with(Some(Cli::alone()), args, width)?),
    }
}

fn parse_with(
    definition: Option<clap::Command>,
    args: &[OsString],
    width: usize,
) -> Result<Cli, clap::Error> {
    let definition = definition.unwrap_or_else(|| self::definition(width));
    let matches = definition.try_get_matches_from(args);
    let mut matches = matches.map_err(without_hidden)?;
    Cli::from_arg_matches_mut(&mut matches)
}

/// An error that suggests no verb which is not for people.
fn without_hidden(mut error: clap::Error) -> clap::Error {
    let kind = ContextKind::SuggestedSubcommand;
    let Some(ContextValue::Strings(names)) = error.get(kind) else {
        return error;
    };
    let is_shown = |name: &&String| !HIDDEN.contains(&name.as_str());
    let shown: Vec<_> = names.iter().filter(is_shown).cloned().collect();
    error.insert(kind, ContextValue::Strings(shown));
    error
}
