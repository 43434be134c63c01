//! From text to tape, and the shortcut for a second document that is much like the first.

use super::{Document, Lexer, Node, Syntax, Tag};
use crate::limits;

/// Why a text has no tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParseError {
    Syntax(Syntax),
    NotUtf8 { at: usize },
    TooDeep,
    TooMany,
}

impl From<Syntax> for ParseError {
    fn from(syntax: Syntax) -> Self {
        Self::Syntax(syntax)
    }
}

/// Parses a document. Where a value is written just like the value at the same place of `base`, its nodes are not made again but point there; the
/// whole text is validated all the same.
pub(crate) fn parse<'a>(text: &'a [u8], base: Option<&'a Document<'a>>) -> Result<Document<'a>, ParseError> {
    if u32::try_from(text.len()).is_err() {
        return Err(ParseError::TooMany);
    }
    if let Err(error) = std::str::from_utf8(text) {
        return Err(ParseError::NotUtf8 {
            at: error.valid_up_to(),
        });
    }
    let mut parser = Parser {
        lexer: Lexer::new(text),
        // Real documents have a node per 4 bytes or fewer, and room that stays empty costs nothing; a document like its base needs few of its own.
        nodes: Vec::with_capacity(
            if base.is_some() {
                64.min(text.len() / 4)
            } else {
                text.len() / 4
            } + 2,
        ),
        base,
        known: Known::default(),
    };
    parser.lexer.space();
    parser.value(0, base.map(|_| 0))?;
    parser.lexer.space();
    if parser.lexer.pos < text.len() {
        parser.lexer.fail("nothing after the value")?;
    }
    Ok(Document {
        text,
        nodes: parser.nodes,
        base,
    })
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    nodes: Vec<Node>,
    base: Option<&'a Document<'a>>,
    known: Known,
}

/// How far the text is known to equal the base's text under one alignment, so that no byte is compared twice for one alignment.
#[derive(Default)]
struct Known {
    /// Position in the base minus position in the text.
    shift: isize,
    /// Positions in the base: equal from `from` on and before `until`.
    from: usize,
    until: usize,
    /// Whether the texts differ at `until`.
    differs: bool,
}

impl Parser<'_> {
    /// Parses the value at the cursor. `like` is the node of the base that may be written the same.
    fn value(&mut self, depth: usize, like: Option<u32>) -> Result<(), ParseError> {
        if like.is_some_and(|like| self.same(like)) {
            return Ok(());
        }
        let Some(first) = self.lexer.peek() else {
            return Ok(self.lexer.fail("a JSON value")?);
        };
        let start = self.lexer.pos;
        match first {
            b'"' => self.string(),
            b'{' | b'[' => self.container(first, depth, like),
            b'-' | b'0'..=b'9' => {
                self.lexer.number()?;
                self.push(Tag::Number, start)
            }
            _ => {
                self.lexer.literal()?;
                self.push(Tag::Literal, start)
            }
        }
    }

    #[inline]
    fn push(&mut self, tag: Tag, start: usize) -> Result<(), ParseError> {
        if self.nodes.len() >= limits::NODES {
            return Err(ParseError::TooMany);
        }
        let next = self.nodes.len() as u32 + 1;
        self.nodes.push(Node {
            start: start as u32,
            end: self.lexer.pos as u32,
            next,
            tag,
        });
        Ok(())
    }

    #[inline]
    fn string(&mut self) -> Result<(), ParseError> {
        let start = self.lexer.pos;
        let escaped = self.lexer.string()?;
        self.push(if escaped { Tag::Escaped } else { Tag::String }, start)
    }

    fn container(&mut self, open: u8, depth: usize, like: Option<u32>) -> Result<(), ParseError> {
        if depth >= limits::DEPTH {
            return Err(ParseError::TooDeep);
        }
        let (tag, close) = if open == b'{' {
            (Tag::Object, b'}')
        } else {
            (Tag::Array, b']')
        };
        let index = self.nodes.len();
        self.push(tag, self.lexer.pos)?;
        let mut twin = Twin::new(self.base, like, tag);
        self.lexer.pos += 1;
        self.lexer.space();
        if self.lexer.peek() == Some(close) {
            self.lexer.pos += 1;
        } else {
            loop {
                let like = match tag {
                    Tag::Object => self.name(&mut twin)?,
                    _ => twin.element(),
                };
                self.value(depth + 1, like)?;
                self.lexer.space();
                match self.lexer.peek() {
                    Some(b',') => self.lexer.pos += 1,
                    Some(b) if b == close => {
                        self.lexer.pos += 1;
                        break;
                    }
                    _ => self
                        .lexer
                        .fail(if tag == Tag::Object { "`,` or `}`" } else { "`,` or `]`" })?,
                }
                self.lexer.space();
            }
        }
        let next = self.nodes.len() as u32;
        let node = &mut self.nodes[index];
        node.end = self.lexer.pos as u32;
        node.next = next;
        Ok(())
    }

    /// Parses a member's name and the colon; says which value of the base may be written like the member's.
    #[inline]
    fn name(&mut self, twin: &mut Twin<'_>) -> Result<Option<u32>, ParseError> {
        let start = self.lexer.pos;
        if let Some(length) = twin.name_starts(&self.lexer.text[start..]) {
            self.lexer.pos += length;
            let tag = twin.name_tag();
            self.push(tag, start)?;
        } else {
            if self.lexer.peek() != Some(b'"') {
                self.lexer.fail("a member name")?;
            }
            self.string()?;
        }
        let like = twin.member(&self.lexer.text[start..self.lexer.pos]);
        self.lexer.space();
        self.lexer.byte(b':', "`:`")?;
        self.lexer.space();
        Ok(like)
    }

    /// If the text at the cursor is written like the base's node, makes a `Same` node of it and moves past it.
    fn same(&mut self, like: u32) -> bool {
        let Some(base) = self.base else { return false };
        let node = base.nodes[like as usize];
        let (start, end) = (node.start as usize, node.end as usize);
        let length = end - start;
        let pos = self.lexer.pos;
        if self.lexer.text.len() - pos < length {
            return false;
        }
        let shift = start as isize - pos as isize;
        if self.known.shift != shift || start < self.known.from || start > self.known.until {
            self.known = Known {
                shift,
                from: start,
                until: start,
                differs: false,
            };
        }
        if self.known.until < end && !self.known.differs {
            let from = self.known.until;
            let rest = &self.lexer.text[pos + (from - start)..pos + length];
            self.known.until += common_prefix(&base.text[from..end], rest);
            self.known.differs = self.known.until < end;
        }
        if self.known.until < end {
            return false;
        }
        // A number ends only where the text says so: `1` is not written like `12`.
        let after = self.lexer.text.get(pos + length);
        if node.tag == Tag::Number && after.is_some_and(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E')) {
            return false;
        }
        if self.nodes.len() >= limits::NODES {
            return false;
        }
        self.nodes.push(Node {
            start: pos as u32,
            end: (pos + length) as u32,
            next: like,
            tag: Tag::Same,
        });
        self.lexer.pos += length;
        true
    }
}

/// The container of the base that is likely the same as the one being parsed, with a cursor over its children.
struct Twin<'a> {
    base: Option<&'a Document<'a>>,
    index: u32,
    end: u32,
}

impl<'a> Twin<'a> {
    fn new(base: Option<&'a Document<'a>>, like: Option<u32>, tag: Tag) -> Self {
        match (base, like) {
            (Some(base), Some(like)) if base.nodes[like as usize].tag == tag => Self {
                base: Some(base),
                index: like + 1,
                end: base.nodes[like as usize].next,
            },
            _ => Self {
                base: None,
                index: 0,
                end: 0,
            },
        }
    }

    fn current(&self) -> Option<(&'a Document<'a>, Node)> {
        let base = self.base.filter(|_| self.index < self.end)?;
        Some((base, base.nodes[self.index as usize]))
    }

    fn element(&mut self) -> Option<u32> {
        let (_, node) = self.current()?;
        Some(std::mem::replace(&mut self.index, node.next))
    }

    /// The length of the current member's name, if `text` starts with it.
    #[inline]
    fn name_starts(&self, text: &[u8]) -> Option<usize> {
        let (base, node) = self.current()?;
        let name = &base.text[node.start as usize..node.end as usize];
        text.starts_with(name).then_some(name.len())
    }

    fn name_tag(&self) -> Tag {
        self.current().map_or(Tag::String, |(_, node)| node.tag)
    }

    /// Finds the member that is written `name` at the cursor or one after it (a member was left out), and moves past it. Otherwise stays, as a
    /// member was added.
    #[inline]
    fn member(&mut self, name: &[u8]) -> Option<u32> {
        let mut at = self.index;
        for _ in 0..2 {
            let base = self.base.filter(|_| at < self.end)?;
            let (key, value) = (base.nodes[at as usize], base.nodes[at as usize + 1]);
            if &base.text[key.start as usize..key.end as usize] == name {
                self.index = value.next;
                return Some(at + 1);
            }
            at = value.next;
        }
        None
    }
}

/// The number of leading bytes in which both agree.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const BLOCK: usize = 128;
    let blocks = a
        .chunks_exact(BLOCK)
        .zip(b.chunks_exact(BLOCK))
        .take_while(|(a, b)| a == b)
        .count();
    let start = blocks * BLOCK;
    start + a[start..].iter().zip(&b[start..]).take_while(|(a, b)| a == b).count()
}
