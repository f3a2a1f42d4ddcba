//! The stage: a temporary directory with socket and queue, the daemon that the
//! first client starts, and the real client.

use std::process::Child;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use comenq_proto::{Job, JobGet, LaneStatus, Status};
use harness::activation::Activation;
use harness::cli::{Cli, Done};
use harness::connection::Connection;
use harness::setup::Setup;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Failure;
use crate::interrupt;

const PAUSE: Duration = Duration::from_millis(50);

/// Everything that runs.
pub(crate) struct World {
    setup: Setup,
    activation: Activation,
    daemon: Mutex<Option<Child>>,
}

impl World {
    /// A socket on which nobody answers yet.
    pub(crate) fn new(setup: Setup) -> Result<Self, Failure> {
        let activation = Activation::listen(&setup)?;
        Ok(Self {
            setup,
            activation,
            daemon: Mutex::new(None),
        })
    }

    /// Runs the client and prints what a person would see; starts the daemon
    /// when this is the first client.
    pub(crate) fn comenq(&self, arguments: &[&str]) -> Result<Done, Failure> {
        println!("$ comenq {}", as_typed(arguments));
        let done = thread::scope(|scope| {
            let client = scope.spawn(|| Cli::new(&self.setup.socket(), arguments).run());
            // One that is refused by its own arguments never connects.
            while self.daemon_pid().is_none() && !client.is_finished() {
                self.start_for_a_client()?;
            }
            client
                .join()
                .map_err(|_| Failure::from("the client panicked"))
        })?;
        for line in done.stdout.lines().chain(done.stderr.lines()) {
            println!("  {line}");
        }
        Ok(done)
    }

    /// What systemd does for `comenq.socket`.
    fn start_for_a_client(&self) -> Result<(), Failure> {
        if self.activation.has_client(PAUSE)? {
            let mut daemon = self.daemon.lock().map_err(|_| "a thread panicked")?;
            *daemon = Some(self.activation.spawn(&self.setup)?);
        }
        Ok(())
    }

    /// The process id of the daemon, while there is one.
    pub(crate) fn daemon_pid(&self) -> Option<u32> {
        let daemon = self.daemon.lock().ok()?;
        daemon.as_ref().map(Child::id)
    }

    /// The socket's path, for people.
    pub(crate) fn socket(&self) -> String {
        self.setup.socket().display().to_string()
    }

    /// A job as the daemon tells it now.
    pub(crate) fn job(&self, id: u64) -> Result<Job, Failure> {
        let reply = Connection::ready(&self.setup.socket())?.call(&JobGet { id })?;
        Ok(reply?.job)
    }

    /// The lane of the one account.
    pub(crate) fn lane(&self) -> Result<LaneStatus, Failure> {
        let reply = Connection::ready(&self.setup.socket())?.call(&Status {})?;
        let lane = reply?.lanes.into_iter().next();
        lane.ok_or_else(|| "the daemon has no account".into())
    }

    /// Looks again and again until there is something to see, or the daemon is
    /// gone, or `patience` is over.
    pub(crate) fn watch<T>(
        &self,
        patience: Duration,
        mut look: impl FnMut() -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        loop {
            self.check_alive()?;
            if let Some(seen) = look()? {
                return Ok(seen);
            }
            if start.elapsed() > patience {
                return Err(self.with_log("it took too long"));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Nobody answers on a socket whose daemon has ended, and nobody refuses.
    fn check_alive(&self) -> Result<(), Failure> {
        if interrupt::came() {
            return Err("interrupted".into());
        }
        let mut daemon = self.daemon.lock().map_err(|_| "a thread panicked")?;
        match daemon.as_mut().map(Child::try_wait).transpose()?.flatten() {
            Some(status) => Err(self.with_log(&format!("comenqd ended with {status}"))),
            None => Ok(()),
        }
    }

    /// A failure that the daemon's own words may explain.
    pub(crate) fn with_log(&self, what: &str) -> Failure {
        format!("{what}; comenqd said:\n{}", self.setup.log()).into()
    }
}

impl Drop for World {
    /// As `systemctl stop` does it: asked to stop, and waited for.
    fn drop(&mut self) {
        let daemon = self.daemon.get_mut().ok().and_then(Option::take);
        if let Some(mut daemon) = daemon {
            let asked =
                i32::try_from(daemon.id()).map(|id| kill(Pid::from_raw(id), Signal::SIGTERM));
            if !matches!(asked, Ok(Ok(()))) {
                // One that has ended already needs neither.
                drop(daemon.kill());
            }
            drop(daemon.wait());
        }
    }
}

/// Arguments as one types them in a shell.
fn as_typed(arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|it| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
        if it.chars().all(plain) {
            (*it).to_owned()
        } else {
            format!("\"{it}\"")
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
