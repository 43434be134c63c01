//! Arbitrary bytes through the whole request path: real sockets, the real listener, and strict origins on both sides.
//!
//! The fuzz targets and, with a fixed set of inputs, `crates/proxy/tests/fuzz.rs` run these. Whatever the bytes are: nothing
//! panics, each connection ends, each request has exactly one outcome, a side is sent only well-formed requests and no more
//! of them than the proxy counted, and a client only well-formed answers.

mod answers;
mod clients;
mod origin;
mod stand;
mod wire;

pub use answers::Answers;
pub use clients::Clients;
