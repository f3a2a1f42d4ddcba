//! Arguments: what can be typed, and the short form of `post`.
//!
//! Decides shape only; whether a target or a body is a good one is decided by
//! the command. clap's own errors keep their text and their exit code 2.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{
    Args, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};
use comenq_proto::{JobId, MAX_PAGE, SubmitKey};
use jiff::SignedDuration;

/// Where the packaged daemon listens.
const DEFAULT_SOCKET: &str = "/run/comenq/comenq.sock";

/// Longest `--timeout`: beyond a day somebody meant something else.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  unexpected, or trouble of the daemon
  2  bad usage or input
  3  daemon unreachable, or no answer in time; if a comment may have been
     queued, the error names the key to repeat with
  4  refused: this user may not do that
  5  no such job, or its state forbids it
  6  the job waited for did not get posted
  7  the wait for a job timed out
  8  client and daemon speak no common protocol version

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
    /// How long a lost connection is repeated and an answer waited for
    #[arg(long, global = true, value_name = "TIME", default_value = "60s", value_parser = timeout)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Queue a comment for an issue or pull request
    Post(PostArgs),
    /// List unfinished jobs and those finished within a day
    List(ListArgs),
    /// Tell all about one job
    Show(ShowArgs),
    /// Tell how the daemon is and what it waits for
    Status,
    /// Never post these jobs
    Cancel(CancelArgs),
    /// Ask the daemon whether it answers
    Ping,
}

const POST_USAGE: &str = "comenq post [OPTIONS] OWNER/REPO NUMBER [BODY]
       comenq post [OPTIONS] OWNER/REPO#NUMBER [BODY]
       comenq post [OPTIONS] URL [BODY]";

const POST_HELP: &str = "\
Without BODY and without --file the comment is read from standard input.
The comment is stored before this command returns; it is posted later, once.";

#[derive(Debug, Args)]
#[command(override_usage = POST_USAGE, after_help = POST_HELP)]
pub(crate) struct PostArgs {
    /// OWNER/REPO, OWNER/REPO#NUMBER or the URL of an issue or pull request
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,
    /// The number, unless TARGET has one, and the comment (`-`: standard input)
    #[arg(value_name = "NUMBER|BODY", num_args = 0..=2)]
    pub(crate) rest: Vec<String>,
    /// Read the comment from a file (`-`: standard input)
    #[arg(short = 'F', long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Makes repeating safe: the same key and comment give the same job
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<SubmitKey>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// At most this many jobs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PAGE)))]
    pub(crate) limit: Option<u32>,
    /// Go on where an earlier list ended
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The job's number
    #[arg(value_name = "ID")]
    pub(crate) id: JobId,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The jobs' numbers
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<JobId>,
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parsed(line: &[&str]) -> Result<Cli, clap::Error> {
        let args = ["comenq"].iter().chain(line).map(OsString::from);
        parse(args.collect())
    }

    fn post(line: &[&str]) -> PostArgs {
        match parsed(line).unwrap().command {
            Command::Post(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_short_form_is_post() {
        for line in [
            &["o/r", "123", "text"][..],
            &["--json", "o/r", "123", "text"],
            &["--socket", "s", "--timeout=5s", "o/r", "123", "text"],
            &["o/r", "123", "--json", "text"],
        ] {
            let args = post(line);
            assert_eq!(args.target, "o/r", "{line:?}");
            assert_eq!(args.rest, ["123", "text"], "{line:?}");
        }
        assert_eq!(post(&["https://github.com/o/r/pull/1", "x"]).rest, ["x"]);
        assert_eq!(post(&["o/r#1", "--key", "k"]).key.unwrap().as_str(), "k");
    }

    #[test]
    fn a_mistyped_command_stays_an_error_with_a_suggestion() {
        let error = parsed(&["lsit"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSubcommand);
        assert!(error.to_string().contains("'list'"), "{error}");
    }

    #[test]
    fn global_options_stand_before_and_after_the_command() {
        for line in [
            &["--json", "--socket", "/s", "--timeout", "1m", "list"][..],
            &["list", "--json", "--socket", "/s", "--timeout", "60"],
        ] {
            let global = parsed(line).unwrap().global;
            assert!(global.json);
            assert_eq!(global.socket, PathBuf::from("/s"));
            assert_eq!(global.timeout, Duration::from_mins(1));
        }
    }

    #[test]
    fn impossible_times_ids_and_keys_are_usage_errors() {
        for line in [
            &["--timeout", "0", "list"][..],
            &["--timeout", "-3s", "list"],
            &["--timeout", "25h", "list"],
            &["--timeout", "soon", "list"],
            &["show", "0"],
            &["cancel"],
            &["cancel", "1", "x"],
            &["post", "o/r#1", "--key", "a b", "text"],
            &["list", "--limit", "0"],
            &["post", "o/r", "1", "text", "more"],
        ] {
            let error = parsed(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line:?}");
        }
    }

    #[test]
    fn json_is_seen_before_parsing_but_not_in_a_body() {
        let seen = |line: &[&str]| wants_json(&line.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(seen(&["comenq", "nonsense", "--json"]));
        assert!(!seen(&["comenq", "post", "o/r#1", "--", "--json"]));
    }
}
