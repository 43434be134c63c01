//! The input is what a side answers to one request; its last byte chooses which side, and to what.
#![no_main]

use std::sync::{Arc, OnceLock};

use parallelrun_fuzz::Answers;

static STAND: OnceLock<Answers> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    STAND.get_or_init(start).answer(input);
});

/// libFuzzer's main function, unlike Rust's, lets a write to a closed connection end the process.
fn start() -> Answers {
    signal_hook::flag::register(signal_hook::consts::SIGPIPE, Arc::default()).expect("a signal that can be caught");
    Answers::start()
}
