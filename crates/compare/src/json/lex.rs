//! Tokens of JSON, strictly by RFC 8259.

/// Where a text stops being JSON, and what was expected there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) at: usize,
    pub(crate) expected: &'static str,
}

/// A cursor over a text. Every method leaves `pos` after what it has read, or fails.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) pos: usize,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Has a high bit for (at least) the first byte of `word` that ends a plain run of a string: a quote, a backslash or a control character.
/// Bytes after the first hit may be marked wrongly, as the subtraction borrows; only the first is used.
fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    (zero(quote) | zero(backslash) | (word.wrapping_sub(ONES * 0x20) & !word)) & HIGHS
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, pos: 0 }
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    pub(crate) fn fail<T>(&self, expected: &'static str) -> Result<T, Syntax> {
        Err(Syntax { at: self.pos, expected })
    }

    #[inline]
    pub(crate) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.pos += 1;
        }
    }

    /// Reads one given byte.
    #[inline]
    pub(crate) fn byte(&mut self, byte: u8, expected: &'static str) -> Result<(), Syntax> {
        if self.peek() == Some(byte) {
            self.pos += 1;
            return Ok(());
        }
        self.fail(expected)
    }

    /// Reads `null`, `true` or `false`.
    pub(crate) fn literal(&mut self) -> Result<(), Syntax> {
        let rest = &self.text[self.pos..];
        for literal in [b"null".as_slice(), b"true", b"false"] {
            if rest.starts_with(literal) {
                self.pos += literal.len();
                return Ok(());
            }
        }
        self.fail("a JSON value")
    }

    /// Reads a string with its quotes; true if it has escapes.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<bool, Syntax> {
        self.byte(b'"', "a string")?;
        let mut escaped = false;
        loop {
            while let Some(word) = self.text.get(self.pos..).and_then(|rest| rest.first_chunk::<8>()) {
                let hits = special(u64::from_le_bytes(*word));
                if hits != 0 {
                    self.pos += hits.trailing_zeros() as usize / 8;
                    break;
                }
                self.pos += 8;
            }
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..=0x1f) => return self.fail("no control character in a string"),
                Some(_) => self.pos += 1,
                None => return self.fail("the end of the string"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Syntax> {
        self.pos += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.pos += 1,
            Some(b'u') => {
                self.pos += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|b| b.is_ascii_hexdigit()) {
                        return self.fail("four hexadecimal digits");
                    }
                    self.pos += 1;
                }
            }
            _ => return self.fail("a valid escape"),
        }
        Ok(())
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Syntax> {
        let start = self.pos;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.pos += 1;
        }
        if self.pos == start {
            return self.fail("a digit");
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn number(&mut self) -> Result<(), Syntax> {
        if self.peek() == Some(b'-') {
            self.pos += 1;
        }
        if self.peek() == Some(b'0') {
            self.pos += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.pos += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.pos += 1;
            }
            self.digits()?;
        }
        Ok(())
    }
}
