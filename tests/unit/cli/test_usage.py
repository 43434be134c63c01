"""Whatever is wrong with a command line, for whatever command: 64, words on stderr, and nothing has been done."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer
import typer.main

from parallelrun.cli import app, main
from parallelrun.cli.exits import NO, UNAVAILABLE, USAGE

VALUES = {"file": "x.yaml", "replay": "x", "pair_id": "p", "kind": "ignore", "at": "$.a", "rule": "$.a"}
"""For what each command cannot do without."""


def commands(command: Any = None, name: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words; groups, which do nothing by themselves, too."""
    command = command or typer.main.get_command(app)
    yield name, command
    for word, each in getattr(command, "commands", {}).items():
        yield from commands(each, (*name, word))


def given(parameter: Any) -> tuple[str, ...]:
    """One that is right."""
    value = VALUES[parameter.name]
    return (parameter.opts[0], value) if is_option(parameter) else (value,)


def is_option(parameter: Any) -> bool:
    return str(parameter.opts[0]).startswith("-")


def choices(parameter: Any) -> bool:
    return bool(getattr(parameter.type_descriptor, "choices", None))


def wrong() -> Iterator[tuple[str, ...]]:
    """Command lines that cannot be right."""
    for name, command in commands():
        yield (*name, "--no-such-option")
        if hasattr(command, "commands"):
            yield name
            yield (*name, "no-such-command")
            continue
        required = [parameter for parameter in command.params if parameter.required]
        right = [given(parameter) for parameter in required]
        whole = (*name, *(word for words in right for word in words))
        for index in range(len(right)):
            yield (*name, *(word for words in right[:index] for word in words))
        if not any(parameter not in required and not is_option(parameter) for parameter in command.params):
            yield (*whole, "one-too-many")
        for parameter in command.params:
            if parameter in required:
                if choices(parameter):
                    yield (*name, "no-such-choice", *(VALUES["at"],))
                continue
            if is_option(parameter) and not parameter.is_flag:
                yield (*whole, parameter.opts[0])
                if choices(parameter) or parameter.type_descriptor.annotation in (int, float):
                    yield (*whole, parameter.opts[0], "no-such-value")


WRONG = sorted(set(wrong()))
NAMES = [name for name, _ in commands()]
GROUPS = {name for name, command in commands() if hasattr(command, "commands")}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_it_ends_with_64_and_says_why(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["parallelrun", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == USAGE
    said = capsys.readouterr()
    if words in GROUPS:
        assert "Usage: " in said.out, "of a group alone the help is what one wants to read"
    else:
        assert said.out == ""
        command = max((name for name in NAMES if words[: len(name)] == name), key=len)
        assert said.err.startswith(f"{' '.join(('parallelrun', *command))}: "), "which command is wrong"
        assert said.err.endswith("--help` explains it\n")
        assert said.err.count("\n") == 1
        assert "Value error" not in said.err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("report", "--format", "xml"),
            "parallelrun report: invalid value for '--format': 'xml' is not one of 'text', 'json', 'markdown', 'html'; "
            "`parallelrun report --help` explains it",
        ),
        (
            ("rules", "add", "--bogus"),
            "parallelrun rules add: no such option: --bogus; `parallelrun rules add --help` explains it",
        ),
    ],
)
def test_one_line_says_what_is_wrong_and_where(
    words: tuple[str, ...], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["parallelrun", *words])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err == line + "\n"


def ends(monkeypatch: pytest.MonkeyPatch, doctor: Callable[[], object]) -> object:
    """The exit code where `parallelrun doctor` does something else."""
    (registered,) = (each for each in app.registered_commands if each.callback and each.callback.__name__ == "doctor")
    monkeypatch.setattr(registered, "name", "doctor")
    monkeypatch.setattr(registered, "callback", doctor)
    monkeypatch.setattr(sys, "argv", ["parallelrun", "doctor"])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize("error", [typer.Abort, EOFError])
def test_a_command_that_is_aborted_ends_with_1(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def doctor() -> None:
        raise error

    assert ends(monkeypatch, doctor) == NO
    said = capsys.readouterr()
    assert (said.out, said.err.strip()) == ("", "parallelrun doctor: aborted")


@pytest.mark.parametrize("value", ["text", 7, True, None])
def test_what_a_command_returns_is_no_exit_code(
    value: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(monkeypatch, lambda: value) in (0, None)
    assert capsys.readouterr() == ("", "")


def test_an_exit_code_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def doctor() -> None:
        raise typer.Exit(UNAVAILABLE)

    assert ends(monkeypatch, doctor) == UNAVAILABLE


def test_all_kinds_of_mistakes_are_tried() -> None:
    names = [name for name, command in commands() if not hasattr(command, "commands")]
    assert len(names) > 10
    for name in names:
        assert (*name, "--no-such-option") in WRONG
    for words in (
        ("show",),
        ("rules", "add", "ignore"),
        ("rules", "try", "no-such-choice", "$.a"),
        ("rules", "add", "ignore", "$.a", "--absolute", "no-such-value"),
        ("report", "--format", "no-such-value"),
        ("demo", "--requests", "no-such-value"),
        ("serve", "--config"),
    ):
        assert words in WRONG
