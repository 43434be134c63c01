//! A strict origin: a thread for each connection, which notes whatever no HTTP/1.1 server should be sent.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use super::wire::{Head, Stop, Wire};

/// What an origin does with a request once it has its head: reads the body, and answers. `Ok(true)` keeps the connection.
pub type Behaviour = dyn Fn(&Head, &mut Wire<TcpStream>) -> Result<bool, Stop> + Send + Sync;

#[derive(Default)]
struct Seen {
    /// Requests other than upgrades, which the proxy counts apart.
    requests: AtomicU64,
    problems: Mutex<Vec<String>>,
}

/// Lives as long as the process.
pub struct Origin {
    pub address: SocketAddr,
    seen: Arc<Seen>,
}

impl Origin {
    pub fn start(behaviour: Arc<Behaviour>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, behaviour) = (Arc::clone(&shared), Arc::clone(&behaviour));
                std::thread::spawn(move || {
                    if let Err(Stop::Malformed(problem)) = serve(stream, &seen, &*behaviour) {
                        seen.problems
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(problem);
                    }
                });
            }
        });
        Self { address, seen }
    }

    pub fn requests(&self) -> u64 {
        self.seen.requests.load(SeqCst)
    }

    pub fn problems(&self) -> Vec<String> {
        self.seen
            .problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn serve(stream: TcpStream, seen: &Seen, behaviour: &Behaviour) -> Result<(), Stop> {
    let _ = stream.set_nodelay(true); // only speed is lost without it
    let mut wire = Wire::new(stream);
    loop {
        let head = wire.request_head()?;
        if !head.has("upgrade") {
            seen.requests.fetch_add(1, SeqCst);
        }
        if !behaviour(&head, &mut wire)? {
            return Ok(());
        }
    }
}
