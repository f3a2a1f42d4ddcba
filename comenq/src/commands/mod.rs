//! The commands, one per file, each named as it is typed.
//!
//! Decides which file serves which command; a command builds its request, asks,
//! and words the answer.

mod batch;
mod body;
mod bump;
mod cancel;
mod drain;
mod each;
mod edit;
mod export;
mod health;
mod hold;
mod list;
mod metrics;
mod pause;
mod ping;
mod post;
mod post_now;
mod purge;
mod release;
mod resume;
mod retry;
mod show;
mod status;
mod watch;
mod words;

use std::io::{self, Read};

use comenq_proto::Request;

use crate::{cli::Command, client::Client, exit::Exit, failure::Failure, output::Output};

/// What a command works with.
pub(crate) struct Context<'a> {
    pub(crate) client: Client,
    pub(crate) stdin: &'a mut dyn Read,
    pub(crate) stdin_is_terminal: bool,
    pub(crate) output: Output<'a>,
    pub(crate) end_on_interrupt: fn() -> io::Result<()>,
}

impl Context<'_> {
    /// Asks the daemon something that changes nothing when repeated.
    fn ask<R: Request>(&mut self, request: &R) -> Result<R::Reply, Failure> {
        let answer = self.client.call(request);
        answer.map_err(|error| Failure::of_call(error, &self.client))
    }

    /// From here on an interrupt is how the command is meant to end.
    fn end_on_interrupt(&self) -> Result<(), Failure> {
        (self.end_on_interrupt)().map_err(|error| {
            let message = format!("cannot wait for an interrupt: {error}");
            Failure::new("internal", Exit::Trouble, message)
        })
    }
}

/// Does one command.
pub(crate) fn dispatch(command: Command, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let done = match command {
        Command::Post(args) => post::run(*args, context),
        Command::List(args) => list::run(args, context),
        Command::Show(args) => show::run(&args, context),
        Command::Status => status::run(context),
        Command::Edit(args) => edit::run(args, context),
        Command::Hold(args) => return hold::run(&args, context),
        Command::Release(args) => return release::run(&args, context),
        Command::Cancel(args) => return cancel::run(&args, context),
        Command::Retry(args) => return retry::run(args, context),
        Command::Bump(args) => return bump::run(&args, context),
        Command::PostNow(args) => return post_now::run(&args, context),
        Command::Purge(args) => return purge::run(&args, context),
        Command::Pause(args) => pause::run(args, context),
        Command::Resume(args) => resume::run(args, context),
        Command::Drain(args) => drain::run(args, context),
        Command::Export => export::run(context),
        Command::Watch(args) => watch::run(&args, context),
        Command::Health => return health::run(context),
        Command::Metrics => metrics::run(context),
        Command::Ping => ping::run(context),
    };
    done.map(|()| Exit::Done)
}
