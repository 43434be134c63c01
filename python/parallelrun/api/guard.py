"""Who may ask: a token where one is needed, and no page of another site by way of the user's browser."""

import ipaddress
import secrets

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from parallelrun.api.engine import Engine
from parallelrun.api.problems import problem

PROBES = frozenset({"/healthz", "/readyz"})
"""Open to everybody: a prober has no token, and they tell nothing."""

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """On loopback reading is open, since who reaches it is on the machine already; but the name that the caller used
    must be the machine's own, else a web page could have its name point here (DNS rebinding) and read through the
    user's browser. Elsewhere everything but the probes needs the token. Changing anything needs it wherever one is set,
    and never works for a page of another site.
    """

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self._app = app
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
            if refusal:
                status, detail = refusal
                headers = {"www-authenticate": 'Bearer realm="parallelrun"'} if status == 401 else None
                await problem(status, detail, headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str] | None:
        local = self._engine.admin_address.loopback
        if local and not is_local_name(headers.get("host", "")):
            return 403, "The Host header names another machine. Ask for 127.0.0.1, [::1] or localhost."
        if path in PROBES:
            return None
        reads = method in _READS
        if not reads and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "A page of another site may not change anything here."
        if reads and local:
            return None
        return self._without_token(headers, needed=not local)

    def _without_token(self, headers: Headers, *, needed: bool) -> tuple[int, str] | None:
        token = self._engine.config.admin.token
        if token is None:  # elsewhere than on loopback it does not even start without one
            return (403, "This address needs `admin.token` to be set.") if needed else None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        right = secrets.compare_digest(given.strip().encode("latin-1"), token.get_secret_value().encode())
        if scheme.lower() == "bearer" and right:
            return None
        return 401, "This needs `Authorization: Bearer TOKEN` with the token of `admin.token`."


def is_local_name(host: str) -> bool:
    """Whether a Host header, with or without a port, names the machine itself."""
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
