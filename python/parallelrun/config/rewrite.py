"""Changes the file that a configuration comes from, or leaves it as it is and says why."""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from parallelrun.config.changes import changed_keys
from parallelrun.config.edit import EditError
from parallelrun.config.load import Source
from parallelrun.config.model import Config
from parallelrun.config.positions import KeyPath
from parallelrun.config.problem import BadConfigError, key_text


class RewriteError(Exception):
    """The file is as it was. The message says why, for people."""


@dataclass(frozen=True)
class Change:
    """What is to change in the file.

    Args:
        path: the list that it changes.
        edit: makes the new text of the old one; raises EditError.
    """

    path: KeyPath
    edit: Callable[[str], str]


Plan = Callable[[Config], Change]
"""Says what to change, given the configuration in force."""


def rewrite(source: Source, in_force: Config, change: Change) -> None:
    """Changes the file of `source`: all of it at once, by a rename, and only where the result is valid.

    Args:
        source: where the configuration comes from.
        in_force: what the change was made for: the file must still say that.
        change: what is to change.

    Raises:
        RewriteError: there is no file, or it cannot be changed, or that would change nothing.
        BadConfigError: with the change the file would not be valid.
    """
    file = _file(source)
    try:
        before = file.read_bytes()
        _check(source, file, in_force, change.path)
        after = change.edit(before.decode("utf-8"))
        _replace(source, file, before, after.encode("utf-8"))
    except EditError as error:
        raise RewriteError(f"{file}: {key_text(change.path)}: {error}: please change it by hand") from None
    except OSError as error:
        raise RewriteError(f"{file} cannot be replaced by a new one beside it: {error.strerror or error}") from None


def _file(source: Source) -> Path:
    file = source.file
    if file is None:
        raise RewriteError(
            "It runs without a configuration file, so there is none to write to: put `old: URL` and `new: URL` into a"
            " file, one a line, and start it with `parallelrun serve -c FILE`"
        )
    if file.is_symlink():
        raise RewriteError(f"{file} is a symbolic link: change what it names, {file.readlink()}")
    return file


def _check(source: Source, file: Path, in_force: Config, path: KeyPath) -> None:
    if not file.stat().st_mode & 0o222 or not os.access(file, os.W_OK):
        raise RewriteError(f"{file} is read-only")
    try:
        changed = list(changed_keys(in_force, source.load().config))
    except BadConfigError as error:
        raise RewriteError(f"{file} has a mistake, and is not in force: {error.problems[0]}") from None
    if changed:
        raise RewriteError(
            f"{file} has changed and is not in force yet ({', '.join(changed)}): try again in a second, or see"
            " `parallelrun doctor`"
        )
    origin = source.origin(path)
    if origin != str(file):
        raise RewriteError(f"{key_text(path)} is set by {origin}, which beats {file}: change it there")


def _replace(source: Source, file: Path, before: bytes, after: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as writing:
            writing.write(after)
            _take_after(file, new)
            writing.flush()
            os.fsync(writing.fileno())
        _validate(source, file, new)
        if file.read_bytes() != before:
            raise RewriteError(f"{file} has changed in this very moment: try again")
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _take_after(file: Path, new: Path) -> None:
    """Gives the new file the mode and the owner of the old one."""
    shutil.copymode(file, new)
    old, own = file.stat(), new.stat()
    if (old.st_uid, old.st_gid) != (own.st_uid, own.st_gid):
        os.chown(new, old.st_uid, old.st_gid)


def _validate(source: Source, file: Path, new: Path) -> None:
    """Loads the new file in the place of the old one. No line is told: nobody has that file."""
    try:
        replace(source, file=new).load()
    except BadConfigError as error:
        here = (
            replace(problem, origin=str(file), line=None) if problem.origin == str(new) else problem
            for problem in error.problems
        )
        raise BadConfigError(here) from None
