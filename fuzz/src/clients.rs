//! Arbitrary bytes as what a client sends.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::stand::{Stand, NEVER};
use super::wire::{Head, Stop, Wire};

/// After so long without an answer the client says that nothing more will come. It bounds what an input costs, no more: a
/// request that had needed longer ends as `client_gone`.
const QUIET: Duration = Duration::from_millis(3);

/// A stand whose origins answer by the words in a request's target.
pub struct Clients(Stand);

impl Clients {
    pub fn start() -> Self {
        let silences = Arc::new(AtomicU64::default());
        let (for_old, for_new) = (Arc::clone(&silences), Arc::clone(&silences));
        Self(Stand::start(
            Arc::new(move |head: &Head, wire: &mut Wire<TcpStream>| behave("old", head, wire, &for_old)),
            Arc::new(move |head: &Head, wire: &mut Wire<TcpStream>| behave("new", head, wire, &for_new)),
            silences,
        ))
    }

    /// Sends the input but for its last two bytes on one connection, and checks everything when it has ended. The last byte
    /// but one is the size of the pieces that are sent, 0 for one piece; of the last one the lowest bit is the side that
    /// serves, and the next two how the client leaves.
    pub fn send(&self, input: &[u8]) {
        let (bytes, step, how) = match input {
            [bytes @ .., step, how] => (bytes, usize::from(*step), *how),
            _ => (input, 0, 0),
        };
        let stand = &self.0;
        stand
            .proxy
            .set_weight(u32::from(how & 1) * 1_000_000)
            .expect("a weight");
        let mut stream = stand.connect();
        let step = if step == 0 {
            bytes.len().max(1)
        } else {
            step.max(bytes.len() / 64)
        };
        for piece in bytes.chunks(step) {
            if stream.write_all(piece).is_err() {
                break; // refused meanwhile
            }
        }
        match how >> 1 & 3 {
            0 | 1 => {
                let mut came = Vec::new();
                let ended = read(&mut stream, QUIET, &mut came);
                if !ended {
                    let _ = stream.shutdown(Shutdown::Write); // it may have gone by now
                    assert!(read(&mut stream, NEVER, &mut came), "the connection does not end");
                }
                let ours = [&b"HTTP/1."[..], &[0, 0]]; // an answer, or a frame of HTTP/2
                assert!(
                    came.is_empty() || ours.iter().any(|start| came.starts_with(start)),
                    "not HTTP: {:?}",
                    String::from_utf8_lossy(&came[..came.len().min(200)])
                );
            }
            2 => {
                let _ = stream.shutdown(Shutdown::Write); // as above
                assert!(read(&mut stream, NEVER, &mut Vec::new()), "the connection does not end");
            }
            _ => {} // with unread bytes, if there are any, this is a reset
        }
        drop(stream);
        stand.check();
    }
}

/// Reads until the other end has closed: true; or until nothing comes for so long: false.
fn read(stream: &mut TcpStream, patience: Duration, into: &mut Vec<u8>) -> bool {
    stream.set_read_timeout(Some(patience)).expect("a time-out above 0");
    let begun = Instant::now();
    let mut piece = [0; 16 * 1024];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return true,
            Ok(count) => into.extend_from_slice(&piece[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return false,
            Err(_) => return true,
        }
        assert!(begun.elapsed() < NEVER * 2, "the answers do not end");
    }
}

fn behave(side: &str, head: &Head, wire: &mut Wire<TcpStream>, silences: &AtomicU64) -> Result<bool, Stop> {
    let [method, target, _] = &head.start;
    let does = |word: &str| target.contains(word);
    if does("silent") {
        silences.fetch_add(1, SeqCst);
        return Ok(false);
    }
    if head.has("upgrade") && does("switch") {
        let _ = wire
            .get_mut()
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nhi");
        wire.rest();
        return Ok(false);
    }
    if !does("early") {
        wire.request_body(head)?;
        if !wire.beyond().is_empty() {
            let shown = String::from_utf8_lossy(wire.beyond()).into_owned();
            return Err(Stop::Malformed(format!(
                "bytes behind a request that is not answered yet: {shown:?}"
            )));
        }
    }
    let body = if does("differ") {
        format!(r#"{{"side": "{side}", "items": [{{"id": 1}}], "password": "x"}}"#)
    } else {
        format!("{method} {target}").replace(char::is_control, "")
    };
    let status = if does("fail") && side == "new" {
        "500 Oops"
    } else {
        "200 OK"
    };
    let kind = if does("events") {
        "text/event-stream"
    } else if does("differ") {
        "application/json"
    } else {
        "text/plain"
    };
    let mut answer = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n");
    let empty = method == "HEAD";
    if does("chunks") {
        answer += "transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n";
        if !empty {
            answer += &format!("{:x}\r\n{body}\r\n", body.len().max(1));
            answer += if does("cut") { "5\r\nx" } else { "0\r\nx-sum: 1\r\n\r\n" };
        }
    } else {
        answer += &format!("content-length: {}\r\n\r\n", body.len() + usize::from(does("cut")));
        if !empty {
            answer += &body;
        }
    }
    let sent = wire.get_mut().write_all(answer.as_bytes()).is_ok();
    Ok(sent && !does("cut") && !does("early"))
}
