//! The data plane of parallelrun: listen, route, tee, shadow, rescue, count.
//!
//! One worker thread per core, each with a single-threaded runtime, its own `SO_REUSEPORT` listener and its own pools,
//! so that nothing on a request's path takes a lock that another worker holds for long. The crate knows the comparison
//! (`parallelrun-compare`) and nothing of Python, of statistics or of rollouts: it is handed a [`settings::Snapshot`],
//! a weight and a copy of each request, and it counts.

mod answer;
mod assign;
mod body;
mod breaker;
mod bucket;
mod budget;
mod capture;
mod client_error;
mod comparing;
mod conclude;
mod connect;
mod copying;
mod counters;
mod detach;
mod differences;
mod excuse;
mod first_request;
mod flight;
mod flow;
mod headers;
mod heard;
mod histogram;
mod http2;
mod ledger;
mod listener;
mod lookup;
mod offload;
mod pairs;
mod pool;
mod proxy;
mod record;
mod records;
mod resident;
mod routes;
mod second_opinion;
mod serving;
mod settings;
mod shadow_mark;
mod sides;
mod snapshot;
mod state;
mod store;
mod template;
mod tls;
mod unread;
mod upgrade;
mod upstream_error;
mod validate;
mod verify;
mod worker;

pub use proxy::{Proxy, StartError};
pub use settings::{ConfigError, ListenerSpec, SnapshotSpec};
pub use template::endpoint_template;
