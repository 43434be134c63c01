"""Settings from the environment: `PARALLELRUN_LIMITS__BODY=2MiB` is `limits: {body: 2MiB}`.

A layer of our own rather than pydantic-settings: that one cannot say which variable a wrong value came from, passes
over a misspelt variable in silence, and reads lists as JSON only, where the configuration itself is YAML.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from parallelrun.config import keys
from parallelrun.config.positions import KeyPath, parse
from parallelrun.config.problem import Problem, key_text

PREFIX = "PARALLELRUN_"

_FROM_KUBERNETES = re.compile(r"(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_.+)?)?)")
"""What Kubernetes sets in every pod for a Service named `parallelrun`, or one whose name starts like it."""


@dataclass(frozen=True)
class Setting:
    """A value that an environment variable gives."""

    variable: str
    path: KeyPath
    value: Any


def variable_of(path: KeyPath) -> str:
    """The variable that sets `path`."""
    return PREFIX + "__".join(str(key).upper() for key in path)


def read(environment: Mapping[str, str]) -> tuple[list[Setting], list[Problem]]:
    """The settings in `environment`, whole sections before what is in them, and what is wrong with it.

    Text settings are taken as they stand; anything else is read as YAML, so that `[10%, 50%]` is a list. An empty value
    stands for the default. Variables of other programs that happen to start with `PARALLELRUN_` are left alone, unless
    they look like a slip.
    """
    settings: list[Setting] = []
    problems: list[Problem] = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or _FROM_KUBERNETES.fullmatch(variable.removeprefix(PREFIX)):
            continue
        path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        field = keys.field_at(path)
        if field is None:
            problems.extend(_unknown(variable, path))
        elif any(keys.is_list(above.annotation) for above in list(keys.chain(path))[:-1]):
            problems.append(Problem(variable, None, key_text(path), "inside a list: set the whole list, as in [a, b]"))
        elif text and keys.is_text(field.annotation):
            settings.append(Setting(variable, path, text))
        else:
            document = parse(text)
            problems.extend(Problem(variable, None, key_text(path), fault.message) for fault in document.faults)
            settings.append(Setting(variable, path, document.data))
    return sorted(settings, key=lambda setting: len(setting.path)), problems


def _unknown(variable: str, path: KeyPath) -> Iterator[Problem]:
    nested = len(path) > 1
    known = {variable_of(known) for known, _ in keys.every_path() if (len(known) > 1) == nested}
    similar = difflib.get_close_matches(variable, known, n=1, cutoff=0.8)
    if nested or similar:
        hint = f"; did you mean {similar[0]}?" if similar else ""
        yield Problem(variable, None, "", f"unknown setting{hint}")
