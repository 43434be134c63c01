"""`parallelrun config`, and the exit codes of the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def parallelrun(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "parallelrun", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("old: http://a\nnew: http://b\ncompare: {ignore: [{at: $.a, until: 2020-01-01}]}\n")
    checked = parallelrun("config", "check", str(file))
    assert (checked.returncode, checked.stdout) == (0, f"{file}: ok\n")
    rule = "its last day was 2020-01-01: no longer applied (ignore $.a) (warning)"
    assert checked.stderr == f"{file}:3: compare.ignore[0]: {rule}\n"


def test_a_bad_file_has_one_line_per_error(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("old: http://a\nnew: http://b\nlimts: {}\nsample: 5\n")
    checked = parallelrun("config", "check", str(file))
    assert (checked.returncode, checked.stdout) == (64, "")
    assert checked.stderr.splitlines() == [
        f"{file}:3: limts: unknown key; did you mean `limits`?",
        f"{file}:4: sample: expected a share in percent, such as 10% or 0.01%, got 5",
    ]


def test_the_environment_counts_as_it_does_for_serve(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("old: http://a\n")
    assert parallelrun("config", "check", str(file)).returncode == 64
    assert parallelrun("config", "check", str(file), PARALLELRUN_NEW="http://b").returncode == 0


def test_the_schema() -> None:
    printed = parallelrun("config", "schema")
    assert printed.returncode == 0
    schema = json.loads(printed.stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["required"] == ["old", "new"]


@pytest.mark.parametrize(
    "arguments", [("config", "check"), ("config", "chek", "x"), ("nonsense",), ("serve", "--nonsense"), ("config",), ()]
)
def test_bad_usage_is_64(arguments: tuple[str, ...]) -> None:
    ended = parallelrun(*arguments)
    assert ended.returncode == 64
    assert "Traceback" not in ended.stderr


def test_help_is_0_and_needs_neither_core_nor_server() -> None:
    code = (
        "import sys\nsys.argv = ['parallelrun', '--help']\nfrom parallelrun.cli import main\n"
        "try: main()\nexcept SystemExit as end: print('exit', end.code)\n"
        "print(sorted({'fastapi', 'sqlalchemy', 'pydantic', 'uvicorn', 'parallelrun._core'} & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert "serve" in printed
    assert printed.splitlines()[-2:] == ["exit 0", "[]"]
