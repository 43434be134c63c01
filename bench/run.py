"""`make bench`: builds everything, measures, writes bench/results/DATE.json and the tables of the docs.

See bench/README.md for the method.
"""

import argparse
import datetime
import json
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

from harness.build import ROOT, build_parallelrun, build_tools
from harness.comparison import measure_comparison
from harness.hung import SYSTEMS, measure_hung, measure_memory
from harness.machine import machine, versions
from harness.measure import Bench, measure, verify_bodies
from harness.origin import origin
from harness.processes import BenchError
from harness.rows import RATES, ROWS, Row
from harness.table import newest, put_into, render, render_file

RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "explanation" / "performance.md"
HUNG_ROUNDS = 3


def main() -> int:
    """Runs the whole bench, or the rows that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each row is measured, in turn (default 5)")
    parser.add_argument("--seconds", type=float, default=3, help="length of one measured window (default 3)")
    parser.add_argument("--profile", default="release", help="cargo profile of parallelrun's core")
    parser.add_argument("--only", help="measure just the rows that contain this text, print them, write nothing")
    parser.add_argument("--docs", action="store_true", help="only write the tables of the newest result into the docs")
    options = parser.parse_args()
    try:
        if not options.docs:
            _measure(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if options.only is None:
        PAGE.write_text(put_into(PAGE.read_text(), render_file(newest(RESULTS))))
    return 0


def _measure(options: argparse.Namespace) -> None:
    chosen = [row for row in ROWS if options.only is None or options.only in row.key]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tools = build_tools()
        site = folder
        if any(row.system == "parallelrun" for row in chosen):
            site = build_parallelrun(options.profile, folder)
        with origin(tools.upstream, 1, folder) as old, origin(tools.upstream, 2, folder) as new:
            bench = Bench(tools, site, old, new, folder)
            for system, mode in dict.fromkeys((row.system, row.mode) for row in chosen if row.copies):
                verify_bodies(bench, system, mode)
            rows = _rounds(bench, chosen, options)
            if options.only is not None:
                return
            hung = _hung(bench)
            memory = measure_memory(bench)
    comparison = measure_comparison()
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "settings": {
            "rounds": options.rounds,
            "seconds": options.seconds,
            "profile": options.profile,
            "rates": {str(size): rate for size, rate in RATES.items()},
        },
        "rows": rows,
        "hung": hung,
        "memory": memory,
        "comparison": comparison,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{result['date']}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(render(result))


def _rounds(bench: Bench, chosen: list[Row], options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """A B C … A B C …, so that what the machine does meanwhile falls on all of them."""
    cells: dict[str, list[dict[str, Any]]] = {row.key: [] for row in chosen}
    for number in range(1, options.rounds + 1):
        for (system, mode), rows in groupby(chosen, key=lambda row: (row.system, row.mode)):
            with bench.running(system, mode) as running:
                for row in rows:
                    cell = measure(bench, row, running, options.seconds)
                    cells[row.key].append(cell)
                    print(f"{number}/{options.rounds} {row.key}: {_brief(cell)}", file=sys.stderr)
    return cells


def _brief(cell: dict[str, Any]) -> str:
    parts = []
    for window in filter(None, (cell, cell.get("full"))):
        cpu = "" if window["cpu_us"] is None else f"{window['cpu_us']:.1f} µs"
        parts.append(f"{cpu} at {window['load']['rate']:,.0f}/s, others {window['others']:.0%}")
    return f"{'; '.join(parts)}; {cell['load']['latency_us']}"


def _hung(bench: Bench) -> dict[str, list[dict[str, Any]]]:
    results: dict[str, list[dict[str, Any]]] = {}
    for _ in range(HUNG_ROUNDS):
        for system, mode, hangs in SYSTEMS:
            key = f"{system} {mode} {'hangs' if hangs else 'answers'}"
            report = measure_hung(bench, system, mode, hangs)
            results.setdefault(key, []).append(report)
            print(f"{key}: {report['ok']} ok, {report['latency_us']}", file=sys.stderr)
    return results


if __name__ == "__main__":
    sys.exit(main())
