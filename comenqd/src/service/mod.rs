//! What each endpoint means.
//!
//! Decides nothing itself: it finds the verb, checks the role, decodes the body and encodes the
//! reply. The server calls it with bytes; the verbs, one file each, speak to the queue. Wire types
//! end here: the queue never sees one.

mod authorize;
mod cancel;
mod error;
mod get;
mod list;
mod ping;
mod status;
mod submit;
mod view;

use std::future::Future;
use std::sync::Arc;

use comenq_proto::{
    ErrorCode, JobCancel, JobGet, JobId, JobList, JobSubmit, Ping, Request, Role, Status,
    WireError, from_slice, to_bytes,
};

use crate::clock::{Clock, UnixMs};
use crate::queue::Queue;
use crate::server::{Handler, Peer, Reply};

/// What the service must know of the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account that posts.
    pub account: String,
    /// The host of links to issues of that account; `None`: any (an API on this machine).
    pub web_host: Option<String>,
    /// Longest comment accepted, in characters.
    pub max_body_chars: usize,
    /// The user the daemon runs as: an admin beside root.
    pub own_uid: u32,
    /// When the process started.
    pub started_at: UnixMs,
}

/// Answers the requests of all connections.
pub struct Service {
    queue: Queue,
    clock: Arc<Clock>,
    settings: Settings,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// A service over `queue`.
    #[must_use]
    pub fn new(queue: Queue, clock: Arc<Clock>, settings: Settings) -> Self {
        Self {
            queue,
            clock,
            settings,
        }
    }
}

impl Handler for Service {
    fn role(&self, peer: &Peer) -> Role {
        authorize::role(peer, self.settings.own_uid)
    }

    async fn handle(&self, peer: &Peer, endpoint: &str, _: u64, body: &[u8]) -> Reply {
        if let Err(refusal) = authorize::check(self.role(peer), endpoint) {
            return Reply::refused(refusal);
        }
        match endpoint {
            JobSubmit::ENDPOINT => call(body, |it| submit::submit(self, peer, it)).await,
            JobGet::ENDPOINT => call(body, |it| get::get(self, peer, it)).await,
            JobList::ENDPOINT => call(body, |it| list::list(self, peer, it)).await,
            JobCancel::ENDPOINT => call(body, |it| cancel::cancel(self, peer, it)).await,
            Status::ENDPOINT => call(body, |_: Status| status::status(self)).await,
            Ping::ENDPOINT => call(body, |_: Ping| ping::ping()).await,
            _ => Reply::refused(authorize::unknown_endpoint()),
        }
    }
}

/// A verb's reply, and what the log says of it.
#[derive(Debug)]
struct Answer<T> {
    reply: T,
    job_id: Option<u64>,
    changed: Option<String>,
}

impl<T> Answer<T> {
    fn of(reply: T) -> Self {
        Self {
            reply,
            job_id: None,
            changed: None,
        }
    }

    fn about(id: JobId, reply: T) -> Self {
        Self {
            job_id: Some(id.get()),
            ..Self::of(reply)
        }
    }

    fn changing(self, changed: Option<String>) -> Self {
        Self { changed, ..self }
    }
}

/// From a request's bytes over its verb to the reply's bytes.
async fn call<R, F>(body: &[u8], verb: impl FnOnce(R) -> F) -> Reply
where
    R: Request,
    F: Future<Output = Result<Answer<R::Reply>, WireError>>,
{
    let request = match from_slice::<R>(body) {
        Ok(request) => request,
        Err(error) => {
            let text = format!("the body is not a {}: {error}", R::ENDPOINT);
            return Reply::refused(WireError::new(ErrorCode::BadRequest, text));
        }
    };
    match verb(request).await {
        Ok(answer) => Reply {
            result: to_bytes(&answer.reply).map_err(|error| {
                tracing::error!(%error, "cannot encode a reply");
                WireError::new(ErrorCode::Internal, error.to_string())
            }),
            job_id: answer.job_id,
            changed: answer.changed,
        },
        Err(refusal) => Reply::refused(refusal),
    }
}
