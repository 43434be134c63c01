//! What one side said to one request.

use std::time::Duration;

use bytes::Bytes;
use http::{header, HeaderMap, HeaderValue, StatusCode};

use crate::budget::Share;
use crate::copying::Cut;
use crate::ledger::Outcome;
use crate::upstream_error::Failure;

/// The head of an answer, kept before anything is stripped from it.
#[derive(Debug, Clone)]
pub struct AnswerHead {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// From sending the request to this head.
    pub took: Duration,
}

impl AnswerHead {
    /// The answer with this head and `body`.
    pub fn as_compared<'a>(&'a self, body: &'a Bytes) -> parallelrun_compare::Answer<'a> {
        parallelrun_compare::Answer {
            status: self.status.as_u16(),
            headers: &self.headers,
            body,
        }
    }
}

#[derive(Debug)]
pub struct Answer {
    pub head: AnswerHead,
    pub body: Bytes,
    /// What the body has reserved, for as long as it lives.
    pub _memory: Share,
}

impl Answer {
    pub fn as_compared(&self) -> parallelrun_compare::Answer<'_> {
        self.head.as_compared(&self.body)
    }
}

/// How one side's part of an exchange ended.
#[derive(Debug)]
pub enum Answered {
    Whole(Answer),
    /// There is an answer, but it is not compared; the outcome says why.
    Left(Outcome),
    /// The side failed; the head is there if it failed in the middle of the body.
    Failed {
        failure: Failure,
        head: Option<AnswerHead>,
    },
    /// A copy that we broke off because the side that the client was served by was through with the request before its body
    /// had come.
    Unfinished,
}

impl From<Cut> for Answered {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Client | Cut::Stalled => Answered::Left(Outcome::ClientGone),
            Cut::TooLarge => Answered::Left(Outcome::RequestTooLarge),
            Cut::Overload => Answered::Left(Outcome::Overload),
            Cut::LeadGone => Answered::Unfinished,
        }
    }
}

/// True if it is clear where the answer's body ends. Where both framing fields came, hyper obeyed `Transfer-Encoding`; the
/// other one must not go on (RFC 9112, section 6.3).
pub fn has_clear_end(status: StatusCode, headers: &mut HeaderMap) -> bool {
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return false; // nobody asked for it: an upgrade takes another way
    }
    if status == StatusCode::NO_CONTENT {
        // RFC 9110, section 8.6: it has no length; a client that believes one would take the next answer for the body.
        headers.remove(header::CONTENT_LENGTH);
    }
    if !has_clear_length(headers) {
        return false;
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let known = match (codings.next(), codings.next()) {
        (None, _) => return true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    };
    headers.remove(header::CONTENT_LENGTH);
    known
}

/// True if there is no length, or one. What says the same several times is made to say it once (RFC 9112, section 6.3). hyper
/// looks at the length of a body only, and not at the one that an answer to HEAD or a 304 tells.
fn has_clear_length(headers: &mut HeaderMap) -> bool {
    let lines = headers.get_all(header::CONTENT_LENGTH);
    let mut each = lines.iter();
    if let (Some(only), None) = (each.next(), each.next()) {
        let only = only.as_bytes();
        if matches!(only.len(), 1..=18) && only.iter().all(u8::is_ascii_digit) {
            return true; // as nearly always; so many digits fit
        }
    }
    let lengths: Option<Vec<u64>> = lines
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(|length| {
            let length = std::str::from_utf8(length.trim_ascii()).ok()?;
            let digits = length.bytes().all(|byte| byte.is_ascii_digit()); // a sign would be parsed too
            length.parse().ok().filter(|_| digits)
        })
        .collect();
    match lengths.as_deref() {
        Some([]) => true,
        Some([length, others @ ..]) if others.iter().all(|other| other == length) => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(*length));
            true
        }
        _ => false,
    }
}

/// A status past the known classes counts as one of 500 and above (RFC 9110, section 15).
pub fn is_server_error(status: StatusCode) -> bool {
    status >= StatusCode::INTERNAL_SERVER_ERROR
}

/// An answer that never ends, by its content type.
pub fn is_endless(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes();
        let name = b"text/event-stream";
        value.len() >= name.len() && value[..name.len()].eq_ignore_ascii_case(name)
    })
}
