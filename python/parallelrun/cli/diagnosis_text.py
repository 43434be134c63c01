"""`parallelrun doctor` for people."""

from rich.console import Group
from rich.text import Text

from parallelrun.cli.diagnosis import Diagnosis
from parallelrun.cli.words import clean

_STYLES = {"error": "bold red", "warning": "bold yellow"}


def diagnosis_text(diagnosis: Diagnosis) -> Group:
    """Two lines per finding."""
    if not diagnosis.findings:
        return Group(
            Text("Nothing stands in the way of the evidence. What it says is in `parallelrun report`.", "bold green")
        )
    lines = []
    for finding in diagnosis.findings:
        lines.append(Text.assemble((f"{finding.topic}: ", _STYLES[finding.severity]), clean(finding.what, most=1000)))
        lines.append(Text.assemble(("    ", ""), clean(finding.do, "dim", most=1000)))
    return Group(*lines)
