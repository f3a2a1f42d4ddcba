//! One connection to the daemon: connect, greet, ask.
//!
//! Decides what each failure means for the caller: nobody there, a stranger's
//! socket, broken on the way, refused, or not our protocol. Whether to try again is
//! [`Client`](crate::client::Client)'s matter. Every wait ends at the deadline.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use comenq_proto::{
    ErrorCode, Event, FrameCodec, FrameError, Hello, HelloAck, HelloReply, Kind, Request,
    RequestEnvelope, ResponseEnvelope, VersionRange, WireError, from_slice, negotiate, to_bytes,
};
use serde::{Serialize, de::DeserializeOwned};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio_util::codec::{Decoder as _, Encoder as _};

use crate::trust::{self, Trust};

/// Read at a time; an answer to a post fits.
const CHUNK: usize = 8 * 1024;

/// Why a connection gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// Nobody could be reached.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
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
}

impl Connection {
    /// Connects and greets, unless a stranger listens there.
    pub(crate) fn open(
        socket: &Path,
        trust: &Trust,
        deadline: Instant,
    ) -> Result<Self, ConnectionError> {
        let stream = connect(socket, deadline)?;
        let uid = trust::listener(&stream).map_err(ConnectionError::Connect)?;
        if !trust.accepts(uid) {
            return Err(ConnectionError::Untrusted(uid));
        }
        let mut wire = Wire {
            stream: &stream,
            buffer: BytesMut::new(),
        };
        let hello = Hello::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let frame = wire.exchange(&hello, deadline)?;
        let ack = accepted(decode(&frame)?)?;
        Ok(Self {
            buffer: wire.buffer,
            stream,
            last_request_id: 0,
            ack,
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
    /// The next event of the subscription that was asked for last.
    pub(crate) fn next_event(&mut self, deadline: Instant) -> Result<Event, ConnectionError> {
        let mut wire = Wire {
            stream: &self.stream,
            buffer: std::mem::take(&mut self.buffer),
        };
        let frame = wire.read(deadline)?;
        let response = wire.known(&frame, deadline)?;
        self.buffer = wire.buffer;
        match response.kind {
            Kind::Event if response.request_id == self.last_request_id => decode(&response.body),
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

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ConnectionError> {
    from_slice(bytes).map_err(|error| ConnectionError::Protocol(error.to_string()))
}

fn connect(path: &Path, deadline: Instant) -> Result<UnixStream, ConnectionError> {
    let attempt = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Bounds connecting too, when the daemon's backlog is full.
        socket.set_write_timeout(Some(remaining(deadline)?))?;
        socket.connect(&SockAddr::unix(path)?)?;
        Ok(UnixStream::from(std::os::fd::OwnedFd::from(socket)))
    };
    loop {
        match attempt() {
            Ok(stream) => return Ok(stream),
            Err(error) if is_interrupted(&error) => {}
            Err(error) => return Err(ConnectionError::Connect(in_words(error))),
        }
    }
}

/// The stream and what was read of it beyond the last frame.
struct Wire<'a> {
    stream: &'a UnixStream,
    buffer: BytesMut,
}

impl Wire<'_> {
    /// Sends a message and takes the next frame for its answer.
    fn exchange<T: Serialize>(
        &mut self,
        message: &T,
        deadline: Instant,
    ) -> Result<Bytes, ConnectionError> {
        let written = self.write(message, deadline);
        // A daemon that turns us away may close before it reads: its reason is
        // then worth more than the failed write.
        match (self.read(deadline), written) {
            (Ok(frame), _) => Ok(frame),
            (Err(_), Err(error)) | (Err(error), Ok(())) => Err(error),
        }
    }

    /// The response in a frame, or in the first after it whose kind we know: a newer daemon may send
    /// others.
    fn known(
        &mut self,
        frame: &[u8],
        deadline: Instant,
    ) -> Result<ResponseEnvelope, ConnectionError> {
        let mut response: ResponseEnvelope = decode(frame)?;
        while matches!(response.kind, Kind::Unknown) {
            response = decode(&self.read(deadline)?)?;
        }
        Ok(response)
    }

    fn write<T: Serialize>(
        &mut self,
        message: &T,
        deadline: Instant,
    ) -> Result<(), ConnectionError> {
        let payload =
            to_bytes(message).map_err(|error| ConnectionError::Protocol(error.to_string()))?;
        let mut frame = BytesMut::new();
        FrameCodec::new().encode(Bytes::from(payload), &mut frame)?;
        remaining(deadline)
            .and_then(|left| self.stream.set_write_timeout(Some(left)))
            .and_then(|()| self.stream.write_all(&frame))
            .map_err(|error| ConnectionError::Broken(in_words(error)))
    }

    fn read(&mut self, deadline: Instant) -> Result<Bytes, ConnectionError> {
        loop {
            if let Some(frame) = FrameCodec::new().decode(&mut self.buffer)? {
                return Ok(frame);
            }
            let mut chunk = [0; CHUNK];
            let read = remaining(deadline)
                .and_then(|left| self.stream.set_read_timeout(Some(left)))
                .and_then(|()| self.stream.read(&mut chunk));
            match read {
                Ok(0) => {
                    let closed = io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the daemon closed the connection",
                    );
                    return Err(ConnectionError::Broken(closed));
                }
                Ok(count) => self
                    .buffer
                    .extend_from_slice(chunk.get(..count).unwrap_or_default()),
                Err(error) if is_interrupted(&error) => {}
                Err(error) => return Err(ConnectionError::Broken(in_words(error))),
            }
        }
    }
}

/// A process that was stopped and continued sees this from sockets with a
/// timeout, without any signal handler.
fn is_interrupted(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}

fn remaining(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

/// The kernel calls a passed timeout "resource temporarily unavailable".
fn in_words(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            io::Error::new(io::ErrorKind::TimedOut, "no answer came in time")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use comenq_proto::ProtocolVersion;

    use super::*;

    #[test]
    fn what_a_peer_said_before_it_closed_is_read_though_writing_fails() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"\0\0\0\x01x").unwrap();
        drop(theirs);
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut wire = Wire {
            stream: &ours,
            buffer: BytesMut::new(),
        };
        assert!(wire.write(&0, deadline).is_err());
        assert_eq!(wire.exchange(&0, deadline).unwrap(), "x");
        let ended = wire.exchange(&0, deadline);
        assert!(
            matches!(ended, Err(ConnectionError::Broken(error)) if error.kind() == io::ErrorKind::BrokenPipe)
        );
    }

    #[test]
    fn a_response_of_a_kind_that_nobody_knows_yet_is_passed_over() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let answer = ResponseEnvelope::ok(ProtocolVersion::CURRENT, 7, &1).unwrap();
        let known = to_bytes(&answer).unwrap();
        let mut newer = known.clone();
        let at = newer.windows(2).position(|pair| pair == b"ok").unwrap();
        newer[at..at + 2].copy_from_slice(b"hi");
        let mut frames = BytesMut::new();
        for payload in [&newer, &known] {
            let payload = Bytes::copy_from_slice(payload);
            FrameCodec::new().encode(payload, &mut frames).unwrap();
        }
        theirs.write_all(&frames).unwrap();
        let mut wire = Wire {
            stream: &ours,
            buffer: BytesMut::new(),
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        assert_eq!(wire.known(&newer, deadline).unwrap(), answer);
    }
}
