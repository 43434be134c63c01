"""Configurations for the tests."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from parallelrun.config import BadConfigError, Config, Loaded, Source

SIDES = {"old": "http://old:1", "new": "http://new:2"}


def config(**settings: Any) -> Config:
    """A valid configuration, as it would be written, with `settings` on top."""
    return Config.model_validate({**SIDES, **settings})


def load(file: Path, text: str, environment: Mapping[str, str] | None = None, **options: Any) -> Loaded:
    """Writes `text` to `file` and loads it."""
    file.write_text(dedent(text))
    return Source(file, options, environment or {}).load()


def problems(file: Path, text: str, environment: Mapping[str, str] | None = None, **options: Any) -> list[str]:
    """The lines that a bad configuration ends with, without the directory of the file."""
    with pytest.raises(BadConfigError) as refused:
        load(file, text, environment, **options)
    return [str(problem).replace(f"{file.parent}/", "") for problem in refused.value.problems]
