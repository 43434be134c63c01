//! Requests that are refused before they count: what could mean one thing to us and another to an upstream.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::header::{HeaderMap, HeaderName, HeaderValue, EXPECT, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, Scheme};
use http::{Method, Request, StatusCode, Version};
use serde::Serialize;

use crate::settings::ListenerSpec;

/// Connections and requests that never became a request in the ledger, by reason.
#[derive(Debug, Default, Serialize)]
pub struct Refused {
    pub bad_request: AtomicU64,
    pub uri_too_long: AtomicU64,
    pub method: AtomicU64,
    pub tls: AtomicU64,
    pub header_timeout: AtomicU64,
}

/// Why a request is refused, for the client to read.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub reason: &'static str,
}

/// How much a head may be.
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    pub uri_bytes: usize,
    pub header_bytes: usize,
}

impl HeadLimits {
    pub fn of(listener: &ListenerSpec) -> Self {
        Self {
            uri_bytes: listener.uri_bytes,
            header_bytes: listener.header_bytes,
        }
    }
}

/// Checks a request's head; the host that it is for, if it may pass.
pub fn check<B>(request: &Request<B>, limits: HeadLimits, refused: &Refused) -> Result<HeaderValue, Refusal> {
    let refuse = |counter: &AtomicU64, status, reason| {
        counter.fetch_add(1, Relaxed);
        Err(Refusal { status, reason })
    };
    if *request.method() == Method::CONNECT || *request.method() == Method::TRACE {
        // CONNECT would make an open tunnel; TRACE hands back headers that a proxy added.
        return refuse(
            &refused.method,
            StatusCode::METHOD_NOT_ALLOWED,
            "this method does not pass here",
        );
    }
    let target_length = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target_length > limits.uri_bytes {
        return refuse(
            &refused.uri_too_long,
            StatusCode::URI_TOO_LONG,
            "the request target is too long",
        );
    }
    if header_bytes(request.headers()) > limits.header_bytes {
        return refuse(
            &refused.bad_request,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "the header fields are too long",
        );
    }
    match unclear(request) {
        Some((status, reason)) => refuse(&refused.bad_request, status, reason),
        None => host(request).or_else(|reason| refuse(&refused.bad_request, StatusCode::BAD_REQUEST, reason)),
    }
}

/// As they stand in HTTP/1.1. hyper's own limit is one on its buffer, which may hold more than it says.
fn header_bytes(headers: &HeaderMap) -> usize {
    let line = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + ": \r\n".len();
    headers.iter().map(line).sum()
}

/// What we do not understand, or an upstream might understand otherwise.
fn unclear<B>(request: &Request<B>) -> Option<(StatusCode, &'static str)> {
    if request.uri().path() == "*" && *request.method() != Method::OPTIONS {
        return Some((StatusCode::BAD_REQUEST, "`*` is a target for OPTIONS only"));
    }
    if request
        .uri()
        .scheme()
        .is_some_and(|s| *s != Scheme::HTTP && *s != Scheme::HTTPS)
    {
        return Some((StatusCode::BAD_REQUEST, "the target is neither http nor https"));
    }
    // hyper takes the message for chunked if only the last coding is; what the others did to it would be lost on the way.
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    let known = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if codings.next().is_some_and(|first| !known(first)) || codings.next().is_some() {
        return Some((StatusCode::NOT_IMPLEMENTED, "the transfer coding is not known"));
    }
    let expectation = request.headers().get(EXPECT);
    if expectation.is_some_and(|expected| !expected.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Some((StatusCode::EXPECTATION_FAILED, "the expectation is not known"));
    }
    None
}

/// RFC 9112, section 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that
/// lacks a Host header field and to any request message that contains more than one Host header field line or a Host header
/// field with an invalid field value."
fn host<B>(request: &Request<B>) -> Result<HeaderValue, &'static str> {
    let mut lines = request.headers().get_all(HOST).iter();
    let line = lines.next();
    if lines.next().is_some() {
        return Err("more than one Host header");
    }
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    if authority.is_some_and(|a| a.contains('@')) {
        return Err("user information in the request target");
    }
    match (authority, line) {
        (Some(authority), Some(line)) if !line.as_bytes().eq_ignore_ascii_case(authority.as_bytes()) => {
            Err("the Host header and the request target disagree")
        }
        (Some(authority), _) => HeaderValue::from_str(authority).map_err(|_| "invalid authority"),
        (None, Some(line)) if is_authority(line.as_bytes()) => Ok(line.clone()),
        (None, Some(_)) => Err("invalid Host header"),
        (None, None) if request.version() <= Version::HTTP_10 => Ok(HeaderValue::from_static("localhost")),
        (None, None) => Err("no Host header"),
    }
}

/// `host`, `host:port` or `[v6]:port`: no white space, no path, no list, no user, and not nothing. An upstream that speaks
/// HTTP/2 gets it as `:authority`, so it has to be one.
pub fn is_authority(value: &[u8]) -> bool {
    let known =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'~' | b'%');
    value.iter().all(known)
        && Authority::try_from(value).is_ok_and(|authority| {
            let port = value.get(authority.host().len()..).unwrap_or_default();
            !authority.host().is_empty() && (port.is_empty() || port[1..].iter().all(u8::is_ascii_digit))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(uri: &str) -> http::request::Builder {
        http::Request::builder().uri(uri)
    }

    fn status(build: http::request::Builder) -> Option<u16> {
        let limits = HeadLimits {
            uri_bytes: 100,
            header_bytes: 200,
        };
        check(&build.body(()).expect("valid"), limits, &Refused::default())
            .err()
            .map(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn ordinary_requests_pass() {
        assert_eq!(status(get("/").header("host", "a:80")), None);
        assert_eq!(status(get("http://a/x").header("host", "A")), None);
        assert_eq!(status(get("/").version(Version::HTTP_10)), None);
        assert_eq!(status(get("/").header("host", "[::1]:80")), None);
        assert_eq!(status(get("/").header("host", "a_b.example:")), None);
        assert_eq!(status(get("*").method("OPTIONS").header("host", "a")), None);
        assert_eq!(
            status(get("/").header("host", "a").header("transfer-encoding", "Chunked")),
            None
        );
    }

    #[test]
    fn a_host_that_is_no_authority_is_refused() {
        for host in [
            "", ":", ":80", "a:b", "a:b:c", "::1", "[", "]", "[]", "[::1", "[::1]x", "a]", "%", "a%zz", "a:80:80",
        ] {
            let refused = status(get("/").header("host", host)) == Some(400);
            // What passes must be one to the HTTP/2 side too.
            let authority = http::Uri::builder()
                .scheme("http")
                .authority(host)
                .path_and_query("/")
                .build();
            assert!(refused || authority.is_ok(), "{host}");
        }
        for host in ["", ":80", "a:b", "a:b:c", "[", "[::1", "a:80:80"] {
            assert_eq!(status(get("/").header("host", host)), Some(400), "{host}");
        }
        assert_eq!(status(get("/").header("host", "").version(Version::HTTP_10)), Some(400));
    }

    #[test]
    fn ambiguous_requests_are_refused() {
        assert_eq!(status(get("/")), Some(400));
        assert_eq!(status(get("/").header("host", "a").header("host", "a")), Some(400));
        assert_eq!(status(get("http://a/").header("host", "b")), Some(400));
        assert_eq!(status(get("/").header("host", "a b")), Some(400));
        assert_eq!(status(get("/").header("host", "a,b")), Some(400));
        assert_eq!(
            status(get("/").header("host", "a").header("expect", "magic")),
            Some(417)
        );
        assert_eq!(status(get("/").method("TRACE").header("host", "a")), Some(405));
        assert_eq!(status(get("*").header("host", "a")), Some(400));
        assert_eq!(status(get("ftp://a/").header("host", "a")), Some(400));
        assert_eq!(
            status(get("/").header("host", "a").header("x", "y".repeat(200))),
            Some(431)
        );
        let coded = |coding: &str| get("/").header("host", "a").header("transfer-encoding", coding);
        assert_eq!(status(coded("gzip, chunked")), Some(501));
        assert_eq!(
            status(coded("chunked").header("transfer-encoding", "chunked")),
            Some(501)
        );
        assert_eq!(
            status(get(&format!("/{}", "x".repeat(100))).header("host", "a")),
            Some(414)
        );
    }
}
