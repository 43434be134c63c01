//! Bounds the time to a connection's first request.
//!
//! hyper times a head from its first byte on, and only once it knows the version of HTTP: a client that sends nothing, or
//! a letter of the HTTP/2 preface, would keep its connection for ever.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Says that the first request has come.
#[derive(Debug, Clone, Default)]
pub struct Begun(Arc<AtomicBool>);

impl Begun {
    pub fn set(&self) {
        self.0.store(true, Relaxed);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// A stream that fails to read when no request has begun in time.
pub struct FirstRequest<S> {
    stream: Pin<Box<S>>,
    begun: Begun,
    deadline: Pin<Box<Sleep>>,
}

impl<S> FirstRequest<S> {
    pub fn within(patience: Duration, stream: S, begun: Begun) -> Self {
        Self {
            stream: Box::pin(stream),
            begun,
            deadline: Box::pin(tokio::time::sleep(patience)),
        }
    }
}

impl<S: AsyncRead> AsyncRead for FirstRequest<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.stream.as_mut().poll_read(cx, buf);
        if read.is_ready() || self.begun.is_set() {
            return read;
        }
        std::task::ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite> AsyncWrite for FirstRequest<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }
}
