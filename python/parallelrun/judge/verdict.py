"""What the judge says."""

from typing import Literal

from pydantic import Field

from parallelrun.judge.look import Counted

Kind = Literal["advance", "hold", "roll_back", "blind"]
MetricName = Literal["mismatch", "failures", "slower"]
METRICS: tuple[MetricName, ...] = ("mismatch", "failures", "slower")


class Finding(Counted):
    """What the evidence says about one metric, at one endpoint or at all together. E-values are natural logarithms."""

    metric: MetricName
    endpoint: str | None = None
    """None: all endpoints together."""
    events: int
    """Net of the old side's: mismatches, failures beyond the old side's, slow answers beyond the old side's."""
    of: int
    """Answers of the new side that they were seen in."""
    rate: float | None = None
    """The share that is held against the budget; None without evidence."""
    log_e: float
    """Against "within budget": how strongly it speaks for going back."""


class Proof(Finding):
    """A metric over all endpoints, with what is proved and what is still needed."""

    budget: float
    """The rate below which it has to be."""
    log_e_within: float
    """Against "over budget": how strongly it speaks for going on."""
    proved: bool
    more: int | None = Field(default=None, ge=1)
    """How many more answers prove it, if things go on as they are; None if it is proved or would not be."""
    more_if_clean: int | None = Field(default=None, ge=1)
    """How many more prove it if none of them speaks against it; None if it is proved, or no number does."""


class Verdict(Counted):
    """One of four, with its reason."""

    kind: Kind
    reason: str
    """For somebody who was woken up: what, where, how much, and what follows."""
    threshold: float = 0.0
    """What a logarithm of an e-value has to reach: ln(1 / (1 - confidence))."""
    log_e: float = 0.0
    """All that speaks for going back, in one."""
    log_e_peak: float = 0.0
    """The highest that this has been since counting began: once it has reached the threshold it is proved."""
    proofs: tuple[Proof, ...] = ()
    """One for each metric of the gate."""
    culprits: tuple[Finding, ...] = ()
    """The endpoints that stand out, the worst first; at a false-discovery rate of 1 - confidence."""
    more_requests: int | None = None
    """Of a `hold`: how many more compared requests are needed at least; None if no number is enough."""
    endpoint: str | None = None
    """Where they are needed; None: anywhere."""
    eta_s: float | None = None
    """In how many seconds, at the present rate; None if unknown."""
    back_s: float | None = None
    """Of a `hold` that the present rates prove never: in how many seconds they are enough to go back; None if they are
    not, either, or if that is unknown."""
