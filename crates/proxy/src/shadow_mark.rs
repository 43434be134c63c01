//! The mark on copies: tells the upstream that this is one, and tells us not to copy it again.

use http::{HeaderMap, HeaderName, HeaderValue};

pub const NAME: HeaderName = HeaderName::from_static("x-parallelrun-shadow");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Marks a copy and gives it a span of its own.
pub fn apply(headers: &mut HeaderMap) {
    headers.insert(NAME, HeaderValue::from_static("1"));
    let fresh = headers.get(TRACEPARENT).and_then(|value| new_span(value.as_bytes()));
    if let Some(fresh) = fresh {
        headers.insert(TRACEPARENT, fresh);
    }
}

/// W3C Trace Context: `version-traceid-parentid-flags`. The copy keeps the trace and becomes another span, or two
/// requests would claim to be the same one.
fn new_span(value: &[u8]) -> Option<HeaderValue> {
    const SPAN: std::ops::Range<usize> = 36..52;
    if value.len() < 55 || value[2] != b'-' || value[35] != b'-' || value[52] != b'-' {
        return None;
    }
    let mut value = value.to_vec();
    let span = fastrand::u64(1..);
    value[SPAN].copy_from_slice(format!("{span:016x}").as_bytes());
    HeaderValue::from_bytes(&value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_the_trace_and_gets_its_own_span() {
        let original = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static(original));
        apply(&mut headers);
        let copied = headers[TRACEPARENT].to_str().expect("ascii");
        assert_eq!(copied[..36], original[..36]);
        assert_eq!(copied[52..], original[52..]);
        assert_ne!(copied, original);
        assert_eq!(headers[NAME], "1");
    }

    #[test]
    fn an_odd_traceparent_is_left_alone() {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static("00-short"));
        apply(&mut headers);
        assert_eq!(headers[TRACEPARENT], "00-short");
    }
}
