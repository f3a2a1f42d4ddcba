//! One TCP connection whose answers can be made to trickle, and which can end
//! in a reset.
//!
//! hyper writes the head and body of an answer through here; the request's
//! handler sets the pace or the reset just before it hands the answer over.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How slowly bytes leave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) bytes: usize,
    pub(super) every: Duration,
}

/// The handler's side of a connection.
#[derive(Debug, Default)]
pub(super) struct Control {
    pace: Mutex<Option<Pace>>,
    reset: AtomicBool,
}

impl Control {
    /// From here on bytes trickle.
    pub(super) fn trickle(&self, pace: Pace) {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = Some(pace);
    }

    /// When the connection ends, it ends in a reset.
    pub(super) fn reset(&self) {
        self.reset.store(true, Ordering::SeqCst);
    }

    fn pace(&self) -> Option<Pace> {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// hyper's side of a connection.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    control: Arc<Control>,
    nap: Option<Pin<Box<Sleep>>>,
}

impl Line {
    pub(super) fn new(stream: TcpStream, control: Arc<Control>) -> Self {
        Self {
            stream,
            control,
            nap: None,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.control.reset.load(Ordering::SeqCst) {
            // A failure leaves an orderly close, which is the other fault; the
            // test that asked for a reset then fails on what it observes.
            drop(self.stream.set_zero_linger());
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(nap) = &mut self.nap {
            ready!(nap.as_mut().poll(context));
            self.nap = None;
        }
        let Some(pace) = self.control.pace() else {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        };
        let part = bytes.get(..pace.bytes.max(1)).unwrap_or(bytes);
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, part))?;
        self.nap = Some(Box::pin(tokio::time::sleep(pace.every)));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
