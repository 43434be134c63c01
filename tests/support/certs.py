"""A certificate authority of the test run and contexts made from it."""

import ssl
from functools import cache
from pathlib import Path

import trustme


@cache
def authority() -> trustme.CA:
    """The one authority of this process."""
    return trustme.CA()


@cache
def _leaf() -> trustme.LeafCert:
    return authority().issue_cert("localhost", "127.0.0.1")


def ca_pem() -> str:
    """The authority's certificate, for a side's `ca`."""
    return authority().cert_pem.bytes().decode()


def server_context(*alpn: str) -> ssl.SSLContext:
    """A server context for localhost and 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _leaf().configure_cert(context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def client_context(*alpn: str) -> ssl.SSLContext:
    """A client context that trusts the authority and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def write_pair(directory: Path) -> tuple[Path, Path]:
    """Writes a certificate chain and its key for a TLS listener; returns their paths."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    cert.write_bytes(b"".join(pem.bytes() for pem in _leaf().cert_chain_pems))
    key.write_bytes(_leaf().private_key_pem.bytes())
    return cert, key
