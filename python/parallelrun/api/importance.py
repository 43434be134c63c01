"""The order in which differences are shown: what is most likely to hurt a client first."""

from parallelrun.evidence.model import Judged

_STATUSES = {"open": 0, "race": 1, "noise": 2, "ignored": 3}
_KINDS = {"missing": 1, "type": 2, "length": 3, "value": 4, "text": 4, "bytes": 4, "order": 6, "extra": 7}
_HEADER = 5


def importance(judged: Judged, share: float) -> tuple[int, int, float, int, str, str]:
    """A sort key, smallest first: open before all else; a changed status, then what is gone, of another type or length,
    of another value, headers, order, and what was added; within each the larger `share` of requests.
    """
    difference = judged.difference
    if difference.location == "status":
        rank = 0
    elif difference.location.startswith("header:"):
        rank = _HEADER
    else:
        rank = _KINDS.get(difference.kind, 4)
    return (
        _STATUSES[judged.status],
        rank,
        -share,
        -difference.verdicts.total,
        difference.endpoint,
        difference.location,
    )
