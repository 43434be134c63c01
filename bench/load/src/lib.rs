//! The two programs of `make bench`: an origin that costs little (`upstream`) and a generator that offers a constant
//! rate and measures from the moment a request was due (`load`). Both run on one thread, so that each costs the machine
//! at most one core and the proxy under test keeps the rest.

pub mod args;
pub mod bodies;
pub mod client;
pub mod counters;
pub mod pacer;
pub mod report;
