"""The ledger's outcomes, in groups and in plain words. A request ends in exactly one of them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

COMPARED = ("match", "ignored", "noise", "race", "mismatch")
"""Both answers came and were compared."""

ALIKE = ("match", "ignored", "noise", "race")
"""Of them, those that say nothing against the new version: what differs is hidden by a rule, or explained."""

FAILED = ("old_failed", "new_failed", "both_failed")
"""A side gave no answer, so there was nothing to compare. A failure, not a difference: the two are judged apart."""

NOT_COMPARED: Mapping[str, str] = MappingProxyType(
    {
        "not_sampled": "left out by `sample`",
        "method_not_mirrored": "unsafe method: with shared databases it goes to one side only",
        "route_not_mirrored": "a route that is not to be copied",
        "request_too_large": "request body over `limits.body`",
        "response_too_large": "answer over `limits.body`",
        "streaming": "an endless stream, such as server-sent events",
        "upgrade": "a WebSocket or other upgrade, passed whole to one side",
        "client_gone": "the client left before its answer was whole, or was answered before its request was",
        "overload": "too many copies under way or too much memory in use (`limits.shadows`, `limits.memory`)",
        "breaker_open": "copies to the new side withheld while it is unhealthy",
        "looped": "had already gone through parallelrun",
    }
)
"""No copy was sent, or its answer could not be compared: each name with the reason for people."""

ALL = (*COMPARED, *FAILED, *NOT_COMPARED)


def ended_in(outcomes: Mapping[str, int], names: Iterable[str]) -> int:
    """How many requests ended in one of these outcomes."""
    return sum(outcomes.get(name, 0) for name in names)
