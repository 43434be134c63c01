//! Watches what the process takes as a whole. Buffers of connections, Python and the holes of the allocator are in no budget:
//! while they take too much, no copy begins.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::state::State;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// Of the memory for copies: no copy begins where the process leaves less than this part of it. What has begun already may still
/// take some, and what begins between two looks.
const RESERVE: usize = 4;
/// What a client's connection takes, which is not the copies' fault. Measured: 23 kB with HTTP/1.1.
const CLIENT: usize = 32 * 1024;

/// Looks from a thread of its own, for as long as the state lives.
pub fn watch(state: &Arc<State>) -> io::Result<()> {
    let Ok(status) = File::open("/proc/self/status") else {
        return Ok(()); // only Linux has it
    };
    let state = Arc::downgrade(state);
    let look = move || watch_on(&state, &status);
    std::thread::Builder::new()
        .name("parallelrun-mem".to_owned())
        .spawn(look)?;
    Ok(())
}

fn watch_on(state: &Weak<State>, status: &File) {
    while let Some(state) = state.upgrade() {
        let most = state.snapshot.load().limits.process_bytes;
        let most = most.map(|limit| limit.saturating_sub(state.memory.limit() / RESERVE));
        let clients = state.connections.open.value() * CLIENT;
        let crowded = most.is_some_and(|most| resident(status).is_some_and(|taken| taken > most + clients));
        state.memory.set_crowded(crowded);
        drop(state);
        std::thread::sleep(LOOK);
    }
}

/// The line `VmRSS:   123456 kB` of proc_pid_status(5), in bytes.
fn resident(status: &File) -> Option<usize> {
    let mut text = [0; 4096];
    let length = status.read_at(&mut text, 0).ok()?;
    let line = text[..length]
        .split(|b| *b == b'\n')
        .find(|line| line.starts_with(b"VmRSS:"))?;
    let number = std::str::from_utf8(line).ok()?.split_ascii_whitespace().nth(1)?;
    number.parse::<usize>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn it_sees_memory_come_and_go() {
        let status = File::open("/proc/self/status").unwrap();
        let before = resident(&status).unwrap();
        let block = vec![1_u8; 64 << 20];
        std::hint::black_box(&block);
        let with = resident(&status).unwrap();
        assert!(with > before + (48 << 20), "{before} {with}");
        drop(block);
    }
}
