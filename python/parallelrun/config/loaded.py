"""A configuration that has been read."""

from dataclasses import dataclass
from pathlib import Path

from parallelrun.config.attachments import Attachments
from parallelrun.config.model import Config
from parallelrun.config.problem import Problem


@dataclass(frozen=True)
class Loaded:
    """A configuration and what belongs to it.

    Args:
        config: the settings.
        attachments: what the files that they name hold.
        files: every file it was read from: a change in one of them may change the configuration.
        warnings: what is allowed, yet probably not meant.
    """

    config: Config
    attachments: Attachments
    files: tuple[Path, ...] = ()
    warnings: tuple[Problem, ...] = ()
