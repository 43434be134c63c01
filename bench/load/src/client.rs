//! One keep-alive connection of the generator.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{header, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::pacer::Pacer;
use crate::report::{Failure, Tally};

/// What every request of a run looks like.
pub struct Plan {
    /// Where to.
    pub address: SocketAddr,
    /// Its method.
    pub method: http::Method,
    /// Its path and query.
    pub target: http::Uri,
    /// Its body; empty means none.
    pub body: Bytes,
    /// From sending to the end of the answer.
    pub timeout: Duration,
}

/// Sends a request for each due time that it gets from the pacer, one at a time, over one connection, which is made anew
/// after a failure.
pub async fn work(plan: &Plan, pacer: &Pacer, tally: &Tally) {
    let mut connection = None;
    while let Some(due) = pacer.next().await {
        tally.start();
        let outcome = match tokio::time::timeout(plan.timeout, exchange(plan, &mut connection)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::Timeout),
        };
        tally.finish(Instant::now() - due, outcome);
        if outcome.is_err() {
            connection = None;
        }
    }
}

async fn exchange(plan: &Plan, connection: &mut Option<SendRequest<Full<Bytes>>>) -> Result<u64, Failure> {
    if let Some(sender) = connection {
        // The peer may have closed after its last answer; a browser would open another one too.
        if sender.ready().await.is_err() {
            *connection = None;
        }
    }
    let sender = match connection {
        Some(sender) => sender,
        None => connection.insert(connect(plan.address).await.map_err(|_| Failure::Connect)?),
    };
    let response = sender.send_request(request(plan)).await.map_err(|_| Failure::Broken)?;
    let status = response.status();
    let mut body = response.into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::Broken)?;
        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    if status == StatusCode::OK {
        Ok(bytes)
    } else {
        Err(Failure::Status)
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(async move {
        // The sender sees the same error and counts it.
        let _ = connection.await;
    });
    Ok(sender)
}

/// About what a browser's script sends.
fn request(plan: &Plan) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(plan.body.clone()));
    *request.method_mut() = plan.method.clone();
    *request.uri_mut() = plan.target.clone();
    let headers = request.headers_mut();
    for (name, value) in [
        (header::HOST, "shop.example"),
        (
            header::USER_AGENT,
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ),
        (header::ACCEPT, "application/json, text/plain, */*"),
        (header::ACCEPT_LANGUAGE, "en-US,en;q=0.5"),
        (header::COOKIE, "session=5f2b1c9e8a7d4e36b0c1d2e3f4a5b6c7; theme=dark"),
    ] {
        headers.insert(name, http::HeaderValue::from_static(value));
    }
    if !plan.body.is_empty() {
        headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    }
    request
}
