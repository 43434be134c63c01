"""Where events go: one JSON line each on stderr, or a short line above the live view."""

import logging
import sys

import structlog
from rich.console import Console
from rich.text import Text
from structlog.typing import EventDict, WrappedLogger

from parallelrun.cli.words import clean

_STYLES = {"warning": "yellow", "error": "red"}


def json_lines() -> None:
    """One JSON line per event on stderr; what libraries log, from warnings on, as the event `log`."""
    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _in_order,
        structlog.processors.JSONRenderer(default=str),
    ]
    structlog.configure(processors=processors, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    _libraries()


def lines_on(console: Console) -> None:
    """One short line per event on a terminal that also shows the live view; below it, in full, what to do about it."""

    def show(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        level, name, hint = event.pop("level"), event.pop("event"), event.pop("hint", None)
        line = Text.assemble((event.pop("time"), "dim"), " ", (name, _STYLES.get(level, "bold")))
        for key, value in event.items():
            if value not in (None, [], ""):
                line.append(f"  {key}=", "dim")
                line.append_text(clean(" ".join(map(str, value)) if isinstance(value, list) else str(value), most=80))
        console.print(line, soft_wrap=False, overflow="ellipsis", no_wrap=True)
        if hint:
            console.print(Text(f"  {hint}", _STYLES.get(level, "")))
        raise structlog.DropEvent

    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False, key="time"),
        show,
    ]
    structlog.configure(processors=processors)
    _libraries()


def _in_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What all lines have in common comes first."""
    return {**{key: event.pop(key) for key in ("time", "level", "event")}, **event}


class _ToEvents(logging.Handler):
    """Makes an event of what a library logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises: a log that cannot be written is no reason to fail."""
        try:
            error = repr(record.exc_info[1]) if record.exc_info else None
            level = "error" if record.levelno >= logging.ERROR else "warning"
            log = structlog.get_logger("parallelrun")
            getattr(log, level)("log", logger=record.name, message=record.getMessage(), error=error)
        except Exception:
            self.handleError(record)


def _libraries() -> None:
    logging.basicConfig(level=logging.WARNING, handlers=[_ToEvents()], force=True)
