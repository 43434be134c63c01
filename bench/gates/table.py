"""The table of docs/explanation/judging.md, made from a result file and nothing else."""

import json
from pathlib import Path
from typing import Any

TITLES = {
    "healthy": "Healthy: both versions fail in 0.5 % of the requests",
    "incident": "Healthy, and from the second minute on something behind both is down for ten: 5 % fail on both sides",
    "regression": "Regression: the old version fails in 0.1 %, the new one in 0.9 %",
}
_WRONG = {"healthy": "rolled back", "incident": "rolled back", "regression": "promoted"}
_MEANING = {"rolled back": "wrongly rolled back", "promoted": "wrongly promoted"}


def newest(results: Path) -> Path:
    """The newest result file of a folder; its name ends with its date."""
    return max(results.glob("judge-????-??-??.json"))


def render_file(file: Path) -> str:
    """The tables of a result file."""
    return render(json.loads(file.read_text()))


def render(result: dict[str, Any]) -> str:
    """One table for each scenario."""
    head = f"{result['runs']} runs for each cell, seed {result['seed']}, simulated on {result['date']}.\n"
    return "\n".join([head, *(_scenario(name, cells) for name, cells in result["scenarios"].items())])


def _scenario(name: str, cells: dict[str, dict[str, dict[str, Any]]]) -> str:
    rules = list(next(iter(cells.values())))
    lines = [
        f"**{TITLES[name]}.** The share of runs {_MEANING[_WRONG[name]]}; in brackets those undecided after a day, "
        "and the median time of the decisions.\n",
        f"| requests per second | {' | '.join(rules)} |",
        f"| ---: | {' | '.join(['---:'] * len(rules))} |",
    ]
    for per_second, row in cells.items():
        lines.append(f"| {per_second} | {' | '.join(_cell(row[rule], _WRONG[name]) for rule in rules)} |")
    return "\n".join(lines) + "\n"


def _cell(cell: dict[str, Any], wrong: str) -> str:
    undecided = f"{cell['undecided']:.0%}, " if cell["undecided"] else ""
    return f"{cell[wrong]:.1%} ({undecided}{_span(cell['median_minutes'])})"


def _span(minutes: float | None) -> str:
    if minutes is None:
        return "never"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
