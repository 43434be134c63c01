//! The input is what a client sends on one connection; its last two bytes choose how.
#![no_main]

use std::sync::{Arc, OnceLock};

use parallelrun_fuzz::Clients;

static STAND: OnceLock<Clients> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    STAND.get_or_init(start).send(input);
});

/// libFuzzer's main function, unlike Rust's, lets a write to a closed connection end the process.
fn start() -> Clients {
    signal_hook::flag::register(signal_hook::consts::SIGPIPE, Arc::default()).expect("a signal that can be caught");
    Clients::start()
}
