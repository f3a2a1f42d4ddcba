//! The three bodies an answer can have: whole, cut off in the middle, and
//! without end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

const CHUNK: usize = 16 * 1024;

/// A body for hyper to send.
#[derive(Debug)]
pub(super) enum Payload {
    /// All of it.
    Whole(Option<Bytes>),
    /// The first part; then the connection breaks.
    Cut(Option<Bytes>),
    /// Spaces, which JSON allows before a value, until the client leaves.
    Endless(Arc<AtomicU64>),
}

impl Payload {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }

    /// The first half of `bytes`.
    pub(super) fn cut(bytes: &Bytes) -> Self {
        Self::Cut(Some(bytes.slice(..bytes.len() / 2)))
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(match self.get_mut() {
            Self::Whole(bytes) => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
            Self::Cut(bytes) => Some(match bytes.take() {
                Some(bytes) => Ok(Frame::data(bytes)),
                None => Err(io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    "cut as scripted",
                )),
            }),
            Self::Endless(sent) => {
                sent.fetch_add(CHUNK as u64, Ordering::SeqCst);
                Some(Ok(Frame::data(Bytes::from_static(&[b' '; CHUNK]))))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Cut(_) | Self::Endless(_) => SizeHint::default(),
        }
    }
}

/// Why hyper gets no answer to send: the script closes the connection.
#[derive(Debug)]
pub(super) struct Hangup;

impl std::fmt::Display for Hangup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed as scripted")
    }
}

impl std::error::Error for Hangup {}
