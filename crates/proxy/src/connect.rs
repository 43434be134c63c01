//! One new connection to a side.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::TlsConnector;

use crate::lookup::Lookup;
use crate::settings::Protocol;
use crate::snapshot::Target;
use crate::upstream_error::Failure;

/// A connected stream and whether it speaks HTTP/2.
pub struct Connected {
    pub stream: Stream,
    pub http2: bool,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Requests,
    /// An upgrade leaves HTTP/1.1; WebSocket over HTTP/2 is another protocol.
    Upgrade,
}

/// Connects; takes as long as it takes.
pub async fn connect(target: &Target, lookup: &Lookup, purpose: Purpose) -> Result<Connected, Failure> {
    let addresses = lookup.find().await.ok_or(Failure::Connect)?;
    let tcp = TcpStream::connect(&*addresses).await.map_err(|_| Failure::Connect)?;
    let _ = tcp.set_nodelay(true); // only latency is lost without it
    let Some(tls) = &target.tls else {
        return Ok(Connected {
            stream: Stream::Plain(tcp),
            http2: target.protocol == Protocol::Http2,
        });
    };
    let name = ServerName::try_from(target.host.clone()).map_err(|_| Failure::Tls)?;
    let config = match purpose {
        Purpose::Requests => &tls.requests,
        Purpose::Upgrade => &tls.upgrades,
    };
    let connector = TlsConnector::from(Arc::clone(config));
    let stream = connector.connect(name, tcp).await.map_err(|_| Failure::Tls)?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Connected {
        stream: Stream::Tls(Box::new(stream)),
        http2,
    })
}

pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Stream::Tls(s) => Pin::new(s).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(s) => s.is_write_vectored(),
            Stream::Tls(s) => s.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_flush(cx),
            Stream::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}
