//! What a content type says about how to compare.

use http::header::{HeaderMap, CONTENT_TYPE};

/// How a body is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    /// Text that is compared line by line.
    Text,
    Form,
    Bytes,
}

impl Media {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        headers.get(CONTENT_TYPE).map_or(Self::Bytes, |value| {
            Self::parse(&String::from_utf8_lossy(value.as_bytes()))
        })
    }

    pub(crate) fn parse(content_type: &str) -> Self {
        let essence = essence(content_type);
        let (kind, name) = essence.split_once('/').unwrap_or_default();
        match (kind, name) {
            (_, "json" | "x-json") => Self::Json,
            _ if name.ends_with("+json") => Self::Json,
            ("application", "x-www-form-urlencoded") => Self::Form,
            // JSON documents one a line (`x-ndjson`) are a text of lines.
            ("text", _)
            | (
                "application",
                "xml" | "javascript" | "x-javascript" | "ecmascript" | "yaml" | "x-yaml" | "toml" | "x-ndjson"
                | "ndjson" | "jsonl" | "json-seq" | "sql" | "graphql",
            ) => Self::Text,
            _ if name.ends_with("+xml") || name.ends_with("+yaml") => Self::Text,
            _ => Self::Bytes,
        }
    }
}

/// The type without its parameters, in lower case.
pub(crate) fn essence(content_type: &str) -> String {
    content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}
