"""Path templates from an OpenAPI description, so that endpoints carry the names that their authors gave them."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from parallelrun.config.routes import path_problem

_MIXED = re.compile(r"[^{}]*(\{[^{}]*\}[^{}]*)+")
_NAME = re.compile(r"\{([^{}]*)\}")


def templates(path: Path) -> tuple[str, ...]:
    """The path templates of an OpenAPI 3 or Swagger 2 file, each once, with the path of its first server before it.

    A segment such as `{name}.{ext}`, of which a route can only take the whole, becomes `{name_ext}`.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such description, or one of its paths cannot be a route.
    """
    description = _read(path)
    paths = description.get("paths") if isinstance(description, dict) else None
    if not isinstance(paths, dict):
        raise ValueError("expected an OpenAPI description with `paths`")
    prefix = _prefix(description)
    found = dict.fromkeys(_template(prefix, str(template)) for template in paths if str(template).startswith("/"))
    return tuple(found)


def _read(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text)
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"neither JSON nor YAML: {' '.join(str(error).split())}") from None


def _prefix(description: dict[str, Any]) -> str:
    base = description.get("basePath")
    servers = description.get("servers")
    if not isinstance(base, str) and isinstance(servers, list) and servers and isinstance(servers[0], dict):
        base = urlsplit(str(servers[0].get("url", ""))).path
    # A server's path may itself hold variables; it then names no path that a request could be matched by.
    return base.rstrip("/") if isinstance(base, str) and "{" not in base else ""


def _template(prefix: str, template: str) -> str:
    path = prefix + "/".join(map(_segment, template.split("/")))
    problem = path_problem(path)
    if problem:
        raise ValueError(f"path {template}: {problem}")
    return path


def _segment(segment: str) -> str:
    if "{" not in segment or not _MIXED.fullmatch(segment):
        return segment
    return "{" + re.sub(r"\W", "_", "_".join(_NAME.findall(segment))) + "}"
