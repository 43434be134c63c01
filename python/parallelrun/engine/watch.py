"""Notices that a file has changed, by looking: it works on every file system, and with editors that rename."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

Look = Mapping[Path, tuple[int, int, int] | None]


class Watch:
    """The files that a configuration comes from.

    A change counts once the files look the same twice in a row, so that one which is just being written is left to
    become whole. A file that is gone, as between the two halves of a rename, is no change; another one in its place is,
    and so is another target of a symbolic link, which is how Kubernetes replaces a ConfigMap.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = frozenset(files)
        """May be replaced at any time. A file that is new here counts as changed."""
        self._known = self._seen = self._look()

    def changed(self) -> bool:
        """Whether there is a change that has settled. True once for each."""
        before, self._seen = self._seen, self._look()
        gone = any(look is None and self._known.get(file) for file, look in self._seen.items())
        if self._seen != before or self._seen == self._known or gone:
            return False
        self._known = self._seen
        return True

    def _look(self) -> Look:
        return {file: _identity(file) for file in self.files}


def _identity(file: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
