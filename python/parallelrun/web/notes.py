"""What a reader has to know before he believes a report: where the evidence has holes."""

from collections.abc import Iterator

from parallelrun.config.words import number, time
from parallelrun.web.report import Report, percent

FEW = 0.5
"""Less than this share compared is worth a word."""


def notes(report: Report) -> list[str]:
    """One sentence or two each, the gravest first; empty when there is nothing to say."""
    return list(_notes(report))


def _notes(report: Report) -> Iterator[str]:
    status, compared = report.status, report.compared
    if compared.of and compared.count < FEW * compared.of:
        yield f"Only {percent(compared)} of the requests were compared. What the others would have shown is unknown."
    if status.store.error:
        held = number(status.store.held, "pair")
        yield f"The store does not take evidence ({status.store.error}). Waiting in memory: {held}."
    if status.store.other_sides:
        others = status.store.other_sides
        yield (
            f"The store held evidence of other addresses already (old {others.old}, new {others.new}, since "
            f"{time(others.since)}). It is part of what is counted here."
        )
    if status.store.lost:
        lost = number(status.store.lost, "example pair")
        yield f"{lost} never reached the store. The counts are complete, but examples may be missing."
    if status.second_opinions.skipped:
        skipped = number(status.second_opinions.skipped, "pair")
        yield (
            f"{skipped} that differed could not be asked again (`limits.second_opinions`, `shadows` or `memory`): "
            "among the unconfirmed differences there may be noise."
        )
    yield from _caps(status.caps)
    yield from _missed(report)
    expired = [rule.id for rule in report.rules if rule.expired]
    if expired:
        yield f"Rules whose last day has passed hide nothing any more: {', '.join(expired)}."
    if status.config.refused:
        yield f"A newer configuration was refused and is not in force: {status.config.refused[0]}"


def _caps(caps: dict[str, int]) -> Iterator[str]:
    cut = {name: caps.get(name, 0) for name in ("depth", "nodes", "differences", "decoded") if caps.get(name)}
    if cut:
        names = ", ".join(cut)
        yield (
            f"{number(sum(cut.values()), 'comparison')} met a limit and stopped early ({names}). "
            "What was found is right, but there may be more."
        )
    if caps.get("endpoints"):
        yield "There are more endpoints than `limits.endpoints`; the rest is counted together as (other)."
    if caps.get("signatures"):
        yield "There are more different differences than are told apart; the rest is counted in the ledger only."


def _missed(report: Report) -> Iterator[str]:
    for side, found in (("old", report.status.old), ("new", report.status.new)):
        if found.missed_writes:
            yield (
                f"The {side} side missed {number(found.missed_writes, 'write')} that the other one took: "
                "their data differ since then, and answers may differ because of it."
            )
