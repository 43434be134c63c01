"""`parallelrun doctor` for people."""

from rich.console import Group
from rich.text import Text

from parallelrun.cli.diagnosis import Diagnosis
from parallelrun.cli.words import clean

_STYLES = {"error": "bold red", "warning": "bold yellow"}


def diagnosis_text(diagnosis: Diagnosis) -> Group:
    """Two lines per finding, and one for each of several reasons."""
    if not diagnosis.findings:
        return Group(
            Text("Nothing stands in the way of the evidence. What it says is in `parallelrun report`.", "bold green")
        )
    lines = []
    for finding in diagnosis.findings:
        what, *reasons = finding.what.splitlines()
        lines.append(Text.assemble((f"{finding.topic}: ", _STYLES[finding.severity]), clean(what, most=1000)))
        lines += [Text("    ").append_text(clean(reason, most=1000)) for reason in reasons]
        lines.append(Text("    ").append_text(clean(finding.do, "dim", most=1000)))
    return Group(*lines)
