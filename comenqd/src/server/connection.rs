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
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::handshake::{greet, turn_away};
use super::stream::{Ended, Frame, FrameStream, Patience};
use super::{EventSource, Handler, Limits, Peer, Reply, Traffic, subscription};

/// No endpoint has a longer name.
const MAX_ENDPOINT_BYTES: usize = 64;

/// What all connections of a server share.
#[derive(Debug)]
pub(super) struct Shared<H> {
    pub(super) handler: Arc<H>,
    pub(super) limits: Limits,
    pub(super) budget: Arc<Semaphore>,
    pub(super) stop: CancellationToken,
}

impl<H> Shared<H> {
    fn frames(&self, stream: UnixStream) -> FrameStream {
        FrameStream::new(
            stream,
            &self.limits,
            Arc::clone(&self.budget),
            self.stop.clone(),
        )
    }
}

/// Serves one client until it goes, breaks a rule, or the daemon stops; then the current request
/// is finished first.
pub(super) async fn serve<H: Handler>(stream: UnixStream, peer: Peer, shared: Arc<Shared<H>>) {
    let mut frames = shared.frames(stream);
    let ended = match greet(&mut frames, &peer, &shared).await {
        Ok(Ok(version)) => converse(&mut frames, &peer, &shared, version).await,
        Ok(Err(refusal)) => {
            if refusal.code == ErrorCode::ProtocolViolation {
                shared.handler.note(Traffic::Violation);
            }
            return turn_away(frames, refusal, shared.limits.hello_timeout).await;
        }
        Err(ended) => ended,
    };
    let (uid, pid) = (peer.uid, peer.pid);
    match ended {
        Ended::Frame(reason) => {
            shared.handler.note(Traffic::Violation);
            tracing::warn!(
                peer_uid = uid,
                peer_pid = pid,
                "protocol_violation: {reason}; closed"
            );
        }
        Ended::Slow | Ended::NotReading | Ended::NoRoom(_) => {
            tracing::info!(peer_uid = uid, peer_pid = pid, "connection closed: {ended}");
        }
        _ => tracing::debug!(peer_uid = uid, peer_pid = pid, "connection closed: {ended}"),
    }
}

/// Tells a peer why it is not served.
pub(super) async fn refuse<H>(stream: UnixStream, shared: Arc<Shared<H>>, error: WireError) {
    let frames = shared.frames(stream);
    turn_away(frames, error, shared.limits.hello_timeout).await;
}

/// Requests and replies, until the end.
async fn converse<H: Handler>(
    frames: &mut FrameStream,
    peer: &Peer,
    shared: &Shared<H>,
    version: ProtocolVersion,
) -> Ended {
    let mut unreadable = 0_usize;
    loop {
        let frame = match frames
            .next(Patience::Between(shared.limits.idle_timeout))
            .await
        {
            Ok(frame) => frame,
            Err(ended) => return ended,
        };
        let answer = answer(frame, peer, &*shared.handler, version).await;
        if let Err(ended) = frames.send(answer.response).await {
            return ended;
        }
        if let Some((id, events)) = answer.events {
            return subscription::carry(frames, events, version, id).await;
        }
        unreadable = if answer.readable {
            0
        } else {
            unreadable.saturating_add(1)
        };
        if unreadable >= shared.limits.unreadable {
            shared.handler.note(Traffic::Violation);
            tracing::warn!(
                peer_uid = peer.uid,
                peer_pid = peer.pid,
                "protocol_violation: {unreadable} unreadable requests in a row; closed"
            );
            return Ended::Closed;
        }
    }
}

/// What a request came to.
struct Answer {
    /// The response as it travels.
    response: Vec<u8>,
    /// The request could be read.
    readable: bool,
    /// What the connection carries from now on, and in answer to which request.
    events: Option<(u64, Box<dyn EventSource>)>,
}

/// Answers one request.
async fn answer<H: Handler>(
    frame: Frame,
    peer: &Peer,
    handler: &H,
    version: ProtocolVersion,
) -> Answer {
    let started = Instant::now();
    let Frame { bytes, share } = frame;
    let envelope = from_slice::<RequestEnvelope>(&bytes);
    // The envelope is a copy; its share of the budget lasts as long as it does.
    drop(bytes);
    let (request_id, endpoint, reply) = match envelope {
        Ok(request) if request.v == version.0 => {
            let RequestEnvelope {
                request_id,
                endpoint,
                body,
                ..
            } = request;
            let reply = handler.handle(peer, &endpoint, request_id, &body).await;
            (request_id, endpoint, reply)
        }
        Ok(request) => {
            let text = format!(
                "the envelope says version {}, but {version} was agreed on",
                request.v
            );
            let error = WireError::new(ErrorCode::BadRequest, text);
            (request.request_id, request.endpoint, Reply::refused(error))
        }
        Err(error) => {
            let error = WireError::new(ErrorCode::BadRequest, error.to_string());
            (0, String::new(), Reply::refused(error))
        }
    };
    log(peer, request_id, &endpoint, started, &reply);
    drop(share);
    let code = reply.result.as_ref().err().map(|error| error.code);
    handler.note(Traffic::Answered {
        endpoint: &endpoint,
        code,
    });
    Answer {
        response: respond(version, request_id, reply.result),
        readable: code != Some(ErrorCode::BadRequest),
        events: reply.events.map(|events| (request_id, events)),
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
