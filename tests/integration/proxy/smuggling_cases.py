"""Requests that two HTTP/1.1 parsers may read differently: the battery of test_smuggling.py, and seeds of the fuzzer.

Each case says what a proxy may do with it: `refused`, `forwarded` (as the request given), or `either`. `SMUGGLED` is
where a second request would hide.
"""

from dataclasses import dataclass
from typing import Literal

Want = Literal["refused", "forwarded", "either"]

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n"
HOST = b"Host: shop.example\r\n"


@dataclass(frozen=True)
class Case:
    """Bytes of a client and the one request that they may be taken for."""

    raw: bytes
    want: Want
    target: str = "/a"
    body: bytes = b""
    method: str = "POST"


def _post(fields: bytes, body: bytes = b"hello") -> bytes:
    return b"POST /a HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


def _get(fields: bytes) -> bytes:
    return b"GET /a HTTP/1.1\r\n" + HOST + fields + b"\r\n"


def _length(value: bytes, want: Want) -> Case:
    return Case(_post(b"Content-Length: " + value + b"\r\n"), want, body=b"hello")


CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def _coding(line: bytes, want: Want) -> Case:
    """A Transfer-Encoding line; where it is forwarded at all, then as chunked."""
    return Case(_post(line + b"\r\n", CHUNKS + SMUGGLED if want == "refused" else CHUNKS), want, body=b"hello")


def _chunks(body: bytes, want: Want = "refused") -> Case:
    return Case(_post(b"Transfer-Encoding: chunked\r\n", body), want, body=b"hello")


def _line(line: bytes, want: Want, target: str = "/a", method: str = "GET") -> Case:
    return Case(line + b"\r\n" + HOST + b"\r\n", want, target, method=method)


def _field(field: bytes, want: Want = "refused") -> Case:
    return Case(_get(field), want, method="GET")


def _hosts(fields: bytes, want: Want = "refused", target: bytes = b"/a") -> Case:
    return Case(b"GET " + target + b" HTTP/1.1\r\n" + fields + b"\r\n", want, method="GET")


CL5, CL6, TE = b"Content-Length: 5\r\n", b"Content-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n"

CASES: dict[str, Case] = {
    # Two framings at once. RFC 9112 lets a server refuse, or obey Transfer-Encoding and close.
    "CL then TE": Case(_post(CL5 + TE, b"0\r\n\r\n" + SMUGGLED), "either"),
    "TE then CL": Case(_post(TE + b"Content-Length: 100\r\n", b"0\r\n\r\n" + SMUGGLED), "either"),
    "TE.CL": Case(_post(b"Content-Length: 4\r\n" + TE, b"5\r\nhello\r\n0\r\n\r\n"), "either", body=b"hello"),
    "CL0 then TE": Case(_post(b"Content-Length: 0\r\n" + TE, CHUNKS), "either", body=b"hello"),
    "CL and TE on GET": Case(_get(b"Content-Length: 5\r\n" + TE) + b"0\r\n\r\n" + SMUGGLED, "either", method="GET"),
    "CL and TE named in Connection": Case(
        _post(b"Connection: content-length, transfer-encoding\r\n" + CL5 + TE, b"0\r\n\r\n" + SMUGGLED), "either"
    ),
    # Content-Length.
    "CL twice the same": Case(_post(CL5 + CL5), "either", body=b"hello"),
    "CL twice, different": Case(_post(CL5 + CL6, b"hello!" + SMUGGLED), "refused"),
    "CL twice, larger first": Case(_post(CL6 + CL5, b"hello!" + SMUGGLED), "refused"),
    "CL twice, one empty": Case(_post(CL5 + b"Content-Length:\r\n"), "refused"),
    "CL list the same": _length(b"5, 5", "either"),
    "CL list different": _length(b"5, 6", "refused"),
    "CL list with nothing": _length(b"5,", "refused"),
    "CL empty": _length(b"", "refused"),
    "CL plus": _length(b"+5", "refused"),
    "CL minus": _length(b"-5", "refused"),
    "CL minus zero": _length(b"-0", "refused"),
    "CL hex": _length(b"0x5", "refused"),
    "CL letters after": _length(b"5a", "refused"),
    "CL a space inside": _length(b"1 5", "refused"),
    "CL a fraction": _length(b"5.0", "refused"),
    "CL an underscore": _length(b"1_5", "refused"),
    "CL a parameter": _length(b"5;a=b", "refused"),
    "CL quoted": _length(b'"5"', "refused"),
    "CL other digits": _length(b"\xef\xbc\x95", "refused"),
    "CL vertical tab": _length(b"\x0b5", "refused"),
    "CL form feed": _length(b"5\x0c", "refused"),
    "CL NUL": _length(b"5\x00", "refused"),
    "CL past 64 bits": _length(b"18446744073709551621", "refused"),
    "CL far past 64 bits": _length(b"9" * 40, "refused"),
    "CL leading zeros": _length(b"0000005", "either"),
    "CL space after": _length(b"5 ", "either"),
    "CL tab before": _length(b"\t5", "either"),
    "CL space before colon": Case(_post(b"Content-Length : 5\r\n", b"hello" + SMUGGLED), "refused"),
    "CL tab before colon": Case(_post(b"Content-Length\t: 5\r\n", b"hello" + SMUGGLED), "refused"),
    "CL after a space": Case(_post(b" Content-Length: 5\r\n", b"hello" + SMUGGLED), "refused"),
    "CL with NUL in name": Case(_post(b"Content-Length\x00: 5\r\n", b"hello" + SMUGGLED), "refused"),
    "CL folded": Case(_post(b"Content-Length:\r\n 5\r\n", b"hello" + SMUGGLED), "refused"),
    # Transfer-Encoding.
    "TE upper case": _coding(b"Transfer-Encoding: CHUNKED", "forwarded"),
    "TE identity": _coding(b"Transfer-Encoding: identity", "refused"),
    "TE unknown": _coding(b"Transfer-Encoding: xchunked", "refused"),
    "TE chunked then x": _coding(b"Transfer-Encoding: chunkedx", "refused"),
    "TE chunked, identity": _coding(b"Transfer-Encoding: chunked, identity", "refused"),
    "TE identity, chunked": _coding(b"Transfer-Encoding: identity, chunked", "refused"),
    "TE gzip, chunked": _coding(b"Transfer-Encoding: gzip, chunked", "refused"),
    "TE gzip": _coding(b"Transfer-Encoding: gzip", "refused"),
    "TE chunked, chunked": _coding(b"Transfer-Encoding: chunked, chunked", "refused"),
    "TE comma after": _coding(b"Transfer-Encoding: chunked,", "refused"),
    "TE comma before": _coding(b"Transfer-Encoding: ,chunked", "refused"),
    "TE parameter": _coding(b"Transfer-Encoding: chunked;q=1", "refused"),
    "TE quoted": _coding(b'Transfer-Encoding: "chunked"', "refused"),
    "TE empty": _coding(b"Transfer-Encoding:", "refused"),
    "TE twice": _coding(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "refused"),
    "TE chunked then identity": _coding(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "refused"),
    "TE identity then chunked": _coding(b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "refused"),
    "TE folded": _coding(b"Transfer-Encoding:\r\n chunked", "refused"),
    "TE folded with a tab": _coding(b"Transfer-Encoding: x\r\n\tchunked", "refused"),
    "TE tab before": _coding(b"Transfer-Encoding:\tchunked", "either"),
    "TE tab after": _coding(b"Transfer-Encoding: chunked\t", "either"),
    "TE vertical tab": _coding(b"Transfer-Encoding:\x0bchunked", "refused"),
    "TE form feed": _coding(b"Transfer-Encoding: \x0cchunked", "refused"),
    "TE NUL": _coding(b"Transfer-Encoding: chunked\x00", "refused"),
    "TE bare CR": _coding(b"Transfer-Encoding: chunked\rx", "refused"),
    "TE space before colon": _coding(b"Transfer-Encoding : chunked", "refused"),
    "TE after a space": _coding(b" Transfer-Encoding: chunked", "refused"),
    "TE behind a bare LF": _coding(b"X: a\nTransfer-Encoding: chunked", "either"),
    "TE behind a bare CR": _coding(b"X: a\rTransfer-Encoding: chunked", "refused"),
    "TE in 1.0": Case(b"POST /a HTTP/1.0\r\n" + HOST + TE + b"\r\n" + CHUNKS + SMUGGLED, "refused"),
    "TE in 1.0, keep alive": Case(
        b"POST /a HTTP/1.0\r\n" + HOST + b"Connection: keep-alive\r\n" + TE + CL5 + b"\r\n" + CHUNKS + SMUGGLED,
        "refused",
    ),
    "TE on GET": Case(_get(TE) + CHUNKS, "either", body=b"hello", method="GET"),
    "CL on GET": Case(_get(CL5) + b"hello", "either", body=b"hello", method="GET"),
    # Chunks.
    "chunk size 0x": _chunks(b"0x5\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size plus": _chunks(b"+5\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size minus": _chunks(b"-5\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size empty": _chunks(b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size after a space": _chunks(b" 5\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size before a space": _chunks(b"5 \r\nhello\r\n0\r\n\r\n", "either"),
    "chunk size with garbage": _chunks(b"5 x\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size with letters": _chunks(b"5g\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size underscore": _chunks(b"0_5\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size NUL": _chunks(b"5\x00\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size past 64 bits": _chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size far past 64 bits": _chunks(b"f" * 100 + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size leading zeros": _chunks(b"00000005\r\nhello\r\n0\r\n\r\n", "either"),
    "chunk size very many zeros": _chunks(b"0" * 1000 + b"5\r\nhello\r\n0\r\n\r\n", "either"),
    "chunk extension": _chunks(b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n', "either"),
    "chunk extension with bare LF": _chunks(b"5;a\nb\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk extension with bare CR": _chunks(b"5;a\rb\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk extension endless": _chunks(b"5;" + b"a" * 100_000 + b"\r\nhello\r\n0\r\n\r\n"),
    "chunk header ends in LF": _chunks(b"5\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk header ends in CR": _chunks(b"5\rhello\r\n0\r\n\r\n" + SMUGGLED),
    "chunk data without CRLF": _chunks(b"5\r\nhello0\r\n\r\n" + SMUGGLED),
    "chunk data ends in LF": _chunks(b"5\r\nhello\n0\r\n\r\n" + SMUGGLED),
    "chunk data ends in CR": _chunks(b"5\r\nhello\r0\r\n\r\n" + SMUGGLED),
    "chunk data too long": _chunks(b"5\r\nhello!\r\n0\r\n\r\n" + SMUGGLED),
    "chunk data too short": _chunks(b"6\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    "last chunk ends in LF": _chunks(b"5\r\nhello\r\n0\n\n" + SMUGGLED),
    "trailer without colon": _chunks(b"5\r\nhello\r\n0\r\nX\r\n\r\n" + SMUGGLED, "either"),
    "trailer folded": _chunks(b"5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n" + SMUGGLED, "either"),
    "trailer with bare LF": _chunks(b"5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n", "either"),
    "trailer with framing": _chunks(b"5\r\nhello\r\n0\r\nContent-Length: 50\r\nTransfer-Encoding: x\r\n\r\n", "either"),
    # Lines and fields.
    "bare LF lines": Case(b"GET /a HTTP/1.1\nHost: shop.example\n\n", "either", method="GET"),
    "bare LF in a value": _field(b"X: a\nY: b\r\n", "either"),
    "bare CR in a value": _field(b"X: a\rY: b\r\n"),
    "CR CR LF": _field(b"X: a\r\r\n"),
    "NUL in a value": _field(b"X: a\x00b\r\n"),
    "control in a value": _field(b"X: a\x01b\r\n"),
    "DEL in a value": _field(b"X: a\x7fb\r\n"),
    "NUL in a name": _field(b"X\x00: a\r\n"),
    "folded value": _field(b"X: a\r\n b\r\n"),
    "folded with a tab": _field(b"X: a\r\n\tb\r\n"),
    "folded first field": Case(b"GET /a HTTP/1.1\r\n " + HOST + b"\r\n", "refused", method="GET"),
    "space before colon": _field(b"X : a\r\n"),
    "empty name": _field(b": a\r\n"),
    "no colon": _field(b"X\r\n"),
    "name with parentheses": _field(b"X(): a\r\n"),
    "name with obs-text": _field(b"X\xe9: a\r\n"),
    "name with a space": _field(b"X Y: a\r\n"),
    # Request lines.
    "empty line before": Case(b"\r\n" + _get(b""), "either", method="GET"),
    "LF before": Case(b"\n" + _get(b""), "either", method="GET"),
    "space before": Case(b" " + _get(b""), "refused", method="GET"),
    "NUL before": Case(b"\x00" + _get(b""), "refused", method="GET"),
    "space in the target": _line(b"GET /a HTTP/1.1 /b HTTP/1.1", "refused"),
    "space at the end of the target": _line(b"GET /a  HTTP/1.1", "refused"),
    "tab in the target": _line(b"GET /a\tb HTTP/1.1", "refused"),
    "tabs between": _line(b"GET\t/a\tHTTP/1.1", "refused"),
    "CR in the target": _line(b"GET /a\rb HTTP/1.1", "refused"),
    "NUL in the target": _line(b"GET /a\x00b HTTP/1.1", "refused"),
    "DEL in the target": _line(b"GET /a\x7fb HTTP/1.1", "refused"),
    "fragment": _line(b"GET /a#b HTTP/1.1", "either"),
    "no target": _line(b"GET HTTP/1.1", "refused"),
    "no version": _line(b"GET /a", "refused"),
    "version 0.9": _line(b"GET /a HTTP/0.9", "refused"),
    "version 1.2": _line(b"GET /a HTTP/1.2", "refused"),
    "version 2.0": _line(b"GET /a HTTP/2.0", "refused"),
    "version 11": _line(b"GET /a HTTP/11", "refused"),
    "version in lower case": _line(b"GET /a http/1.1", "refused"),
    "space after the version": _line(b"GET /a HTTP/1.1 ", "refused"),
    "method with a bracket": _line(b"G(T /a HTTP/1.1", "refused"),
    "lower case method": _line(b"get /a HTTP/1.1", "either", method="get"),
    "CONNECT": Case(
        b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n", "refused", method="CONNECT"
    ),
    "CONNECT with a path": _line(b"CONNECT /a HTTP/1.1", "refused", method="CONNECT"),
    "TRACE": _line(b"TRACE /a HTTP/1.1", "refused", method="TRACE"),
    "asterisk with OPTIONS": _line(b"OPTIONS * HTTP/1.1", "forwarded", "*", "OPTIONS"),
    "asterisk with GET": _line(b"GET * HTTP/1.1", "refused", "*"),
    "asterisk and more": _line(b"OPTIONS */a HTTP/1.1", "refused", method="OPTIONS"),
    "target without a slash": _line(b"GET a HTTP/1.1", "refused"),
    "target is an authority": _line(b"GET shop.example:80 HTTP/1.1", "refused"),
    "target starts with at": _line(b"GET @evil.example/a HTTP/1.1", "refused"),
    "absolute-form": _line(b"GET http://shop.example/a HTTP/1.1", "forwarded"),
    "absolute-form, other Host": _line(b"GET http://evil.example/a HTTP/1.1", "refused"),
    "absolute-form, user": _line(b"GET http://u@shop.example/a HTTP/1.1", "refused"),
    "absolute-form, other scheme": _line(b"GET ftp://shop.example/a HTTP/1.1", "refused"),
    # Host.
    "no Host": _hosts(b""),
    "two Hosts": _hosts(HOST + b"Host: evil.example\r\n"),
    "two equal Hosts": _hosts(HOST + HOST),
    "empty Host": _hosts(b"Host:\r\n"),
    "Host with a path": _hosts(b"Host: shop.example/x\r\n"),
    "Host with a user": _hosts(b"Host: u@shop.example\r\n"),
    "Host list": _hosts(b"Host: shop.example, evil.example\r\n"),
    "Host with a space": _hosts(b"Host: shop.example evil.example\r\n"),
    "Host with a bad port": _hosts(b"Host: shop.example:80x\r\n"),
    "Host space before colon": _hosts(b"Host : shop.example\r\n"),
    "no Host in 1.0": Case(b"GET /a HTTP/1.0\r\n\r\n", "either", method="GET"),
    # Not HTTP/1 at all.
    "TLS to a plain port": Case(bytes.fromhex("16030100a5010000a10303") + b"\x00" * 160, "refused"),
    "half an HTTP/2 preface": Case(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + SMUGGLED, "refused", method="PRI"),
    "garbage": Case(b"\xff\xfe\xfd" * 20 + b"\r\n\r\n", "refused"),
}
