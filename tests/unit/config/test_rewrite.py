"""The file of a configuration: changed as a whole, or left as it is."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from parallelrun.config import BadConfigError, Source
from parallelrun.config.edit import insert
from parallelrun.config.positions import KeyPath
from parallelrun.config.rewrite import Change, RewriteError, rewrite

TEXT = "old: http://a  # serves\nnew: http://b\ncompare: {ignore: [$.a]}\n"
PATH: KeyPath = ("compare", "ignore")
ADDED = TEXT.replace("[$.a]", "[$.a, {at: $.b}]")


class World:
    """A file that is in force."""

    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None, **options: Any) -> None:
        self.file = directory / "p.yaml"
        self.file.write_text(TEXT)
        self.source = Source(self.file, options, environment or {})
        self.in_force = self.source.load().config

    def change(self, text: str | None = None, path: KeyPath = PATH) -> None:
        """Puts a rule in; or a whole text in the place of all."""
        edit = (lambda before: insert(before, path, {"at": "$.b"})) if text is None else (lambda _: text)
        rewrite(self.source, self.in_force, Change(path, edit))

    def assert_refused(self, message: str, **options: Any) -> None:
        """Not changed, and nothing left behind."""
        before = self.file.read_bytes()
        with pytest.raises(RewriteError, match=message):
            self.change(**options)
        assert self.file.read_bytes() == before
        assert [path.name for path in self.file.parent.iterdir() if not path.is_dir()] == ["p.yaml"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_it_is_replaced_and_keeps_its_mode(world: World, mode: int) -> None:
    world.file.chmod(mode)
    number = world.file.stat().st_ino
    world.change()
    assert world.file.read_text() == ADDED
    assert stat.S_IMODE(world.file.stat().st_mode) == mode
    assert world.file.stat().st_ino != number
    assert [path.name for path in world.file.parent.iterdir()] == ["p.yaml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_it_keeps_its_owner(world: World) -> None:
    os.chown(world.file, 1234, 4321)
    world.change()
    assert (world.file.stat().st_uid, world.file.stat().st_gid) == (1234, 4321)


def test_every_byte_is_kept(world: World) -> None:
    world.file.write_bytes(TEXT.replace("\n", "\r\n").encode())
    world.change()
    assert world.file.read_bytes() == ADDED.replace("\n", "\r\n").encode()


def test_without_a_file_it_says_how_to_get_one(world: World) -> None:
    world.source = Source(None, {"old": "http://a", "new": "http://b"}, {})
    world.assert_refused("put `old: URL` and `new: URL` into a file")


def test_a_link_is_not_replaced(world: World) -> None:
    target = world.file.parent / "data" / "real.yaml"
    target.parent.mkdir()
    world.file.rename(target)
    world.file.symlink_to(target)
    world.assert_refused(f"symbolic link: change what it names, {target}")
    assert world.file.is_symlink()


def test_a_file_that_may_not_be_written_is_not(world: World) -> None:
    world.file.chmod(0o444)
    world.assert_refused("p.yaml is read-only")


def test_a_directory_that_takes_no_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError(13, "Permission denied", "somewhere")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    world.assert_refused("p.yaml cannot be replaced by a new one beside it: Permission denied")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_an_owner_that_cannot_be_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(world.file, 1234, 4321)

    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.chown", refuse)
    world.assert_refused("cannot be replaced by a new one beside it: Operation not permitted")


def test_a_file_that_is_gone(world: World) -> None:
    world.file.unlink()
    with pytest.raises(RewriteError, match="No such file"):
        world.change()


def test_what_somebody_else_wrote_since_is_not_lost(world: World) -> None:
    world.file.write_text(f"{TEXT}sample: 1%\n")
    world.assert_refused(r"has changed and is not in force yet \(sample\)")
    world.file.write_text(f"{TEXT}sampel: 1%\n")
    world.assert_refused("has a mistake, and is not in force: .*p.yaml:4: sampel: unknown key")
    world.file.write_text(f"# only a comment\n{TEXT}")
    world.change()
    assert world.file.read_text() == f"# only a comment\n{ADDED}"


def test_what_somebody_else_writes_meanwhile_is_not_lost(world: World) -> None:
    def edit(before: str) -> str:
        world.file.write_text(f"{TEXT}# just now\n")
        return insert(before, PATH, {"at": "$.b"})

    with pytest.raises(RewriteError, match="has changed in this very moment"):
        rewrite(world.source, world.in_force, Change(PATH, edit))
    assert world.file.read_text() == f"{TEXT}# just now\n"
    assert [path.name for path in world.file.parent.iterdir()] == ["p.yaml"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PARALLELRUN_COMPARE__IGNORE", "[$.c]"),
        ("PARALLELRUN_COMPARE__IGNORE", ""),
        ("PARALLELRUN_COMPARE", "{ignore: [$.c]}"),
        ("PARALLELRUN_COMPARE", "{}"),
    ],
)
def test_what_the_environment_sets_is_not_written_in_vain(tmp_path: Path, variable: str, value: str) -> None:
    world = World(tmp_path, {variable: value})
    world.assert_refused(f"compare.ignore is set by {variable}, which beats ")


def test_what_the_environment_sets_beside_it_does_not_matter(tmp_path: Path) -> None:
    world = World(tmp_path, {"PARALLELRUN_COMPARE__CASE": "[$.c]", "PARALLELRUN_ROUTES": "[{match: /a}]"})
    world.change()
    assert world.file.read_text() == ADDED
    world.in_force = world.source.load().config
    world.assert_refused("routes is set by PARALLELRUN_ROUTES", path=("routes",))
    world.assert_refused(
        r"routes\[0\].compare.ignore is set by PARALLELRUN_ROUTES", path=("routes", 0, "compare", "ignore")
    )


def test_what_an_option_sets_is_not_written_in_vain(tmp_path: Path) -> None:
    World(tmp_path, compare={"ignore": ["$.c"]}).assert_refused("compare.ignore is set by command line")


def test_a_form_that_cannot_be_edited_is_left_to_people(world: World) -> None:
    world.file.write_text("old: http://a\nnew: http://b\ncompare: {case: &x [$.a], ignore: *x}\n")
    world.in_force = world.source.load().config
    world.assert_refused("compare.ignore: it is written in a way .*: please change it by hand")


def test_what_would_not_be_valid_is_not_written(world: World) -> None:
    with pytest.raises(BadConfigError) as refused:
        world.change(f"{TEXT}sampel: 1%\nopenapi: missing.yaml\n")
    assert [str(problem) for problem in refused.value.problems] == [
        f"{world.file}: sampel: unknown key; did you mean `sample`?"
    ]
    assert world.file.read_text() == TEXT
    assert [path.name for path in world.file.parent.iterdir()] == ["p.yaml"]
