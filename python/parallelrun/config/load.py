"""From a file, the environment and the command line to one checked configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from parallelrun.config import checks, compiled, environment, explain
from parallelrun.config.attachments import Attachments
from parallelrun.config.layers import Layers
from parallelrun.config.loaded import Loaded
from parallelrun.config.model import Config
from parallelrun.config.positions import KeyPath, parse
from parallelrun.config.problem import BadConfigError, Problem, key_text


@dataclass(frozen=True)
class Source:
    """Where a configuration comes from, to read it again at any time.

    Args:
        file: the YAML file, or None. Files that it names are relative to its directory.
        options: settings from the command line, as `{"admin": {"listen": "..."}}`; they beat everything else.
        environment: variables, of which those that start with `PARALLELRUN_` count.
    """

    file: Path | None
    options: Mapping[str, Any]
    environment: Mapping[str, str]

    def load(self) -> Loaded:
        """Reads and checks everything.

        Raises:
            BadConfigError: with all that is wrong, not only the first.
        """
        layers, problems = self._layers()
        config = _validated(layers, problems)
        attachments, faults = Attachments.read(config, self.file.parent if self.file else Path())
        faults.extend(checks.errors(config))
        loaded = Loaded(config, attachments, (*((self.file,) if self.file else ()), *attachments.files))
        core = compiled.core()
        if core and not faults:
            faults.extend(compiled.errors(loaded, core))
        if faults:
            raise BadConfigError((layers.problem(path, message) for path, message in faults), loaded.files)
        warnings = [layers.problem(path, message) for path, message in checks.warnings(config)]
        if not core:
            warnings.append(layers.problem((), "rules, routes and certificates not checked: the core is not built"))
        return replace(loaded, warnings=tuple(warnings))

    def origin(self, path: KeyPath) -> str:
        """The name of the file, the environment variable or `command line` that decides what `path` is set to.

        Raises:
            BadConfigError: the file cannot be read.
        """
        return self._layers()[0].origin(path)[0]

    def set_by(self, path: KeyPath) -> str | None:
        """What sets `path` itself: `FILE:LINE`, an environment variable, or `command line`; None where it has its
        default, or the file can no longer be read.
        """
        try:
            found = self._layers()[0].origins.get(path)
        except BadConfigError:
            return None
        return found and (found[0] if found[1] is None else f"{found[0]}:{found[1]}")

    def _layers(self) -> tuple[Layers, list[Problem]]:
        layers = Layers()
        problems = _put_file(layers, self.file) if self.file else []
        settings, wrong = environment.read(self.environment)
        problems.extend(wrong)
        for setting in settings:
            layers.put(setting.path, setting.value, setting.variable)
        for key, value in self.options.items():
            layers.put((key,), value, "command line")
        return layers, problems


def _validated(layers: Layers, problems: list[Problem]) -> Config:
    try:
        config = Config.model_validate(layers.data)
    except ValidationError as error:
        found = [layers.problem(explain.path_of(each), explain.message_of(each)) for each in error.errors()]
        raise BadConfigError([*problems, *found]) from None
    if problems:
        raise BadConfigError(problems)
    return config


def _put_file(layers: Layers, file: Path) -> list[Problem]:
    name = str(file)
    layers.root = (name, 1)
    try:
        document = parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfigError([Problem(name, None, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise BadConfigError([Problem(name, None, "", "expected a text file in UTF-8")]) from None
    problems = [Problem(name, fault.line, key_text(fault.path), fault.message) for fault in document.faults]
    if isinstance(document.data, dict):
        layers.data = document.data
        layers.origins = {path: (name, line) for path, line in document.lines.items()}
    elif document.data is not None:
        problems.append(Problem(name, 1, "", "expected a mapping of keys to values"))
    if problems and not layers.data:
        raise BadConfigError(problems)
    return problems
