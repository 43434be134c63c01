"""The judge: statistics that hold however often one looks. Pure functions of counts; docs/explanation/judging.md says
why.

Start with `judge`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from parallelrun.judge.journal import Entry, JournalError
from parallelrun.judge.look import EndpointCounts, Latency, Look, Paired, Split, Stable
from parallelrun.judge.state import JudgeState
from parallelrun.judge.verdict import Finding, Proof, Verdict

if TYPE_CHECKING:
    from parallelrun.judge.judging import judge
    from parallelrun.judge.replaying import Differing, Replay, replay

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

_WITH_SCIPY = {
    "judge": "judging",
    "Differing": "replaying",
    "Replay": "replaying",
    "replay": "replaying",
}


def __getattr__(name: str) -> Any:
    """Imports what computes only when it is used: SciPy takes a second and 30 MB, which a process without a rollout,
    and a command that only prints a verdict, should not pay.
    """
    if name not in _WITH_SCIPY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WITH_SCIPY[name]}"), name)
