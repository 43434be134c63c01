//! Arbitrary bytes as what a side answers.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use super::stand::{Stand, NEVER};
use super::wire::{Head, Stop, Wire};

/// A stand of which one or both sides answer with the bytes that were set, and then close.
pub struct Answers {
    stand: Stand,
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    bytes: Vec<u8>,
    broken: Broken,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Broken {
    #[default]
    New,
    Old,
    Both,
}

const REQUESTS: [(&str, &str); 4] = [
    ("GET", "GET /a HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("HEAD", "HEAD /a HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("POST", "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"),
    (
        "GET",
        "GET /a HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te\r\n\r\n",
    ),
];

impl Answers {
    pub fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let behaviour = |own: Broken| {
            let script = Arc::clone(&script);
            Arc::new(move |head: &Head, wire: &mut Wire<TcpStream>| {
                wire.request_body(head)?;
                let script = script.lock().unwrap_or_else(PoisonError::into_inner);
                let bytes = if script.broken == own || script.broken == Broken::Both {
                    &script.bytes[..]
                } else {
                    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
                };
                let _ = wire.get_mut().write_all(bytes); // whoever has had enough need not read it
                Ok::<_, Stop>(false)
            })
        };
        let stand = Stand::start(
            behaviour(Broken::Old),
            behaviour(Broken::New),
            Arc::new(AtomicU64::default()),
        );
        Self { stand, script }
    }

    /// Has a side, or both, answer with the input but for its last byte, of which the lowest bit is the side that serves, the
    /// next two which side answers so, and the two above them which request is sent.
    pub fn answer(&self, input: &[u8]) {
        let (bytes, how) = match input {
            [bytes @ .., how] => (bytes, *how),
            [] => (input, 0),
        };
        let broken = [Broken::New, Broken::Old, Broken::Both, Broken::Both][usize::from(how >> 1 & 3)];
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Script {
            bytes: bytes.to_vec(),
            broken,
        };
        self.stand
            .proxy
            .set_weight(u32::from(how & 1) * 1_000_000)
            .expect("a weight");
        let (method, request) = REQUESTS[usize::from(how >> 3 & 3)];
        let mut stream = self.stand.connect();
        stream.set_read_timeout(Some(NEVER)).expect("a time-out above 0");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut wire = Wire::new(stream);
        match wire.answer(method) {
            Ok(101) => panic!("a switch of protocols that nobody asked for"),
            Ok(status) => {
                let _ = wire.get_mut().shutdown(Shutdown::Write); // it may have closed by now
                assert_eq!(String::from_utf8_lossy(wire.rest()), "", "bytes after the answer");
                assert!(
                    broken != Broken::New || status < 500,
                    "{status} although the old side is well"
                );
            }
            Err(Stop::Gone) => assert!(
                broken != Broken::New || how & 1 == 1,
                "cut off although the old side is well"
            ),
            Err(Stop::Malformed(what)) => panic!("sent to the client: {what}"),
        }
        drop(wire);
        self.stand.check();
    }
}
