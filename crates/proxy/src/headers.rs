//! Which header fields pass through, and in what form.

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Uri};

use crate::detach;
use crate::settings::{ConfigError, SideSpec};
use crate::shadow_mark;
use crate::validate::is_authority;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Removes what belongs to one connection only: every field that any `Connection` line names, then the known ones.
/// RFC 9110, section 7.6.1: "Intermediaries MUST parse a received Connection header field before a message is forwarded and,
/// for each connection-option in this field, remove any header or trailer field(s) from the message with the same name".
///
/// `Trailer` stays: it describes the message, and hyper sends trailers only where it is there.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .flat_map(|line| line.as_bytes().split(|b| *b == b','))
            .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
            .filter(|name| !is_end_to_end(name))
            .collect();
        headers.remove(header::CONNECTION);
        for name in named {
            headers.remove(name);
        }
    }
    for name in [
        KEEP_ALIVE,
        PROXY_CONNECTION,
        header::TE,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ] {
        headers.remove(name);
    }
}

/// Fields that a client must not be able to strip from the request by naming them in `Connection`: without them the
/// request would mean something else to the upstream than to whoever checked it before us.
fn is_end_to_end(name: &HeaderName) -> bool {
    *name == header::HOST
        || *name == header::AUTHORIZATION
        || *name == header::COOKIE
        || *name == header::CONTENT_TYPE
        || *name == header::CONTENT_LENGTH
        || *name == FORWARDED_FOR
        || *name == FORWARDED_PROTO
        || *name == FORWARDED_HOST
}

/// True when one of the field's comma-separated values is `token`.
pub fn lists(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|b| *b == b','))
        .any(|value| {
            let value = value.split(|b| *b == b';').next().unwrap_or_default();
            value.trim_ascii().eq_ignore_ascii_case(token.as_bytes())
        })
}

/// A request's head as both sides get it, before each side's own changes.
#[derive(Debug)]
pub struct Head {
    pub method: Method,
    pub target: PathAndQuery,
    pub host: HeaderValue,
    headers: HeaderMap,
}

impl Head {
    /// Takes over what the client sent: end-to-end fields only, `Host` explicit, who asked in `X-Forwarded-*`.
    pub fn from_client(parts: Parts, host: HeaderValue, client: IpAddr, tls: bool) -> Self {
        let mut headers = parts.headers;
        let trailers = lists(&headers, header::TE, "trailers");
        strip_hop_by_hop(&mut headers);
        // The body's size hint frames the message, never what the client said about it; hyper answers `Expect` itself,
        // when the serving side first asks for the body.
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::EXPECT);
        headers.remove(header::HOST);
        headers.remove(shadow_mark::NAME);
        if trailers {
            headers.insert(header::TE, HeaderValue::from_static("trailers"));
        }
        join_cookies(&mut headers);
        forwarded(&mut headers, &host, client, tls);
        let target = parts
            .uri
            .into_parts()
            .path_and_query
            .unwrap_or_else(|| PathAndQuery::from_static("/"));
        Self {
            method: parts.method,
            target,
            host,
            headers,
        }
    }

    /// Lets go of the read buffer that it came in.
    pub fn detach(&mut self) {
        detach::target(&mut self.target);
        detach::value(&mut self.host);
        detach::fields(&mut self.headers);
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Asking for it changes nothing at the upstream (RFC 9110, section 9.2.1).
    pub fn is_safe(&self) -> bool {
        is_safe(&self.method)
    }

    /// The fields for one side. A copy is marked and is its own span of the client's trace.
    pub fn headers_for(&self, changes: &HeaderChanges, copy: bool) -> HeaderMap {
        let mut headers = self.headers.clone();
        if copy {
            shadow_mark::apply(&mut headers);
        }
        changes.apply(&mut headers);
        headers
    }
}

pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// HTTP/2 may split `Cookie` into several fields, HTTP/1.1 must not (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(header::COOKIE).iter();
    if lines.next().is_none() || lines.next().is_none() {
        return;
    }
    let lines: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

fn forwarded(headers: &mut HeaderMap, host: &HeaderValue, client: IpAddr, tls: bool) {
    let mut chain: Vec<u8> = Vec::with_capacity(48);
    for line in headers.get_all(FORWARDED_FOR) {
        chain.extend_from_slice(line.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(client.to_string().as_bytes());
    if let Ok(chain) = HeaderValue::from_bytes(&chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    if !headers.contains_key(FORWARDED_PROTO) {
        headers.insert(
            FORWARDED_PROTO,
            HeaderValue::from_static(if tls { "https" } else { "http" }),
        );
    }
    if !headers.contains_key(FORWARDED_HOST) {
        headers.insert(FORWARDED_HOST, host.clone());
    }
}

/// Fields that frame a message, belong to one connection, or mark a copy: nobody else may set them.
fn is_ours(name: &HeaderName) -> bool {
    let ours = [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        shadow_mark::NAME,
    ];
    ours.contains(name)
}

/// What the config changes in the requests to one side.
#[derive(Debug, Default)]
pub struct HeaderChanges {
    set: Vec<(HeaderName, HeaderValue)>,
    remove: Vec<HeaderName>,
    /// `Host` is not among the fields: it becomes `:authority` where the upstream speaks HTTP/2.
    pub host: Option<HeaderValue>,
}

impl HeaderChanges {
    pub fn compile(side: &str, spec: &SideSpec) -> Result<Self, ConfigError> {
        let mut changes = Self::default();
        for (name, value) in &spec.set_headers {
            let place = format!("{side}.headers.set.{name}");
            let name: HeaderName = name.parse().map_err(|e| ConfigError::at(&place, e))?;
            let value: HeaderValue = value.parse().map_err(|e| ConfigError::at(&place, e))?;
            if is_ours(&name) {
                return Err(ConfigError::at(
                    &place,
                    "this field belongs to the connection or to the proxy",
                ));
            }
            if name == header::HOST {
                if !is_authority(value.as_bytes()) {
                    return Err(ConfigError::at(&place, "`HOST` or `HOST:PORT` expected"));
                }
                changes.host = Some(value);
            } else {
                changes.set.push((name, value));
            }
        }
        for name in &spec.remove_headers {
            let place = format!("{side}.headers.remove.{name}");
            changes
                .remove
                .push(name.parse().map_err(|e| ConfigError::at(&place, e))?);
        }
        Ok(changes)
    }

    fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
    }
}

/// The target in the form that HTTP/2 wants: with scheme and authority.
pub fn absolute(scheme: &http::uri::Scheme, host: &HeaderValue, target: &PathAndQuery) -> Option<Uri> {
    Uri::builder()
        .scheme(scheme.clone())
        .authority(host.as_bytes())
        .path_and_query(target.clone())
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).expect("name"),
                value.parse().expect("value"),
            );
        }
        headers
    }

    #[test]
    fn every_connection_line_counts() {
        let mut headers = map(&[
            ("connection", "close, X-One"),
            ("connection", " x-two ,keep-alive"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("x-three", "3"),
            ("keep-alive", "5"),
            ("te", "gzip"),
            ("upgrade", "h2c"),
            ("transfer-encoding", "chunked"),
            ("proxy-connection", "keep-alive"),
        ]);
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers, map(&[("x-three", "3")]));
    }

    #[test]
    fn a_client_cannot_strip_what_gives_the_request_its_meaning() {
        let mut headers = map(&[
            ("connection", "authorization, cookie, host"),
            ("authorization", "x"),
            ("cookie", "a=1"),
            ("host", "h"),
        ]);
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers.len(), 3);
    }

    #[test]
    fn split_cookies_are_joined() {
        let mut headers = map(&[("cookie", "a=1"), ("cookie", "b=2")]);
        join_cookies(&mut headers);
        assert_eq!(headers, map(&[("cookie", "a=1; b=2")]));
    }

    #[test]
    fn tokens_are_found_in_lists() {
        let headers = map(&[("te", "gzip;q=0.5, Trailers")]);
        assert!(lists(&headers, header::TE, "trailers"));
        assert!(!lists(&headers, header::TE, "trailer"));
    }
}
