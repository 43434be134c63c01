//! One worker: a thread with its own runtime, pools and cache of endpoints. Nothing in here is shared.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use http::Method;

use crate::ledger::{Endpoint, OTHER};
use crate::pool::Pool;
use crate::routes::Route;
use crate::settings::ListenerSpec;
use crate::sides::{Side, Sides};
use crate::snapshot::Snapshot;
use crate::state::State;

pub struct Worker {
    pub state: Arc<State>,
    pub listener: ListenerSpec,
    pools: RefCell<Sides<Option<Rc<Pool>>>>,
    /// By `METHOD template`; holds only endpoints that have a name of their own, so it is bounded as they are.
    endpoints: RefCell<HashMap<Box<str>, Arc<Endpoint>>>,
    name: RefCell<String>,
}

impl Worker {
    pub fn new(state: Arc<State>, listener: ListenerSpec) -> Rc<Self> {
        Rc::new(Self {
            state,
            listener,
            pools: RefCell::default(),
            endpoints: RefCell::default(),
            name: RefCell::default(),
        })
    }

    /// The pool of one side; a new one if the snapshot's target is new, the old one then dies with its last request.
    pub fn pool(&self, snapshot: &Snapshot, side: Side) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        let target = &snapshot.targets[side];
        match &pools[side] {
            Some(pool) if Arc::ptr_eq(&pool.target, target) => Rc::clone(pool),
            _ => {
                let pool = Pool::new(Arc::clone(target), Arc::clone(&self.state));
                pools[side] = Some(Rc::clone(&pool));
                pool
            }
        }
    }

    pub fn sweep_pools(&self) {
        let pools = self.pools.borrow();
        Side::BOTH
            .into_iter()
            .filter_map(|side| pools[side].as_ref())
            .for_each(|pool| pool.sweep());
    }

    /// The endpoint that a request belongs to and the settings of its route.
    pub fn endpoint(&self, snapshot: &Snapshot, method: &Method, path: &str) -> (Arc<Endpoint>, Arc<Route>) {
        let mut name = self.name.borrow_mut();
        name.clear();
        name.push_str(known_method(method));
        name.push(' ');
        let found = snapshot.routes.find(method, path, &mut name);
        let route = Arc::clone(found.route);
        let mut known = self.endpoints.borrow_mut();
        if let Some(endpoint) = known.get(name.as_str()) {
            return (Arc::clone(endpoint), route);
        }
        // What the config names has its place whatever clients ask for.
        let limit = if found.configured {
            usize::MAX
        } else {
            snapshot.limits.endpoints
        };
        let endpoint = self.state.ledger.endpoint(&name, limit);
        if *endpoint.name == **name {
            known.insert(endpoint.name.clone(), Arc::clone(&endpoint));
        }
        (endpoint, route)
    }
}

/// The method's name in an endpoint's. A client may make methods up: those share one.
fn known_method(method: &Method) -> &str {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if KNOWN.contains(method) {
        method.as_str()
    } else {
        OTHER
    }
}

/// Runs hyper's tasks on the worker's own thread.
#[derive(Debug, Clone, Copy)]
pub struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
