//! All counters as the JSON of docs/explanation/boundary.md.

use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;
use serde_json::{json, Value};

use crate::ledger::Ledger;
use crate::state::State;

/// Reads every counter. Each is exact; together they are of no single moment unless nothing is under way.
pub fn counters(state: &State) -> Vec<u8> {
    let endpoints = state.ledger.all();
    let (begun, ended) = Ledger::totals(&endpoints);
    let differences: Vec<Value> = endpoints.iter().flat_map(|e| e.differences.counts(&e.name)).collect();
    let snapshot = state.snapshot.load();
    let mut caps = value(&state.caps);
    caps["endpoints"] = json!(state.ledger.overflowed.load(Relaxed));
    let counters = json!({
        "generation": snapshot.generation,
        "weight_ppm": state.weight_ppm.load(Relaxed),
        "uptime_ms": u64::try_from(state.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "draining": state.is_draining(),
        "workers": state.workers,
        "requests": begun,
        "in_flight": begun.saturating_sub(ended),
        "rescued": endpoints.iter().map(|e| e.rescued.load(Relaxed)).sum::<u64>(),
        "connections": {
            "accepted": state.connections.accepted.load(Relaxed),
            "open": state.connections.open.value(),
            "held_back": state.connections.held_back.load(Relaxed),
        },
        "refused": &state.refused,
        "memory": {"reserved": state.memory.reserved(), "limit": state.memory.limit()},
        "shadows": {"in_flight": state.shadows.value(), "limit": snapshot.limits.shadows},
        "records": {"queued": state.records.queued(), "lost": state.records.lost()},
        "second_opinions": {
            "asked": state.second_opinions.asked.load(Relaxed),
            "skipped": state.second_opinions.skipped.load(Relaxed),
        },
        "caps": caps,
        "breaker": state.breaker.report(&snapshot.breaker, state.weight_ppm.load(Relaxed)),
        "panics": state.panics.load(Relaxed),
        "sides": {"old": &state.sides.old, "new": &state.sides.new},
        "endpoints": endpoints.iter().map(|e| value(&**e)).collect::<Vec<_>>(),
        "differences": differences,
    });
    counters.to_string().into_bytes()
}

fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap_or(Value::Null) // counters are numbers under text keys: this cannot fail
}
