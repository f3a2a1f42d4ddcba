//! Asking the daemon, again where that is safe.
//!
//! Decides what is repeated: a connection that *broke*, with the same request,
//! until the deadline, and one that was refused for the moment's sake. A daemon
//! that was never there is reported at once, and any other refusal is an answer.
//! Knows no command and prints nothing.

use std::{
    error::Error as _,
    io,
    os::unix::net::UnixStream,
    thread,
    time::{Duration, Instant},
};

use comenq_proto::{ErrorCode, Event, HelloAck, Request, WireError};

use crate::{
    address::Address,
    connection::{Connection, ConnectionError},
    host::TunnelEnd,
    stop::Stop,
    trust::Trust,
};

/// The pause before the first repetition; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Longest pause: a daemon restarts within a second or two.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Nobody was reached at the first try; nothing was sent.
    #[error("cannot connect")]
    Unreachable(#[source] io::Error),
    /// ssh did not lead to a daemon at the first try; nothing was sent.
    #[error("cannot connect")]
    Tunnel(#[source] TunnelEnd),
    /// A stranger listens on the socket; nothing was sent.
    #[error("the socket is uid {uid}'s")]
    Untrusted {
        /// Whose.
        uid: u32,
    },
    /// The connection broke, and so did all later ones until the deadline.
    #[error("no answer: {reason}")]
    Lost {
        /// What broke last.
        reason: String,
        /// Whether the daemon may have done what was asked.
        sent: bool,
    },
    /// The daemon said no.
    #[error("{0}")]
    Refused(WireError),
    /// The daemon answered something else than this protocol.
    #[error("{reason}")]
    Protocol {
        /// What was wrong.
        reason: String,
        /// Whether the daemon may have done what was asked.
        sent: bool,
    },
}

/// The daemon at one address. Keeps its connection from call to call.
#[derive(Debug)]
pub(crate) struct Client {
    address: Address,
    timeout: Duration,
    trust: Trust,
    open: Option<Connection>,
    was_reached: bool,
    has_repeated: bool,
    /// No answer is waited for beyond that.
    end: Option<Instant>,
    stop: Stop,
}

impl Client {
    /// Connects only when first asked something.
    pub(crate) fn new(address: Address, timeout: Duration, trust: Trust) -> Self {
        Self {
            address,
            timeout,
            trust,
            open: None,
            was_reached: false,
            has_repeated: false,
            end: None,
            stop: Stop::default(),
        }
    }

    /// Another connection to the same daemon.
    pub(crate) fn beside(&self) -> Self {
        Self {
            end: self.end,
            stop: self.stop.clone(),
            ..Self::new(self.address.clone(), self.timeout, self.trust)
        }
    }

    /// From now on no answer is waited for beyond that time, nor when that is told.
    pub(crate) fn end(&mut self, at: Option<Instant>, stop: Stop) {
        (self.end, self.stop) = (at, stop);
    }

    /// Ends the connection; the next call makes another.
    pub(crate) fn hang_up(&mut self) {
        self.open = None;
    }

    pub(crate) const fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether a request was sent again after an answer was lost, so that the
    /// daemon may know it from the first time.
    pub(crate) const fn has_repeated(&self) -> bool {
        self.has_repeated
    }

    /// Whether the daemon has this ability, as it said when something was asked.
    pub(crate) fn has(&self, feature: &str) -> bool {
        self.ack()
            .is_some_and(|ack| ack.features.iter().any(|it| it == feature))
    }

    /// What the daemon said of itself, once something was asked.
    pub(crate) fn ack(&self) -> Option<&HelloAck> {
        self.open.as_ref().map(Connection::ack)
    }

    /// A bare connection, for whoever speaks the protocol through it.
    pub(crate) fn dial(&mut self, deadline: Instant) -> Result<UnixStream, CallError> {
        let dialed = self.address.dial(&self.trust, deadline);
        let dialed = dialed.map_err(|error| self.in_the_end(error, false))?;
        Ok(dialed.stream)
    }

    /// Asks one thing and waits for the answer, [`Self::timeout`] at most.
    pub(crate) fn call<R: Request>(&mut self, request: &R) -> Result<R::Reply, CallError> {
        let deadline = Instant::now() + self.timeout;
        let deadline = self.end.map_or(deadline, |at| at.min(deadline));
        let mut pause = FIRST_PAUSE;
        // Whether a try was sent whose outcome stayed open.
        let mut is_open = false;
        loop {
            self.has_repeated |= is_open;
            let mut sent = false;
            let error = match self.attempt(request, deadline, &mut sent) {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            is_open |= sent && !is_answer(&error);
            let may_repeat = !is_open || request.is_repeatable();
            let passes = self.is_passing(&error, is_open);
            let is_over = Instant::now() + pause >= deadline || self.stop.is_told();
            if !may_repeat || !passes || is_over {
                return Err(self.in_the_end(error, is_open));
            }
            thread::sleep(pause);
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Waits for the next event, after a subscription was answered; `None` when none
    /// comes in that time, or a signal does. Any error ends the connection; nothing is
    /// repeated here.
    pub(crate) fn next_event(&mut self, patience: Duration) -> Result<Option<Event>, CallError> {
        let deadline = Instant::now() + patience;
        let ended = match self.open.as_mut() {
            Some(connection) => match connection.next_event(deadline) {
                Ok(event) => return Ok(event),
                Err(error) => error,
            },
            None => ConnectionError::Broken(io::ErrorKind::NotConnected.into()),
        };
        self.open = None;
        Err(self.in_the_end(ended, false))
    }

    fn attempt<R: Request>(
        &mut self,
        request: &R,
        deadline: Instant,
        sent: &mut bool,
    ) -> Result<R::Reply, ConnectionError> {
        // Taken out: unless it proves good it is not used again.
        let mut connection = match self.open.take() {
            Some(connection) => connection,
            None => self.connect(deadline)?,
        };
        let answer = connection.ask(request, deadline, &self.stop, sent);
        if answer.as_ref().map_or_else(is_answer, |_| true) {
            self.open = Some(connection);
        }
        answer
    }

    fn connect(&mut self, deadline: Instant) -> Result<Connection, ConnectionError> {
        let opened = Connection::open(&mut self.address, &self.trust, deadline);
        self.was_reached |= !matches!(
            opened,
            Err(ConnectionError::Connect(_) | ConnectionError::Tunnel(_))
        );
        opened
    }

    /// Whether the same request may fare better in a moment.
    fn is_passing(&self, error: &ConnectionError, is_open: bool) -> bool {
        match error {
            ConnectionError::Connect(_) | ConnectionError::Tunnel(_) => self.was_reached,
            ConnectionError::Broken(_) => true,
            ConnectionError::Refused(error) => match error.code {
                ErrorCode::CommitFailed
                | ErrorCode::RateLimited
                | ErrorCode::TooManyConnections
                | ErrorCode::HelloLate => true,
                // A daemon that has just failed a commit restarts, and may need
                // a while to open its store again.
                ErrorCode::StoreUnavailable => is_open,
                _ => false,
            },
            ConnectionError::Protocol(_) | ConnectionError::Untrusted(_) => false,
        }
    }

    fn in_the_end(&self, error: ConnectionError, is_open: bool) -> CallError {
        match error {
            ConnectionError::Connect(error) if !self.was_reached => CallError::Unreachable(error),
            ConnectionError::Tunnel(end) if !self.was_reached => CallError::Tunnel(end),
            ConnectionError::Refused(error) if !is_open || is_final(error.code) => {
                CallError::Refused(error)
            }
            ConnectionError::Untrusted(uid) if !is_open => CallError::Untrusted { uid },
            ConnectionError::Protocol(reason) => CallError::Protocol {
                reason,
                sent: is_open,
            },
            lost => CallError::Lost {
                reason: lost
                    .source()
                    .map_or_else(|| lost.to_string(), ToString::to_string),
                sent: is_open,
            },
        }
    }
}

/// Whether the daemon answered the request, so that its outcome is known.
fn is_answer(error: &ConnectionError) -> bool {
    // After a failed commit nobody knows whether the change is stored: the same
    // as a connection that broke.
    matches!(error, ConnectionError::Refused(error) if error.code != ErrorCode::CommitFailed)
}

/// Whether a refusal also says that no earlier try of the same request was
/// stored: a request or job it finds wrong now it found wrong then.
const fn is_final(code: ErrorCode) -> bool {
    matches!(code.number(), 200..=299 | 400..=499)
}

#[cfg(test)]
mod tests;
