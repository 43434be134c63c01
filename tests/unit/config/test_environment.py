"""Settings from the environment and the command line."""

from datetime import timedelta
from pathlib import Path

import pytest

from parallelrun.config import Source, keys
from parallelrun.config.environment import read, variable_of
from tests.unit.config.given import load, problems

FILE = "old: http://a:1\nnew: {url: http://b:2, timeout: 7s}\nlisten: 127.0.0.1:1\nsample: 50%\n"


def test_the_command_line_beats_the_environment_and_the_environment_the_file(file: Path) -> None:
    environment = {
        "PARALLELRUN_LISTEN": "127.0.0.1:2",
        "PARALLELRUN_SAMPLE": "25%",
        "PARALLELRUN_NEW__URL": "http://c:3",
    }
    config = load(file, FILE, environment, listen="127.0.0.1:3", old="http://d:4").config
    assert config.listen.port == 3
    assert config.sample == 250_000
    assert (config.old.url, config.new.url, config.new.timeout) == ("http://d:4", "http://c:3", timedelta(seconds=7))


def test_a_plain_side_can_be_added_to(file: Path) -> None:
    config = load(file, FILE, {"PARALLELRUN_OLD__TIMEOUT": "3s"}).config
    assert (config.old.url, config.old.timeout) == ("http://a:1", timedelta(seconds=3))


def test_no_file_is_needed() -> None:
    environment = {"PARALLELRUN_OLD": "http://a:1", "PARALLELRUN_NEW": "{url: http://b:2, timeout: 1s}"}
    config = Source(None, {"admin": {"listen": "127.0.0.1:9"}}, environment).load().config
    assert (config.old.url, config.new.timeout, config.admin.listen.port) == ("http://a:1", timedelta(seconds=1), 9)


def test_lists_and_mappings_are_yaml(file: Path) -> None:
    environment = {
        "PARALLELRUN_ROLLOUT__STEPS": "[5%, 50%]",
        "PARALLELRUN_COMPARE__IGNORE": "[$.a, {at: $.b, reason: why}]",
        "PARALLELRUN_NEW__HEADERS__SET": "{authorization: Bearer x}",
    }
    config = load(file, FILE, environment).config
    assert config.rollout.steps == (50_000, 500_000)
    assert [rule.at for rule in config.compare.ignore] == ["$.a", "$.b"]
    assert config.new.headers.set == {"authorization": "Bearer x"}


@pytest.mark.parametrize("token", ["12345", "true", "null", "a: b", "[x", "'"])
def test_text_is_taken_as_it_stands(file: Path, token: str) -> None:
    config = load(file, FILE, {"PARALLELRUN_ADMIN__TOKEN": token}).config
    assert config.admin.token is not None
    assert config.admin.token.get_secret_value() == token


def test_an_empty_value_is_the_default(file: Path) -> None:
    config = load(file, FILE, {"PARALLELRUN_SAMPLE": "", "PARALLELRUN_ADMIN__TOKEN": ""}).config
    assert (config.sample, config.admin.token) == (1_000_000, None)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("PARALLELRUN_LIMITS__BODI", "1MiB", "unknown setting; did you mean PARALLELRUN_LIMITS__BODY?"),
        ("PARALLELRUN_SAMPEL", "1%", "unknown setting; did you mean PARALLELRUN_SAMPLE?"),
        ("PARALLELRUN_QUITE__DIFFERENT", "1", "unknown setting"),
        ("PARALLELRUN_LIMITS__SHADOWS", "many", "limits.shadows: expected a whole number, got `many`"),
        ("PARALLELRUN_LIMITS", "3", "limits: expected a mapping of keys to values, got 3"),
        ("PARALLELRUN_ROUTES__MATCH", "/x", "routes.match: inside a list: set the whole list, as in [a, b]"),
        ("PARALLELRUN_ROLLOUT__STEPS", "[1%", "rollout.steps: not valid YAML"),
        ("PARALLELRUN_TLS__CERT", "none.pem", "tls.key: missing; expected a value such as server-key.pem"),
    ],
)
def test_mistakes_name_the_variable(file: Path, variable: str, value: str, expected: str) -> None:
    found = problems(file, FILE, {variable: value})
    assert found[-1].startswith(f"{variable}: {expected}") or expected in found[-1]


def test_what_kubernetes_and_others_set_is_left_alone(file: Path) -> None:
    environment = {
        "PARALLELRUN_SERVICE_HOST": "10.0.0.1",
        "PARALLELRUN_SERVICE_PORT_HTTP": "80",
        "PARALLELRUN_PORT": "tcp://10.0.0.1:80",
        "PARALLELRUN_PORT_80_TCP_ADDR": "10.0.0.1",
        "PARALLELRUN_ADMIN_PORT_8081_TCP": "tcp://10.0.0.1:8081",
        "PARALLELRUN_HOMEDIR_OF_SOMEBODY": "/x",
        "OTHER": "y",
    }
    assert load(file, FILE, environment).config == load(file, FILE).config


def test_every_setting_can_come_from_the_environment() -> None:
    for path, field in keys.every_path():
        if any(keys.is_list(above.annotation) for above in list(keys.chain(path))[:-1]):
            continue
        settings, wrong = read({variable_of(path): "x"})
        assert ([setting.path for setting in settings], wrong) == ([path], []), field
