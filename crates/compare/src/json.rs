//! JSON documents as a *tape*: a flat list of nodes that borrow from the text, so that parsing allocates once and two documents can be compared
//! span by span. Values that are byte for byte the same are equal under any rule, and most are, so most of a walk is a few memory comparisons.

mod lex;
mod number;
mod parse;
mod string;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub(crate) use lex::{Lexer, Syntax};
pub(crate) use number::{Decimal, Number};
pub(crate) use parse::{parse, ParseError};
pub(crate) use string::unescape;

/// What a node is. A member's name is a string node, followed by the member's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Literal,
    Number,
    String,
    /// A string with at least one backslash.
    Escaped,
    Array,
    Object,
    /// The same bytes as a node of the base document, whose index is in `next`.
    Same,
}

/// One value or member name: its bytes are `start..end` of the text, and the node after it and all its children is `next`.
#[derive(Debug, Clone, Copy)]
struct Node {
    start: u32,
    end: u32,
    next: u32,
    tag: Tag,
}

/// A parsed document.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    text: &'a [u8],
    nodes: Vec<Node>,
    /// The document that `Same` nodes refer to.
    base: Option<&'a Document<'a>>,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// One value of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    document: &'a Document<'a>,
    index: u32,
}

impl<'a> Document<'a> {
    pub(crate) fn root(&'a self) -> View<'a> {
        View::resolve(self, 0)
    }
}

impl<'a> View<'a> {
    fn resolve(document: &'a Document<'a>, index: u32) -> Self {
        let node = document.nodes[index as usize];
        match (node.tag, document.base) {
            (Tag::Same, Some(base)) => Self {
                document: base,
                index: node.next,
            },
            _ => Self { document, index },
        }
    }

    fn node(&self) -> Node {
        self.document.nodes[self.index as usize]
    }

    /// Identifies this value within its document; meaningless between documents that share nodes.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// The value as it is written.
    pub(crate) fn raw(&self) -> &'a [u8] {
        let node = self.node();
        &self.document.text[node.start as usize..node.end as usize]
    }

    /// Whether both are written the same, and so are equal under any rule.
    pub(crate) fn is_written_like(&self, other: &View<'_>) -> bool {
        (self.index == other.index && std::ptr::eq(self.document.nodes.as_ptr(), other.document.nodes.as_ptr()))
            || self.raw() == other.raw()
    }

    pub(crate) fn shape(&self) -> Shape {
        match self.node().tag {
            Tag::Number => Shape::Number,
            Tag::String | Tag::Escaped => Shape::String,
            Tag::Array => Shape::Array,
            Tag::Object => Shape::Object,
            Tag::Literal if self.raw() == b"null" => Shape::Null,
            // `Same` was resolved when the view was made.
            Tag::Literal | Tag::Same => Shape::Bool,
        }
    }

    /// A string's content without its escapes. Lone surrogates keep the three bytes that UTF-8 forbids for them, so that none are equal by accident.
    pub(crate) fn text(&self) -> Cow<'a, [u8]> {
        let raw = self.raw();
        let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        match self.node().tag {
            Tag::Escaped => Cow::Owned(string::unescape(inner)),
            _ => Cow::Borrowed(inner),
        }
    }

    /// The elements of an array; nothing for other values.
    pub(crate) fn elements(&self) -> Children<'a> {
        self.children(Tag::Array)
    }

    /// The members of an object in order, duplicates included; nothing for other values.
    pub(crate) fn members(&self) -> Members<'a> {
        Members(self.children(Tag::Object))
    }

    fn children(&self, tag: Tag) -> Children<'a> {
        let node = self.node();
        let end = if node.tag == tag { node.next } else { 0 };
        Children {
            document: self.document,
            index: self.index + 1,
            end,
        }
    }
}

/// Iterates over the nodes directly below an array or object.
#[derive(Debug, Clone)]
pub(crate) struct Children<'a> {
    document: &'a Document<'a>,
    index: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = View<'a>;

    fn next(&mut self) -> Option<View<'a>> {
        if self.index >= self.end {
            return None;
        }
        let node = self.document.nodes[self.index as usize];
        let view = View::resolve(self.document, self.index);
        self.index = if node.tag == Tag::Same {
            self.index + 1
        } else {
            node.next
        };
        Some(view)
    }
}

/// Iterates over (name, value) of an object.
#[derive(Debug, Clone)]
pub(crate) struct Members<'a>(Children<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (View<'a>, View<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.0.next()?;
        let value = self.0.next()?;
        Some((name, value))
    }
}
