"""The stable id of a difference: alerts, rules and counts hang on it."""

import hashlib


def signature(endpoint: str, location: str, kind: str) -> str:
    """The first 12 hex digits of SHA-256 over the three, each ended by a zero byte (so that no two triples read the
    same).

    It depends on nothing else: the same difference has the same signature after a restart, in another store and on
    another machine.
    """
    text = "".join(f"{part}\0" for part in (endpoint, location, kind))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
