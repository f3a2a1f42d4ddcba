//! A connection that carries events.
//!
//! Decides that it carries nothing else: any further request is answered with `events_only` and
//! ends it, for a client that sends one waits for an answer that would be lost among events. The
//! idle limit does not hold here; a peer that does not read runs into the limit of writing, and one
//! that is gone is noticed at once. Called by [`super::connection`] once the reply to a
//! subscription has left; must not know what an event tells.

use comenq_proto::{
    ByteBuf, ErrorCode, FRAME_TIMEOUT, Kind, ProtocolVersion, RequestEnvelope, ResponseEnvelope,
    WireError, from_slice,
};

use super::EventSource;
use super::connection::{encode, respond};
use super::stream::{Ended, FrameStream, Patience};

/// Sends events until the peer goes, sends anything, does not read, or the daemon stops.
pub(super) async fn carry(
    frames: &mut FrameStream,
    mut events: Box<dyn EventSource>,
    version: ProtocolVersion,
    request_id: u64,
) -> Ended {
    loop {
        let bodies = tokio::select! {
            biased;
            came = frames.readable() => match came {
                Ok(()) => return turn_down(frames, version).await,
                Err(ended) => return ended,
            },
            bodies = events.next() => bodies,
        };
        let responses = bodies.iter().map(|body| {
            encode(&ResponseEnvelope {
                v: version.0,
                request_id,
                kind: Kind::Event,
                body: ByteBuf::from(body.to_vec()),
            })
        });
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
