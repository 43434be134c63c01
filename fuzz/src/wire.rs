//! A strict reader of HTTP/1.1 messages, written from RFC 9112 and sharing nothing with the proxy's own parser.

use std::io::{ErrorKind, Read};

/// Why a message could not be read.
#[derive(Debug)]
pub enum Stop {
    /// The peer left.
    Gone,
    /// What no HTTP/1.1 peer may send.
    Malformed(String),
}

fn malformed<T>(what: impl std::fmt::Display, bytes: &[u8]) -> Result<T, Stop> {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    Err(Stop::Malformed(format!("{what}: {shown:?}")))
}

/// A head: the three words of its first line, and its fields with names in lower case.
#[derive(Debug)]
pub struct Head {
    pub start: [String; 3],
    pub fields: Vec<(String, Vec<u8>)>,
}

impl Head {
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| &value[..])
    }

    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// Reads messages from one connection.
pub struct Wire<R> {
    from: R,
    buffer: Vec<u8>,
    ended: bool,
}

impl<R: Read> Wire<R> {
    pub fn new(from: R) -> Self {
        Self {
            from,
            buffer: Vec::new(),
            ended: false,
        }
    }

    pub fn get_mut(&mut self) -> &mut R {
        &mut self.from
    }

    /// What has come beyond the last message.
    pub fn beyond(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads on to the end of the connection; all that has come beyond the last message.
    pub fn rest(&mut self) -> &[u8] {
        while self.fill().is_ok() {}
        &self.buffer
    }

    fn fill(&mut self) -> Result<(), Stop> {
        let mut piece = [0; 16 * 1024];
        while !self.ended {
            match self.from.read(&mut piece) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.buffer.extend_from_slice(&piece[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.ended = true,
            }
        }
        Err(Stop::Gone)
    }

    fn line(&mut self) -> Result<Vec<u8>, Stop> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                if line.pop() != Some(b'\r') || line.contains(&b'\r') {
                    return malformed("a line does not end in CRLF, or has a CR inside", &line);
                }
                return Ok(line);
            }
            self.fill()?;
        }
    }

    fn exactly(&mut self, count: u64) -> Result<(), Stop> {
        let mut left = count;
        loop {
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            self.buffer.drain(..now);
            left -= now as u64;
            if left == 0 {
                return Ok(());
            }
            self.fill()?;
        }
    }

    fn fields(&mut self) -> Result<Vec<(String, Vec<u8>)>, Stop> {
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(fields);
            }
            let Some(colon) = line.iter().position(|b| *b == b':') else {
                return malformed("a field without a colon", &line);
            };
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            if name.is_empty() || !name.iter().all(|b| is_token(*b)) {
                return malformed("not a field name", &line);
            }
            if value.iter().any(|b| (*b < b' ' && *b != b'\t') || *b == 0x7f) {
                return malformed("a control character in a field", &line);
            }
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            fields.push((name, value.trim_ascii().to_vec()));
        }
    }

    /// The next request, read to the end of its head.
    pub fn request_head(&mut self) -> Result<Head, Stop> {
        if self.buffer.is_empty() && self.fill().is_err() {
            return Err(Stop::Gone);
        }
        let line = self.line()?;
        let words: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
        let [method, target, b"HTTP/1.1"] = words[..] else {
            return malformed("not a request line", &line);
        };
        if method.is_empty() || !method.iter().all(|b| is_token(*b)) {
            return malformed("not a method", &line);
        }
        let visible = target.iter().all(|b| *b > b' ' && *b != 0x7f && *b != b'#');
        if !(target.starts_with(b"/") || target == b"*" && method == b"OPTIONS") || !visible {
            return malformed("not a target in origin-form", &line);
        }
        let head = self.head(&words)?;
        if head.all("host").count() != 1 {
            return malformed("not one Host", format!("{head:?}").as_bytes());
        }
        Ok(head)
    }

    /// Reads what follows a request's head.
    pub fn request_body(&mut self, head: &Head) -> Result<(), Stop> {
        let framing = framing(head)?;
        self.body(framing)
    }

    /// Reads one final answer whole, after any number of interim ones; its status.
    pub fn answer(&mut self, method: &str) -> Result<u16, Stop> {
        loop {
            if self.buffer.is_empty() && self.fill().is_err() {
                return Err(Stop::Gone);
            }
            let line = self.line()?;
            let words: Vec<&[u8]> = line.splitn(3, |b| *b == b' ').collect();
            let status = match words[..] {
                [b"HTTP/1.1", code, _] if code.len() == 3 && code.iter().all(u8::is_ascii_digit) => {
                    code.iter().fold(0, |n, digit| n * 10 + u16::from(digit - b'0'))
                }
                _ => return malformed("not a status line", &line),
            };
            let head = self.head(&words)?;
            match status {
                101 => return Ok(status),
                100..=199 => continue,
                _ => {}
            }
            let framing = framing(&head)?;
            if method == "HEAD" || status == 204 || status == 304 {
                if status == 204 && framing != Framing::None {
                    return malformed("a framed 204", format!("{head:?}").as_bytes());
                }
                return Ok(status);
            }
            if framing == Framing::None {
                return malformed(
                    "an answer that only the end of the connection ends",
                    format!("{head:?}").as_bytes(),
                );
            }
            self.body(framing)?;
            return Ok(status);
        }
    }

    fn head(&mut self, words: &[&[u8]]) -> Result<Head, Stop> {
        let word = |index: usize| String::from_utf8_lossy(words[index]).into_owned();
        Ok(Head {
            start: [word(0), word(1), word(2)],
            fields: self.fields()?,
        })
    }

    fn body(&mut self, framing: Framing) -> Result<(), Stop> {
        match framing {
            Framing::None => Ok(()),
            Framing::Length(length) => self.exactly(length),
            Framing::Chunked => loop {
                let line = self.line()?;
                let size = std::str::from_utf8(&line)
                    .ok()
                    .filter(|s| s.bytes().all(|b| b.is_ascii_hexdigit()));
                let Some(size) = size.and_then(|s| u64::from_str_radix(s, 16).ok()) else {
                    return malformed("not a chunk's size", &line);
                };
                if size == 0 {
                    let trailers = self.fields()?;
                    let bad = ["content-length", "transfer-encoding", "host"];
                    if trailers.iter().any(|(name, _)| bad.contains(&&**name)) {
                        return malformed("framing in the trailers", format!("{trailers:?}").as_bytes());
                    }
                    return Ok(());
                }
                self.exactly(size)?;
                if !self.line()?.is_empty() {
                    return malformed("a chunk that is longer than it says", &line);
                }
            },
        }
    }
}

fn framing(head: &Head) -> Result<Framing, Stop> {
    let lengths: Vec<&[u8]> = head.all("content-length").collect();
    let codings: Vec<&[u8]> = head.all("transfer-encoding").collect();
    match (&lengths[..], &codings[..]) {
        ([], []) => Ok(Framing::None),
        ([], [b"chunked"]) => Ok(Framing::Chunked),
        ([length], []) => match std::str::from_utf8(length)
            .ok()
            .filter(|l| l.bytes().all(|b| b.is_ascii_digit()))
        {
            Some(length) => match length.parse() {
                Ok(length) => Ok(Framing::Length(length)),
                Err(_) => malformed("not a length", length.as_bytes()),
            },
            None => malformed("not a length", length),
        },
        _ => malformed("no clear framing", format!("{head:?}").as_bytes()),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
