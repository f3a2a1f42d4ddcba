//! The commands, one per file, each named as it is typed.
//!
//! Decides which file serves which command; a command builds its request, asks,
//! and words the answer.

mod bars;
mod batch;
mod body;
mod bump;
mod cancel;
mod check;
mod completions;
mod dial_stdio;
mod doctor;
mod drain;
mod each;
mod edit;
mod export;
mod health;
mod hold;
mod list;
mod man_pages;
mod metrics;
mod pages;
mod pause;
mod phase;
mod ping;
mod post;
mod post_now;
mod purge;
mod release;
mod resume;
mod retry;
mod select;
mod show;
mod status;
mod table;
mod timeline;
mod wait;
mod waiting;
mod watch;
mod words;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ffi::OsString,
    io::{Read, stdin},
    os::fd::AsFd as _,
};

use comenq_proto::Request;

pub(crate) use self::doctor::{Finding, Verdict};
use crate::{
    Interrupts, cli::Command, client::Client, exit::Exit, failure::Failure, output::Output,
    people::People, terminal::Terminal, unwaitable,
};

/// What a command works with.
pub(crate) struct Context<'a> {
    pub(crate) client: Client,
    pub(crate) stdin: &'a mut dyn Read,
    pub(crate) terminal: Terminal,
    pub(crate) environment: &'a dyn Fn(&str) -> Option<OsString>,
    pub(crate) interrupts: Interrupts,
    pub(crate) people: People,
    /// Names that were asked for: a list may have many jobs of few users.
    pub(crate) names: RefCell<BTreeMap<u32, String>>,
    pub(crate) output: Output<'a>,
}

impl Context<'_> {
    /// Asks the daemon something that changes nothing when repeated.
    fn ask<R: Request>(&mut self, request: &R) -> Result<R::Reply, Failure> {
        let answer = self.client.call(request);
        answer.map_err(|error| Failure::of_call(error, &self.client))
    }

    /// From here on an interrupt is how the command is meant to end.
    fn end_on_interrupt(&self) -> Result<(), Failure> {
        (self.interrupts.end)().map_err(|error| unwaitable(&error))
    }

    /// A user as people call them: `you`, a name, or a number.
    fn user(&self, uid: u32) -> String {
        let own = self.client.ack().map(|ack| ack.authz.uid);
        if own == Some(uid) {
            return "you".to_owned();
        }
        let ask = || {
            let is_here = self.client.address().host().is_none();
            self.people.name(uid, is_here)
        };
        self.names
            .borrow_mut()
            .entry(uid)
            .or_insert_with(ask)
            .clone()
    }
}

/// Does one command.
pub(crate) fn dispatch(command: Command, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let done = match command {
        Command::Post(args) => return post::run(*args, context),
        Command::List(args) => list::run(*args, context),
        Command::History(args) => list::history(*args, context),
        Command::Show(args) => show::run(&args, context),
        Command::Status => status::run(context),
        Command::Wait(args) => return wait::run(&args, context),
        Command::Watch(args) => watch::run(&args, context),
        Command::Health => return health::run(context),
        Command::Metrics => metrics::run(context),
        Command::Ping => ping::run(context),
        Command::Doctor => return doctor::run(context),
        Command::Edit(args) => edit::run(args, context),
        Command::Hold(args) => return hold::run(&args, context),
        Command::Release(args) => return release::run(&args, context),
        Command::Bump(args) => return bump::run(&args, context),
        Command::Cancel(args) => return cancel::run(&args, context),
        Command::Retry(args) => return retry::run(*args, context),
        Command::Pause(args) => pause::run(args, context),
        Command::Resume(args) => resume::run(args, context),
        Command::Drain(args) => drain::run(args, context),
        Command::PostNow(args) => return post_now::run(&args, context),
        Command::Purge(args) => return purge::run(&args, context),
        Command::Export => export::run(context),
        Command::Completions(args) => completions::run(&args, context),
        Command::ManPages(args) => man_pages::run(&args, context),
        Command::DialStdio => dial_stdio::run(stdin().as_fd(), context),
    };
    done.map(|()| Exit::Done)
}
