//! Frames on a stream: written, and read until a deadline.
//!
//! Decides when a read gives up, and that what was read by then is kept.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use comenq_proto::{FrameCodec, Kind, ResponseEnvelope, from_slice, to_bytes};
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::codec::{Decoder as _, Encoder as _};

use super::ConnectionError;
use crate::stop::Stop;

/// Read at a time; an answer to a post fits.
const CHUNK: usize = 8 * 1024;

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ConnectionError> {
    from_slice(bytes).map_err(|error| ConnectionError::Protocol(error.to_string()))
}

/// The stream and what was read of it beyond the last frame.
pub(super) struct Wire<'a> {
    pub(super) stream: &'a UnixStream,
    pub(super) buffer: BytesMut,
    /// What ends a wait before its time.
    pub(super) stop: Stop,
}

impl Wire<'_> {
    /// Sends a message and takes the next frame for its answer.
    pub(super) fn exchange<T: Serialize>(
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
    pub(super) fn known(
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

    pub(super) fn write<T: Serialize>(
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

    pub(super) fn read(&mut self, deadline: Instant) -> Result<Bytes, ConnectionError> {
        loop {
            match self.come(deadline) {
                Err(ConnectionError::Broken(error))
                    if is_interrupted(&error) && !self.stop.is_told() => {}
                came => return came,
            }
        }
    }

    /// The next frame; a signal is an error, and what was read by then is kept.
    pub(super) fn come(&mut self, deadline: Instant) -> Result<Bytes, ConnectionError> {
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
                Err(error) => return Err(ConnectionError::Broken(in_words(error))),
            }
        }
    }
}

/// Whether nothing is wrong but that nothing came.
pub(super) fn is_pause(error: &io::Error) -> bool {
    is_interrupted(error) || error.kind() == io::ErrorKind::TimedOut
}

/// A process that was stopped and continued sees this from sockets with a
/// timeout, without any signal handler.
pub(crate) fn is_interrupted(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}

pub(crate) fn remaining(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

/// The kernel calls a passed timeout "resource temporarily unavailable".
pub(crate) fn in_words(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            io::Error::new(io::ErrorKind::TimedOut, "no answer came in time")
        }
        _ => error,
    }
}
