//! The addresses of one target.
//!
//! The system's resolver blocks a thread of the worker's for as long as it pleases, and there are only so many: a name
//! that is slow to be found must not keep the other side from being looked up. So there is one lookup at a time.

use std::cell::RefCell;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use crate::flight::Flight;

/// How long an answer of the resolver is used: a burst of new connections needs one lookup, and a service that moved is
/// found again at once.
const KEPT: Duration = Duration::from_secs(1);

pub type Addresses = Rc<[SocketAddr]>;

pub struct Lookup {
    host: String,
    port: u16,
    kept: Rc<RefCell<Option<(Addresses, Instant)>>>,
    flight: Flight<Option<Addresses>>,
}

impl Lookup {
    pub fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            kept: Rc::default(),
            flight: Flight::default(),
        }
    }

    /// None: no such name. Takes as long as the resolver does.
    pub async fn find(&self) -> Option<Addresses> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Some(Rc::new([SocketAddr::new(address, self.port)]));
        }
        let (host, port) = (self.host.clone(), self.port);
        self.find_by(async move { Some(tokio::net::lookup_host((host, port)).await.ok()?.collect()) })
            .await
    }

    async fn find_by(&self, resolver: impl Future<Output = Option<Addresses>> + 'static) -> Option<Addresses> {
        if let Some((addresses, since)) = &*self.kept.borrow() {
            if since.elapsed() < KEPT {
                return Some(Rc::clone(addresses));
            }
        }
        let kept = Rc::clone(&self.kept);
        let look = async move {
            let found = resolver.await.filter(|addresses| !addresses.is_empty());
            *kept.borrow_mut() = found.clone().map(|addresses| (addresses, Instant::now()));
            found
        };
        self.flight.join(look).await.flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::task::LocalSet;
    use tokio::time::{sleep, timeout};

    use super::*;

    fn some_address() -> Addresses {
        Rc::new([SocketAddr::from(([192, 0, 2, 1], 80))])
    }

    /// A resolver that takes `wait`, and counts how often it is asked.
    fn slow(asked: &Rc<Cell<u32>>, wait: Duration) -> impl Future<Output = Option<Addresses>> + 'static {
        let asked = Rc::clone(asked);
        async move {
            asked.set(asked.get() + 1);
            sleep(wait).await;
            Some(some_address())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_resolver_is_asked_once() {
        let asked = Rc::new(Cell::new(0));
        let lookup = Rc::new(Lookup::new("slow.example", 80));
        let minute = Duration::from_secs(60);
        let connect = |patience: Duration| {
            let (lookup, resolver) = (Rc::clone(&lookup), slow(&asked, minute));
            tokio::task::spawn_local(async move { timeout(patience, lookup.find_by(resolver)).await })
        };
        LocalSet::new()
            .run_until(async {
                // They come and give up for as long as the resolver hangs; those who can wait get what it says.
                let patient: Vec<_> = (0..10).map(|_| connect(2 * minute)).collect();
                for _ in 0..10 {
                    let hasty: Vec<_> = (0..100).map(|_| connect(Duration::from_secs(2))).collect();
                    for waiter in hasty {
                        assert!(waiter.await.unwrap().is_err(), "it waited longer than it may");
                    }
                }
                assert_eq!(asked.get(), 1);
                for waiter in patient {
                    assert_eq!(waiter.await.unwrap(), Ok(Some(some_address())));
                }
                assert_eq!(asked.get(), 1);
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_a_moment_and_a_failure_is_not() {
        let asked = Rc::new(Cell::new(0));
        let lookup = Lookup::new("shop.example", 80);
        let quick = Duration::from_millis(1);
        LocalSet::new()
            .run_until(async {
                assert_eq!(lookup.find_by(async { None }).await, None);
                for _ in 0..5 {
                    assert_eq!(lookup.find_by(slow(&asked, quick)).await, Some(some_address()));
                }
                assert_eq!(asked.get(), 1);
                sleep(KEPT).await;
                lookup.find_by(slow(&asked, quick)).await;
                assert_eq!(asked.get(), 2);
            })
            .await;
    }

    #[tokio::test]
    async fn an_address_needs_no_resolver() {
        for (host, address) in [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80")] {
            let found = Lookup::new(host, 80).find().await.unwrap();
            assert_eq!(*found, [address.parse().unwrap()]);
        }
    }
}
