"""The Markdown that docs/explanation/performance.md shows, made from a result file and nothing else."""

import json
from pathlib import Path
from statistics import median
from typing import Any

from harness.comparison import SIZES

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"

LABELS = {
    "direct ": "no proxy",
    "nginx proxy": "nginx, proxying",
    "envoy proxy": "Envoy, proxying",
    "parallelrun pass": "**parallelrun**, proxying (sample 0 %)",
    "nginx mirror": "nginx `mirror`",
    "nginx mirror-empty": "nginx `mirror`, copies answered without a body",
    "envoy mirror": "Envoy `request_mirror_policies`",
    "parallelrun compare equal": "**parallelrun**, comparing all, equal answers",
    "parallelrun compare differs": "**parallelrun**, comparing all, one field differs",
    "parallelrun verify": "**parallelrun**, the new side serves, verified",
}


def newest(results: Path) -> Path:
    """The newest result file of a folder; its name is its date."""
    return max(results.glob("????-??-??.json"))


def put_into(page: str, table: str) -> str:
    """The page with the table between its markers.

    Raises:
        ValueError: the page does not have each marker once, in order.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end or BEGIN in tail or END in tail:
        raise ValueError(f"expected one {BEGIN} and after it one {END}")
    return f"{head}{BEGIN}\n{table}{END}{tail}"


def render(result: dict[str, Any]) -> str:
    """All tables of a result, with the machine and the versions."""
    tables = (_settings, _costs, _full_load, _hung, _memory, _comparison)
    return "\n".join(table(result) for table in tables)


def render_file(file: Path) -> str:
    """All tables of a result file."""
    return render(json.loads(file.read_text()))


def _settings(result: dict[str, Any]) -> str:
    machine, versions, settings = result["machine"], result["versions"], result["settings"]
    used = ", ".join(f"{name} {value}" for name, value in versions.items())
    steady = [cell for cells in result["rows"].values() for cell in cells]
    full = [cell["full"] for cell in steady if "full" in cell]
    others, seconds = [window["others"] for window in steady + full], [window["load"]["seconds"] for window in full]
    kind = "virtual machine" if machine["virtual"] else "machine"
    return (
        f"Measured on {result['date']} on a {kind} with {machine['cores']} cores "
        f"({machine['cpu']}, {machine['kernel']}): {settings['rounds']} rounds, "
        f"each window {settings['seconds']:g} s, and {min(seconds):.1f} to {max(seconds):.1f} s at full load. "
        f"Versions: {used}; cargo profile `{settings['profile']}`. "
        f"Meanwhile other programs used {median(others):.0%} of the machine, "
        f"at most {max(others):.0%} during one window.\n"
    )


def _costs(result: dict[str, Any]) -> str:
    lines = [
        "| | body | requests/s | CPU per request, µs | to nginx `mirror` | to Envoy's mirror | p50, ms | p99, ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    rates = result["settings"]["rates"]
    for key, cells in result["rows"].items():
        columns = [
            *_cost(result["rows"], key, rates[key.rsplit(" ", 1)[1]]),
            *(_spread([cell["load"]["latency_us"][q] for cell in cells], 1000, 2) for q in ("p50", "p99")),
        ]
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines) + "\n"


def _full_load(result: dict[str, Any]) -> str:
    lines = [
        "| at full load | body | requests/s | CPU per request, µs | to nginx `mirror` | to Envoy's mirror |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    full = {key: [cell["full"] for cell in cells] for key, cells in result["rows"].items() if "full" in cells[0]}
    for key, cells in full.items():
        columns = _cost(full, key, median(cell["load"]["rate"] for cell in cells))
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines) + "\n"


def _cost(rows: dict[str, list[dict[str, Any]]], key: str, rate: float) -> list[str]:
    """What it is, at how many requests per second, what one costs, and how that compares."""
    cells, size = rows[key], int(key.rsplit(" ", 1)[1])
    return [
        _label(key),
        _bytes(size),
        f"{rate:,.0f}",
        _spread([cell["cpu_us"] for cell in cells], 1, 1),
        *(_ratio(rows, cells, f"{other} mirror equal {size}") for other in ("nginx", "envoy")),
    ]


def _label(key: str) -> str:
    system, mode, bodies, _ = key.split(" ")
    return LABELS.get(f"{system} {mode} {bodies}") or LABELS[f"{system} {mode}"]


def _ratio(rows: dict[str, list[dict[str, Any]]], cells: list[dict[str, Any]], other: str) -> str:
    """The median over the rounds of this row's cost against the other's in the same round."""
    if cells[0]["cpu_us"] is None or other not in rows:
        return ""
    pairs = zip(cells, rows[other], strict=True)
    return f"{median(cell['cpu_us'] / base['cpu_us'] for cell, base in pairs):.2f}"


def _spread(values: list[float | None], unit: float, digits: int) -> str:
    """Median, and minimum to maximum in brackets."""
    known = [value / unit for value in values if value is not None]
    if not known:
        return ""
    return f"{median(known):.{digits}f} ({min(known):.{digits}f} to {max(known):.{digits}f})"


def _bytes(size: int) -> str:
    return f"{size} B" if size < 1024 else f"{size // 1024} kB"


def _hung(result: dict[str, Any]) -> str:
    lines = [
        "| 10,000 reads, 1,000 per second | new side | p50, ms | p99, ms | p99 against no copies | failed |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    base = result["hung"]["parallelrun pass answers"]
    for key, cells in result["hung"].items():
        system, mode, state = key.split(" ")
        ratio = median(
            cell["latency_us"]["p99"] / other["latency_us"]["p99"] for cell, other in zip(cells, base, strict=True)
        )
        label = LABELS.get(f"{system} {mode}") or "**parallelrun**, comparing all"
        columns = [
            label,
            state,
            *(_spread([cell["latency_us"][q] for cell in cells], 1000, 2) for q in ("p50", "p99")),
            f"{ratio:.2f}" if system == "parallelrun" else "",
            f"{sum(cell['sent'] - cell['ok'] for cell in cells):,} of {sum(cell['sent'] for cell in cells):,}",
        ]
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines) + "\n"


def _memory(result: dict[str, Any]) -> str:
    memory = result["memory"]
    mib = {name: memory[f"{name}_bytes"] / 2**20 for name in ("before", "peak", "limit")}
    return (
        "Resident memory with 10,000 uploads of 64 kB offered to a new side that hangs: "
        f"{mib['before']:.0f} MiB before, at most {mib['peak']:.0f} MiB during them, "
        f"with `limits.memory` at {mib['limit']:.0f} MiB.\n"
    )


def _comparison(result: dict[str, Any]) -> str:
    lines = [
        f"| comparing alone, µs | {' | '.join(SIZES)} |",
        f"| --- |{' ---: |' * len(SIZES)}",
        *(
            f"| {case} | {' | '.join(f'{cell:,.2f}' for cell in cells)} |"
            for case, cells in result["comparison"].items()
        ),
    ]
    return "\n".join(lines) + "\n"
