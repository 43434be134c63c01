//! One worker's connections to one side.
//!
//! Our own, and small, instead of hyper-util's pooled client: whether a request may have left (and so may not be sent
//! again) is decided here, and a worker's pool needs no lock.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderValue, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::Method;
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, Uri, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::Instant;

use crate::answer::has_clear_end;
use crate::body::UpstreamBody;
use crate::connect::{connect, Connected, Stream};
use crate::copying::{Progress, ReqBody};
use crate::headers::{absolute, Head};
use crate::snapshot::Target;
use crate::state::State;
use crate::upstream_error::{classify, Failure, UpstreamError};
use crate::worker::LocalExecutor;

/// Below the 5 s after which Node.js closes an idle connection: the shortest of the widespread servers.
const IDLE: Duration = Duration::from_secs(4);
/// Idle connections kept by one worker to one side.
const MOST_IDLE: usize = 256;
const LONGEST_ANSWER_HEAD: usize = 256 * 1024;
/// Kept connections that a request may find closed before it gets a new one, so that it ends where a side closes them all.
const MOST_UNSENT: u32 = 2;

type Http1 = http1::SendRequest<ReqBody>;
type Http2 = http2::SendRequest<ReqBody>;

pub struct Pool {
    pub target: Arc<Target>,
    state: Arc<State>,
    idle: RefCell<Vec<(Http1, Instant)>>,
    shared: RefCell<Option<Http2>>,
}

/// A connection that can take one request.
enum Connection {
    Http1 { send: Http1, reused: bool },
    Http2 { send: Http2, reused: bool },
}

impl Connection {
    /// It stood before this request asked for one, and so may be gone by now.
    fn is_reused(&self) -> bool {
        match self {
            Connection::Http1 { reused, .. } | Connection::Http2 { reused, .. } => *reused,
        }
    }

    fn is_http2(&self) -> bool {
        matches!(self, Connection::Http2 { .. })
    }
}

impl Pool {
    pub fn new(target: Arc<Target>, state: Arc<State>) -> Rc<Self> {
        Rc::new(Self {
            target,
            state,
            idle: RefCell::default(),
            shared: RefCell::default(),
        })
    }

    /// Sends the request and waits for the head of the answer.
    pub async fn send(
        self: &Rc<Self>,
        head: &Head,
        copy: bool,
        body: ReqBody,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let counts = &self.state.sides[self.target.side];
        counts.requests.fetch_add(1, Relaxed);
        let sent = self.send_uncounted(head, copy, body).await;
        match &sent {
            Ok(answer) if answer.status().is_server_error() => {
                counts.status_5xx.fetch_add(1, Relaxed);
            }
            Ok(_) => {}
            Err(error) if error.clients_fault => {}
            Err(error) => {
                counts.failures.of(error.failure).fetch_add(1, Relaxed);
            }
        }
        sent
    }

    async fn send_uncounted(
        self: &Rc<Self>,
        head: &Head,
        copy: bool,
        mut body: ReqBody,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let repeatable = head.is_safe() && body.is_empty();
        let mut again = repeatable;
        let mut unsent = 0;
        loop {
            let connection = match self.connection(unsent < MOST_UNSENT).await {
                Ok(connection) => connection,
                Err(failure) => return Err(UpstreamError::unsent(failure, body)),
            };
            let reused = connection.is_reused();
            let request = self.request(head, copy, body, connection.is_http2())?;
            match self.send_on(connection, copy, request).await {
                Ok(answer) => return Ok(answer),
                // The server closed a kept connection just as we used it: nothing was sent, so nothing is repeated.
                Err(UpstreamError { unsent: Some(back), .. }) if reused => {
                    unsent += 1;
                    body = back;
                }
                // The same, a moment later: the request may have been read, but asking twice changes nothing
                // (RFC 9110, section 9.2.2), and once is enough.
                Err(error) if reused && again && error.failure == Failure::Reset => {
                    again = false;
                    body = ReqBody::Empty;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn send_on(
        self: &Rc<Self>,
        connection: Connection,
        copy: bool,
        request: Request<ReqBody>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let progress = request.body().progress();
        let method = request.method().clone();
        let patience = self.patience(copy);
        let (answered, kept) = match connection {
            Connection::Http1 { mut send, .. } => {
                let answered = within(patience, progress.as_ref(), send.try_send_request(request)).await;
                (answered, Some(send))
            }
            Connection::Http2 { mut send, .. } => (
                within(patience, progress.as_ref(), send.try_send_request(request)).await,
                None,
            ),
        };
        match answered {
            Some(Ok(mut answer)) => {
                if !has_clear_end(answer.status(), answer.headers_mut()) {
                    return Err(UpstreamError::maybe_arrived(Failure::Protocol));
                }
                let kept = kept.map(|send| (send, Rc::clone(self)));
                let status = answer.status();
                Ok(answer.map(|incoming| {
                    UpstreamBody::new(incoming, kept, &self.state, self.target.side)
                        .answer_to(&method, status, progress)
                }))
            }
            Some(Err(mut error)) => match error.take_message() {
                Some(request) => Err(UpstreamError::unsent(Failure::Connect, request.into_body())),
                None => Err(UpstreamError {
                    clients_fault: progress.is_some_and(|p| p.cut().is_some()),
                    ..UpstreamError::maybe_arrived(classify(error.error()))
                }),
            },
            None => Err(UpstreamError {
                clients_fault: progress.is_some_and(|p| p.cut().is_some() || p.waits_for_client()),
                ..UpstreamError::maybe_arrived(Failure::Timeout)
            }),
        }
    }

    /// How long a side may take to begin its answer. A copy has only so long for all of it.
    fn patience(&self, copy: bool) -> Duration {
        let limit = Duration::from_millis(self.state.snapshot.load().limits.shadow_ms);
        if copy {
            self.target.timeout.min(limit)
        } else {
            self.target.timeout
        }
    }

    fn request(&self, head: &Head, copy: bool, body: ReqBody, http2: bool) -> Result<Request<ReqBody>, UpstreamError> {
        let changes = &self.target.changes;
        let mut headers = head.headers_for(changes, copy);
        let host = changes.host.as_ref().unwrap_or(&head.host);
        let target = self.target_of(head);
        let uri = match (&target, http2) {
            (Some(target), true) => absolute(&self.target.scheme, host, target),
            (Some(target), false) => Some(Uri::from(target.clone())),
            (None, _) => None,
        };
        let Some(uri) = uri else {
            return Err(UpstreamError::unsent(Failure::Protocol, body)); // a Host that is no authority
        };
        if !http2 {
            headers.insert(HOST, host.clone());
            frame(&mut headers, &head.method, &body);
        }
        let mut request = Request::new(body);
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn target_of(&self, head: &Head) -> Option<http::uri::PathAndQuery> {
        if self.target.base_path.is_empty() {
            return Some(head.target.clone());
        }
        format!("{}{}", self.target.base_path, head.target).parse().ok()
    }

    /// A kept connection, if `kept` ones may be used and there is one; else a new one.
    async fn connection(self: &Rc<Self>, kept: bool) -> Result<Connection, Failure> {
        if !kept {
            return self.open().await;
        }
        if let Some(send) = self.shared() {
            return Ok(Connection::Http2 { send, reused: true });
        }
        while let Some((mut send, since)) = self.take_idle() {
            // The connection's task may not have run since the last answer ended: then it is ready in a moment.
            if since.elapsed() < IDLE && !send.is_closed() && send.ready().await.is_ok() {
                return Ok(Connection::Http1 { send, reused: true });
            }
        }
        self.open().await
    }

    fn take_idle(&self) -> Option<(Http1, Instant)> {
        self.idle.borrow_mut().pop()
    }

    fn shared(&self) -> Option<Http2> {
        let shared = self.shared.borrow();
        shared.as_ref().filter(|send| !send.is_closed()).cloned()
    }

    async fn open(self: &Rc<Self>) -> Result<Connection, Failure> {
        let Connected { stream, http2 } = connect(&self.target).await?;
        self.state.sides[self.target.side].connects.fetch_add(1, Relaxed);
        if http2 {
            let (send, connection) = http2::Builder::new(LocalExecutor)
                .timer(TokioTimer::new())
                .max_header_list_size(LONGEST_ANSWER_HEAD as u32)
                .handshake(TokioIo::new(stream))
                .await
                .map_err(|e| classify(&e))?;
            tokio::task::spawn_local(connection);
            *self.shared.borrow_mut() = Some(send.clone());
            return Ok(Connection::Http2 { send, reused: false });
        }
        let (send, connection) = handshake(stream).await?;
        tokio::task::spawn_local(connection);
        Ok(Connection::Http1 { send, reused: false })
    }

    /// A connection of its own for an upgrade: HTTP/1.1, never pooled.
    pub async fn open_for_upgrade(
        self: &Rc<Self>,
        head: &Head,
        upgrade: &http::HeaderValue,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let connected = connect(&self.target)
            .await
            .map_err(|f| UpstreamError::unsent(f, ReqBody::Empty))?;
        if connected.http2 {
            return Err(UpstreamError::unsent(Failure::Protocol, ReqBody::Empty));
            // WebSocket over HTTP/2 is another protocol
        }
        self.state.sides[self.target.side].connects.fetch_add(1, Relaxed);
        let (mut send, connection) = handshake(connected.stream)
            .await
            .map_err(UpstreamError::maybe_arrived)?;
        tokio::task::spawn_local(connection.with_upgrades());
        let mut request = self.request(head, false, ReqBody::Empty, false)?;
        request
            .headers_mut()
            .insert(http::header::CONNECTION, http::HeaderValue::from_static("upgrade"));
        request.headers_mut().insert(http::header::UPGRADE, upgrade.clone());
        match within(self.target.timeout, None, send.send_request(request)).await {
            Some(answered) => answered.map_err(|e| UpstreamError::maybe_arrived(classify(&e))),
            None => Err(UpstreamError::maybe_arrived(Failure::Timeout)),
        }
    }

    /// Takes a connection back whose answer has been read to its end.
    pub fn give_back(self: &Rc<Self>, mut send: Http1) {
        if send.is_ready() {
            return self.keep(send);
        }
        if send.is_closed() {
            return;
        }
        // Mostly a matter of one more turn of the connection's task; at worst the client still uploads.
        let pool = Rc::clone(self);
        tokio::task::spawn_local(async move {
            if let Ok(Ok(())) = tokio::time::timeout(IDLE, send.ready()).await {
                pool.keep(send);
            }
        });
    }

    fn keep(&self, send: Http1) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() == MOST_IDLE {
            idle.remove(0); // the one that has been idle longest
        }
        idle.push((send, Instant::now()));
    }

    /// Closes what has been idle for long; called now and then, as nothing else would after the last request.
    pub fn sweep(&self) {
        self.idle
            .borrow_mut()
            .retain(|(send, since)| since.elapsed() < IDLE && !send.is_closed());
    }
}

/// Where hyper frames a message otherwise than the client's was: it leaves out the length of an empty body, which some
/// servers insist on, and a body of unknown length where the method seldom has one.
fn frame(headers: &mut HeaderMap, method: &Method, body: &ReqBody) {
    if body.is_empty() {
        if matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    } else if body.size_hint().exact().is_none() {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

async fn handshake(stream: Stream) -> Result<(Http1, http1::Connection<TokioIo<Stream>, ReqBody>), Failure> {
    http1::Builder::new()
        .max_buf_size(LONGEST_ANSWER_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|e| classify(&e))
}

/// Waits for `answer`; none if nothing happened for `timeout`. An upload that moves pushes the deadline on.
async fn within<T>(
    timeout: Duration,
    progress: Option<&Progress>,
    answer: impl std::future::Future<Output = T>,
) -> Option<T> {
    let mut answer = std::pin::pin!(answer);
    let mut deadline = Instant::now() + timeout;
    loop {
        if let Ok(answered) = tokio::time::timeout_at(deadline, answer.as_mut()).await {
            return Some(answered);
        }
        match progress.map(|p| p.last() + timeout) {
            Some(later) if later > Instant::now() => deadline = later,
            _ => return None,
        }
    }
}
