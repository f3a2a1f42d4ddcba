//! The first frame of each side.
//!
//! Decides whether a peer and this daemon can talk at all, and tells it why not. Called by
//! [`super::connection`] before the first request.

use std::time::Duration;

use comenq_proto::{
    Authz, ErrorCode, FEATURES, Hello, HelloAck, HelloReply, MAX_FRAME, ProtocolVersion,
    VersionRange, WireError, from_slice, negotiate,
};

use super::connection::{Shared, encode};
use super::stream::{Ended, FrameStream, Patience};
use super::{Handler, Peer};

/// Of a name that a peer chose, the log shows at most this much.
const SHOWN_CHARS: usize = 64;

/// The handshake: a version, or why there is none.
pub(super) async fn greet<H: Handler>(
    frames: &mut FrameStream,
    peer: &Peer,
    shared: &Shared<H>,
) -> Result<Result<ProtocolVersion, WireError>, Ended> {
    let hello_timeout = shared.admission.limits().hello_timeout;
    let patience = Patience::Altogether(hello_timeout);
    let frame = match frames.next(patience).await {
        Err(ended @ (Ended::Idle | Ended::Slow)) => {
            let reason = format!(
                "no complete Hello within {} s of connecting",
                hello_timeout.as_secs_f32()
            );
            // Whoever began is too slow on purpose: our Hellos go out in one piece. Whoever said
            // nothing may not have had its turn on a busy machine.
            return Ok(Err(if matches!(ended, Ended::Slow) {
                violation(peer, reason)
            } else {
                late(peer, reason)
            }));
        }
        other => other?,
    };
    let hello = match from_slice::<Hello>(&frame.bytes) {
        Ok(hello) => hello,
        Err(error) => {
            let reason = format!("the first frame is not a Hello: {error}");
            return Ok(Err(violation(peer, reason)));
        }
    };
    let version = match negotiate(VersionRange::SUPPORTED, hello.range()) {
        Ok(version) => version,
        Err(error) => {
            let error = WireError::new(ErrorCode::IncompatibleProtocol, error.to_string());
            tracing::info!(
                peer_uid = peer.uid,
                peer_pid = peer.pid,
                "connection refused: {error}"
            );
            return Ok(Err(error));
        }
    };
    tracing::debug!(
        peer_uid = peer.uid,
        peer_pid = peer.pid,
        client_name = ?excerpt(&hello.client_name),
        client_version = ?excerpt(&hello.client_version),
        "connection"
    );
    let ack = HelloAck {
        protocol_version: version,
        daemon_version: env!("CARGO_PKG_VERSION").to_owned(),
        features: FEATURES.iter().map(ToString::to_string).collect(),
        max_frame: u32::try_from(MAX_FRAME).unwrap_or(u32::MAX),
        authz: Authz {
            uid: peer.uid,
            gid: peer.gid,
            role: shared.handler.role(peer).await,
        },
    };
    answer_hello(frames, HelloReply::accepted(ack)).await?;
    Ok(Ok(version))
}

/// Sends a refusal and gives the peer time to read it.
pub(super) async fn turn_away(mut frames: FrameStream, error: WireError, linger: Duration) {
    if answer_hello(&mut frames, HelloReply::refused(error))
        .await
        .is_ok()
    {
        frames.linger(linger).await;
    }
}

async fn answer_hello(frames: &mut FrameStream, reply: HelloReply) -> Result<(), Ended> {
    frames.send(encode(&reply)).await
}

fn violation(peer: &Peer, reason: String) -> WireError {
    tracing::warn!(
        peer_uid = peer.uid,
        peer_pid = peer.pid,
        "protocol_violation: {reason}; closed"
    );
    WireError::new(ErrorCode::ProtocolViolation, reason)
}

/// It took nothing but a place of its user's, and would fill the log with its like.
fn late(peer: &Peer, reason: String) -> WireError {
    tracing::debug!(
        peer_uid = peer.uid,
        peer_pid = peer.pid,
        "connection refused: {reason}"
    );
    WireError::new(ErrorCode::HelloLate, reason)
}

fn excerpt(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}
