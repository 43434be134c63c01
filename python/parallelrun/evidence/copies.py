"""Why the new side gets no requests, in plain words: for `doctor` and for whoever is told unasked."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from parallelrun.config.words import number

QUIET = timedelta(minutes=5)
"""So long without a request is worth a word."""
MANY = 0.05
"""More than this share of the recent requests lost to one cause is worth a word."""
ENOUGH = 20
"""Fewer requests or pairs than this prove nothing."""

LEFT_OUT = {
    "breaker_open": ("the breaker is open", "look after the new side; copies resume when it is well"),
    "method_not_mirrored": (
        "all requests have unsafe methods, and `databases: shared` sends those to one side only",
        "give the new side a database of its own and set `databases: separate`, or send reads too",
    ),
    "route_not_mirrored": ("their routes say `mirror: false`", "take `mirror: false` away"),
    "overload": (
        "copies meet `limits.shadows` or `limits.memory`",
        "raise the limit, or find why the new side is slow",
    ),
    "not_sampled": ("`sample` leaves them out", "raise `sample`"),
    "request_too_large": ("request bodies are over `limits.body`", "raise `limits.body`"),
    "looped": ("they have gone through parallelrun before", "check that neither side's URL leads back here"),
    "upgrade": ("they are upgrades, such as WebSockets, which are not copied", "nothing: this cannot be compared"),
}
"""By the outcome that says so: why a request was not copied, and what to do."""


class Recent(Protocol):
    """What went on in the last minutes, as `activity.Recent` has it."""

    @property
    def requests(self) -> int:
        """Requests that came."""

    @property
    def new(self) -> int:
        """Those that the new side got."""

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Their outcomes."""


def unnoticed(recent: Recent) -> bool:
    """Whether enough requests came, and the new side got none of them."""
    return recent.requests >= ENOUGH and not recent.new


def why_no_copies(recent: Recent, *, weight: float, sample: float, failed: bool, url: str) -> tuple[str, str]:
    """Why the new side got none of the recent requests, and what to do.

    Args:
        recent: of which there was at least one.
        weight: the share of clients that the new side is to serve, 0 to 1.
        sample: the share of requests that are to be copied, 0 to 1.
        failed: whether a request of the new side has ever failed.
        url: where it is.
    """
    if weight == 0 and sample == 0:
        return "weight 0 and sampling 0 %", "set `sample` above 0%"
    left_out = {name: count for name, count in recent.outcomes.items() if name in LEFT_OUT}
    if left_out:
        name = max(left_out, key=left_out.__getitem__)
        what, do = LEFT_OUT[name]
        return f"{what} ({left_out[name]:,} of {number(recent.requests, 'request')})", do
    if failed:
        return "it cannot be reached", f"check that {url} is up and reachable from here"
    return "no copy was sent", "look at the ledger: `parallelrun report`"
