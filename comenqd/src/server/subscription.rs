//! A connection that carries events.
//!
//! Decides that it carries nothing else: any further request is answered with `events_only` and
//! ends it, for a client that sends one waits for an answer that would be lost among events. The
//! idle limit does not hold here; a peer that does not read runs into the limit of writing, and one
//! that is gone is noticed at once. Called by [`super::connection`] once the reply to a
//! subscription has left; must not know what an event tells.

use std::io;

use comenq_proto::{
    ErrorCode, EventEnvelope, FRAME_TIMEOUT, ProtocolVersion, RequestEnvelope, WireError,
    from_slice,
};

use super::EventSource;
use super::connection::respond;
use super::stream::{Ended, FrameStream, Patience};

/// Sends events until the peer goes, sends anything, does not read, or the daemon stops.
pub(super) async fn carry(
    frames: &mut FrameStream,
    mut events: Box<dyn EventSource>,
    version: ProtocolVersion,
    request_id: u64,
) -> Ended {
    let envelope = match EventEnvelope::new(version, request_id) {
        Ok(envelope) => envelope,
        Err(error) => return Ended::Unsendable(io::Error::other(error).into()),
    };
    loop {
        let bodies = tokio::select! {
            biased;
            came = frames.readable() => match came {
                Ok(()) => return turn_down(frames, version).await,
                Err(ended) => return ended,
            },
            bodies = events.next() => bodies,
        };
        let responses = bodies.iter().map(|body| envelope.wrap(body));
        if let Err(ended) = frames.send_all(responses).await {
            return ended;
        }
    }
}

/// Something came that cannot be answered here.
async fn turn_down(frames: &mut FrameStream, version: ProtocolVersion) -> Ended {
    let frame = match frames.next(Patience::Between(FRAME_TIMEOUT)).await {
        Ok(frame) => frame,
        Err(ended) => return ended,
    };
    let request = from_slice::<RequestEnvelope>(&frame.bytes);
    let request_id = request.map_or(0, |request| request.request_id);
    let error = WireError::new(
        ErrorCode::EventsOnly,
        "this connection carries events, and no answers",
    )
    .with_detail("ask on another connection");
    let refused = respond(version, request_id, Err(error));
    frames.send(refused).await.err().unwrap_or(Ended::Closed)
}
