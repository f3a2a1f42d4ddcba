//! Words that a shell completes, asked by its script through the environment.
//!
//! Decides what the daemon is asked for them, and that it is not waited for: a shell
//! that hangs is worse than a word that is not completed.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    time::Duration,
};

use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCompleter, CompletionCandidate},
    env::Shells,
};
use comenq_proto::{JobList, Request, Status};

use crate::{address::Address, cli, client::Client, people::People, trust::Trust};

/// The variable in which the script says which shell asks.
pub(crate) const VARIABLE: &str = "COMENQ_COMPLETE";

/// The daemon answers within this, or not at all.
const PATIENCE: Duration = Duration::from_millis(500);

/// So many jobs are offered.
const MOST_JOBS: u32 = 100;

/// Answers a shell on standard output, where the library writes; `None` if none asked.
/// What goes wrong meanwhile completes nothing: an error would stand amid what is typed.
///
/// # Errors
/// The variable names no shell that asks, in words.
#[must_use]
pub fn answer(
    args: &[OsString],
    environment: &dyn Fn(&str) -> Option<OsString>,
    people: People,
) -> Option<Result<(), String>> {
    let shell = environment(VARIABLE)?;
    let shell = shell.to_string_lossy();
    if Shells::builtins().completer(&shell).is_none() {
        let text = format!("{VARIABLE} is set to {shell:?}, which is no shell that asks; unset it");
        return Some(Err(text));
    }
    let asker = Asker {
        address: address(args, environment),
        trusts_anybody: environment("COMENQ_TRUST_SOCKET").is_some_and(|value| value == "1"),
        people,
    };
    let answered = CompleteEnv::with_factory(|| definition(&asker))
        .var(VARIABLE)
        .bin("comenq")
        .completer("comenq")
        .try_complete(args.iter().cloned(), None::<&Path>);
    drop(answered);
    Some(Ok(()))
}

/// The daemon that the words typed so far, or the environment, name.
fn address(args: &[OsString], environment: &dyn Fn(&str) -> Option<OsString>) -> Option<Address> {
    let words: Vec<_> = args.iter().filter_map(|word| word.to_str()).collect();
    let value = |option: &str| {
        let at = words.iter().position(|word| word.starts_with(option))?;
        let rest = words.get(at)?.strip_prefix(option)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value),
            None if rest.is_empty() => words.get(at + 1).copied(),
            None => None,
        }
    };
    let host = match value("--host") {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    let address = Address::find(value("--socket").map(Into::into), host, environment);
    address.ok().map(Address::quietly)
}

/// Asks the daemon for words.
#[derive(Clone)]
struct Asker {
    address: Option<Address>,
    trusts_anybody: bool,
    people: People,
}

impl Asker {
    fn ask<R: Request>(&self, request: &R) -> Option<R::Reply> {
        let trust = Trust {
            anybody: self.trusts_anybody,
            own_uid: self.people.uid,
            lookup_user: self.people.lookup_user,
        };
        let mut client = Client::new(self.address.clone()?, PATIENCE, trust);
        client.call(request).ok()
    }

    /// Numbers of unfinished jobs and of those of today, with what they are.
    fn jobs(&self, typed: &OsStr) -> Vec<CompletionCandidate> {
        let request = JobList {
            mine: true,
            limit: Some(MOST_JOBS),
            ..JobList::default()
        };
        let jobs = self
            .ask(&request)
            .map(|reply| reply.jobs)
            .unwrap_or_default();
        let candidates = jobs.iter().map(|job| {
            let help = format!("{} {}/{}#{}", job.state, job.owner, job.repo, job.number);
            CompletionCandidate::new(job.id.to_string()).help(Some(help.into()))
        });
        starting(candidates, typed)
    }

    fn accounts(&self, typed: &OsStr) -> Vec<CompletionCandidate> {
        let lanes = self
            .ask(&Status {})
            .map(|reply| reply.lanes)
            .unwrap_or_default();
        let candidates = lanes.iter().map(|lane| {
            let help = format!("{}, {}", lane.host, lane.phase.replace('_', " "));
            CompletionCandidate::new(&lane.account).help(Some(help.into()))
        });
        starting(candidates, typed)
    }
}

fn starting(
    candidates: impl Iterator<Item = CompletionCandidate>,
    typed: &OsStr,
) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let fits = |it: &CompletionCandidate| it.get_value().to_string_lossy().starts_with(&*typed);
    candidates.filter(fits).collect()
}

/// The definition, with the daemon behind the values that only it knows.
fn definition(asker: &Asker) -> clap::Command {
    let mut definition = cli::definition(80);
    definition.build();
    definition.mut_subcommands(|verb| {
        verb.mut_args(|argument| {
            let names = argument.get_value_names().unwrap_or_default();
            let name = names.first().map(ToString::to_string).unwrap_or_default();
            let is_account = name == "ACCOUNT" || argument.get_id() == "account";
            let asker = asker.clone();
            match name.as_str() {
                "ID" => argument.add(ArgValueCompleter::new(move |typed: &OsStr| {
                    asker.jobs(typed)
                })),
                _ if is_account => argument.add(ArgValueCompleter::new(move |typed: &OsStr| {
                    asker.accounts(typed)
                })),
                _ => argument,
            }
        })
    })
}
