"""Words and numbers as the reading commands print them."""

from typing import TYPE_CHECKING

from rich.text import Text

from parallelrun.evidence.visible import in_one_line

if TYPE_CHECKING:
    from parallelrun.api.status import BreakerStatus

STATUS_STYLES = {"open": "bold red", "race": "yellow", "noise": "dim", "ignored": "dim"}
NOTHING = "nothing here"


def clean(text: str | None, style: str = "", most: int = 200) -> Text:
    """Text of strangers for a terminal: in one line, cut, with nothing in it that a terminal obeys."""
    if text is None:
        return Text(NOTHING, "dim italic")
    safe = in_one_line(text)
    return Text(safe if len(safe) <= most else safe[: most - 1] + "…", style)


def lines(text: str, style: str = "", most: int = 200) -> Text:
    """As `clean`, for a text of several lines."""
    return Text("\n").join(clean(line, style, most) for line in text.splitlines())


def half_open(breaker: "BreakerStatus") -> str:
    """What the new side gets again while the breaker is half open: a share of the clients, or copies only."""
    return f"new serves {100 * breaker.weight:.3g} % again" if breaker.weight else "new gets copies again"


def milliseconds(value: float | None) -> str:
    """`1.2 ms`, `3.4 s`."""
    if value is None:
        return "n/a"
    return f"{value:.3g} ms" if value < 1000 else f"{value / 1000:.3g} s"


def size(count: int) -> str:
    """`256 MiB`."""
    value, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.4g} {unit}"
