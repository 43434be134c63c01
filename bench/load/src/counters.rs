//! What the origin saw, so that the bench can prove that a mirror really sent every copy, whole.

use std::cell::Cell;

use serde::Serialize;

/// Counts since the start. Requests for the counters themselves are not in them.
#[derive(Default)]
pub struct Counters {
    connections: Cell<u64>,
    requests: Cell<u64>,
    body_bytes: Cell<u64>,
    body_sum: Cell<u64>,
}

/// The counts as they are told to whoever asks.
#[derive(Serialize)]
pub struct Counts {
    /// Connections accepted, without those that only asked for the counters.
    pub connections: u64,
    /// Requests whose body arrived whole.
    pub requests: u64,
    /// Bytes of all their bodies.
    pub body_bytes: u64,
    /// Sum of all those bytes as numbers: two origins that got the same bodies have the same sum.
    pub body_sum: u64,
}

impl Counters {
    /// Counts a connection at its first request.
    pub fn connection(&self) {
        self.connections.set(self.connections.get() + 1);
    }

    /// Counts a request with all of its body.
    pub fn request(&self, body: &[u8]) {
        self.requests.set(self.requests.get() + 1);
        self.body_bytes.set(self.body_bytes.get() + body.len() as u64);
        self.body_sum
            .set(self.body_sum.get() + body.iter().map(|&b| u64::from(b)).sum::<u64>());
    }

    /// The counts now.
    pub fn counts(&self) -> Counts {
        Counts {
            connections: self.connections.get(),
            requests: self.requests.get(),
            body_bytes: self.body_bytes.get(),
            body_sum: self.body_sum.get(),
        }
    }
}
