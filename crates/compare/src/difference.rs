//! What a comparison finds.

use std::sync::Arc;

/// The result of comparing two answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Each (location, kind) once, with its first example.
    pub differences: Vec<Difference>,
    /// Set if a cap cut the comparison short: what was found is right, but there may be more.
    pub capped: Option<Cap>,
}

impl Comparison {
    /// What the differences amount to.
    pub fn outcome(&self) -> Outcome {
        if self.differences.is_empty() {
            Outcome::Match
        } else if self.differences.iter().all(|d| d.rule.is_some()) {
            Outcome::Ignored
        } else {
            Outcome::Mismatch
        }
    }
}

/// What the differences of a pair amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    Match,
    /// The answers differ only where a rule says that it does not count.
    Ignored,
    Mismatch,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Ignored => "ignored",
            Self::Mismatch => "mismatch",
        }
    }
}

/// One place where the answers differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `status`, `header:NAME`, `body`, or a JSONPath with `[*]` for array indexes.
    pub location: String,
    pub kind: Kind,
    /// A short text (at most 200 bytes) of what the old side has; JSON for JSON values. None where it has nothing.
    pub old: Option<String>,
    /// As `old`, for the new side.
    pub new: Option<String>,
    /// Whether the texts are the names of cookies, without any value: then they may be shown where the header's value may not.
    pub names_only: bool,
    /// The rule that hides this difference: its id, or a description of it.
    pub rule: Option<Arc<str>>,
}

/// How the answers differ at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Value,
    Type,
    /// The old side has it, the new side does not.
    Missing,
    /// The new side has it, the old side does not.
    Extra,
    Length,
    Order,
    Text,
    Bytes,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Type => "type",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Length => "length",
            Self::Order => "order",
            Self::Text => "text",
            Self::Bytes => "bytes",
        }
    }
}

/// Which limit cut a comparison short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cap {
    Depth,
    Nodes,
    Differences,
    Decoded,
}

impl Cap {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Depth => "depth",
            Self::Nodes => "nodes",
            Self::Differences => "differences",
            Self::Decoded => "decoded",
        }
    }
}
