"""The judge: statistics that hold however often one looks. Pure functions of counts; docs/explanation/judging.md says
why.

Start with `judge`.
"""

from parallelrun.judge.journal import Entry, JournalError
from parallelrun.judge.judge import judge
from parallelrun.judge.look import EndpointCounts, Latency, Look, Paired, Split, Stable
from parallelrun.judge.replay import Differing, Replay, replay
from parallelrun.judge.state import JudgeState
from parallelrun.judge.verdict import Finding, Proof, Verdict

__all__ = [
    "Differing",
    "EndpointCounts",
    "Entry",
    "Finding",
    "JournalError",
    "JudgeState",
    "Latency",
    "Look",
    "Paired",
    "Proof",
    "Replay",
    "Split",
    "Stable",
    "Verdict",
    "judge",
    "replay",
]
