"""The keys that the configuration knows, found by walking its model."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from parallelrun.config.model import Config
from parallelrun.config.positions import KeyPath
from parallelrun.config.problem import key_text
from parallelrun.config.section import Section


def fields(section: type[Section]) -> dict[str, FieldInfo]:
    """The keys of a section, as a user writes them."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def section_in(annotation: Any) -> type[Section] | None:
    """The section that a value of this type is, or is a list of; None for anything else."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    if get_origin(annotation) in (Annotated, Union, UnionType, tuple):
        return next(filter(None, map(section_in, get_args(annotation))), None)
    return None


def is_list(annotation: Any) -> bool:
    """Whether a value of this type is a list."""
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return any(map(is_list, get_args(annotation)))
    return get_origin(annotation) is tuple


def is_text(annotation: Any) -> bool:
    """Whether a value of this type is taken as it is written, whatever it looks like."""
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return any(map(is_text, get_args(annotation)))
    return annotation in (str, SecretStr, Path)


def chain(path: KeyPath) -> Iterator[FieldInfo]:
    """The fields along a path, as far as the model knows them."""
    section: type[Section] | None = Config
    for key in path:
        if isinstance(key, int):
            continue
        field = fields(section).get(key) if section else None
        if field is None:
            return
        yield field
        section = section_in(field.annotation)


def field_at(path: KeyPath) -> FieldInfo | None:
    """The field of a path; None where the model has none, as below `headers.set`."""
    known = list(chain(path))
    return known[-1] if known and len(known) == sum(isinstance(key, str) for key in path) else None


def section_at(path: KeyPath) -> type[Section] | None:
    """The section at a path; None where there is none."""
    if not path:
        return Config
    field = field_at(path)
    return section_in(field.annotation) if field else None


def secret(path: KeyPath) -> bool:
    """Whether a field along the path is never shown."""
    extras = (field.json_schema_extra for field in chain(path))
    return any(isinstance(extra, dict) and bool(extra.get("secret")) for extra in extras)


def every_path(section: type[Section] = Config, above: KeyPath = ()) -> Iterator[tuple[KeyPath, FieldInfo]]:
    """Each key of the model, by its path without list positions, sections before what is in them."""
    for key, field in fields(section).items():
        path = (*above, key)
        yield path, field
        below = section_in(field.annotation)
        if below:
            yield from every_path(below, path)


def nearest(path: KeyPath) -> str | None:
    """The known key that an unknown one at `path` was probably meant to be: a name beside it, or a path elsewhere."""
    *above, key = path
    section = section_at(tuple(above))
    beside = fields(section) if section else {}
    similar = difflib.get_close_matches(str(key).lower().replace("-", "_"), beside, n=1, cutoff=0.6)
    if similar:
        return similar[0]
    elsewhere = [known for known, _ in every_path() if known[-1] == key]
    return key_text(elsewhere[0]) if elsewhere else None
