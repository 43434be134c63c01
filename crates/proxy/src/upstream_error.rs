//! Why a side gave no answer, and whether the request may have reached it: decided where the failure arises.

use serde::Serialize;
use std::sync::atomic::AtomicU64;

use crate::copying::ReqBody;

/// The kinds of failure of a side. None of them is a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection: refused, unreachable, or no such name.
    Connect,
    /// The connection broke before the answer was whole.
    Reset,
    /// Too slow to connect, to answer, or between two parts of a body.
    Timeout,
    /// What came was not HTTP.
    Protocol,
    /// No trusted connection.
    Tls,
}

impl Failure {
    pub fn name(self) -> &'static str {
        match self {
            Failure::Connect => "connect",
            Failure::Reset => "reset",
            Failure::Timeout => "timeout",
            Failure::Protocol => "protocol",
            Failure::Tls => "tls",
        }
    }
}

#[derive(Debug, Default, Serialize)]
pub struct FailureCounts {
    pub connect: AtomicU64,
    pub reset: AtomicU64,
    pub timeout: AtomicU64,
    pub protocol: AtomicU64,
    pub tls: AtomicU64,
}

impl FailureCounts {
    pub fn of(&self, failure: Failure) -> &AtomicU64 {
        match failure {
            Failure::Connect => &self.connect,
            Failure::Reset => &self.reset,
            Failure::Timeout => &self.timeout,
            Failure::Protocol => &self.protocol,
            Failure::Tls => &self.tls,
        }
    }
}

/// A request that got no answer.
#[derive(Debug)]
pub struct UpstreamError {
    pub failure: Failure,
    /// The body, untouched: the request certainly never left. None: it may have arrived.
    pub unsent: Option<ReqBody>,
    /// The client's own upload stalled or broke: not the side's fault.
    pub clients_fault: bool,
    /// We waited for it no longer, as the breaker had opened: nobody knows what would have come.
    pub given_up: bool,
}

impl UpstreamError {
    pub fn unsent(failure: Failure, body: ReqBody) -> Self {
        Self {
            failure,
            unsent: Some(body),
            clients_fault: false,
            given_up: false,
        }
    }

    pub fn given_up() -> Self {
        Self {
            given_up: true,
            ..Self::maybe_arrived(Failure::Timeout)
        }
    }

    /// True if it is the side that failed.
    pub fn is_the_sides(&self) -> bool {
        !self.clients_fault && !self.given_up
    }

    /// True if the side cannot be spoken to, no matter what it is asked.
    pub fn is_unreachable(&self) -> bool {
        matches!(self.failure, Failure::Connect | Failure::Tls)
    }

    pub fn maybe_arrived(failure: Failure) -> Self {
        Self {
            failure,
            unsent: None,
            clients_fault: false,
            given_up: false,
        }
    }
}

/// Sorts an error of hyper's client.
pub fn classify(error: &hyper::Error) -> Failure {
    if error.is_timeout() {
        Failure::Timeout
    } else if error.is_parse() || error.is_parse_status() || error.is_parse_too_large() {
        Failure::Protocol
    } else {
        Failure::Reset
    }
}
