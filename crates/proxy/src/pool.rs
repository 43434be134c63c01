//! One worker's connections to one side.
//!
//! Our own, and small, instead of hyper-util's pooled client: whether a request may have left (and so may not be sent
//! again) is decided here, and a worker's pool needs no lock.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{pin, Pin};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderValue, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{Method, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response, Uri, Version};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::answer::{has_clear_end, is_server_error};
use crate::body::UpstreamBody;
use crate::connect::{connect, Connected, Purpose, Stream};
use crate::copying::{Cut, Progress, ReqBody};
use crate::headers::{absolute, Head};
use crate::http2;
use crate::lookup::Lookup;
use crate::settings::Protocol;
use crate::snapshot::Target;
use crate::state::{SideCounts, State};
use crate::upstream_error::{classify, Failure, UpstreamError};

/// Below the 5 s after which Node.js closes an idle connection: the shortest of the widespread servers.
const IDLE: Duration = Duration::from_secs(4);
/// Idle connections kept by one worker to one side.
const MOST_IDLE: usize = 256;
/// What a connection's read buffer may grow to. The head of an answer must fit.
const READ_BUFFER: usize = 256 * 1024;
/// Kept connections that a request may find closed before it gets a new one, so that it ends where a side closes them all.
const MOST_UNSENT: u32 = 2;

type Http1 = http1::SendRequest<ReqBody>;

pub struct Pool {
    pub target: Arc<Target>,
    state: Arc<State>,
    lookup: Lookup,
    idle: RefCell<Vec<(Http1, Instant)>>,
    /// The side is known to speak HTTP/1.1, so that each request may open a connection without waiting for another's.
    speaks_http1: Cell<bool>,
    served: http2::Connections,
    /// Copies share connections with copies only: a served request must not wait for room that they take.
    copies: http2::Connections,
}

/// A connection that can take one request.
enum Connection {
    Http1 { send: Http1, reused: bool },
    Http2 { slot: http2::Slot, reused: bool },
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

enum Opened {
    Http1(Http1),
    /// It is among the shared ones already.
    Http2(Rc<http2::Connection>),
}

/// What an answer's body holds of the connection that it comes on.
pub enum Lease {
    Http1(Http1, Rc<Pool>),
    Http2(http2::Slot),
}

impl Lease {
    /// The answer has been read to its end.
    pub fn end(self) {
        match self {
            Lease::Http1(send, pool) => pool.give_back(send),
            Lease::Http2(slot) => drop(slot),
        }
    }

    /// The answer will not be read to its end. That closes a connection of HTTP/1.1 and only a stream of HTTP/2.
    pub fn break_off(self, failure: Failure) {
        match self {
            Lease::Http2(slot) if failure == Failure::Timeout => slot.retire(),
            Lease::Http1(..) | Lease::Http2(_) => {}
        }
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lease")
    }
}

impl Pool {
    pub fn new(target: Arc<Target>, state: Arc<State>) -> Rc<Self> {
        let offers_http2 = match target.protocol {
            Protocol::Auto => target.tls.is_some(),
            Protocol::Http1 => false,
            Protocol::Http2 => true,
        };
        Rc::new(Self {
            lookup: Lookup::new(&target.host, target.port),
            idle: RefCell::default(),
            speaks_http1: Cell::new(!offers_http2),
            served: http2::Connections::default(),
            copies: http2::Connections::default(),
            target,
            state,
        })
    }

    /// Sends the request and waits for the head of the answer.
    pub async fn send(
        self: &Rc<Self>,
        head: &Head,
        copy: bool,
        body: ReqBody,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        self.counts().requests.fetch_add(1, Relaxed);
        let sent = self.send_uncounted(head, copy, body).await;
        self.count(&sent);
        sent
    }

    fn counts(&self) -> &SideCounts {
        &self.state.sides[self.target.side]
    }

    fn count<B>(&self, sent: &Result<Response<B>, UpstreamError>) {
        match sent {
            Ok(answer) if is_server_error(answer.status()) => {
                self.counts().status_5xx.fetch_add(1, Relaxed);
            }
            Ok(_) => {}
            Err(error) if error.clients_fault => {}
            Err(error) => {
                self.counts().failures.of(error.failure).fetch_add(1, Relaxed);
            }
        }
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
            let connection = match self.connection(copy, unsent < MOST_UNSENT).await {
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
        let (answered, lease) = match connection {
            Connection::Http1 { mut send, .. } => {
                let answered = within(patience, progress.as_ref(), pin!(send.try_send_request(request))).await;
                (answered, Lease::Http1(send, Rc::clone(self)))
            }
            Connection::Http2 { slot, .. } => {
                let sent = pin!(slot.sender().try_send_request(request));
                (within(patience, progress.as_ref(), sent).await, Lease::Http2(slot))
            }
        };
        match answered {
            Some(Ok(mut answer)) => {
                if !has_clear_end(answer.status(), answer.headers_mut()) {
                    return Err(UpstreamError::maybe_arrived(Failure::Protocol));
                }
                let status = answer.status();
                Ok(answer.map(|incoming| {
                    UpstreamBody::new(incoming, Some(lease), &self.state, self.target.side)
                        .answer_to(&method, status, progress)
                }))
            }
            Some(Err(mut error)) => match error.take_message() {
                Some(request) => Err(UpstreamError::unsent(Failure::Connect, request.into_body())),
                None => {
                    let cut = progress.and_then(|p| p.cut());
                    let failure = if cut == Some(Cut::Stalled) {
                        Failure::Timeout
                    } else {
                        classify(error.error())
                    };
                    Err(UpstreamError {
                        clients_fault: cut.is_some(),
                        ..UpstreamError::maybe_arrived(failure)
                    })
                }
            },
            None => {
                let clients_fault = progress.is_some_and(|p| p.cut().is_some() || p.waits_for_client());
                if !clients_fault {
                    lease.break_off(Failure::Timeout);
                }
                Err(UpstreamError {
                    clients_fault,
                    ..UpstreamError::maybe_arrived(Failure::Timeout)
                })
            }
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

    /// A kept connection, if `kept` ones may be used and there is one; else a new one. Whatever it waits for, it takes no
    /// longer than connecting may.
    async fn connection(self: &Rc<Self>, copy: bool, kept: bool) -> Result<Connection, Failure> {
        match kept.then(|| self.ready(copy)).flatten() {
            Some(connection) => Ok(connection),
            // In a box of its own: each request's task would have to be as large as this rare part.
            None => Box::pin(self.in_time(self.find(copy, kept))).await,
        }
    }

    /// A kept connection that needs no waiting for, as nearly always.
    fn ready(&self, copy: bool) -> Option<Connection> {
        if let Some(slot) = self.shared(copy).take() {
            return Some(Connection::Http2 { slot, reused: true });
        }
        let mut idle = self.idle.borrow_mut();
        let (send, _) = idle.pop_if(|(send, since)| since.elapsed() < IDLE && send.is_ready())?;
        Some(Connection::Http1 { send, reused: true })
    }

    async fn find(self: &Rc<Self>, copy: bool, kept: bool) -> Result<Connection, Failure> {
        let shared = self.shared(copy);
        let (mut kept, mut reused) = (kept, true);
        loop {
            if kept {
                if let Some(slot) = shared.take() {
                    return Ok(Connection::Http2 { slot, reused });
                }
                if let Some(send) = self.take_idle().await {
                    return Ok(Connection::Http1 { send, reused: true });
                }
            }
            if self.speaks_http1.get() {
                if let Opened::Http1(send) = self.open(copy).await? {
                    return Ok(Connection::Http1 { send, reused: false });
                }
            } else {
                let pool = Rc::clone(self);
                let open = async move { pool.in_time(pool.open_for_all(copy)).await };
                let opened = shared.opening.join(open).await.unwrap_or(Err(Failure::Connect))?;
                if opened.is_some_and(|connection| !connection.is_usable()) {
                    return Err(Failure::Reset); // gone before anything could be sent
                }
            }
            (kept, reused) = (true, false); // others waited for it too, and may have filled it before
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.target.connect_timeout, work).await {
            Ok(done) => done,
            Err(_) => Err(Failure::Timeout),
        }
    }

    /// An idle connection of HTTP/1.1 that is ready for a request.
    async fn take_idle(&self) -> Option<Http1> {
        loop {
            let (mut send, since) = self.idle.borrow_mut().pop()?;
            // The connection's task may not have run since the last answer ended: then it is ready in a moment.
            if since.elapsed() < IDLE && !send.is_closed() && send.ready().await.is_ok() {
                return Some(send);
            }
        }
    }

    /// Opens a connection for whoever waits for one. None: it is one of HTTP/1.1, now idle, and the others need their own.
    async fn open_for_all(&self, copy: bool) -> Result<Option<Rc<http2::Connection>>, Failure> {
        match self.open(copy).await? {
            Opened::Http1(send) => {
                self.keep(send);
                Ok(None)
            }
            Opened::Http2(connection) => Ok(Some(connection)),
        }
    }

    async fn open(&self, copy: bool) -> Result<Opened, Failure> {
        if copy {
            // The served request goes first: it may be ready to leave, and connecting takes as long as a short answer.
            tokio::task::yield_now().await;
        }
        let Connected { stream, http2 } = self.connect(Purpose::Requests).await?;
        self.speaks_http1.set(!http2);
        if http2 {
            let connection = http2::Connection::open(stream, READ_BUFFER as u32).await?;
            self.shared(copy).add(Rc::clone(&connection));
            return Ok(Opened::Http2(connection));
        }
        let (send, connection) = handshake(stream).await?;
        tokio::task::spawn_local(connection);
        Ok(Opened::Http1(send))
    }

    async fn connect(&self, purpose: Purpose) -> Result<Connected, Failure> {
        let connected = connect(&self.target, &self.lookup, purpose).await?;
        self.counts().connects.fetch_add(1, Relaxed);
        Ok(connected)
    }

    fn shared(&self, copy: bool) -> &http2::Connections {
        if copy {
            &self.copies
        } else {
            &self.served
        }
    }

    /// Asks for an upgrade on a connection of its own: HTTP/1.1, never pooled. The answer is either 101 or one whose end is
    /// clear.
    pub async fn upgrade(&self, head: &Head, protocol: &HeaderValue) -> Result<Response<Incoming>, UpstreamError> {
        self.counts().requests.fetch_add(1, Relaxed);
        let sent = self.upgrade_uncounted(head, protocol).await;
        self.count(&sent);
        sent
    }

    async fn upgrade_uncounted(
        &self,
        head: &Head,
        protocol: &HeaderValue,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let mut request = self.request(head, false, ReqBody::Empty, false)?;
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol.clone());
        let opened = self.in_time(self.open_for_upgrade()).await;
        let mut send = opened.map_err(|failure| UpstreamError::unsent(failure, ReqBody::Empty))?;
        match within(self.target.timeout, None, pin!(send.send_request(request))).await {
            Some(Ok(mut answer)) => {
                let agreed = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
                if agreed || has_clear_end(answer.status(), answer.headers_mut()) {
                    Ok(answer)
                } else {
                    Err(UpstreamError::maybe_arrived(Failure::Protocol))
                }
            }
            Some(Err(error)) => Err(UpstreamError::maybe_arrived(classify(&error))),
            None => Err(UpstreamError::maybe_arrived(Failure::Timeout)),
        }
    }

    async fn open_for_upgrade(&self) -> Result<Http1, Failure> {
        let Connected { stream, http2 } = self.connect(Purpose::Upgrade).await?;
        if http2 {
            return Err(Failure::Protocol); // without TLS nobody can ask for another
        }
        let (send, connection) = handshake(stream).await?;
        tokio::task::spawn_local(connection.with_upgrades());
        Ok(send)
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
        self.served.sweep();
        self.copies.sweep();
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
        .max_buf_size(READ_BUFFER)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|e| classify(&e))
}

/// Waits for `answer`; none if nothing happened for `timeout`. An upload that moves pushes the deadline on.
async fn within<T>(
    timeout: Duration,
    progress: Option<&Progress>,
    mut answer: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
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

#[cfg(test)]
mod tests;
