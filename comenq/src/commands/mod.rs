//! The commands, one per file, each named as it is typed.
//!
//! Decides which file serves which command; a command builds its request, asks,
//! and words the answer.

mod cancel;
mod list;
mod ping;
mod post;
mod show;
mod status;
mod words;

use std::io::Read;

use comenq_proto::Request;

use crate::{cli::Command, client::Client, exit::Exit, failure::Failure, output::Output};

/// What a command works with.
pub(crate) struct Session<'a> {
    pub(crate) client: Client,
    pub(crate) stdin: &'a mut dyn Read,
    pub(crate) stdin_is_terminal: bool,
    pub(crate) output: Output<'a>,
}

impl Session<'_> {
    /// Asks the daemon something that changes nothing when repeated.
    fn ask<R: Request>(&mut self, request: &R) -> Result<R::Reply, Failure> {
        let answer = self.client.call(request);
        answer.map_err(|error| Failure::of_call(error, &self.client))
    }
}

/// Does one command.
pub(crate) fn dispatch(command: Command, session: &mut Session<'_>) -> Result<Exit, Failure> {
    let done = match command {
        Command::Post(args) => post::run(args, session),
        Command::List(args) => list::run(args, session),
        Command::Show(args) => show::run(&args, session),
        Command::Status => status::run(session),
        Command::Cancel(args) => return cancel::run(&args, session),
        Command::Ping => ping::run(session),
    };
    done.map(|()| Exit::Done)
}
