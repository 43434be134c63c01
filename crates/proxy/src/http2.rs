//! HTTP/2 connections to a side: each carries many requests, and no more than the side allows.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::{poll_fn, Future};
use std::pin::{pin, Pin};
use std::rc::Rc;
use std::time::Duration;

use hyper::client::conn::http2;
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::copying::ReqBody;
use crate::flight::Flight;
use crate::upstream_error::{classify, Failure};

/// Streams of one connection at once, to a side and from a client.
pub const MOST_STREAMS: u32 = 128;
/// What either end may send on one stream before we have passed it on.
pub const STREAM_WINDOW: u32 = 256 * 1024;
/// And on all streams of a connection: enough for each, so that streams that stand still cannot stop the others. It is
/// also the most that one connection may make us hold.
pub const CONNECTION_WINDOW: u32 = MOST_STREAMS * STREAM_WINDOW;

/// After so long a silence the other end is asked whether it is still there, idle or not, and has `ANSWER` to say so.
/// gRPC servers hang up on the fourth such question without an answer of theirs in between: `IDLE` is shorter than that.
const SILENCE: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(10);
/// A connection without a stream is closed after so long.
const IDLE: Duration = Duration::from_secs(60);

pub type SendRequest = http2::SendRequest<ReqBody>;

/// The connections that requests of one kind share.
#[derive(Default)]
pub struct Connections {
    open: RefCell<Vec<Rc<Connection>>>,
    /// The one on its way; a burst of requests opens one connection.
    pub opening: Flight<Result<Option<Rc<Connection>>, Failure>>,
}

impl Connections {
    /// A place on one of the connections. The newest first: what is too many falls idle.
    pub fn take(&self) -> Option<Slot> {
        let mut open = self.open.borrow_mut();
        open.retain(|connection| connection.is_usable());
        open.iter().rev().find_map(Connection::slot)
    }

    pub fn add(&self, connection: Rc<Connection>) {
        self.open.borrow_mut().push(connection);
    }

    pub fn sweep(&self) {
        let worth_keeping =
            |c: &Rc<Connection>| c.is_usable() && (c.streams.get() > 0 || c.idle_since.get().elapsed() < IDLE);
        self.open.borrow_mut().retain(worth_keeping);
    }
}

pub struct Connection {
    send: SendRequest,
    /// How many streams the side allows now.
    allowed: Box<dyn Fn() -> usize>,
    streams: Cell<usize>,
    idle_since: Cell<Instant>,
    retired: Cell<bool>,
}

impl Connection {
    /// Shakes hands and waits until the side has said how many streams it allows.
    pub async fn open<S>(stream: S, longest_head: u32) -> Result<Rc<Self>, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let steps = Steps::default();
        let (send, connection) = http2::Builder::new(steps.clone())
            .timer(TokioTimer::new())
            .max_header_list_size(longest_head)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_max_send_streams(0) // not known before the side's settings have come
            .keep_alive_interval(SILENCE)
            .keep_alive_timeout(ANSWER)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| classify(&e))?;
        let connection = Rc::new(RefCell::new(connection));
        let ended = Rc::new(OnceCell::new());
        let allowed = {
            let connection = Rc::downgrade(&connection); // which the task alone keeps: its end tells hyper's other half
            move || {
                connection
                    .upgrade()
                    .map_or(0, |c| c.borrow().current_max_send_streams())
            }
        };
        steps.execute({
            let ended = Rc::clone(&ended);
            async move {
                let run = poll_fn(|cx| Pin::new(&mut *connection.borrow_mut()).poll(cx));
                let failure = run.await.err().map_or(Failure::Reset, |e| classify(&e));
                let _ = ended.set(failure); // this is the only place that sets it
            }
        });
        while allowed() == 0 {
            if let Some(failure) = ended.get() {
                return Err(*failure);
            }
            steps.0.notified().await;
        }
        Ok(Rc::new(Self {
            send,
            allowed: Box::new(allowed),
            streams: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            retired: Cell::new(false),
        }))
    }

    /// A place on this connection, if it has room.
    pub fn slot(self: &Rc<Self>) -> Option<Slot> {
        let most = (self.allowed)().min(MOST_STREAMS as usize);
        if !self.is_usable() || self.streams.get() >= most {
            return None;
        }
        self.streams.set(self.streams.get() + 1);
        Some(Slot(Rc::clone(self)))
    }

    pub fn is_usable(&self) -> bool {
        !self.retired.get() && !self.send.is_closed()
    }
}

/// One request's place on a connection, from before it is sent until its answer has been read.
pub struct Slot(Rc<Connection>);

impl Slot {
    pub fn sender(&self) -> SendRequest {
        self.0.send.clone()
    }

    /// Something took too long on this connection, so it may be dead: what is on it goes on, but nothing new comes.
    pub fn retire(&self) {
        self.0.retired.set(true);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.streams.set(self.0.streams.get() - 1);
        self.0.idle_since.set(Instant::now());
    }
}

/// Runs hyper's tasks on the worker's own thread and tells after each step of one: hyper has no other way to notice that
/// the side's settings have come.
#[derive(Clone, Default)]
struct Steps(Rc<Notify>);

impl<F> Executor<F> for Steps
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        let steps = Rc::clone(&self.0);
        tokio::task::spawn_local(async move {
            let mut future = pin!(future);
            poll_fn(|cx| {
                let polled = future.as_mut().poll(cx);
                steps.notify_waiters();
                polled
            })
            .await
        });
    }
}

#[cfg(test)]
pub mod tests {
    use std::any::Any;
    use std::convert::Infallible;

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    use hyper::service::service_fn;
    use tokio::io::duplex;
    use tokio::task::LocalSet;

    use super::*;
    use crate::worker::LocalExecutor;

    /// A connection and the task of its other end, which answers everything.
    async fn connected() -> (Rc<Connection>, tokio::task::JoinHandle<()>) {
        let (near, far) = duplex(64 * 1024);
        let answer = |_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"yes")))) };
        let server = hyper::server::conn::http2::Builder::new(LocalExecutor)
            .max_concurrent_streams(2)
            .serve_connection(TokioIo::new(far), service_fn(answer));
        let server = tokio::task::spawn_local(async move {
            let _ = server.await;
        });
        (Connection::open(near, 16 * 1024).await.unwrap(), server)
    }

    /// A connection that takes requests and sends none, until it leaves: then they come back unsent, as where a GOAWAY
    /// has come and the connection's task has not run since.
    pub struct Leaving {
        connection: Rc<Connection>,
        task: Box<dyn Any>,
    }

    pub async fn leaving() -> Leaving {
        let (near, far) = duplex(64 * 1024);
        let (send, task) = http2::handshake(LocalExecutor, TokioIo::new(near)).await.unwrap();
        let connection = Connection {
            send,
            allowed: Box::new(|| MOST_STREAMS as usize),
            streams: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            retired: Cell::new(false),
        };
        Leaving {
            connection: Rc::new(connection),
            task: Box::new((task, far)),
        }
    }

    impl Leaving {
        pub fn connection(&self) -> Rc<Connection> {
            Rc::clone(&self.connection)
        }

        /// A request is to go out on it.
        pub fn is_taken(&self) -> bool {
            self.connection.streams.get() > 0
        }

        pub fn leave(self) {
            drop(self.task);
        }
    }

    async fn ask(connection: &Rc<Connection>) -> u16 {
        let slot = connection.slot().unwrap();
        let request = Request::get("http://shop.example/").body(ReqBody::Empty).unwrap();
        slot.sender().try_send_request(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn streams_are_counted_against_what_the_side_allows() {
        let counted = async {
            let (connection, _server) = connected().await;
            let first = connection.slot().unwrap();
            let _second = connection.slot().unwrap();
            assert!(connection.slot().is_none());
            drop(first);
            assert_eq!(ask(&connection).await, 200);
            connection.slot().unwrap().retire();
            assert!(connection.slot().is_none());
        };
        LocalSet::new().run_until(counted).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_outlives_silence_if_its_other_end_does() {
        let silent = async {
            let (connection, _server) = connected().await;
            assert_eq!(ask(&connection).await, 200);
            tokio::time::sleep(10 * (SILENCE + ANSWER)).await;
            assert!(connection.is_usable());
            assert_eq!(ask(&connection).await, 200);
        };
        LocalSet::new().run_until(silent).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_other_end_is_gone_is_found_out() {
        let gone = async {
            let (near, far) = duplex(64 * 1024);
            let (mut reader, mut writer) = tokio::io::split(far);
            // An empty SETTINGS frame and then nothing, but the connection stays: as where a network swallows all.
            tokio::io::AsyncWriteExt::write_all(&mut writer, &[0, 0, 0, 4, 0, 0, 0, 0, 0])
                .await
                .unwrap();
            tokio::task::spawn_local(async move {
                let _ = tokio::io::copy(&mut reader, &mut tokio::io::sink()).await;
            });
            let connection = Connection::open(near, 16 * 1024).await.unwrap();
            assert!(connection.is_usable());
            tokio::time::sleep(SILENCE + ANSWER + Duration::from_secs(1)).await;
            assert!(!connection.is_usable());
        };
        LocalSet::new().run_until(gone).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_nobody_uses_is_closed() {
        let unused = async {
            let connections = Connections::default();
            let (connection, server) = connected().await;
            connections.add(connection);
            let slot = connections.take().unwrap();
            tokio::time::sleep(2 * IDLE).await;
            connections.sweep();
            assert!(!server.is_finished(), "closed under a request");
            drop(slot);
            connections.sweep();
            assert!(connections.take().is_some(), "closed at once");
            tokio::time::sleep(IDLE).await;
            connections.sweep();
            assert!(connections.take().is_none());
            server.await.unwrap();
        };
        LocalSet::new().run_until(unused).await;
    }

    #[tokio::test]
    async fn an_end_before_the_settings_is_a_failure() {
        let ended = async {
            let (near, far) = duplex(1024);
            drop(far);
            assert!(Connection::open(near, 16 * 1024).await.is_err());
        };
        LocalSet::new().run_until(ended).await;
    }
}
