"""The parts of docs/reference/commands.md."""

import re
from collections.abc import Iterator
from typing import Any

import typer.main

from parallelrun.cli import app


def commands() -> str:
    """A part for each command."""
    return "\n\n".join(_parts("parallelrun", typer.main.get_command(app)))


def _parts(name: str, command: Any) -> Iterator[str]:
    below = getattr(command, "commands", None)
    if below is None:
        yield _part(name, command)
        return
    for word, each in below.items():
        yield from _parts(f"{name} {word}", each)


def _part(name: str, command: Any) -> str:
    paragraphs = [" ".join(each.split()) for each in re.split(r"\n\s*\n", (command.help or "").strip())]
    options = [each for each in command.params if each.opts[0].startswith("-")]
    arguments = [_metavar(each) for each in command.params if each not in options]
    required = [f"{each.opts[0]} {_metavar(each)}" for each in options if each.required]
    title = " ".join([name, *arguments, *required])
    lines = [f"## `{title}`", "", "\n\n".join(paragraphs)]
    if command.params:
        rows = [_row(each) for each in command.params]
        lines += ["", "| option | default | meaning |", "| --- | --- | --- |", *rows]
    return "\n".join(lines)


def _row(parameter: Any) -> str:
    if parameter.opts[0].startswith("-"):
        value = "" if parameter.is_flag else f" {_metavar(parameter)}"
        name = ", ".join(f"`{each}{value}`" for each in sorted(parameter.opts, key=len))
    else:
        name = f"`{_metavar(parameter)}`"
    default = getattr(parameter.default, "value", parameter.default)
    shown = "" if default is None or default is False or callable(default) else f"`{default}`"
    return f"| {name} | {shown} | {' '.join((parameter.help or '').split())} |"


def _metavar(parameter: Any) -> str:
    choices = getattr(parameter.type_descriptor, "choices", None) if not parameter.metavar else None
    if choices:
        return "\\|".join(str(getattr(each, "value", each)) for each in choices)
    metavar = parameter.metavar or parameter.name.upper()
    return metavar if parameter.required or parameter.opts[0].startswith("-") else f"[{metavar.strip('[]')}]"
