"""Measures how often gates decide wrongly; writes bench/results/judge-DATE.json and the tables of a page.

.venv/bin/python bench/judge.py [--runs N] [--seed N]
.venv/bin/python bench/judge.py --docs      only writes the tables of the newest result into the page
"""

import argparse
import datetime
import json
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from gates.rules import RULES
from gates.table import newest, render_file
from gates.traffic import SCENARIOS, Scenario, traffic
from harness.table import put_into

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "explanation" / "judging.md"
PER_SECOND = (1, 5, 10, 50, 500)


def main() -> int:
    """Runs the whole simulation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300, help="runs for each cell (default 300)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--docs", action="store_true", help="only write the tables of the newest result into the page")
    options = parser.parse_args()
    if not options.docs:
        result = {
            "date": datetime.date.today().isoformat(),
            "seed": options.seed,
            "runs": options.runs,
            "scenarios": {
                each.name: {str(rps): row(each, rps, options.runs, options.seed) for rps in PER_SECOND}
                for each in SCENARIOS
            },
        }
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"judge-{result['date']}.json").write_text(json.dumps(result, indent=1) + "\n")
    PAGE.write_text(put_into(PAGE.read_text(), render_file(newest(RESULTS))))
    return 0


def row(scenario: Scenario, per_second: int, runs: int, seed: int) -> dict[str, dict[str, Any]]:
    """All rules on the same traffic."""
    began = time.monotonic()
    ended: dict[str, list[tuple[str, int]]] = {name: [] for name in RULES}
    for run in range(runs):
        rng = np.random.default_rng([seed, SCENARIOS.index(scenario), per_second, run])
        seen = traffic(scenario, per_second, rng)
        for name, decide in RULES.items():
            ended[name].append(decide(seen, rng))
    found = {name: _summary(each, runs) for name, each in ended.items()}
    print(f"{scenario.name} {per_second}/s, {time.monotonic() - began:.0f} s: {json.dumps(found)}", file=sys.stderr)
    return found


def _summary(ended: list[tuple[str, int]], runs: int) -> dict[str, Any]:
    outcomes = Counter(outcome for outcome, _ in ended)
    decided = [minutes for outcome, minutes in ended if outcome != "undecided"]
    shares = {outcome: outcomes[outcome] / runs for outcome in ("rolled back", "promoted", "undecided")}
    return {**shares, "median_minutes": median(decided) if decided else None}


if __name__ == "__main__":
    sys.exit(main())
