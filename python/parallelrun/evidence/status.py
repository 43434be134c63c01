"""What a difference is, judged from its counts: a pure function. The reasoning is in docs/explanation/noise.md."""

from dataclasses import dataclass, fields
from math import exp, lgamma, log, log1p
from typing import Literal

Status = Literal["open", "noise", "race", "ignored"]

EVIDENCE_NEEDED = 20.0
"""How many times better than "noise" the other explanation must fit: at most 1 pure noise in 20 ever gets there."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""RFC 9110, 9.2.1: asking again changes nothing, so a difference can be confirmed."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How many pairs showed a difference, by what asking again said about it. Each is 0 or more."""

    confirmed: int = 0
    unconfirmed: int = 0
    noise: int = 0
    race: int = 0
    ignored: int = 0

    def __add__(self, other: "Verdicts") -> "Verdicts":
        return Verdicts(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def total(self) -> int:
        """All pairs that showed it, whatever the verdict."""
        return self.shown + self.ignored

    @property
    def shown(self) -> int:
        """The pairs in which no rule hid it."""
        return self.confirmed + self.unconfirmed + self.noise + self.race


def repeatable(endpoint: str) -> bool:
    """Whether a request of this endpoint may be asked again. False for `(other)`, whose methods are mixed."""
    return endpoint.partition(" ")[0] in SAFE_METHODS


def evidence_against_noise(confirmed: int, noise: int) -> float:
    """How many times better "new differs more often than old from itself" explains the counts than "it is only noise".

    When old, old asked again and new are alike, then among the pairs where new differs from old at most half have the
    two old answers agree. Against that half stands any greater share, all of (1/2, 1) weighted equally. The result is
    an e-value: over pure noise the chance that it *ever* reaches 20 is at most 1 in 20, however often and whenever one
    looks. (A binomial test at 5 % would be right for a single look only.) 1.0 when both counts are 0; infinite where a
    float cannot hold it.
    """
    n = confirmed + noise
    # ln of 2^(n+1) B(c+1, m+1) P(Beta(c+1, m+1) > 1/2); that probability is P(Binomial(n+1, 1/2) <= c).
    log_beta = lgamma(confirmed + 1) + lgamma(noise + 1) - lgamma(n + 2)
    log_e = (n + 1) * log(2) + log_beta + _log_at_most(confirmed, n + 1)
    return exp(log_e) if log_e < 700 else float("inf")


def _log_at_most(k: int, n: int) -> float:
    """ln P(Binomial(n, 1/2) <= k), for 0 <= k < n."""
    if 2 * k >= n:
        return log1p(-exp(_log_at_most(n - k - 1, n)))  # the two tails mirror each other
    # Downwards from k the terms shrink faster and faster; the sum is over when a term no longer counts.
    ratio, total = 1.0, 1.0
    for i in range(k, 0, -1):
        ratio *= i / (n - i + 1)
        total += ratio
        if ratio < total * 1e-17:
            break
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2) + log(total)


def status(verdicts: Verdicts, *, repeatable: bool, hidden: bool = False) -> Status:
    """The status of a difference.

    Args:
        verdicts: its counts, at least one of which is above 0.
        repeatable: whether requests of its endpoint can be asked again.
        hidden: whether rules that are in force still have hidden it each time since they came.
    """
    if hidden or verdicts.shown == 0:
        return "ignored"
    if verdicts.confirmed and (
        not verdicts.noise or evidence_against_noise(verdicts.confirmed, verdicts.noise) >= EVIDENCE_NEEDED
    ):
        return "open"
    if verdicts.noise:
        return "noise"
    if verdicts.unconfirmed and not repeatable:
        return "open"
    return "race" if verdicts.race else "open"
