//! Responses: the envelope of every answer after the handshake.
//!
//! Decides how an answer says whether it is a reply, a refusal or an event, and
//! to which request it belongs. What the body holds is the endpoint's matter.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    body::Hidden,
    cbor::{self, EncodeError},
    error::WireError,
    event::Event,
    text::text_enum,
    version::ProtocolVersion,
};

text_enum! {
    /// What a response's body is.
    Kind {
        /// The reply struct of the request's endpoint.
        Ok = "ok",
        /// A [`WireError`].
        Err = "err",
        /// An event, on a connection that asked for them.
        Event = "event",
    }
}

/// One response as it travels.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseEnvelope {
    /// The negotiated protocol version.
    pub v: u16,
    /// The request's id; 0 when the request could not be read that far.
    pub request_id: u64,
    /// What `body` is.
    pub kind: Kind,
    /// Embedded CBOR.
    #[serde(deserialize_with = "cbor::embedded")]
    pub body: ByteBuf,
}

impl ResponseEnvelope {
    /// Wraps a reply.
    ///
    /// # Errors
    /// The reply cannot be encoded.
    pub fn ok<T: Serialize>(
        version: ProtocolVersion,
        request_id: u64,
        reply: &T,
    ) -> Result<Self, EncodeError> {
        Self::wrap(version, request_id, Kind::Ok, reply)
    }

    /// Wraps a refusal.
    ///
    /// # Errors
    /// The error cannot be encoded.
    pub fn err(
        version: ProtocolVersion,
        request_id: u64,
        error: &WireError,
    ) -> Result<Self, EncodeError> {
        Self::wrap(version, request_id, Kind::Err, error)
    }

    /// Wraps an event.
    ///
    /// # Errors
    /// The event cannot be encoded.
    pub fn event(
        version: ProtocolVersion,
        request_id: u64,
        event: &Event,
    ) -> Result<Self, EncodeError> {
        Self::wrap(version, request_id, Kind::Event, event)
    }

    fn wrap<T: Serialize>(
        version: ProtocolVersion,
        request_id: u64,
        kind: Kind,
        body: &T,
    ) -> Result<Self, EncodeError> {
        Ok(Self {
            v: version.0,
            request_id,
            kind,
            body: ByteBuf::from(cbor::to_bytes(body)?),
        })
    }
}

/// The envelope of all events of one subscription: what is the same in each is
/// encoded once, for a daemon may have to wrap a million of them a second.
#[derive(Debug, Clone)]
pub struct EventEnvelope {
    /// All but the body, which comes last.
    head: Vec<u8>,
}

impl EventEnvelope {
    /// The envelope of the events that follow the reply to a request.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn new(version: ProtocolVersion, request_id: u64) -> Result<Self, EncodeError> {
        let mut head = cbor::to_bytes(&ResponseEnvelope {
            v: version.0,
            request_id,
            kind: Kind::Event,
            body: ByteBuf::new(),
        })?;
        // The empty body's only byte.
        head.pop();
        Ok(Self { head })
    }

    /// The response that carries an event, from the event's encoding.
    #[must_use]
    pub fn wrap(&self, event: &[u8]) -> Vec<u8> {
        let mut response = Vec::with_capacity(self.head.len() + 9 + event.len());
        response.extend_from_slice(&self.head);
        push_bytes_head(&mut response, event.len());
        response.extend_from_slice(event);
        response
    }
}

/// The head of a byte string of that length, as short as it can be (RFC 8949, 3).
fn push_bytes_head(out: &mut Vec<u8>, length: usize) {
    const BYTES: u8 = 0x40;
    if let Ok(short @ 0..24) = u8::try_from(length) {
        out.push(BYTES | short);
    } else if let Ok(length) = u8::try_from(length) {
        out.extend([BYTES | 0x18, length]);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(BYTES | 0x19);
        out.extend(length.to_be_bytes());
    } else if let Ok(length) = u32::try_from(length) {
        out.push(BYTES | 0x1a);
        out.extend(length.to_be_bytes());
    } else {
        out.push(BYTES | 0x1b);
        out.extend(u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
    }
}

impl fmt::Debug for ResponseEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseEnvelope")
            .field("v", &self.v)
            .field("request_id", &self.request_id)
            .field("kind", &self.kind)
            .field("body", &Hidden(self.body.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{daemon::Pong, error::ErrorCode};

    #[test]
    fn a_reply_and_a_refusal_differ_in_kind() {
        let version = ProtocolVersion(1);
        let reply = ResponseEnvelope::ok(version, 9, &Pong {}).unwrap();
        assert_eq!((reply.kind, reply.request_id), (Kind::Ok, 9));
        assert_eq!(&reply.body[..], b"\xa0");
        let error = WireError::new(ErrorCode::NoSuchJob, "no job 7");
        let refusal = ResponseEnvelope::err(version, 9, &error).unwrap();
        assert_eq!(refusal.kind, Kind::Err);
        assert_eq!(cbor::from_slice::<WireError>(&refusal.body).unwrap(), error);
    }

    #[test]
    fn events_are_wrapped_as_any_response_is() {
        let envelope = EventEnvelope::new(ProtocolVersion(1), 300).unwrap();
        for length in [0, 1, 23, 24, 255, 256, 65_535, 65_536, 70_000] {
            let body = vec![7; length];
            let whole = cbor::to_bytes(&ResponseEnvelope {
                v: 1,
                request_id: 300,
                kind: Kind::Event,
                body: ByteBuf::from(body.clone()),
            });
            assert_eq!(envelope.wrap(&body), whole.unwrap(), "{length}");
        }
    }

    #[test]
    fn an_unknown_kind_is_no_error() {
        let bytes = b"\xa4\x61v\x01\x6arequest_id\x02\x64kind\x63new\x64body\x41\x00";
        let response: ResponseEnvelope = cbor::from_slice(bytes).unwrap();
        assert_eq!(response.kind, Kind::Unknown);
    }
}
