"""One look at a running engine, as plain values, and how it is drawn on a terminal."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from parallelrun.cli.words import clean, milliseconds
from parallelrun.config.words import number, span, verb
from parallelrun.evidence.counters import Counters, Latency
from parallelrun.evidence.model import Example, Judged
from parallelrun.evidence.outcomes import ALL, COMPARED, NOT_COMPARED, ended_in
from parallelrun.web.report import compared, share

if TYPE_CHECKING:
    from parallelrun.engine import Engine

_NARROW = 72
"""Columns below which examples and reasons are left out."""
_STYLES = {"match": "green", "mismatch": "red", "old_failed": "red", "new_failed": "red", "both_failed": "red"}


@dataclass(frozen=True)
class Picture:
    """What there is to show. All counts are of this process, since its start."""

    title: str
    listen: str
    admin: str
    old: str
    new: str
    store: str
    phase: str
    """Of the rollout, as it is shown."""
    counters: Counters
    rate: float
    """Requests per second, lately."""
    differences: tuple[Judged, ...]
    """Those that are open, the most frequent first."""
    troubles: tuple[str, ...]
    """What somebody should look at, one line each."""

    @property
    def outcomes(self) -> Counter[str]:
        """The ledger over all endpoints."""
        total: Counter[str] = Counter()
        for endpoint in self.counters.endpoints:
            total.update(endpoint.outcomes)
        return total

    def latency(self, side: str) -> Latency:
        """The answer times of `old` or `new` over all endpoints."""
        buckets: Counter[int] = Counter()
        for endpoint in self.counters.endpoints:
            buckets.update(dict(getattr(endpoint, side).latency.buckets))
        return Latency(count=buckets.total(), buckets=tuple(sorted(buckets.items())))

    def drawn(self, width: int, height: int) -> RenderableType:
        """The picture for a terminal of so many columns and lines."""
        parts: list[RenderableType] = [*self._head(), "", self._ledger(width), "", self._sides()]
        used = len(self.outcomes) + len(self.troubles) + 15
        rows = min(10, height - used)
        if self.differences and rows > 0:
            parts += ["", self._differences(width, rows)]
        parts += [""] if self.troubles else []
        return Group(*parts, *(clean(trouble, "yellow", most=width) for trouble in self.troubles))

    def _head(self) -> Iterator[Text]:
        counters = self.counters
        yield Text.assemble((self.title, "bold"), f"  clients {self.listen}  admin http://{self.admin}")
        weight = f"{counters.weight_ppm / 1e4:g} %"
        yield Text.assemble(
            ("old ", "dim"), self.old, ("  new ", "dim"), self.new, ("  weight ", "dim"), weight, f"  {self.phase}"
        )
        yield Text(
            f"{number(counters.requests, 'request')} in {span(counters.uptime_ms / 1000)}, {self.rate:,.0f}/s, "
            f"{counters.in_flight} in flight" + (f", {counters.rescued:,} rescued" if counters.rescued else "")
        )
        yield Text(compared(self.outcomes), "bold")

    def _ledger(self, width: int) -> Table:
        outcomes = self.outcomes
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("outcome", no_wrap=True)
        table.add_column("requests", justify="right", no_wrap=True)
        table.add_column("share", justify="right", no_wrap=True)
        if width >= _NARROW:
            # What the other columns leave, or all of them would shrink to make room for it.
            table.add_column("", no_wrap=True, overflow="ellipsis", style="dim", max_width=width - 50)
        for name in (name for name in ALL if outcomes[name]):
            cells = [f"{outcomes[name]:,}", share(outcomes[name], outcomes.total())]
            cells += [NOT_COMPARED.get(name, "")] if width >= _NARROW else []
            table.add_row(Text(name, _STYLES.get(name, "")), *cells)
        return table

    def _sides(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for name in ("side", "requests", "p50", "p99", "5xx", "failed"):
            table.add_column(name, justify="left" if name == "side" else "right", no_wrap=True)
        for side in ("old", "new"):
            counts, latency = getattr(self.counters.sides, side), self.latency(side)
            table.add_row(
                side,
                f"{counts.requests:,}",
                milliseconds(latency.quantile_ms(0.5)),
                milliseconds(latency.quantile_ms(0.99)),
                f"{counts.status_5xx:,}",
                f"{sum(counts.failures.values()):,}",
            )
        return table

    def _differences(self, width: int, rows: int) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("times", justify="right", no_wrap=True)
        for name in ("endpoint", "location", "kind", *(("old → new",) if width >= _NARROW else ())):
            table.add_column(name, no_wrap=True, overflow="ellipsis")
        for judged in self.differences[:rows]:
            difference, example = judged.difference, judged.example
            cells = [clean(difference.endpoint), clean(difference.location), clean(difference.kind)]
            if width >= _NARROW:
                cells.append(Text(" → ").join(clean(value) for value in _values(example)))
            table.add_row(f"{difference.verdicts.shown:,}", *cells)
        return table


def picture(engine: "Engine", last: Picture | None) -> Picture:
    """A look at the engine as it is now; `last` is the look before, for the rate."""
    counters, config = engine.collector.evidence.now, engine.config
    return Picture(
        title=f"parallelrun {engine.version}{' (draining)' if engine.draining else ''}",
        listen=f"{'https' if config.tls else 'http'}://{engine.address}",
        admin=str(engine.admin_address),
        old=config.old.url,
        new=config.new.url,
        store=engine.store.place,
        phase=engine.rollout.state.shown,
        counters=counters,
        rate=_rate(counters, last),
        differences=_open_differences(engine),
        troubles=tuple(_troubles(engine)),
    )


def summary(last: Picture) -> str:
    """One paragraph on everything since the start."""
    counters, requests = last.counters, number(last.counters.requests, "request")
    sentences = [f"{requests} in {span(counters.uptime_ms / 1000)}: {compared(last.outcomes)}."]
    if last.differences:
        most = last.differences[0].difference
        sentences.append(
            f"{number(len(last.differences), 'open difference')}, most often {most.location} of {most.endpoint} "
            f"({most.kind}, {number(most.verdicts.shown, 'time')})."
        )
    elif ended_in(last.outcomes, COMPARED):
        sentences.append("No open differences.")
    if counters.rescued:
        sentences.append(f"{number(counters.rescued, 'answer')} {verb(counters.rescued, 'were')} rescued.")
    sentences.append(f"The evidence is in {last.store}.")
    return " ".join(sentences)


def _values(example: Example | None) -> tuple[str | None, ...]:
    return (example.old, example.new) if example else ()


def _rate(counters: Counters, last: Picture | None) -> float:
    if last is None:
        return 0.0
    seconds = (counters.uptime_ms - last.counters.uptime_ms) / 1000
    return (counters.requests - last.counters.requests) / seconds if seconds > 0 else last.rate


def _open_differences(engine: "Engine") -> tuple[Judged, ...]:
    evidence = engine.collector.evidence
    judged = (evidence.judge(name) for name in list(evidence.current))
    found = [one for one in judged if one.status == "open"]
    return tuple(sorted(found, key=lambda one: (-one.difference.verdicts.shown, one.difference.signature)))


def _troubles(engine: "Engine") -> Iterator[str]:
    status = engine.config_status
    if status.refused:
        yield f"new settings refused, the old ones stay: {status.refused[0]}"
    if status.needs_restart:
        yield f"changed, but only a new process takes it over: {', '.join(status.needs_restart)}"
    if engine.collector.health.error:
        yield f"the store does not take evidence: {engine.collector.health.error}"
    if engine.other_sides:
        yield f"the store holds evidence of other addresses: old {engine.other_sides.old}, new {engine.other_sides.new}"
    if engine.collector.lost:
        yield f"{number(engine.collector.lost, 'example pair')} lost"
