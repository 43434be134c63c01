//! Header fields without the read buffer that they came in.
//!
//! Values are slices of the buffer that their connection was read into, which often holds what was read of the body, too:
//! whoever keeps a head for long would keep all of it, counted nowhere.

use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};

/// Moves all values into one piece of memory of their own.
pub fn fields(headers: &mut HeaderMap) {
    let length = headers.values().map(HeaderValue::len).sum();
    let mut all = BytesMut::with_capacity(length);
    headers.values().for_each(|v| all.extend_from_slice(v.as_bytes()));
    let mut rest = all.freeze();
    for value in headers.values_mut() {
        replace(value, rest.split_to(value.len()));
    }
}

pub fn value(value: &mut HeaderValue) {
    replace(value, Bytes::copy_from_slice(value.as_bytes()));
}

pub fn target(target: &mut PathAndQuery) {
    if let Ok(own) = PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(target.as_str().as_bytes())) {
        *target = own; // always: it was a target before
    }
}

/// With the same bytes elsewhere.
fn replace(value: &mut HeaderValue, own: Bytes) {
    if let Ok(mut own) = HeaderValue::from_maybe_shared(own) {
        own.set_sensitive(value.is_sensitive());
        *value = own; // always: these bytes were a value before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A read buffer, and values that are slices of it.
    fn read() -> (Bytes, HeaderMap) {
        let buffer = Bytes::from(b"one two three \xff".repeat(2));
        let mut headers = HeaderMap::new();
        for (name, range) in [("a", 0..3), ("b", 4..7), ("a", 8..15), ("c", 0..0)] {
            headers.append(name, HeaderValue::from_maybe_shared(buffer.slice(range)).unwrap());
        }
        headers.get_mut("b").unwrap().set_sensitive(true);
        (buffer, headers)
    }

    #[test]
    fn nothing_holds_the_buffer_any_more() {
        let (buffer, mut headers) = read();
        let before = headers.clone();
        fields(&mut headers);
        assert_eq!(headers, before);
        assert!(headers["b"].is_sensitive() && !headers["a"].is_sensitive());
        drop(before);
        assert!(buffer.is_unique());
    }

    #[test]
    fn nor_do_a_single_value_and_a_target() {
        let buffer = Bytes::from_static(b"/a%20b?c=d example.org").to_vec();
        let buffer = Bytes::from(buffer);
        let mut path = PathAndQuery::from_maybe_shared(buffer.slice(..10)).unwrap();
        let mut host = HeaderValue::from_maybe_shared(buffer.slice(11..)).unwrap();
        assert!(!buffer.is_unique());
        target(&mut path);
        value(&mut host);
        assert!(buffer.is_unique());
        assert_eq!((path.as_str(), host.as_bytes()), ("/a%20b?c=d", &b"example.org"[..]));
    }
}
