//! Bytes on the socket, without any trust in what the other side does.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use comenq_proto::{
    ByteBuf, Hello, HelloReply, Kind, ProtocolVersion, RequestEnvelope, ResponseEnvelope,
    WireError, from_slice, to_bytes,
};

use crate::Stage;

/// How long an answer may take; who waits longer is not served.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection.
pub(crate) struct Wire(pub(crate) UnixStream);

/// A payload as a frame.
pub(crate) fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

/// A request as a frame.
pub(crate) fn request(endpoint: &str, body: Vec<u8>) -> Vec<u8> {
    let envelope = RequestEnvelope {
        v: ProtocolVersion::CURRENT.0,
        request_id: 1,
        endpoint: endpoint.to_owned(),
        body: ByteBuf::from(body),
    };
    framed(&to_bytes(&envelope).unwrap_or_default())
}

impl Wire {
    /// Connects and says nothing.
    pub(crate) fn open(stage: &Stage) -> io::Result<Self> {
        let stream = UnixStream::connect(&stage.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    /// Connects and shakes hands; a refusal's code, 0 where the connection just broke.
    pub(crate) fn greeted(stage: &Stage) -> Result<Self, u16> {
        let mut wire = Self::open(stage).map_err(|_| 0_u16)?;
        wire.greet()?;
        Ok(wire)
    }

    fn greet(&mut self) -> Result<(), u16> {
        let hello = to_bytes(&Hello::new("hostile-peer", "1")).unwrap_or_default();
        // A refusal may come before, and close what we write to.
        drop(self.0.write_all(&framed(&hello)));
        let payload = self.frame().ok_or(0_u16)?;
        let reply: HelloReply = from_slice(&payload).map_err(|_| 0_u16)?;
        reply.err.map_or(Ok(()), |error| Err(error.code.number()))
    }

    /// The next frame; `None` when there is no further one.
    pub(crate) fn frame(&mut self) -> Option<Vec<u8>> {
        let mut header = [0; 4];
        self.0.read_exact(&mut header).ok()?;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes(header)).ok()?];
        self.0.read_exact(&mut payload).ok()?;
        Some(payload)
    }

    /// The next response: 0 for a reply, a refusal's code; `None` when there is none.
    pub(crate) fn code(&mut self) -> Option<u16> {
        let response: ResponseEnvelope = from_slice(&self.frame()?).ok()?;
        if response.kind == Kind::Ok {
            return Some(0);
        }
        let error: WireError = from_slice(&response.body).ok()?;
        Some(error.code.number())
    }

    /// Writes as much as is taken at once.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set_nonblocking(true)?;
        let written = self.0.write(bytes);
        self.0.set_nonblocking(false)?;
        match written {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            other => other,
        }
    }
}
