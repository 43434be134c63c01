//! Accepts connections and serves HTTP/1.1 and HTTP/2 on them.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{watch, OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::budget::Held;
use crate::first_request::{Begun, FirstRequest};
use crate::flow::{handle, Client};
use crate::http2::{CONNECTION_WINDOW, MOST_STREAMS, STREAM_WINDOW};
use crate::state::State;
use crate::validate::Refused;
use crate::worker::{LocalExecutor, Worker};

/// How far the end is. Each phase includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Serving,
    /// No new connections; answers say `Connection: close`.
    Draining,
    /// Idle connections are closed.
    Closing,
    /// Whatever is left is cut off.
    Ending,
}

/// Between two looks at whether everything has ended.
const LOOK: Duration = Duration::from_millis(10);
/// Between two sweeps of idle connections.
const SWEEP: Duration = Duration::from_secs(2);
/// After a failed accept (out of file descriptors): without it the loop would spin.
const BREATHE: Duration = Duration::from_millis(50);

/// What the accept loop of one worker needs.
pub struct Listening {
    pub listener: TcpListener,
    pub tls: Option<TlsAcceptor>,
    pub phase: watch::Receiver<Phase>,
    /// As many permits as connections may be open, over all workers.
    pub connections: Arc<Semaphore>,
}

/// Serves until the end; true if nothing had to be cut off.
pub async fn serve(worker: Rc<Worker>, listening: Listening) -> bool {
    let open = Rc::new(Cell::new(0_usize));
    let mut phase = listening.phase.clone();
    let sweeper = tokio::task::spawn_local(sweep(Rc::clone(&worker)));
    tokio::select! {
        () = accept(&worker, listening, &open) => {}
        () = reached(&mut phase, Phase::Draining) => {} // drops the listener: nobody queues at a closed door
    }
    sweeper.abort();
    loop {
        if open.get() == 0 && is_idle(&worker.state) {
            return true;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = reached(&mut phase, Phase::Ending) => return false,
        }
    }
}

/// Waits for a phase. What `wait_for` returns locks the phase until it is dropped, and must not outlive this: whoever wants
/// to begin the next phase would wait for a connection that waits for that phase.
async fn reached(phase: &mut watch::Receiver<Phase>, least: Phase) {
    let _ = phase.wait_for(|phase| *phase >= least).await;
}

/// True when every request has its outcome. Others' requests count too: nobody leaves while a copy is under way.
fn is_idle(state: &State) -> bool {
    let (begun, ended) = crate::ledger::Ledger::totals(&state.ledger.all());
    begun == ended
}

async fn sweep(worker: Rc<Worker>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        worker.sweep_pools();
    }
}

async fn accept(worker: &Rc<Worker>, listening: Listening, open: &Rc<Cell<usize>>) {
    let Listening {
        listener,
        tls,
        phase,
        connections,
    } = listening;
    loop {
        let permit = match Arc::clone(&connections).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                worker.state.connections.held_back.fetch_add(1, Relaxed);
                match Arc::clone(&connections).acquire_owned().await {
                    Ok(permit) => permit,
                    Err(_) => return, // never closed
                }
            }
        };
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_) => {
                tokio::time::sleep(BREATHE).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true); // only latency is lost without it
        worker.state.connections.accepted.fetch_add(1, Relaxed);
        let entered = worker.state.connections.open.enter(usize::MAX);
        open.set(open.get() + 1);
        let client = Client {
            address: address.ip().to_canonical(),
            tls: tls.is_some(),
            place: Rc::new(Place {
                _permit: permit,
                _entered: entered,
                open: Rc::clone(open),
            }),
        };
        tokio::task::spawn_local(connection(
            Rc::clone(worker),
            stream,
            tls.clone(),
            client,
            phase.clone(),
        ));
    }
}

/// One open connection's place among those that may be. Kept for as long as anybody serves it: an upgraded connection
/// lives on when HTTP is done with it.
pub struct Place {
    _permit: OwnedSemaphorePermit,
    _entered: Option<Held>,
    open: Rc<Cell<usize>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
    }
}

async fn connection(
    worker: Rc<Worker>,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    client: Client,
    phase: watch::Receiver<Phase>,
) {
    let Some(tls) = tls else {
        return serve_on(worker, stream, client, phase).await;
    };
    let patience = Duration::from_millis(worker.listener.header_timeout_ms);
    match tokio::time::timeout(patience, tls.accept(stream)).await {
        Ok(Ok(stream)) => serve_on(worker, stream, client, phase).await,
        Ok(Err(_)) | Err(_) => {
            worker.state.refused.tls.fetch_add(1, Relaxed);
        }
    }
}

async fn serve_on<S>(worker: Rc<Worker>, stream: S, client: Client, mut phase: watch::Receiver<Phase>)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let state = Arc::clone(&worker.state);
    let builder = builder(&worker);
    let unread = Duration::from_millis(worker.listener.idle_timeout_ms);
    let patience = Duration::from_millis(worker.listener.header_timeout_ms);
    let begun = Begun::default();
    let first = begun.clone();
    let service = service_fn(move |request| {
        first.set();
        let (worker, client) = (Rc::clone(&worker), client.clone());
        async move { Ok::<_, Infallible>(handle(worker, client, request).await) }
    });
    // hyper has no limit for a client that does not read its answer: without one it would keep a side's connection for ever.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(unread));
    let io = TokioIo::new(FirstRequest::within(patience, stream, begun.clone()));
    let mut connection = std::pin::pin!(builder.serve_connection_with_upgrades(io, service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = reached(&mut phase, Phase::Closing) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        count(&state.refused, &*error, &begun);
    }
}

/// What hyper allows by itself, and then on the stack; a number of our own it would clear for each request.
const HYPERS_MOST_HEADERS: usize = 100;

fn builder(worker: &Worker) -> auto::Builder<LocalExecutor> {
    let listener = &worker.listener;
    let mut builder = auto::Builder::new(LocalExecutor);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(listener.header_timeout_ms))
        .max_buf_size(listener.header_bytes.max(8192)); // hyper's least
    if listener.headers != HYPERS_MOST_HEADERS {
        builder.http1().max_headers(listener.headers);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(listener.header_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_millis(listener.idle_timeout_ms));
    builder
}

/// Requests that hyper refused by itself, and connections on which none came in time. A client that just leaves is no
/// refusal, nor is the end of a connection that has been of use and then was idle.
fn count(refused: &Refused, error: &(dyn std::error::Error + 'static), begun: &Begun) {
    let hyper = error.downcast_ref::<hyper::Error>();
    if hyper.is_some_and(hyper::Error::is_parse) {
        refused.bad_request.fetch_add(1, Relaxed);
    } else if !begun.is_set() && (hyper.is_some_and(hyper::Error::is_timeout) || is_timeout(error)) {
        refused.header_timeout.fetch_add(1, Relaxed);
    }
}

fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::TimedOut)
}
