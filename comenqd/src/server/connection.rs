//! One client, from its credentials to its last reply.
//!
//! Decides the order of things, which is the protocol's:
//!
//! 1. the kernel says who it is, before a byte is read;
//! 2. its first frame is a `Hello`, answered with the common version or a refusal;
//! 3. then frame by frame: an envelope, the handler's answer, one frame back, in order.
//!
//! Nothing is read ahead while a request is answered, so a peer that pipelines waits in its own
//! socket buffer. Called by the accept loop of [`super`], one task each; must not know what any
//! endpoint does.

use std::sync::Arc;
use std::time::Instant;

use comenq_proto::{
    ByteBuf, ErrorCode, Kind, MAX_FRAME, ProtocolVersion, RequestEnvelope, ResponseEnvelope,
    WireError, from_slice, to_bytes,
};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::admission::{Admission, Place};
use super::handshake::{greet, turn_away};
use super::limits::{RATE_PAUSE, SMALL_REPLY};
use super::memory::{Budget, OwnBudget, Share};
use super::refusals::too_fast;
use super::stream::{Ended, Frame, FrameStream, Patience};
use super::{EventSource, Handler, Limits, Peer, Reply, Traffic, subscription};

/// No endpoint has a longer name.
const MAX_ENDPOINT_BYTES: usize = 64;

/// What all connections of a server share.
#[derive(Debug)]
pub(super) struct Shared<H> {
    pub(super) handler: Arc<H>,
    pub(super) admission: Arc<Admission>,
    frame_budget: Budget,
    reply_budget: Budget,
    pub(super) stop: CancellationToken,
}

impl<H> Shared<H> {
    pub(super) fn new(
        handler: Arc<H>,
        limits: watch::Receiver<Limits>,
        stop: CancellationToken,
    ) -> Self {
        let (frames, replies) = {
            let limits = limits.borrow();
            (limits.frame_budget_bytes, limits.reply_budget_bytes)
        };
        Self {
            handler,
            admission: Arc::new(Admission::new(limits)),
            frame_budget: Budget::new(frames),
            reply_budget: Budget::new(replies),
            stop,
        }
    }

    fn frames(&self, stream: UnixStream, peer: &Peer) -> FrameStream {
        let budget = self.frame_budget.of(peer.uid);
        let limits = self.admission.limits();
        FrameStream::new(stream, &limits, budget, self.stop.clone())
    }
}

/// Serves one client until it goes, breaks a rule, or the daemon stops; then the current request
/// is finished first.
pub(super) async fn serve<H: Handler>(
    stream: UnixStream,
    peer: Peer,
    shared: Arc<Shared<H>>,
    place: Place,
) {
    let mut frames = shared.frames(stream, &peer);
    let ended = match greet(&mut frames, &peer, &shared).await {
        Ok(Ok(version)) => {
            let conversation = Conversation {
                peer: &peer,
                shared: &shared,
                place: &place,
                version,
                replies: shared.reply_budget.of(peer.uid),
            };
            conversation.run(&mut frames).await
        }
        Ok(Err(refusal)) => {
            if refusal.code == ErrorCode::ProtocolViolation {
                shared.handler.note(Traffic::Violation);
                place.violation();
            }
            let linger = shared.admission.limits().hello_timeout;
            return turn_away(frames, refusal, linger).await;
        }
        Err(ended) => ended,
    };
    let (uid, pid) = (peer.uid, peer.pid);
    match ended {
        Ended::Frame(_) | Ended::Unreadable(_) => {
            shared.handler.note(Traffic::Violation);
            tracing::warn!(
                peer_uid = uid,
                peer_pid = pid,
                "protocol_violation: {ended}; closed"
            );
            place.violation();
        }
        Ended::Slow | Ended::NotReading => {
            tracing::info!(peer_uid = uid, peer_pid = pid, "connection closed: {ended}");
            place.violation();
        }
        Ended::NoRoom(_) => {
            tracing::info!(peer_uid = uid, peer_pid = pid, "connection closed: {ended}");
        }
        _ => tracing::debug!(peer_uid = uid, peer_pid = pid, "connection closed: {ended}"),
    }
}

/// Tells a peer why it is not served.
pub(super) async fn refuse<H>(
    stream: UnixStream,
    peer: Peer,
    shared: Arc<Shared<H>>,
    error: WireError,
) {
    let frames = shared.frames(stream, &peer);
    let linger = shared.admission.limits().hello_timeout;
    turn_away(frames, error, linger).await;
}

/// A connection after its handshake.
struct Conversation<'a, H> {
    peer: &'a Peer,
    shared: &'a Shared<H>,
    place: &'a Place,
    version: ProtocolVersion,
    replies: OwnBudget,
}

/// What answering a request came to.
struct Answered {
    /// As it travels.
    response: Vec<u8>,
    /// Why it was refused, if it was.
    code: Option<ErrorCode>,
    /// What the connection carries from now on, and in answer to which request.
    events: Option<(u64, Box<dyn EventSource>)>,
    /// Of the reply budget, until the response is sent.
    _share: Option<Share>,
}

impl<H: Handler> Conversation<'_, H> {
    /// Requests and replies, until the end.
    async fn run(&self, frames: &mut FrameStream) -> Ended {
        let mut unreadable = 0_usize;
        loop {
            let (idle, most_unreadable) = {
                let limits = self.shared.admission.limits();
                (limits.idle_timeout, limits.unreadable)
            };
            let frame = match frames.next(Patience::Between(idle)).await {
                Ok(frame) => frame,
                Err(ended) => return ended,
            };
            let answered = self.answer(frame).await;
            if let Err(ended) = frames.send(answered.response).await {
                return ended;
            }
            if let Some((id, events)) = answered.events {
                return subscription::carry(frames, events, self.version, id).await;
            }
            unreadable = match answered.code {
                Some(ErrorCode::BadRequest) => unreadable.saturating_add(1),
                _ => 0,
            };
            if unreadable >= most_unreadable {
                return Ended::Unreadable(unreadable);
            }
            if answered.code == Some(ErrorCode::RateLimited)
                && let Err(ended) = frames.pause(RATE_PAUSE).await
            {
                return ended;
            }
        }
    }

    /// One request.
    async fn answer(&self, frame: Frame) -> Answered {
        let started = Instant::now();
        // Whatever it is, it has cost us the reading.
        let allowed = self.place.request();
        let Frame { bytes, share } = frame;
        let envelope = from_slice::<RequestEnvelope>(&bytes);
        // The envelope is a copy; its share of the budget lasts as long as it does.
        drop(bytes);
        let mut reply_share = None;
        let (request_id, endpoint, reply) = match (envelope, allowed) {
            (Ok(request), Err(wait)) => {
                let error = too_fast(wait, &self.shared.admission.limits());
                (request.request_id, request.endpoint, Reply::refused(error))
            }
            (Ok(request), Ok(())) if request.v == self.version.0 => {
                let RequestEnvelope {
                    request_id,
                    endpoint,
                    body,
                    ..
                } = request;
                reply_share = self.reply_share(&endpoint).await;
                let handler = &self.shared.handler;
                let reply = handler
                    .handle(self.peer, &endpoint, request_id, &body)
                    .await;
                (request_id, endpoint, reply)
            }
            (Ok(request), Ok(())) => {
                let text = format!(
                    "the envelope says version {}, but {} was agreed on",
                    request.v, self.version
                );
                let error = WireError::new(ErrorCode::BadRequest, text);
                (request.request_id, request.endpoint, Reply::refused(error))
            }
            (Err(error), _) => {
                let error = WireError::new(ErrorCode::BadRequest, error.to_string());
                (0, String::new(), Reply::refused(error))
            }
        };
        log(self.peer, request_id, &endpoint, started, &reply);
        drop(share);
        let code = reply.result.as_ref().err().map(|error| error.code);
        self.shared.handler.note(Traffic::Answered {
            endpoint: &endpoint,
            code,
        });
        Answered {
            response: respond(self.version, request_id, reply.result),
            code,
            events: reply.events.map(|events| (request_id, events)),
            _share: reply_share,
        }
    }

    /// Room for the reply, before anything is made of it.
    async fn reply_share(&self, endpoint: &str) -> Option<Share> {
        let most = self.shared.handler.largest_reply(endpoint);
        if most <= SMALL_REPLY {
            return None;
        }
        self.replies.take(most).await
    }
}

/// The response as it travels: within a frame, whatever the handler made.
pub(super) fn respond(
    version: ProtocolVersion,
    request_id: u64,
    result: Result<Vec<u8>, WireError>,
) -> Vec<u8> {
    let (kind, body) = match result {
        Ok(body) => (Kind::Ok, body),
        Err(error) => (Kind::Err, encode(&error)),
    };
    let response = encode(&ResponseEnvelope {
        v: version.0,
        request_id,
        kind,
        body: ByteBuf::from(body),
    });
    if response.len() <= MAX_FRAME {
        return response;
    }
    let text = format!("the reply has {} bytes, more than a frame", response.len());
    tracing::error!(request_id, "{text}");
    respond(
        version,
        request_id,
        Err(WireError::new(ErrorCode::Internal, text)),
    )
}

/// Encodes one of the protocol's own types, which always can be; the empty payload that stands
/// for "cannot" is refused by the codec, and so closes the connection.
pub(super) fn encode<T: serde::Serialize>(message: &T) -> Vec<u8> {
    to_bytes(message).unwrap_or_else(|error| {
        tracing::error!(%error, "cannot encode a message");
        Vec::new()
    })
}

/// One line a request: at info if it was to change something, whatever came of it, else at debug.
fn log(peer: &Peer, request_id: u64, endpoint: &str, started: Instant, reply: &Reply) {
    let result_code = match &reply.result {
        Ok(_) => 0,
        Err(error) => error.code.number(),
    };
    // In whole microseconds: more digits would be noise.
    let duration_ms = (started.elapsed().as_secs_f64() * 1_000_000.0).round() / 1000.0;
    let endpoint = shown_endpoint(endpoint);
    let job_id = reply.job_id;
    // The same fields at either level, and one place that lists them.
    macro_rules! line {
        ($level:ident, $($text:tt)+) => {
            tracing::$level!(
                request_id,
                job_id,
                endpoint,
                peer_uid = peer.uid,
                peer_pid = peer.pid,
                duration_ms,
                result_code,
                $($text)+
            )
        };
    }
    match (&reply.changed, &reply.result) {
        (Some(changed), _) => line!(info, "{changed}"),
        (None, Ok(_)) if reply.audited => line!(info, "{endpoint}: nothing had to be changed"),
        (None, Err(error)) if reply.audited => line!(info, "{endpoint} refused: {error}"),
        (None, Ok(_)) => line!(debug, "answered"),
        (None, Err(error)) => line!(debug, "refused: {error}"),
    }
}

/// The endpoint, unless the peer made up something that has no place in a log.
fn shown_endpoint(endpoint: &str) -> &str {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if endpoint.len() <= MAX_ENDPOINT_BYTES && endpoint.bytes().all(is_name) {
        endpoint
    } else {
        "(no name)"
    }
}
