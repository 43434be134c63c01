"""Changes of files, as they are noticed."""

import os
from pathlib import Path

import pytest

from parallelrun.engine.watch import Watch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "a.yaml"
    file.write_text("one")
    return file


def looks(watch: Watch, count: int = 4) -> list[bool]:
    return [watch.changed() for _ in range(count)]


def test_nothing_changed(file: Path) -> None:
    assert looks(Watch([file])) == [False] * 4


def test_a_change_counts_once_and_when_it_has_settled(file: Path) -> None:
    watch = Watch([file])
    file.write_text("two, and longer")
    assert looks(watch) == [False, True, False, False]


def test_a_file_that_is_being_written_is_left_to_become_whole(file: Path) -> None:
    watch = Watch([file])
    for text in ("h", "ha", "half"):
        file.write_text(text)
        assert not watch.changed()
    assert looks(watch) == [True, False, False, False]


def test_an_editor_that_renames(file: Path) -> None:
    watch = Watch([file])
    new = file.with_suffix(".new")
    new.write_text("one")
    os.utime(new, ns=(file.stat().st_mtime_ns, file.stat().st_mtime_ns))
    new.replace(file)  # same size, same time, another file
    assert looks(watch) == [False, True, False, False]


def test_a_file_that_is_gone_for_a_while_is_no_change(file: Path) -> None:
    watch = Watch([file])
    before = file.stat()
    backup = file.with_suffix(".backup")
    file.rename(backup)
    assert looks(watch) == [False] * 4
    backup.rename(file)
    assert file.stat().st_ino == before.st_ino
    assert looks(watch) == [False] * 4
    file.unlink()
    assert looks(watch) == [False] * 4
    file.write_text("again")
    assert looks(watch) == [False, True, False, False]


def test_another_target_of_a_symbolic_link(tmp_path: Path) -> None:
    for name in ("v1", "v2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text("same")
    (tmp_path / "data").symlink_to("v1")
    watch = Watch([tmp_path / "data" / "a.yaml"])
    (tmp_path / "tmp").symlink_to("v2")
    (tmp_path / "tmp").rename(tmp_path / "data")
    assert looks(watch) == [False, True, False, False]


def test_a_new_file_on_the_list_counts_as_changed(file: Path, tmp_path: Path) -> None:
    watch = Watch([file])
    missing = tmp_path / "ca.pem"
    watch.files = frozenset({file, missing})
    assert looks(watch) == [False, True, False, False]
    missing.write_text("here")
    assert looks(watch) == [False, True, False, False]


def test_a_missing_new_file_does_not_hide_the_others(file: Path, tmp_path: Path) -> None:
    watch = Watch([file])
    watch.files = frozenset({file, tmp_path / "never.pem"})
    looks(watch)
    file.write_text("now without it")
    assert looks(watch) == [False, True, False, False]
