"""The phases of a rollout, and what each means."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Judged = Literal["shadow", "stepping", "baking"]
"""Those in which evidence is collected and judged, to go on by it."""
Stored = Literal["shadow", "stepping", "baking", "complete", "paused", "rolled_back"]
"""Those that a rollout is in by a decision of its own."""
Phase = Literal["shadow", "stepping", "baking", "complete", "paused", "rolled_back", "fallback"]
"""Those that are shown: `fallback` hides the phase that goes on once the breaker has closed."""

JUDGED: tuple[Judged, ...] = ("shadow", "stepping", "baking")

PHASES: Mapping[Phase, str] = MappingProxyType(
    {
        "shadow": "The old side serves everybody, the new one gets copies.",
        "stepping": "The new side serves the share of the clients that the step says, until the evidence for the next.",
        "baking": "The last step is proved; the old side keeps shadowing, and any change for the worse is looked for.",
        "complete": "The new side serves; nothing is judged any more.",
        "paused": "The weight stays until a person resumes; proof that the new side is bad still rolls back.",
        "rolled_back": "The old side serves everybody again; only a person or another version starts anew.",
        "fallback": "The breaker sends everybody to the old side; the clock stands still until it has closed again.",
    }
)
"""Each with its line in the documentation."""
