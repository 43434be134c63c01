//! The whole data plane: binds the port, runs the workers, and ends them.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::{self, Runtime};
use tokio::sync::{watch, Semaphore};
use tokio_rustls::TlsAcceptor;

use crate::assign::WHOLE;
use crate::counters::counters;
use crate::listener::{self, Listening, Phase};
use crate::pairs::SlowPairs;
use crate::resident;
use crate::settings::{self, ConfigError, ListenerSpec, SlowSpec, SnapshotSpec};
use crate::snapshot::Snapshot;
use crate::state::State;
use crate::tls;
use crate::worker::Worker;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
/// Threads for comparing large bodies: one keeps up, a second hides a slow pair.
const COMPARING: usize = 2;
/// How long answers say `Connection: close` before idle connections are closed: a client that is about to send on one
/// gets its answer and leaves by itself.
const LINGER: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(10);

/// Why the data plane could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on {address}: {source}")]
    Bind { address: SocketAddr, source: io::Error },
    #[error("cannot start a worker: {0}")]
    Worker(#[from] io::Error),
    #[error("it has been started before")]
    Twice,
}

pub struct Proxy {
    state: Arc<State>,
    listener: ListenerSpec,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    phase: watch::Sender<Phase>,
    running: Mutex<Running>,
    /// Lends its threads to the comparison of large bodies; nothing else runs in it.
    _comparing: Runtime,
}

#[derive(Default)]
struct Running {
    address: Option<SocketAddr>,
    fds: Vec<i32>,
    threads: Vec<JoinHandle<bool>>,
}

impl Proxy {
    /// Reads and compiles both settings; binds nothing yet.
    pub fn new(listener: &str, snapshot: &str) -> Result<Self, ConfigError> {
        let listener: ListenerSpec = settings::parse("listener", listener)?;
        let address = listener
            .listen
            .parse()
            .map_err(|e| ConfigError::at("listen", format!("`{}`: {e}", listener.listen)))?;
        let tls = listener.tls.as_ref().map(tls::acceptor).transpose()?;
        let spec: SnapshotSpec = settings::parse("snapshot", snapshot)?;
        let snapshot = Snapshot::compile(spec, None)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let comparing = runtime::Builder::new_current_thread()
            .max_blocking_threads(COMPARING)
            .thread_name("parallelrun-cmp")
            .build()
            .map_err(|e| ConfigError::at("workers", format!("no thread can be started: {e}")))?;
        let state = State::new(
            snapshot,
            listener.workers.unwrap_or(cores).max(1),
            comparing.handle().clone(),
        );
        Ok(Self {
            state,
            listener,
            address,
            tls,
            phase: watch::Sender::new(Phase::Serving),
            running: Mutex::default(),
            _comparing: comparing,
        })
    }

    /// Binds the port once for each worker and starts them.
    pub fn start(&self) -> Result<(), StartError> {
        let mut running = self.running();
        if running.address.is_some() {
            return Err(StartError::Twice);
        }
        let mut address = self.address;
        let mut listeners = Vec::new();
        for _ in 0..self.state.workers {
            let listener = bind(address).map_err(|source| StartError::Bind { address, source })?;
            address = listener.local_addr()?; // port 0 is a real one from the first on
            listeners.push(listener);
        }
        resident::watch(&self.state)?;
        let connections = Arc::new(Semaphore::new(self.listener.connections));
        running.address = Some(address);
        running.fds = listeners.iter().map(AsRawFd::as_raw_fd).collect();
        for (index, listener) in listeners.into_iter().enumerate() {
            let thread = self.spawn(index, listener, Arc::clone(&connections))?;
            running.threads.push(thread);
        }
        Ok(())
    }

    fn spawn(&self, index: usize, listener: TcpListener, connections: Arc<Semaphore>) -> io::Result<JoinHandle<bool>> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (state, spec, tls, phase) = (
            Arc::clone(&self.state),
            self.listener.clone(),
            self.tls.clone(),
            self.phase.subscribe(),
        );
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        std::thread::Builder::new()
            .name(format!("parallelrun-{index}"))
            .spawn(move || {
                let local = tokio::task::LocalSet::new();
                let worker = Worker::new(state, spec);
                let listening = Listening {
                    listener,
                    tls,
                    phase,
                    connections,
                };
                let whole = local.block_on(&runtime, listener::serve(Rc::clone(&worker), listening));
                drop(local);
                runtime.shutdown_background();
                whole
            })
    }

    /// The address that is bound, or the one that will be.
    pub fn address(&self) -> SocketAddr {
        self.running().address.unwrap_or(self.address)
    }

    /// Swaps the snapshot; the one in force stays if the new one is refused.
    pub fn configure(&self, snapshot: &str) -> Result<(), ConfigError> {
        let spec: SnapshotSpec = settings::parse("snapshot", snapshot)?;
        let compiled = Arc::new(Snapshot::compile(spec, Some(&self.state.snapshot.load()))?);
        self.state.memory.set_limit(compiled.limits.memory_bytes);
        let before = self.state.snapshot.swap(Arc::clone(&compiled));
        if !Arc::ptr_eq(&before.targets.new, &compiled.targets.new) {
            self.state.breaker.renew(&compiled.breaker);
        }
        Ok(())
    }

    /// The share of clients that the new side serves, in parts per million.
    pub fn set_weight(&self, ppm: u32) -> Result<(), ConfigError> {
        if ppm > WHOLE {
            return Err(ConfigError::at("weight", format!("{ppm} ppm: at most {WHOLE}")));
        }
        self.state.weight_ppm.store(ppm, Relaxed);
        Ok(())
    }

    /// What the health checks of the new side say.
    pub fn set_health(&self, healthy: bool) {
        self.state
            .breaker
            .set_healthy(&self.state.snapshot.load().breaker, healthy);
    }

    /// Fixes what counts as slow, by endpoint: `{"GET /": {"old_us": 1000, "new_us": 1500}}`. An endpoint whose limits change
    /// counts anew; one that is left out keeps its own.
    pub fn set_slow(&self, limits: &str) -> Result<(), ConfigError> {
        let limits: BTreeMap<String, SlowSpec> = settings::parse("slow", limits)?;
        for endpoint in self.state.ledger.all() {
            if let Some(SlowSpec { old_us, new_us }) = limits.get(&*endpoint.name) {
                let same = endpoint
                    .slow
                    .load()
                    .as_ref()
                    .is_some_and(|slow| slow.has_limits(*old_us, *new_us));
                if !same {
                    endpoint.slow.store(Some(Arc::new(SlowPairs::new(*old_us, *new_us))));
                }
            }
        }
        Ok(())
    }

    pub fn counters(&self) -> Vec<u8> {
        counters(&self.state)
    }

    /// Takes up to `most` records, waiting up to `timeout` for the first.
    pub fn poll(&self, most: usize, timeout: Duration) -> Vec<Vec<u8>> {
        self.state.records.poll(most, timeout)
    }

    /// The listening sockets, for as long as they are open.
    pub fn listener_fds(&self) -> Vec<i32> {
        if self.state.is_draining() {
            Vec::new()
        } else {
            self.running().fds.clone()
        }
    }

    /// Stops accepting; requests under way finish.
    pub fn drain(&self) {
        self.state.draining.store(true, Relaxed);
        self.advance(Phase::Draining);
    }

    /// Drains, waits up to `grace`, then ends. True if nothing was cut off.
    pub fn stop(&self, grace: Duration) -> bool {
        let deadline = Instant::now() + grace;
        self.drain();
        let threads = std::mem::take(&mut self.running().threads);
        let finished = || threads.iter().all(JoinHandle::is_finished);
        wait_until(Instant::now() + LINGER.min(grace / 2), &finished);
        self.advance(Phase::Closing);
        wait_until(deadline, &finished);
        self.advance(Phase::Ending);
        let whole: Vec<bool> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(false))
            .collect();
        whole.into_iter().all(|whole| whole)
    }

    fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let later = to > *phase;
            *phase = to.max(*phase);
            later
        });
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    /// A data plane that nobody holds any more must not go on serving.
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

fn wait_until(deadline: Instant, done: &impl Fn() -> bool) {
    while !done() && Instant::now() < deadline {
        std::thread::sleep(LOOK.min(deadline.saturating_duration_since(Instant::now())));
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
