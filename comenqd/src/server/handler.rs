//! What the server needs of whoever answers the requests.
//!
//! Decides the seam between bytes and meaning: the server knows frames and envelopes, the
//! [`Handler`] knows endpoints. Implemented by the service; the server's tests bring their own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use comenq_proto::{ErrorCode, Role, WireError};

/// Who is at the other end, as the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Process id; 0 where it is in another process namespace.
    pub pid: i32,
}

/// The answer to one request, and what the log says of it.
#[derive(Debug)]
pub struct Reply {
    /// The reply's encoded body, or why there is none.
    pub result: Result<Vec<u8>, WireError>,
    /// The job it is about.
    pub job_id: Option<u64>,
    /// What was changed, for people; `None` if nothing was.
    pub changed: Option<String>,
    /// After this reply the connection carries these events and nothing else.
    pub events: Option<Box<dyn EventSource>>,
    /// It was to change something, so the log says what came of it.
    pub audited: bool,
}

impl Reply {
    /// A refusal.
    #[must_use]
    pub fn refused(error: WireError) -> Self {
        Self {
            result: Err(error),
            job_id: None,
            changed: None,
            events: None,
            audited: false,
        }
    }
}

/// The encoded bodies of the next events, in order; never none.
pub type Bodies = Vec<Arc<[u8]>>;

/// Events for one connection, without an end.
pub trait EventSource: std::fmt::Debug + Send {
    /// Waits for the next ones. Must be cancel-safe: a dropped future loses none.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Bodies> + Send + '_>>;
}

/// What the server does, for whoever counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic<'a> {
    /// A connection got a place.
    Opened,
    /// It is over.
    Closed,
    /// A peer got none.
    Refused,
    /// A peer broke a rule of the protocol.
    Violation,
    /// A request was answered.
    Answered {
        /// Its endpoint, which the peer may have made up.
        endpoint: &'a str,
        /// Why it was refused, if it was.
        code: Option<ErrorCode>,
    },
}

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Hears of the server's traffic; quick.
    fn note(&self, _: Traffic<'_>) {}

    /// What this peer may do, for the handshake. It may take seconds; nobody else waits for it.
    fn role(&self, peer: &Peer) -> impl Future<Output = Role> + Send;

    /// How many bytes the reply of this endpoint may have; also of one that is not known.
    fn largest_reply(&self, endpoint: &str) -> usize;

    /// Answers one request. The server awaits it to its end, also while stopping.
    fn handle(
        &self,
        peer: &Peer,
        endpoint: &str,
        request_id: u64,
        body: &[u8],
    ) -> impl Future<Output = Reply> + Send;
}
