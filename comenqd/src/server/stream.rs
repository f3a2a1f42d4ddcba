//! One connection's bytes as frames, each step bounded in time and memory.
//!
//! Decides when a peer is too slow or wants too much. Used by [`super::connection`]; must not
//! know what a frame means.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use comenq_proto::{FrameCodec, FrameError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Instant, Sleep, timeout};
use tokio_util::codec::{Decoder as _, Encoder as _};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::Limits;
use super::limits::{LEAST_ROOM, READ_ROOM, SMALL_FRAME};
use super::memory::{OwnBudget, Share};

/// Why no further frame comes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("the peer closed the connection")]
    Closed,
    #[error("the peer closed the connection inside a frame")]
    Torn,
    #[error("the daemon stops")]
    Stopping,
    #[error("the peer was silent for too long")]
    Idle,
    #[error("the peer began a frame and did not finish it in time")]
    Slow,
    #[error("the peer did not read its reply in time")]
    NotReading,
    #[error("{0} unreadable requests in a row")]
    Unreadable(usize),
    #[error("no memory left for a frame of {0} bytes: other peers have begun too many")]
    NoRoom(usize),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("a message of ours does not fit: {0}")]
    Unsendable(#[source] FrameError),
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
}

/// A whole frame, and its share of the budget until it is dropped.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bytes: Bytes,
    pub(super) share: Option<Share>,
}

/// How long to wait for a frame.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// So long for all of it, counted from now: the handshake.
    Altogether(Duration),
    /// So long for its first byte; for the rest [`Limits::frame_timeout`].
    Between(Duration),
}

/// A connection as frames.
#[derive(Debug)]
pub(super) struct FrameStream {
    stream: UnixStream,
    buffer: BytesMut,
    /// The last frame was large: its buffer goes with it.
    release: bool,
    /// A frame has begun: the alarm rings when it must be whole.
    begun: bool,
    /// What that frame has of the budget.
    share: Option<Share>,
    budget: OwnBudget,
    alarm: Alarm,
    stop: CancellationToken,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    frame_timeout: Duration,
    write_timeout: Duration,
}

impl FrameStream {
    pub(super) fn new(
        stream: UnixStream,
        limits: &Limits,
        budget: OwnBudget,
        stop: CancellationToken,
    ) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            release: false,
            begun: false,
            share: None,
            budget,
            alarm: Alarm::new(limits.hello_timeout),
            stopped: Box::pin(stop.clone().cancelled_owned()),
            stop,
            frame_timeout: limits.frame_timeout,
            write_timeout: limits.write_timeout,
        }
    }

    /// The next frame. Cancel-safe: what has arrived stays, and so does the time by which a frame
    /// that has begun must be whole. The time a peer may be silent counts from the call: who calls
    /// again after each frame sent keeps a connection open by its own writes.
    pub(super) async fn next(&mut self, patience: Patience) -> Result<Frame, Ended> {
        // Before what is already in the buffer: a peer that pipelines must not hold up a stop.
        if self.stop.is_cancelled() {
            return Err(Ended::Stopping);
        }
        let mut codec = FrameCodec::new();
        let (wait, for_frame) = match patience {
            Patience::Altogether(wait) => (wait, None),
            Patience::Between(wait) => (wait, Some(self.frame_timeout)),
        };
        if !self.begun {
            self.alarm.set(wait);
        }
        loop {
            if let Some(len) = codec.pending(&self.buffer)?
                && len > SMALL_FRAME
                && self.share.is_none()
            {
                self.share = Some(self.reserve(len, for_frame.unwrap_or(wait)).await?);
                // The wait for memory was not the peer's fault.
                if let Some(wait) = for_frame {
                    self.alarm.set(wait);
                }
            }
            if let Some(bytes) = codec.decode(&mut self.buffer)? {
                self.release = bytes.len() > SMALL_FRAME;
                self.begun = false;
                let share = self.share.take();
                return Ok(Frame { bytes, share });
            }
            if !self.begun && !self.buffer.is_empty() {
                self.begun = true;
                if let Some(wait) = for_frame {
                    self.alarm.set(wait);
                }
            }
            self.make_room();
            if self.read().await? == 0 {
                return Err(if self.begun {
                    Ended::Torn
                } else {
                    Ended::Closed
                });
            }
        }
    }

    /// Ready when something came from the peer, its end too: then [`Self::next`] tells what.
    /// Cancel-safe.
    pub(super) async fn readable(&mut self) -> Result<(), Ended> {
        if !self.buffer.is_empty() {
            return Ok(());
        }
        let mut first = [0];
        loop {
            tokio::select! {
                biased;
                () = &mut self.stopped => return Err(Ended::Stopping),
                ready = self.stream.readable() => ready?,
            }
            // Being ready may be old news: only a byte, or the end, tells.
            match self.stream.try_read(&mut first) {
                Ok(count) => {
                    self.buffer
                        .extend_from_slice(first.get(..count).unwrap_or_default());
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads nothing for so long. Cancel-safe.
    pub(super) async fn pause(&mut self, wait: Duration) -> Result<(), Ended> {
        tokio::select! {
            () = &mut self.stopped => Err(Ended::Stopping),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    /// Sends one frame: one write where the peer keeps up.
    pub(super) async fn send(&mut self, payload: Vec<u8>) -> Result<(), Ended> {
        self.send_all([payload]).await
    }

    /// Sends frames: one write for all of them where the peer keeps up.
    pub(super) async fn send_all(
        &mut self,
        payloads: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<(), Ended> {
        let mut out = BytesMut::new();
        for payload in payloads {
            FrameCodec::new()
                .encode(Bytes::from(payload), &mut out)
                .map_err(Ended::Unsendable)?;
        }
        let sent = match self.stream.try_write(&out) {
            Ok(sent) => sent,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error.into()),
        };
        match out.get(sent..) {
            None | Some([]) => Ok(()),
            Some(rest) => timeout(self.write_timeout, self.stream.write_all(rest))
                .await
                .map_err(|_| Ended::NotReading)?
                .map_err(Ended::from),
        }
    }

    /// After a refusal: lets the peer read it. Closing while its own bytes are on their way
    /// would make its next write fail before it looks at ours.
    pub(super) async fn linger(mut self, wait: Duration) {
        let mut scrap = [0; 512];
        let drain = async {
            self.stream.shutdown().await?;
            while self.stream.read(&mut scrap).await? > 0 {}
            io::Result::Ok(())
        };
        // Whether the peer went or its time is over, nothing is left to do.
        let _ = timeout(wait, drain).await;
    }

    async fn read(&mut self) -> Result<usize, Ended> {
        let begun = self.begun;
        tokio::select! {
            biased;
            () = &mut self.stopped => Err(Ended::Stopping),
            read = self.stream.read_buf(&mut self.buffer) => Ok(read?),
            () = self.alarm.rings() => Err(if begun { Ended::Slow } else { Ended::Idle }),
        }
    }

    /// A share of the budget, before a byte of memory is taken for the frame.
    async fn reserve(&mut self, len: usize, wait: Duration) -> Result<Share, Ended> {
        tokio::select! {
            share = timeout(wait, self.budget.take(len)) => share
                .ok()
                .flatten()
                .ok_or(Ended::NoRoom(len)),
            () = &mut self.stopped => Err(Ended::Stopping),
        }
    }

    fn make_room(&mut self) {
        let room = self.buffer.capacity().saturating_sub(self.buffer.len());
        if self.buffer.is_empty() {
            if std::mem::take(&mut self.release) {
                self.buffer = BytesMut::new();
            }
            if room < LEAST_ROOM || self.buffer.capacity() == 0 {
                self.buffer.reserve(READ_ROOM);
            }
        } else if room == 0 {
            // Not within a frame of known length: the codec made room for exactly its rest.
            self.buffer.reserve(READ_ROOM);
        }
    }
}

/// A deadline that is moved at each request and hardly ever reached: the timer is touched only
/// when it fires or must fire earlier.
#[derive(Debug)]
struct Alarm {
    sleep: Pin<Box<Sleep>>,
    at: Instant,
}

impl Alarm {
    fn new(wait: Duration) -> Self {
        let sleep = Box::pin(tokio::time::sleep(wait));
        let at = sleep.deadline();
        Self { sleep, at }
    }

    fn set(&mut self, wait: Duration) {
        // Waits are configured in seconds; an overflow would need an eternity.
        self.at = Instant::now().checked_add(wait).unwrap_or(self.at);
        if self.at < self.sleep.deadline() {
            self.sleep.as_mut().reset(self.at);
        }
    }

    /// Cancel-safe.
    async fn rings(&mut self) {
        loop {
            self.sleep.as_mut().await;
            if Instant::now() >= self.at {
                return;
            }
            self.sleep.as_mut().reset(self.at);
        }
    }
}

#[cfg(test)]
mod tests;
