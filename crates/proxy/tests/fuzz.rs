//! The fuzz targets of fuzz/ without a fuzzer: what they once found, and inputs put together from pieces, the same in each run.

use std::fs;
use std::path::PathBuf;

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

/// Inputs per target: some seconds of a debug build.
const INPUTS: u64 = 400;

const LINES: &[&[u8]] = &[
    b"GET /a HTTP/1.1\r\n",
    b"POST /orders/1?differ HTTP/1.1\r\n",
    b"PUT /one/2/chunks HTTP/1.1\r\n",
    b"GET /differ HTTP/1.1\r\n",
    b"GET /private/x HTTP/1.1\r\n",
    b"GET /events/chunks HTTP/1.1\r\n",
    b"GET /fail HTTP/1.1\r\n",
    b"GET /silent HTTP/1.1\r\n",
    b"POST /early HTTP/1.1\r\n",
    b"GET /cut/chunks HTTP/1.1\r\n",
    b"GET /switch HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n",
    b"HEAD /a HTTP/1.0\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"GET http://shop.example/a HTTP/1.1\r\n",
    b"CONNECT a:1 HTTP/1.1\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 204 No Content\r\n",
    b"HTTP/1.1 304 Not Modified\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n",
    b"HTTP/1.1 500 Oops\r\n",
    b"HTTP/1.0 200\r\n",
];

const FIELDS: &[&[u8]] = &[
    b"Host: shop.example\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 6\r\n",
    b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Connection: close, x-a\r\n",
    b"Connection: keep-alive, content-length\r\n",
    b"Expect: 100-continue\r\n",
    b"TE: trailers\r\n",
    b"Trailer: x-sum\r\n",
    b"X-A: b\nX-C: d\r\n",
    b"X-A : b\r\n",
    b"Cookie: a=b\r\n",
    b"X-Parallelrun-Shadow: 1\r\n",
    b"Content-Type: application/json\r\n",
    b"Content-Type: text/event-stream\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Set-Cookie: a=b\r\n",
];

const BODIES: &[&[u8]] = &[
    b"",
    b"hello",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n",
    b"5;a=b\r\nhello\r\n0\n\r\n",
    b"ffffffffffffffff\r\n",
    b"{\"a\": [1, 2, {\"password\": \"x\"}]}",
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
];

/// A message or several, mostly well formed, with a byte changed now and then.
fn compose(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..=random.usize(..3) {
        input.extend_from_slice(random.choice(LINES).expect("some"));
        if random.u8(..8) > 0 {
            input.extend_from_slice(FIELDS[0]);
        }
        for _ in 0..random.usize(..4) {
            input.extend_from_slice(random.choice(FIELDS).expect("some"));
        }
        input.extend_from_slice(b"\r\n");
        input.extend_from_slice(random.choice(BODIES).expect("some"));
    }
    for _ in 0..random.usize(..3) {
        let place = random.usize(..input.len());
        match random.u8(..3) {
            0 => input[place] = random.u8(..),
            1 => input.insert(place, *random.choice(b"\r\n \t:;0").expect("some")),
            _ => drop(input.drain(place..place.saturating_add(random.usize(..9)).min(input.len()))),
        }
    }
    let step = if random.bool() { 0 } else { random.u8(..) };
    input.extend([step, random.u8(..)]);
    input
}

fn run(target: &str, take: impl Fn(&[u8])) {
    let found = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/found")
        .join(target);
    for file in fs::read_dir(&found).into_iter().flatten().flatten() {
        println!("{}", file.path().display());
        take(&fs::read(file.path()).expect("a readable file"));
    }
    for seed in 0..INPUTS {
        let input = compose(&mut fastrand::Rng::with_seed(seed));
        println!("seed {seed}: {}", input.escape_ascii()); // shown if it fails
        take(&input);
    }
}

#[test]
fn what_a_client_sends() {
    let stand = targets::Clients::start();
    run("client", |input| stand.send(input));
}

#[test]
fn what_a_side_answers() {
    let stand = targets::Answers::start();
    run("answer", |input| stand.answer(input));
}
