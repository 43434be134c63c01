"""What the pages tell a user to type is understood: each configuration is valid, each command line parses."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import trustme
import typer.main

from parallelrun.cli import app
from parallelrun.config import Source
from parallelrun.config.rules import RULE_KINDS
from tests.support.markdown import blocks, pages, spans
from tests.support.repository import ROOT

A_RULE = re.compile(rf"({'|'.join(RULE_KINDS)}): \[")
SIDES = {"old": "http://127.0.0.1:1", "new": "http://127.0.0.1:2"}

CONFIGS = [(page, text) for page in pages() for text in blocks(page, "yaml")] + [
    (page, f"compare:\n  {span}") for page in pages() for span in spans(page) if A_RULE.match(span)
]
PLACEHOLDERS = {"KIND": RULE_KINDS[0]}
"""What the reference writes where a command takes one of a few words."""
COMMANDS = [
    (page, line.strip())
    for page in pages()
    for text in [*blocks(page, "sh"), *spans(page)]
    for line in text.splitlines()
    if line.strip().startswith("parallelrun ")
]


def name(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)[:40]


def words(line: str) -> list[str]:
    """The words of a command line before any comment, redirection or pipe."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=">|")
    lexer.whitespace_split = True
    found = list(lexer)
    end = next((index for index, word in enumerate(found) if word in {">", "|"}), len(found))
    return [PLACEHOLDERS.get(word, word) for word in found[:end]]


def parse(command: Any, given: list[str]) -> None:
    """Parses a command line and runs nothing; raises if a command or an option is not known."""
    while given and hasattr(command, "commands"):
        first, *given = given
        command = command.commands[first]
    if not hasattr(command, "commands"):
        command.make_context(command.name, given)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A directory with the files that the pages name."""
    authority = trustme.CA()
    server = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(tmp_path / "internal-ca.pem"))
    server.cert_chain_pems[0].write_to_path(str(tmp_path / "server.pem"))
    for key in ("server-key.pem", "server.key"):
        server.private_key_pem.write_to_path(str(tmp_path / key))
    return tmp_path


@pytest.mark.parametrize(("page", "text"), CONFIGS, ids=name)
def test_a_configuration_is_valid(page: Path, text: str, certificates: Path) -> None:
    file = certificates / "parallelrun.yaml"
    file.write_text(text)
    missing = {key: value for key, value in SIDES.items() if not re.search(rf"^{key}:", text, re.MULTILINE)}
    loaded = Source(file, missing, {}).load()
    assert not loaded.warnings


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=name)
def test_a_command_line_is_understood(page: Path, line: str) -> None:
    parse(typer.main.get_command(app), words(line)[1:])


def test_there_are_examples() -> None:
    assert len(CONFIGS) > 10
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("line", ["parallelrun serve --odl x", "parallelrun sreve", "parallelrun config chekc x.yaml"])
def test_a_wrong_command_line_would_be_seen(line: str) -> None:
    with pytest.raises((KeyError, typer.TyperException)):
        parse(typer.main.get_command(app), words(line)[1:])
