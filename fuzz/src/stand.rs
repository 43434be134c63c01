//! The proxy between two origins, and what must hold of it after any input.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parallelrun_proxy::Proxy;
use serde_json::{json, Value};

use super::origin::{Behaviour, Origin};

/// After this long something counts as never. Far above every time-out of the settings below.
pub const NEVER: Duration = Duration::from_secs(30);
const PATIENCE_MS: u64 = 1000;

pub struct Stand {
    pub proxy: Proxy,
    old: Origin,
    new: Origin,
    connections: AtomicU64,
    /// Times that an origin read a request and went away without a word: one that is safe may have been asked again.
    pub silences: Arc<AtomicU64>,
}

impl Stand {
    pub fn start(old: Arc<Behaviour>, new: Arc<Behaviour>, silences: Arc<AtomicU64>) -> Self {
        let (old, new) = (Origin::start(old), Origin::start(new));
        let listener = json!({
            "listen": "127.0.0.1:0", "workers": 1, "connections": 100, "tls": null,
            "headers": 100, "header_bytes": 65536, "uri_bytes": 8192,
            "header_timeout_ms": PATIENCE_MS, "idle_timeout_ms": PATIENCE_MS,
        });
        let proxy = Proxy::new(&listener.to_string(), &snapshot(&old, &new).to_string()).expect("valid settings");
        proxy.start().expect("a free port");
        Self {
            proxy,
            old,
            new,
            connections: AtomicU64::default(),
            silences,
        }
    }

    pub fn connect(&self) -> std::net::TcpStream {
        self.connections.fetch_add(1, SeqCst);
        let stream = std::net::TcpStream::connect(self.proxy.address()).expect("it listens");
        stream.set_nodelay(true).expect("a TCP socket");
        stream
    }

    /// Waits until everything that was begun has ended, and holds the books against what the origins saw.
    pub fn check(&self) {
        let counters = self.settled();
        self.proxy.poll(1000, Duration::ZERO);
        assert_eq!(counters["panics"], 0, "it panicked");
        let mut outcomes = 0;
        for endpoint in counters["endpoints"].as_array().expect("a list") {
            let ended: u64 = endpoint["outcomes"]
                .as_object()
                .expect("a map")
                .values()
                .filter_map(Value::as_u64)
                .sum();
            assert_eq!(
                endpoint["requests"], ended,
                "not one outcome for each request: {endpoint}"
            );
            outcomes += ended;
        }
        assert_eq!(counters["requests"], outcomes, "the sum is not exact");
        for (name, origin) in [("old", &self.old), ("new", &self.new)] {
            assert_eq!(origin.problems(), Vec::<String>::new(), "sent to the {name} side");
            let sent = counters["sides"][name]["requests"].as_u64().expect("a number");
            let most = sent + self.silences.load(SeqCst);
            let came = origin.requests();
            assert!(
                came <= most,
                "{came} requests reached the {name} side, {most} were sent"
            );
        }
    }

    fn settled(&self) -> Value {
        let begun = Instant::now();
        let mut seen_idle = false;
        loop {
            let counters: Value = serde_json::from_slice(&self.proxy.counters()).expect("JSON");
            let idle = counters["in_flight"] == 0
                && counters["shadows"]["in_flight"] == 0
                && counters["connections"]["open"] == 0
                && counters["connections"]["accepted"] == self.connections.load(SeqCst);
            // The counters are of no single moment: only what is read after nobody is connected any more can be final.
            if idle && seen_idle {
                return counters;
            }
            seen_idle = idle;
            assert!(begun.elapsed() < NEVER, "something does not end: {counters}");
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

fn snapshot(old: &Origin, new: &Origin) -> Value {
    let side = |origin: &Origin| {
        json!({
            "url": format!("http://{}", origin.address), "timeout_ms": PATIENCE_MS, "connect_timeout_ms": PATIENCE_MS,
            "protocol": "auto", "ca": null, "set_headers": {}, "remove_headers": [],
        })
    };
    json!({
        "generation": 1, "old": side(old), "new": side(new), "databases": "separate", "rescue": "new",
        "sample_ppm": 1_000_000, "sticky": {"by": "address"}, "assignment_key": "fuzz",
        "compare": {"ignore": [{"at": "$..ts", "id": null}], "unordered": [{"at": "$.items", "by": "id", "id": null}],
            "tolerance": [{"at": "$.price", "absolute": 0.01, "relative": null, "id": null}],
            "equivalent": [], "case": [], "additive": [], "headers": []},
        "templates": ["/orders/{id}"],
        "routes": [{"method": null, "path": "/private/{*rest}", "writes": null, "mirror": false, "verify": null, "compare": null},
            {"method": "PUT", "path": "/one/{id}", "writes": "one-side", "mirror": true, "verify": null, "compare": null}],
        "limits": {"body_bytes": 4096, "memory_bytes": 1_048_576, "shadows": 64, "shadow_ms": PATIENCE_MS,
            "idle_ms": PATIENCE_MS, "second_opinions_per_s": 1_000_000, "endpoints": 20, "pair_body_bytes": 1024,
            "sampled_per_s": 0},
        "redact": {"headers": ["authorization"], "json": ["$..password"]},
        "breaker": {"failures": 5, "share": 0.5, "volume": 20, "window_ms": 10_000, "stall_ms": 500, "open_ms": 100,
            "longest_open_ms": 1000, "slow_start_ms": 100, "probes_per_s": 5},
        "verify": {"everywhere": false, "wait_ms": 100},
    })
}
