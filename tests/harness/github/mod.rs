//! The GitHub stand-in: a small GitHub on loopback that can be made to fail in
//! every way the real one does.
//!
//! It speaks real HTTP/1.1 from a thread of its own, so blocking tests use it
//! like any server. It knows nothing of comenq: what it checks is what a client
//! of GitHub's API can be seen to do.

mod app_routes;
mod apps;
mod clock;
mod comment;
mod config;
mod control;
mod fault;
mod handle;
mod line;
mod listing;
mod moves;
mod payload;
mod persist;
mod record;
mod refusal;
mod refusal_text;
mod reply;
mod routes;
mod script;
mod server;
mod shared;
mod target;
mod world;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

pub use apps::{APP_KEY, App};
pub use clock::{Clock, parse_rfc3339, rfc3339};
pub use comment::Comment;
pub use config::{Config, LOGIN, TOKEN, USER_ID};
pub use fault::{Answer, Change, Fault, Hide, Intruder, Match, Pause};
pub use record::Record;
pub use refusal::{Refusal, Wording};
pub use target::{Kind, Slug, Target};
pub use world::{Account, Condition, Scope};

use server::Command;
use shared::Shared;
use world::{Draft, World};

/// A running stand-in; it ends when this is dropped.
#[derive(Debug)]
pub struct GithubStandin {
    address: SocketAddr,
    shared: Arc<Shared>,
    commands: UnboundedSender<Command>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl GithubStandin {
    /// Starts one; it accepts connections when this returns.
    ///
    /// # Errors
    /// When the address is taken, an issue's name or the state file is bad.
    pub fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let prefix = config.prefix.trim_end_matches('/').to_owned();
        let mut world = World::default();
        world.accounts.extend(config.tokens);
        if let Some(path) = &config.state {
            world.restore(persist::load(path)?);
        }
        let shared = Shared::new(
            world,
            Clock::with_offset(config.clock_offset_seconds),
            format!("http://{address}{prefix}"),
            prefix,
            config.state,
        );
        for issue in &config.issues {
            control::add_issue(&shared, issue, false).map_err(io::Error::other)?;
        }
        let (commands, receiver) = unbounded_channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("github-standin".to_owned())
            .spawn(move || server::run(listener, &serving, receiver))?;
        Ok(Self {
            address,
            shared,
            commands,
            thread: Some(thread),
        })
    }

    /// The API's root, the prefix included: what `github_api_url` takes.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.base_url
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Adds or changes a token's owner.
    pub fn add_token(&self, token: &str, login: &str, id: u64) {
        let account = Account {
            login: login.to_owned(),
            id,
        };
        self.shared
            .world()
            .accounts
            .insert(token.to_owned(), account);
    }

    /// Makes a token unknown: 401 from here on.
    pub fn revoke(&self, token: &str) {
        self.shared.world().accounts.remove(token);
    }

    /// Adds an issue, as `Owner/Repo#1`.
    ///
    /// # Errors
    /// When the name is not of that form.
    pub fn add_issue(&self, name: &str, pull_request: bool) -> Result<(), String> {
        control::add_issue(&self.shared, name, pull_request)
    }

    /// Makes a comment directly, `age_seconds` ago on the stand-in's clock.
    #[expect(clippy::must_use_candidate, reason = "often only the comment matters")]
    pub fn add_comment(&self, target: &Target, login: &str, body: &str, age_seconds: i64) -> u64 {
        let mut world = self.shared.world();
        let account = &world.account_of(login);
        let draft = Draft {
            target,
            account,
            body: body.to_owned(),
            hide: None,
        };
        let id = self.shared.create(&mut world, draft).id;
        if let Some(comment) = world.comments.last_mut() {
            comment.created_at -= age_seconds;
            comment.updated_at -= age_seconds;
        }
        id
    }

    /// Edits a comment, as a person does in the browser.
    pub fn edit_comment(&self, id: u64, body: &str) {
        let now = self.shared.clock.epoch_seconds();
        let mut world = self.shared.world();
        if let Some(comment) = world.comments.iter_mut().find(|comment| comment.id == id) {
            body.clone_into(&mut comment.body);
            comment.updated_at = now;
        }
    }

    /// Appends a fault to the script.
    pub fn fault(&self, fault: Fault) {
        self.shared.world().script.push(fault);
    }

    /// The faults still waiting for their request.
    #[must_use]
    pub fn waiting_faults(&self) -> Vec<Fault> {
        self.shared.world().script.waiting().to_vec()
    }

    /// Sets a lasting refusal.
    pub fn refuse(&self, scope: Scope, refusal: Refusal) {
        self.shared
            .world()
            .set_condition(scope, None, Some(refusal));
    }

    /// Sets a lasting refusal for requests of one kind.
    pub fn refuse_only(&self, kind: Kind, scope: Scope, refusal: Refusal) {
        self.shared
            .world()
            .set_condition(scope, Some(kind), Some(refusal));
    }

    /// Lifts all lasting refusals of a scope.
    pub fn allow(&self, scope: &Scope) {
        self.shared
            .world()
            .conditions
            .retain(|known| known.scope != *scope);
    }

    /// Leaves an account `remaining` requests until `reset_in_seconds` from now.
    pub fn set_rate(&self, login: &str, remaining: u64, reset_in_seconds: i64) {
        let reset = self
            .shared
            .clock
            .epoch_seconds()
            .saturating_add(reset_in_seconds);
        self.shared.world().set_rate(login, remaining, reset);
    }

    /// Lets all requests go on that are held until released.
    pub fn release(&self) {
        self.shared.release();
    }

    /// All comments, oldest first.
    #[must_use]
    pub fn comments(&self) -> Vec<Comment> {
        self.shared.world().comments.clone()
    }

    /// All requests, in the order they arrived.
    #[must_use]
    pub fn requests(&self) -> Vec<Record> {
        self.shared.world().records.clone()
    }

    /// All requests of one kind, in the order they arrived.
    #[must_use]
    pub fn requests_of(&self, kind: Kind) -> Vec<Record> {
        let world = self.shared.world();
        world
            .records
            .iter()
            .filter(|record| record.kind == kind)
            .cloned()
            .collect()
    }

    /// Refuses connections and drops those there are: the network is gone.
    ///
    /// # Errors
    /// When the thread is gone or cannot bind its port again.
    pub fn go_offline(&self) -> io::Result<()> {
        self.command(Command::Offline)
    }

    /// Accepts connections again on the same port.
    ///
    /// # Errors
    /// When the thread is gone or cannot listen.
    pub fn go_online(&self) -> io::Result<()> {
        self.command(Command::Online)
    }

    fn command(
        &self,
        make: impl FnOnce(mpsc::Sender<io::Result<()>>) -> Command,
    ) -> io::Result<()> {
        let (done, wait) = mpsc::channel();
        self.commands.send(make(done)).map_err(|_| ended())?;
        wait.recv().map_err(|_| ended())?
    }

    /// Waits until the stand-in ends by itself, which it does not: for the
    /// binary, whose life it is.
    ///
    /// # Errors
    /// When the thread ended with an error.
    pub fn join(mut self) -> io::Result<()> {
        match self.thread.take() {
            Some(thread) => thread.join().map_err(|_| ended())?,
            None => Err(ended()),
        }
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the stand-in's thread has ended")
}

impl Drop for GithubStandin {
    fn drop(&mut self) {
        // A thread that has ended already needs neither.
        drop(self.commands.send(Command::Stop));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
