"""Path templates from an OpenAPI description."""

import json
from pathlib import Path
from typing import Any

import pytest

from parallelrun.config.openapi import templates


def given(tmp_path: Path, description: Any) -> tuple[str, ...]:
    file = tmp_path / "api"
    file.write_text(description if isinstance(description, str) else json.dumps(description))
    return templates(file)


def test_json_and_yaml(tmp_path: Path) -> None:
    assert given(tmp_path, {"paths": {"/a": {}, "/a/{id}": {}}}) == ("/a", "/a/{id}")
    assert given(tmp_path, "openapi: 3.1.0\npaths:\n  /a/{id}: {get: {}}\n  x-note: y\n") == ("/a/{id}",)


def test_the_path_of_the_server_comes_first(tmp_path: Path) -> None:
    paths: dict[str, object] = {"/a/{id}": {}}
    assert given(tmp_path, {"basePath": "/v1/", "paths": paths}) == ("/v1/a/{id}",)
    assert given(tmp_path, {"servers": [{"url": "https://x.org/v2"}, {"url": "/v3"}], "paths": paths}) == (
        "/v2/a/{id}",
    )
    assert given(tmp_path, {"servers": [{"url": "/{version}"}], "paths": paths}) == ("/a/{id}",)
    assert given(tmp_path, {"servers": [{"url": "/"}], "paths": paths}) == ("/a/{id}",)


def test_a_segment_of_several_parts_becomes_one(tmp_path: Path) -> None:
    assert given(tmp_path, {"paths": {"/f/{name}.{ext}": {}, "/r/{a-b},{c}": {}}}) == ("/f/{name_ext}", "/r/{a_b_c}")


def test_each_template_comes_once(tmp_path: Path) -> None:
    assert given(tmp_path, {"paths": {"/f/{name}.{ext}": {}, "/f/{name_ext}": {}}}) == ("/f/{name_ext}",)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("a: [", "neither JSON nor YAML"),
        ("{", "neither JSON nor YAML"),
        ("[]", "expected an OpenAPI description"),
        ({"openapi": "3.1.0"}, "expected an OpenAPI description"),
        ({"paths": {"/a?b=1": {}}}, r"path /a\?b=1: expected a path"),
        ({"paths": {"/a/{b": {}}}, r"path /a/\{b: expected literal segments"),
    ],
)
def test_what_is_none(tmp_path: Path, description: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        given(tmp_path, description)
