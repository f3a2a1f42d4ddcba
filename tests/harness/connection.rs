//! A protocol connection that can also misbehave: frames and typed calls for
//! tests that speak to the daemon without its client.
//!
//! Blocking, over `comenq-proto`'s own codec; where a test must not trust that
//! codec it sends plain bytes.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test whose tools fail has failed"
)]

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use comenq_proto::{
    Event, FrameCodec, Hello, HelloReply, Kind, ProtocolVersion, Request, RequestEnvelope,
    ResponseEnvelope, WireError, from_slice, to_bytes,
};
use tokio_util::codec::{Decoder, Encoder};

/// How long a daemon may take for anything a test asks over a connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    codec: FrameCodec,
    received: BytesMut,
    next_id: u64,
}

impl Connection {
    /// Connects and says nothing yet.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn open(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            codec: FrameCodec::new(),
            received: BytesMut::new(),
            next_id: 1,
        })
    }

    /// Connects and shakes hands.
    ///
    /// # Errors
    /// When nobody listens, the connection breaks or the daemon refuses.
    pub fn ready(socket: &Path) -> io::Result<Self> {
        let mut connection = Self::open(socket)?;
        let reply = connection.hello(&hello())?;
        match reply.err {
            None => Ok(connection),
            Some(error) => Err(io::Error::other(error)),
        }
    }

    /// Sends a greeting and reads its answer.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not one.
    pub fn hello(&mut self, hello: &Hello) -> io::Result<HelloReply> {
        self.send_frame(&to_bytes(hello).expect("a greeting is CBOR"))?;
        let frame = self.frame()?.ok_or(ErrorKind::UnexpectedEof)?;
        from_slice(&frame).map_err(io::Error::other)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends bytes as far as the daemon takes them at once.
    ///
    /// # Errors
    /// When it takes none within a tenth of a second, or the connection breaks.
    pub fn send_bytes_now(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream
            .set_write_timeout(Some(Duration::from_millis(100)))?;
        self.stream.write_all(bytes)
    }

    /// Sends a payload as one frame.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn send_frame(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut framed = BytesMut::new();
        self.codec
            .encode(Bytes::copy_from_slice(payload), &mut framed)
            .map_err(io::Error::other)?;
        self.stream.write_all(&framed)
    }

    /// Sends a request and returns its id.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn send<R: Request>(&mut self, request: &R) -> io::Result<u64> {
        let id = self.next_id;
        self.next_id += 1;
        let envelope =
            RequestEnvelope::new(ProtocolVersion::CURRENT, id, request).expect("a request is CBOR");
        self.send_frame(&to_bytes(&envelope).expect("an envelope is CBOR"))?;
        Ok(id)
    }

    /// The next frame; `None` when the daemon closed the connection.
    ///
    /// # Errors
    /// When it breaks otherwise, or nothing comes for long.
    pub fn frame(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(frame) = self
                .codec
                .decode(&mut self.received)
                .map_err(io::Error::other)?
            {
                return Ok(Some(frame));
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => self.received.extend(buffer.iter().take(count)),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
                // With a timeout set even a stopped and continued process gets this.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next response.
    ///
    /// # Errors
    /// When the connection ends or the frame is not a response.
    pub fn response(&mut self) -> io::Result<ResponseEnvelope> {
        let frame = self.frame()?.ok_or(ErrorKind::UnexpectedEof)?;
        from_slice(&frame).map_err(io::Error::other)
    }

    /// One request and its answer: the reply or the daemon's refusal.
    ///
    /// # Errors
    /// When the connection ends or the answer is not one.
    pub fn call<R: Request>(&mut self, request: &R) -> io::Result<Result<R::Reply, WireError>> {
        let id = self.send(request)?;
        let response = self.response()?;
        assert_eq!(response.request_id, id, "an answer to another request");
        read(&response)
    }

    /// The next event, after a subscription; heartbeats too.
    ///
    /// # Errors
    /// When the connection ends or something else comes.
    pub fn event(&mut self) -> io::Result<Event> {
        let response = self.response()?;
        if response.kind != Kind::Event {
            return Err(io::Error::other(format!("not an event: {response:?}")));
        }
        from_slice(&response.body).map_err(io::Error::other)
    }

    /// Whether the daemon closes the connection without another frame.
    #[must_use]
    pub fn is_closed(&mut self) -> bool {
        matches!(self.frame(), Ok(None))
    }

    /// The socket itself; what was read ahead is lost.
    #[must_use]
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }

    /// Sends no more, but still reads.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn finish_sending(&self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Write)
    }
}

/// The reply or refusal in a response.
///
/// # Errors
/// When the body is not what `kind` says.
pub fn read<T: serde::de::DeserializeOwned>(
    response: &ResponseEnvelope,
) -> io::Result<Result<T, WireError>> {
    match response.kind {
        Kind::Ok => from_slice(&response.body).map(Ok).map_err(io::Error::other),
        Kind::Err => from_slice(&response.body)
            .map(Err)
            .map_err(io::Error::other),
        kind => Err(io::Error::other(format!("a response of kind {kind:?}"))),
    }
}

/// The greeting of a client of this build.
#[must_use]
pub fn hello() -> Hello {
    Hello::new("comenq-tests", env!("CARGO_PKG_VERSION"))
}
