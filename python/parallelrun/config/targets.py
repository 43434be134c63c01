"""The URLs of those who are told: what is wrong with one, and what of it may be shown. Most of such a URL is secret: a
password, a token, even what stands where a host does elsewhere.
"""

import base64
import binascii
import difflib
import logging
import re
from typing import Any
from urllib.parse import unquote, urlsplit

WEBHOOKS = {"webhook+https": "https", "webhook+http": "http"}
"""The schemes of our own, and what is spoken there."""

KEY_IN_WORDS = "`whsec_` and 24 to 64 random bytes in base64"
"""What a webhook's secret looks like, in words."""

_EXPECTED = "expected an Apprise URL such as slack://... or mailto://..., or webhook+https://HOST/PATH"
_SHORT = 3
"""Parts of a URL of so many characters and fewer are left in a text: they are words such as `to`, not secrets."""


def is_webhook(url: str) -> bool:
    """Whether the target gets signed JSON from us, and not through Apprise."""
    return url.partition("://")[0].lower() in WEBHOOKS


def webhook_url(url: str) -> str:
    """Where the JSON goes.

    Raises:
        ValueError: it is no such URL.
    """
    scheme, _, rest = url.partition("://")
    plain = f"{WEBHOOKS[scheme.lower()]}://{rest}"
    try:
        parts = urlsplit(plain)
        known = parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or "#" in plain or plain.split() != [plain]:
        raise ValueError("expected webhook+https://HOST/PATH, with or without a port")
    return plain


def webhook_key(secret: str) -> bytes:
    """The bytes that a webhook's messages are signed with.

    Raises:
        ValueError: the secret is not as it should be.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError(f"expected {KEY_IN_WORDS}: echo whsec_$(openssl rand -base64 32)")
    return key


def check_target(url: str) -> None:
    """Makes sure that somebody can be told by this URL.

    Raises:
        ValueError: why not, without any secret of it.
    """
    if is_webhook(url):
        webhook_url(url)
    else:
        service(url)


def service(url: str) -> Any:
    """The `apprise.NotifyBase` of an Apprise URL. Imports Apprise, which takes a third of a second.

    Raises:
        ValueError: Apprise does not know it, or it lacks something; without any secret of it.
    """
    import apprise  # noqa: PLC0415
    from apprise.manager_plugins import NotificationManager  # noqa: PLC0415

    # What it logs may hold secrets, and what matters of it is in its exceptions and results.
    logger = logging.getLogger("apprise")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    scheme, separator, _ = url.partition("://")
    known: Any = NotificationManager()  # type: ignore[no-untyped-call]
    if not separator or not scheme:
        raise ValueError(_EXPECTED)
    if scheme.lower() not in known and scheme.lower() not in ("http", "https"):
        near = difflib.get_close_matches(scheme.lower(), [*known.schemas(), *WEBHOOKS], n=1, cutoff=0.6)
        hint = f"; did you mean {near[0]}://?" if near else f"; {_EXPECTED}"
        raise ValueError(f"unknown scheme {scheme[:20]}://{hint}")
    try:
        asset = apprise.AppriseAsset(app_id="parallelrun", app_desc="parallelrun", app_url="")
        found = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{scheme}://: Apprise says: {scrubbed(str(error), url).rstrip(' :')}") from None
    if found is None:
        unknown = "no service that Apprise knows" if scheme in ("http", "https") else "the host or a part is missing"
        raise ValueError(f"{scheme}://: {unknown}; {_EXPECTED}")
    return found


def shown(url: str) -> str:
    """What of a valid URL may be shown: its scheme, and its host where that is one."""
    scheme = url.partition("://")[0].lower()
    if is_webhook(url):
        parts = urlsplit(webhook_url(url))
        return f"{scheme}://{parts.hostname}"
    found = service(url)
    if scheme in ("http", "https"):  # a service's own URL, which Apprise has recognised
        protocol = found.secure_protocol or found.protocol
        scheme = protocol if isinstance(protocol, str) else protocol[0]
    # Where a service knows URLs without a host, a token or a topic may stand in its place.
    host = found.host if all("{host}" in template for template in found.templates) else ""
    return f"{scheme}://{host or ''}"


def scrubbed(text: str, url: str) -> str:
    """The text in one line without any part of the URL but its scheme and what may be shown."""
    scheme, _, rest = url.partition("://")
    parts = {part for raw in re.split(r"[/@:?&=#,;\s]+", rest) for part in (raw, unquote(raw))}
    kept = urlsplit(f"x://{rest}").hostname if is_webhook(url) else None
    for part in sorted(parts - {kept, scheme}, key=len, reverse=True):
        if len(part) > _SHORT:
            text = text.replace(part, "…")
    return " ".join(text.split())[:300]
