//! One connection to the daemon: connect, greet, ask.
//!
//! Decides what each failure means for the caller: nobody there, a stranger's
//! socket, broken on the way, refused, or not our protocol. Whether to try again is
//! [`Client`](crate::client::Client)'s matter. Every wait ends at the deadline.

mod wire;

use std::{io, os::unix::net::UnixStream, time::Instant};

use bytes::BytesMut;
use comenq_proto::{
    ErrorCode, Event, FrameError, Hello, HelloAck, HelloReply, Kind, Request, RequestEnvelope,
    ResponseEnvelope, VersionRange, WireError, negotiate,
};

use self::wire::{Wire, decode, is_pause};
pub(crate) use self::wire::{in_words, is_interrupted, remaining};
use crate::{
    address::{Address, Dialed},
    host::{Tunnel, TunnelEnd},
    stop::Stop,
    trust::Trust,
};

/// Why a connection gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// Nobody could be reached.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The ssh that was to lead there ended.
    #[error("cannot connect")]
    Tunnel(#[source] TunnelEnd),
    /// A stranger listens there: not a byte was sent.
    #[error("the socket is uid {0}'s")]
    Untrusted(u32),
    /// It broke, or nothing came until the deadline.
    #[error("connection broke")]
    Broken(#[source] io::Error),
    /// The daemon said no.
    #[error("{0}")]
    Refused(WireError),
    /// What came is not this protocol.
    #[error("{0}")]
    Protocol(String),
}

impl From<FrameError> for ConnectionError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => Self::Broken(error),
            wrong => Self::Protocol(wrong.to_string()),
        }
    }
}

/// An open connection after its handshake.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    buffer: BytesMut,
    last_request_id: u64,
    ack: HelloAck,
    /// Ends when the connection does.
    _tunnel: Option<Tunnel>,
}

impl Connection {
    /// Connects and greets, unless a stranger listens there.
    pub(crate) fn open(
        address: &mut Address,
        trust: &Trust,
        deadline: Instant,
    ) -> Result<Self, ConnectionError> {
        let Dialed { stream, mut tunnel } = address.dial(trust, deadline)?;
        let mut wire = Wire {
            stream: &stream,
            buffer: BytesMut::new(),
            stop: Stop::default(),
        };
        let hello = Hello::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let frame = wire.exchange(&hello, deadline).map_err(|error| {
            let is_broken = matches!(&error, ConnectionError::Broken(_));
            let tunnel = tunnel.as_mut().filter(|_| is_broken);
            let end = tunnel.and_then(Tunnel::end);
            end.map_or(error, ConnectionError::Tunnel)
        })?;
        let ack = accepted(decode(&frame)?)?;
        Ok(Self {
            buffer: wire.buffer,
            stream,
            last_request_id: 0,
            ack,
            _tunnel: tunnel,
        })
    }

    /// What the daemon said of itself and of us.
    pub(crate) const fn ack(&self) -> &HelloAck {
        &self.ack
    }

    /// Asks one thing. `sent` becomes true once the daemon may have the request.
    pub(crate) fn ask<R: Request>(
        &mut self,
        request: &R,
        deadline: Instant,
        stop: &Stop,
        sent: &mut bool,
    ) -> Result<R::Reply, ConnectionError> {
        self.last_request_id += 1;
        let id = self.last_request_id;
        let version = self.ack.protocol_version;
        let envelope = RequestEnvelope::new(version, id, request)
            .map_err(|error| ConnectionError::Protocol(error.to_string()))?;
        let mut wire = Wire {
            stream: &self.stream,
            buffer: std::mem::take(&mut self.buffer),
            stop: stop.clone(),
        };
        *sent = true;
        let frame = wire.exchange(&envelope, deadline)?;
        let response = wire.known(&frame, deadline)?;
        self.buffer = wire.buffer;
        match response.kind {
            Kind::Ok if response.request_id == id => decode(&response.body),
            // 0: the daemon could not read as far as our id.
            Kind::Err if response.request_id == id || response.request_id == 0 => {
                Err(ConnectionError::Refused(decode(&response.body)?))
            }
            kind => Err(ConnectionError::Protocol(format!(
                "expected the answer to request {id}, got {kind} for request {}",
                response.request_id
            ))),
        }
    }
}

impl Connection {
    /// The next event of the subscription that was asked for last; `None` when none
    /// came until the deadline, or a signal did.
    pub(crate) fn next_event(
        &mut self,
        deadline: Instant,
    ) -> Result<Option<Event>, ConnectionError> {
        let mut wire = Wire {
            stream: &self.stream,
            buffer: std::mem::take(&mut self.buffer),
            stop: Stop::default(),
        };
        let came = wire.come(deadline);
        self.buffer = wire.buffer;
        let frame = match came {
            Err(ConnectionError::Broken(error)) if is_pause(&error) => return Ok(None),
            came => came?,
        };
        let response: ResponseEnvelope = decode(&frame)?;
        match response.kind {
            Kind::Unknown => Ok(None),
            Kind::Event if response.request_id == self.last_request_id => {
                decode(&response.body).map(Some)
            }
            Kind::Err => Err(ConnectionError::Refused(decode(&response.body)?)),
            kind => Err(ConnectionError::Protocol(format!(
                "expected an event, got {kind} for request {}",
                response.request_id
            ))),
        }
    }
}

fn accepted(reply: HelloReply) -> Result<HelloAck, ConnectionError> {
    match reply {
        HelloReply { err: Some(err), .. } => Err(ConnectionError::Refused(err)),
        HelloReply { ack: Some(ack), .. } => {
            // What it chose is all that is known of what it speaks.
            let chosen = VersionRange {
                min: ack.protocol_version,
                max: ack.protocol_version,
            };
            match negotiate(chosen, VersionRange::SUPPORTED) {
                Ok(_) => Ok(ack),
                Err(error) => Err(ConnectionError::Refused(WireError::new(
                    ErrorCode::IncompatibleProtocol,
                    error.to_string(),
                ))),
            }
        }
        HelloReply { .. } => Err(ConnectionError::Protocol(
            "greeting was neither accepted nor refused".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests;
