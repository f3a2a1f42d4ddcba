//! The arguments of `post`.
//!
//! Decides shape only, as its parent does. What one comment can be given besides
//! its text is a struct of its own: the lines of a batch have the same.

use std::path::PathBuf;

use clap::Args;
use comenq_proto::{MAX_PRIORITY, MIN_PRIORITY, SubmitKey};

use super::{BodyArgs, Patience};
use crate::when::{Length, When};

const USAGE: &str = "comenq post [OPTIONS] OWNER/REPO NUMBER [BODY]
       comenq post [OPTIONS] OWNER/REPO#NUMBER [BODY]
       comenq post [OPTIONS] URL [BODY]
       comenq post [OPTIONS] NUMBER [BODY]   in a checkout
       comenq post [--key KEY] --batch FILE";

const HELP: &str = "\
Examples:
  comenq post owner/repo 123 \"text\"
  make report | comenq post owner/repo#123
  comenq post '#123' -e --wait
  comenq post owner/repo 123 -F text.md --at 'tomorrow 9:00'

Without BODY, --file and --editor the comment is read from standard input. It is stored \
before this command returns; it is posted later, once. Inside a git checkout a number alone \
is of the repository that gh's default or the remote `origin` names.

WHEN is a length of time from now (2h, 90m, 7d), a time by the clock as date -d takes it \
('tomorrow 9:00', 'friday 17:30', '2026-11-20 18:00') or an RFC 3339 one \
(2026-11-20T18:00:00Z).

A batch has one JSON object a line, 500 at most, and is queued whole or not at all:
  {\"target\": \"owner/repo#1\", \"body\": \"text\"}
  {\"owner\": \"o\", \"repo\": \"r\", \"number\": 1, \"body\": \"x\", \"hold\": true}

Each must have a body and either target (a URL too) or owner, repo and number (and host, for \
a URL's). It may have key, account, priority, not_before, expires, replace_key (texts as of \
the options, priority a number), if_open and hold (true or false). A line without a key gets \
the one of --key, or else a random one, and its own number after a dot: the same batch with \
the same --key is never queued twice.";

/// Queue a comment for an issue or pull request, or a batch of them
#[derive(Debug, Args)]
#[command(override_usage = USAGE, after_help = HELP)]
pub(crate) struct PostArgs {
    /// OWNER/REPO, OWNER/REPO#NUMBER, NUMBER or the URL of an issue or pull request
    #[arg(value_name = "TARGET", required_unless_present = "batch")]
    pub(crate) target: Option<String>,
    /// The number, unless TARGET has one, and the comment (`-`: standard input)
    #[arg(value_name = "NUMBER|BODY", num_args = 0..=2, allow_negative_numbers = true)]
    pub(crate) rest: Vec<String>,
    #[command(flatten)]
    pub(crate) from: BodyArgs,
    /// Makes repeating safe: the same key and comment give the same job
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<SubmitKey>,
    /// Queue many comments, one JSON object a line (`-`: standard input)
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["target", "rest", "BodyArgs", "SubmitOptions", "wait"]
    )]
    pub(crate) batch: Option<PathBuf>,
    /// Check everything, also with the daemon if it can be reached; queue nothing
    #[arg(short = 'N', long, conflicts_with_all = ["wait", "editor"])]
    pub(crate) dry_run: bool,
    /// Wait until it is posted, and print its URL; with TIME so long at most
    #[arg(
        short = 'w',
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = Patience::ENDLESS
    )]
    pub(crate) wait: Option<Patience>,
    /// Print the job's number only
    #[arg(short = 'q', long, conflicts_with_all = ["json", "dry_run"])]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) options: SubmitOptions,
}

// What a comment can be given besides its text. No doc comment: it would stand in help.
#[derive(Debug, Default, Args)]
pub(crate) struct SubmitOptions {
    /// The account that posts it, where there are several
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Do not post it before then
    #[arg(
        long,
        visible_alias = "not-before",
        value_name = "WHEN",
        allow_hyphen_values = true
    )]
    pub(crate) at: Option<When>,
    /// Do not post it until so much time has passed
    #[arg(
        long = "in",
        value_name = "TIME",
        allow_hyphen_values = true,
        conflicts_with = "at"
    )]
    pub(crate) after: Option<Length>,
    /// Never post it after then
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub(crate) expires: Option<When>,
    /// Higher goes first among your own jobs, -100 to 100
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i8).range(i64::from(MIN_PRIORITY)..=i64::from(MAX_PRIORITY))
    )]
    pub(crate) priority: i8,
    /// Supersede your queued jobs with the same one for the same target
    #[arg(long, value_name = "KEY")]
    pub(crate) replace_key: Option<SubmitKey>,
    /// Post it only while the issue is open
    #[arg(long)]
    pub(crate) if_open: bool,
    /// Keep it until it is released
    #[arg(long)]
    pub(crate) hold: bool,
}
