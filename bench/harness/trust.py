"""Whether a measured window measured what its row says: all requests answered, all copies sent, all pairs compared."""

from typing import Any

from harness.rows import Row


def problems(row: Row, cell: dict[str, Any]) -> list[str]:
    """What is wrong with a window, in words; empty if nothing is.

    A window that fails here is worth nothing: a proxy that drops copies, or a breaker that opens, would look cheap.
    """
    sent, old, new = cell["load"]["sent"], cell["old"]["requests"], cell["new"]["requests"]
    found = []
    if cell["load"]["ok"] != sent or cell["load"]["errors"]:
        found.append(f"of {sent} requests some failed: {cell['load']['errors']}")
    # A mismatch is asked again at a bounded rate, on both sides: those requests are parallelrun's own.
    exact = row.bodies == "equal"
    if old < sent or (exact and old != sent):
        found.append(f"the old upstream saw {old} of {sent} requests")
    copies = sent if row.copies else 0
    if new < copies or (exact and new != copies):
        found.append(f"the new upstream saw {new} copies, expected {copies}")
    if row.system == "parallelrun":
        wanted = "not_sampled" if row.mode == "pass" else "match" if row.bodies == "equal" else "mismatch"
        if cell["outcomes"] != {wanted: sent}:
            found.append(f"the ledger has {cell['outcomes']}, expected {sent} {wanted}")
    return found
