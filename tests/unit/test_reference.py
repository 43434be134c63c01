"""Every setting and every command is in docs/reference, in the words of the code."""

import re

import typer.main
import yaml

from parallelrun.cli import app
from parallelrun.config import Config, keys
from parallelrun.config.snapshot import FIXED
from tests.support.repository import ROOT
from tools.reference.__main__ import PARTS, written

PAGES = ROOT / "docs" / "reference"
CONFIGURATION = (PAGES / "configuration.md").read_text()
COMMANDS = (PAGES / "commands.md").read_text()


def test_the_pages_say_what_the_code_does() -> None:
    for page in PARTS:
        assert (PAGES / page).read_text() == written(page), f"{page}: run `python -m tools.reference`"


def test_every_setting_has_a_meaning_and_an_example() -> None:
    rows = [line.split(" | ") for line in CONFIGURATION.splitlines() if line.startswith("| `")]
    for path, field in keys.every_path():
        found = [row for row in rows if row[0] == f"| `{path[-1]}`"]
        assert found, f"{path} is not documented"
        assert all(len(row) == 5 and len(row[4]) > 10 for row in found), path
        assert field.examples or keys.section_in(field.annotation), f"{path} has no example"


def test_every_example_of_a_setting_is_valid() -> None:
    """Each under its own key, with what its section requires beside it."""
    for path, field in keys.every_path():
        for example in field.examples or ():
            value: object = example
            for depth in range(len(path) - 1, 0, -1):
                above = keys.field_at(path[:depth])
                section = keys.section_at(path[:depth])
                assert above is not None
                assert section is not None
                beside: dict[object, object] = {
                    key: each.examples[0]
                    for key, each in keys.fields(section).items()
                    if each.is_required() and key != path[depth] and each.examples
                }
                value = {**beside, path[depth]: value}
                if path[depth - 1] == "tolerance":
                    value = {"absolute": 1.0, **value}
                value = [value] if keys.is_list(above.annotation) else value
            Config.model_validate({"old": "http://a", "new": "http://b", path[0]: value})


def test_the_settings_that_need_a_restart_exist() -> None:
    for key in FIXED:
        assert keys.field_at(tuple(key.split("."))) is not None, key


def test_every_command_and_option_is_documented() -> None:
    def check(name: str, command: object) -> int:
        below = getattr(command, "commands", None)
        if below is not None:
            return sum(check(f"{name} {word}", each) for word, each in below.items())
        (part,) = re.findall(rf"^## `{name}(?: [^`]*)?`$(.*?)(?=^## |\Z)", COMMANDS, re.MULTILINE | re.DOTALL)
        for parameter in command.params:  # type: ignore[attr-defined]
            assert parameter.help, f"{name} {parameter.name} has no help"
            for option in parameter.opts if parameter.opts[0].startswith("-") else ():
                assert f"`{option}" in part, f"{name} {option} is not documented"
        return 1

    assert check("parallelrun", typer.main.get_command(app)) > 8


def test_defaults_in_the_page_are_those_of_the_code() -> None:
    """Read back from the page, each default is what a configuration without the key has."""
    (part,) = re.findall(r"^## `limits`$(.*?)(?=^## )", CONFIGURATION, re.MULTILINE | re.DOTALL)
    rows = [line.split(" | ") for line in part.splitlines() if line.startswith("| `")]
    written_out = {row[0].strip("| `"): yaml.safe_load(row[2].strip("`")) for row in rows}
    base = {"old": "http://a", "new": "http://b"}
    assert Config.model_validate({**base, "limits": written_out}) == Config.model_validate(base)
