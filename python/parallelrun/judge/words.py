"""The reasons of verdicts, for somebody who was woken up: what, where, how much, and what follows."""

import math
from collections.abc import Sequence

from parallelrun.config.rollout import Gate
from parallelrun.config.units import MILLION, format_share
from parallelrun.config.words import number, span, verb
from parallelrun.judge.look import Stable
from parallelrun.judge.verdict import Finding, Proof


def blind(why: str) -> str:
    """Of a look that nothing can be said about."""
    return f"No verdict: {why}. The weight stays where it is until there is evidence again."


def advance(proofs: Sequence[Proof], gate: Gate) -> str:
    """Of a gate that is passed."""
    proved = "; ".join(finding(each, gate) for each in proofs)
    return f"Proved at {format_share(gate.confidence)} confidence, each within its budget: {proved}."


def never(stable: Sequence[Stable]) -> str:
    """Of confirmed differences where none is tolerated."""
    first, *others = stable
    pairs = number(first.count, "pair")
    more = f" The same holds for {number(len(others), 'more difference')}." if others else ""
    return (
        f"{first.location} of {first.endpoint} differs and differed when asked again (in {pairs}); `never` tolerates "
        f"none there.{more} Signature {first.signature}."
    )


def roll_back(worst: Finding, culprits: Sequence[Finding], gate: Gate, log_e: float, *, earlier: bool) -> str:
    """Of evidence that the new version is over budget."""
    others = len({each.endpoint for each in culprits} - {worst.endpoint})
    beside = f" {number(others, 'more endpoint')} {verb(others, 'stand')} out." if others else ""
    when = "evidence as strong as at an earlier look" if earlier else "evidence as strong as this"
    return (
        f"{_where(worst)}: {finding(worst, gate)}.{beside} Were the new version within budget, chance would give "
        f"{when} {odds(log_e)}."
    )


def suspect(found: Finding, gate: Gate, more: int | None, eta_s: float | None) -> str:
    """Of an endpoint that is bad by itself, which among so many is not enough to go back."""
    if more:
        needed = f"About {number(more, 'more answer')} there{_when(eta_s)} {verb(more, 'are')} enough"
        then = f"{needed} to go back, if it goes on so"
    else:
        then = "It is not getting clearer at this rate"
    return (
        f"{_where(found)}: {finding(found, gate)}. That is strong by itself ({odds(found.log_e)} by chance), but not "
        f"yet strong enough among all endpoints. {then}."
    )


def unproved(found: Proof, gate: Gate, eta_s: float | None, endpoint: str | None) -> str:
    """Of a budget that is not proved to be kept."""
    mostly = f", mostly at {endpoint}" if endpoint else ""
    if not found.of:
        needed = f" It takes at least {number(found.more_if_clean, 'answer')}." if found.more_if_clean else ""
        return f"Nothing has been counted yet for `{found.metric}`, so nothing is proved.{needed}"
    seen = f"Not enough evidence yet: {finding(found, gate)}{mostly}."
    if found.more and found.metric == "mismatch" and found.rate is not None and found.rate * MILLION > gate.mismatch:
        # Over budget, and yet to be proved within it: what is judged is what the old version does not explain.
        seen += " The old version differs from itself as often, as far as it was asked again."
    if found.more:
        more = f"About {number(found.more, 'more answer')}{_when(eta_s)} {verb(found.more, 'prove')}"
        return f"{seen} {more} that it is within budget, if it goes on so."
    if found.more_if_clean:
        more = f"{number(found.more_if_clean, 'more answer')} {verb(found.more_if_clean, 'do')}"
        return (
            f"{seen} At this rate no number of answers proves that it is within budget; if nothing more speaks against "
            f"it, at least {more}{_when(eta_s)}."
        )
    return f"{seen} No number of answers proves that it is within budget."


def finding(found: Finding, gate: Gate) -> str:
    """What was seen of a metric, with its budget."""
    if not found.of or found.rate is None:
        return f"nothing counted for `{found.metric}`"
    of = number(found.of, "answer")
    match found.metric:
        case "mismatch":
            seen = f"{found.events:,} of {of} {verb(found.events, 'differ')}"
            budget = format_share(gate.mismatch)
        case "failures":
            more = number(abs(found.events), "more failure" if found.events > 0 else "fewer failure")
            seen = f"{more} than the old version in {of}" if found.events else f"no more failures in {of}"
            budget = format_share(gate.failures)
        case "slower":
            limit = f"{gate.slower.ratio:g} times the old version's {format_share(gate.slower.quantile)} quantile"
            seen = f"{found.events:,} of {of} {verb(found.events, 'were')} slower than {limit}"
            budget = format_share(MILLION - gate.slower.quantile)
    return f"{seen} ({percent(found.rate)}, budget {budget})"


def odds(log_e: float) -> str:
    """At most how often chance gives such an e-value."""
    if log_e > math.log(1e6):
        return "less than once in a million"
    return f"at most once in {max(1, math.floor(math.exp(log_e))):,}" if log_e > 0 else "often"


def percent(share: float) -> str:
    """`0.12%`, to three digits."""
    return f"{100 * share:.3g}%"


def _where(found: Finding) -> str:
    return found.endpoint or "All endpoints together"


def _when(eta_s: float | None) -> str:
    return "" if eta_s is None else f" (in about {span(eta_s)} at the present rate)"
