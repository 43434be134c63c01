"""The files that a configuration names, read."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from parallelrun.config import openapi
from parallelrun.config.model import Config
from parallelrun.config.positions import KeyPath

Fault = tuple[KeyPath, str]
"""A key and what is wrong with its value."""

T = TypeVar("T")


@dataclass(frozen=True)
class Attachments:
    """What the named files hold.

    Args:
        templates: path templates from `openapi`.
        old_ca: the certificates (PEM) of `old.ca`, or None.
        new_ca: the certificates (PEM) of `new.ca`, or None.
        tls_cert: the absolute path of `tls.cert`, or None.
        tls_key: the absolute path of `tls.key`, or None.
        tls_digest: changes when what these two files hold does.
        files: all files that were read.
    """

    templates: tuple[str, ...] = ()
    old_ca: str | None = None
    new_ca: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_digest: str = ""
    files: tuple[Path, ...] = ()

    @classmethod
    def read(cls, config: Config, base: Path) -> tuple["Attachments", list[Fault]]:
        """Reads what `config` names, relative to the directory `base`; also what is wrong with it, by key."""
        faults: list[Fault] = []
        files: list[Path] = []

        def attach(key: KeyPath, name: Path | None, read: Callable[[Path], T]) -> T | None:
            if name is None:
                return None
            path = (base / name).absolute()
            files.append(path)
            try:
                return read(path)
            except OSError as error:
                faults.append((key, f"{path}: {error.strerror or error}"))
            except ValueError as error:
                faults.append((key, f"{path}: {error}"))
            return None

        cert = attach(("tls", "cert"), config.tls.cert if config.tls else None, _pem("CERTIFICATE"))
        key = attach(("tls", "key"), config.tls.key if config.tls else None, _pem("PRIVATE KEY"))
        attachments = cls(
            templates=attach(("openapi",), config.openapi, openapi.templates) or (),
            old_ca=attach(("old", "ca"), config.old.ca, _pem("CERTIFICATE")),
            new_ca=attach(("new", "ca"), config.new.ca, _pem("CERTIFICATE")),
            tls_cert=(base / config.tls.cert).absolute() if config.tls else None,
            tls_key=(base / config.tls.key).absolute() if config.tls else None,
            tls_digest=hashlib.sha256(f"{cert}{key}".encode()).hexdigest(),
            files=tuple(files),
        )
        return attachments, faults


def _pem(label: str) -> Callable[[Path], str]:
    def read(path: Path) -> str:
        text = path.read_text(encoding="utf-8")
        if f"{label}-----" not in text:
            raise ValueError(f"expected a PEM file with a {label.lower()}")
        return text

    return read
