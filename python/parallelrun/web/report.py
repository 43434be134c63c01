"""The report: what is known at a moment, put in order for people and for a build that wants a yes or a no."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

from parallelrun.api.models import Difference, Endpoint, Endpoints, Ledger, Pair, Rate
from parallelrun.api.rollout import Rollout
from parallelrun.api.rules import Rule, Rules
from parallelrun.api.status import Status
from parallelrun.api.views import rate
from parallelrun.config.words import number
from parallelrun.evidence.outcomes import ALIKE, COMPARED, FAILED, NOT_COMPARED, ended_in

PAIRS = 100
"""So many open differences are shown with their example in full."""

Verdict = Literal["differs", "fails", "agrees", "nothing compared"]
_TITLES: dict[Verdict, str] = {
    "differs": "The new version answers differently",
    "fails": "The new version fails where the old one answers",
    "agrees": "The new version answers alike",
    "nothing compared": "Nothing was compared",
}


class Uncompared(BaseModel):
    """Requests that were not compared, for one reason; `why` says it in words."""

    outcome: str
    count: int
    share: float
    why: str


class Report(BaseModel):
    """Everything, the most important first. `verdict` is `differs` if something open differs; else `fails` if the new
    side failed where the old one did not; else `agrees` if something was compared.
    """

    made_at: datetime
    verdict: Verdict
    headline: str
    status: Status
    ledger: Ledger
    compared: Rate
    alike: Rate
    """Of what was compared: it matches, or differs only by noise, by a race or where a rule says so."""
    match: Rate
    mismatch: Rate
    open: list[Difference]
    races: list[Difference]
    noise: list[Difference]
    ignored: list[Difference]
    failing: list[Endpoint]
    """Endpoints at which the new side gave no answer though the old one did."""
    endpoints: list[Endpoint]
    not_compared: list[Uncompared]
    rules: list[Rule]
    rollout: Rollout | None
    """Where it stands and what it did; None where there has never been one."""
    pairs: dict[str, Pair] = Field(default_factory=dict, exclude=True)
    """Examples by id, for the forms that show both answers."""

    @property
    def title(self) -> str:
        """The verdict in words."""
        if self.verdict == "fails" and not self.compared.count:
            return "The new version does not answer"
        return _TITLES[self.verdict]

    @property
    def agrees(self) -> bool:
        """Whether a build may go on."""
        return self.verdict == "agrees"


def wanted_pairs(differences: list[Difference]) -> list[str]:
    """The ids of the examples that a report shows in full."""
    names = (one.pair_id for one in differences if one.status == "open" and one.pair_id)
    return list(dict.fromkeys(names))[:PAIRS]


def build(
    *,
    status: Status,
    ledger: Ledger,
    endpoints: Endpoints,
    differences: list[Difference],
    rules: Rules,
    rollout: Rollout,
    pairs: list[Pair],
) -> Report:
    """The report over what the API said; `differences` in their order of importance."""
    both = ended_in(ledger.outcomes, COMPARED)
    done = sum(ledger.outcomes.values())
    kinds = {kind: [one for one in differences if one.status == kind] for kind in ("open", "race", "noise", "ignored")}
    failing = [one for one in endpoints.items if one.new_failed.count]
    verdict = _verdict(both, len(kinds["open"]), len(failing))
    return Report(
        made_at=datetime.now(UTC),
        verdict=verdict,
        headline=_headline(kinds["open"], failing, ledger.outcomes),
        status=status,
        ledger=ledger,
        compared=rate(both, done),
        alike=rate(ended_in(ledger.outcomes, ALIKE), both),
        match=rate(ledger.outcomes.get("match", 0), both),
        mismatch=rate(ledger.outcomes.get("mismatch", 0), both),
        open=kinds["open"],
        races=kinds["race"],
        noise=kinds["noise"],
        ignored=kinds["ignored"],
        failing=sorted(failing, key=lambda one: (-(one.new_failed.share or 0), one.endpoint)),
        endpoints=endpoints.items,
        not_compared=_uncompared(ledger, done),
        rules=rules.items,
        rollout=rollout if rollout.history else None,
        pairs={pair.id: pair for pair in pairs},
    )


def _verdict(both: int, differing: int, failing: int) -> Verdict:
    if differing:
        return "differs"
    if failing:
        return "fails"
    return "agrees" if both else "nothing compared"


def _headline(differing: list[Difference], failing: list[Endpoint], outcomes: Mapping[str, int]) -> str:
    both, done = ended_in(outcomes, COMPARED), sum(outcomes.values())
    sentences = []
    if differing:
        at = len({one.endpoint for one in differing})
        sentences.append(f"{number(len(differing), 'open difference')} at {number(at, 'endpoint')}.")
    elif both:
        sentences.append("No open difference.")
    if failing:
        failed = sum(one.new_failed.count for one in failing)
        asked = number(both + failed, "request")
        sentences.append(f"The new side gave no answer to {failed:,} of {asked} that the old side answered.")
    if both:
        sentences.append(f"{compared(outcomes)} ({number(done, 'request')}{made_of(outcomes)}).")
    elif done:
        sentences.append(f"Nothing was compared, of {number(done, 'request')}.")
    else:
        sentences.append("There has been no request yet.")
    return " ".join(sentences)


def compared(outcomes: Mapping[str, int]) -> str:
    """`97.2 % alike of 61 % compared`: the one number never stands without the other."""
    both, done = ended_in(outcomes, COMPARED), sum(outcomes.values())
    if not done:
        return "no requests yet"
    if not both:
        return "nothing compared"
    return f"{share(ended_in(outcomes, ALIKE), both)} alike of {share(both, done)} compared"


def made_of(outcomes: Mapping[str, int]) -> str:
    """`; alike: 0 match, 20 noise`, by the ledger's names; empty where all that is alike is `match`."""
    alike = {name: outcomes.get(name, 0) for name in ALIKE}
    if sum(alike.values()) == alike["match"]:
        return ""
    return f"; alike: {', '.join(f'{count:,} {name}' for name, count in alike.items() if count or name == 'match')}"


def _uncompared(ledger: Ledger, done: int) -> list[Uncompared]:
    failed = {
        "old_failed": "the old side gave no answer",
        "new_failed": "the new side gave no answer",
        "both_failed": "neither side gave an answer",
    }
    reasons = {name: failed.get(name) or NOT_COMPARED[name] for name in (*FAILED, *NOT_COMPARED)}
    found = [
        Uncompared(outcome=name, count=count, share=count / done, why=why)
        for name, why in reasons.items()
        if (count := ledger.outcomes.get(name, 0))
    ]
    return sorted(found, key=lambda one: -one.count)


def percent(rate: Rate) -> str:
    """A share in percent, cut and not rounded: only all is 100 %, only nothing 0 %."""
    return share(rate.count, rate.of)


def share(count: int, of: int) -> str:
    """`count` of `of` in percent, as `percent`."""
    if not of:
        return "n/a"
    tenths = 1000 * count // of
    if count and not tenths:
        return "<0.1 %"
    return f"{tenths / 10:g} %"


def interval(rate: Rate) -> str:
    """`2.1 to 6.3 %`, the 95 % interval."""
    if not rate.of:
        return "n/a"
    return f"{100 * rate.low:.2g} to {100 * rate.high:.3g} %"
