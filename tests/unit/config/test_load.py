"""A whole configuration: what is in it, what is wrong with it, and where."""

from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from parallelrun.config import BadConfigError, Source, schema
from parallelrun.config.positions import parse
from tests.unit.config.given import load, problems

CONTRACT = """\
    listen: 0.0.0.0:8080
    admin: {listen: 127.0.0.1:8081, token: null}
    old: {url: http://orders-v1:8000, health: /healthz, timeout: 10s}
    new:
      url: http://orders-v2:8000
      health: /healthz
      timeout: 10s
      headers: {set: {authorization: Bearer x}, remove: [cookie]}
    databases: shared
    sample: 100%
    sticky: {cookie: session}
    compare:
      ignore: [{at: $.updated_at, reason: "written on read", owner: jo, until: 2027-03-01}]
      unordered: [{at: $.items, by: id}]
      tolerance: [{at: $.price, absolute: 0.01}]
    routes:
      - match: POST /orders
        writes: both-sides
      - match: GET /search
        compare: {unordered: [$.hits]}
    rollout:
      steps: [10%, 25%, 50%, 100%]
      hold: 10m
      deadline: 24h
      gate: {mismatch: 0.1%, failures: 0.1%, slower: {quantile: 99%, ratio: 1.5}, confidence: 95%}
      never: [{at: status}, {at: $.total}]
      approve: [100%]
      bake: 1h
    limits: {body: 1MiB, memory: 256MiB, shadows: 1024, pairs_kept: 10000, keep: 30d}
    redact: {headers: [authorization, cookie, set-cookie], json: ["$..password", "$..token"]}
    alerts: [{to: "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", min: warning}]
    store: sqlite:///parallelrun.db
"""


def test_the_contract_can_be_written(file: Path) -> None:
    config = load(file, CONTRACT).config
    assert config.old.timeout == timedelta(seconds=10)
    assert config.new.headers.set == {"authorization": "Bearer x"}
    assert config.rollout.steps == (100_000, 250_000, 500_000, 1_000_000)
    assert config.routes[1].compare.unordered[0].at == "$.hits"
    assert config.limits.memory == 256 << 20


def test_every_key_has_a_default_but_the_sides(file: Path) -> None:
    config = load(file, "old: http://a:1\nnew: http://b:2\n").config
    assert (str(config.listen), str(config.admin.listen)) == ("127.0.0.1:8080", "127.0.0.1:8081")
    assert (config.store, config.sample, config.databases) == ("sqlite:///parallelrun.db", 1_000_000, "shared")
    assert problems(file, "") == [
        "p.yaml:1: old: missing; expected a URL such as http://orders-v1:8000",
        "p.yaml:1: new: missing; expected a URL such as http://orders-v1:8000",
    ]


def test_an_empty_section_means_its_defaults(file: Path) -> None:
    sides = "old: http://a:1\nnew: http://b:2\n"
    full = load(file, f"{sides}limits:\nredact:\n  json:\ncompare: {{ignore: }}\nstop: {{}}\n").config
    assert full == load(file, sides).config


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(file: Path) -> None:
    text = """\
    listen: 8080
    old: {ulr: "http://a:1", timeout: 10}
    new: http://b:2
    sample: 110%
    sample: 1%
    limits:
      bodi: 1MiB
      shadows: many
      keep: 0
    databases: both
    body: 1MiB
    routes: {match: /x}
    stop:
      grace: 10s
      deadline: 5s
    """
    assert problems(file, text) == [
        "p.yaml:1: listen: expected ADDRESS:PORT, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080, got 8080",
        "p.yaml:2: old.url: missing; expected a value such as http://orders-v1:8000",
        "p.yaml:2: old.timeout: expected a duration with its unit, such as 250ms, 10s, 5m, 24h or 30d, got 10",
        "p.yaml:2: old.ulr: unknown key; did you mean `url`?",
        "p.yaml:4: sample: expected at most 100%, got `110%`",
        "p.yaml:5: sample: given twice; first on line 4",
        "p.yaml:7: limits.bodi: unknown key; did you mean `body`?",
        "p.yaml:8: limits.shadows: expected a whole number, got `many`",
        "p.yaml:9: limits.keep: expected more than 0, got 0",
        "p.yaml:10: databases: expected 'shared' or 'separate', got `both`",
        "p.yaml:11: body: unknown key; did you mean `limits.body`?",
        "p.yaml:12: routes: expected a list",
        "p.yaml:13: stop: expected `grace` to be less than `deadline`",
    ]


def test_what_a_section_checks_between_its_keys_is_told_at_the_key(file: Path) -> None:
    text = "old: http://a\nnew: http://b\nrollout:\n  hold: 2h\n  deadline: 1h\n"
    assert problems(file, text) == ["p.yaml:4: rollout.hold: expected no more than the deadline"]
    text = "old: http://a\nnew: http://b\nrollout:\n  hold: 1m\n  steps: [10%, 5%]\n"
    assert problems(file, text) == ["p.yaml:5: rollout.steps: expected each to be higher than the one before"]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("pace: true", "pace: unknown key"),
        ("workers: 0", "workers: expected at least 1, got 0"),
        ("workers: 1.5", "workers: expected a whole number, got 1.5"),
        ("workers: true", "workers: expected a whole number, got true"),
        ("tls: {cert: a.pem}", "tls.key: missing; expected a value such as server-key.pem"),
        ("tls: yes", "tls: expected a mapping of keys to values, got `yes`"),
        ("sticky: {cookie: a, header: b}", "sticky: expected either `cookie` or `header`, not both"),
        ("sticky: {header: a b}", "sticky.header: expected the name of a header, such as x-request-id, got `a b`"),
        ("store: mysql://x", "store: expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"),
        ("compare: {tolerance: [$.a]}", "compare.tolerance[0]: expected `absolute` or `relative`, got `$.a`"),
        (
            "compare: {tolerance: [{at: $.a, absolute: -1}]}",
            "compare.tolerance[0].absolute: expected at least 0, got -1",
        ),
        (
            "compare: {ignore: [{at: $.a, until: soon}]}",
            "compare.ignore[0].until: expected a date, such as 2027-03-01, got `soon`",
        ),
        (
            "compare: {ignore: [price]}",
            "compare.ignore[0].at: expected a location: `status`, `body`, `header:NAME` or a JSONPath such as "
            "$.items[*].id, got `price`",
        ),
        (
            "compare: {equivalent: [{at: body}]}",
            "compare.equivalent[0].pattern: missing; expected a value such as https?://[^/]+",
        ),
        (
            "routes: [{match: FETCH orders}]",
            "routes[0].match: expected a path that starts with / and has no query, got `FETCH orders`",
        ),
        (
            "routes: [{match: get /orders}]",
            "routes[0].match: expected METHOD /path or /path, such as POST /orders or GET /orders/{id}, "
            "got `get /orders`",
        ),
        (
            "routes: [{match: '/a/b{c}'}]",
            "routes[0].match: expected literal segments, {name} or {name}.ending for one segment, or {*rest} at the "
            "end for all that follow, got `/a/b{c}`",
        ),
        (
            "routes: [{match: /x, writes: twice}]",
            "routes[0].writes: expected 'one-side', 'both-sides' or 'old-only', got `twice`",
        ),
        ("routes: [{match: /x}, {match: /x}]", "routes[1].match: given twice; first in routes[0]"),
        ("redact: {json: [password]}", "redact.json[0]: expected a JSONPath such as $..password, got `password`"),
        ("rollout: {steps: [10%, 5%]}", "rollout.steps: expected each to be higher than the one before"),
        ("rollout: {steps: [0.001%]}", "rollout.steps: expected at least 0.01%"),
        ("rollout: {approve: [30%]}", "rollout.approve: expected only weights that are among the steps"),
        (
            "rollout: {gate: {mismatch: 0%}}",
            "rollout.gate.mismatch: expected more than 0% and less than 100%, got `0%`",
        ),
        (
            "alerts: [{to: nowhere}]",
            "alerts[0].to: expected an Apprise URL such as slack://... or mailto://..., or webhook+https://HOST/PATH",
        ),
        ("alerts: [{to: slck://a}]", "alerts[0].to: unknown scheme slck://; did you mean slack://?"),
        (
            "alerts: [{to: webhook+https:///x}]",
            "alerts[0].to: expected webhook+https://HOST/PATH, with or without a port",
        ),
        (
            "alerts: [{to: webhook+https://h}]",
            "alerts[0].secret: missing; expected `whsec_` and 24 to 64 random bytes in base64",
        ),
        (
            "alerts: [{to: webhook+https://h, secret: whsec_c2hvcnQ=}]",
            "alerts[0].secret: expected `whsec_` and 24 to 64 random bytes in base64:"
            " echo whsec_$(openssl rand -base64 32)",
        ),
        (
            "alerts: [{to: mailto://a:b@c.de, secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}]",
            "alerts[0].secret: only for webhook+https:// and webhook+http://",
        ),
        (
            "alerts: [{to: mailto://a:b@c.de, min: fatal}]",
            "alerts[0].min: expected 'info', 'warning' or 'critical', got `fatal`",
        ),
        (
            "admin: {listen: '0.0.0.0:1'}",
            "admin.listen: another address than loopback needs `admin.token`, or anybody could change everything",
        ),
        ("admin: {token: 12345}", "admin.token: expected text: put it in quotes"),
        ("admin: {listen: '127.0.0.1:8080'}", "admin.listen: the same address as `listen` (127.0.0.1:8080)"),
        (
            "limits: {memory: 100MiB}",
            "limits.memory: expected at least 176MiB, of which 160MiB are for the process itself",
        ),
        (
            "limits: {body: 2GiB}",
            "limits.memory: expected at least 8352MiB, of which 160MiB are for the process itself, "
            "and four times `limits.body` must fit: an upload, two answers, and what begins",
        ),
        ("tls: {cert: none.pem, key: none.pem}", "tls.cert: none.pem: No such file or directory"),
        ("openapi: none.yaml", "openapi: none.yaml: No such file or directory"),
        (
            "compare: {ignore: [{at: $.a, id: x}, {at: $.b, id: x}]}",
            "compare.ignore[1].id: already the id of another rule (ignore $.a)",
        ),
    ],
)
def test_mistakes(file: Path, setting: str, expected: str) -> None:
    found = problems(file, f"old: http://a:1\nnew: http://b:2\n{setting}\n")
    assert found[0] == f"p.yaml:3: {expected}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("orders:8000", "expected http://HOST:PORT or https://HOST:PORT, with or without a path, got `orders:8000`"),
        ("ftp://a", "expected http://HOST:PORT or https://HOST:PORT, with or without a path, got `ftp://a`"),
        ("http://a:x", "expected http://HOST:PORT or https://HOST:PORT, with or without a path, got `http://a:x`"),
        (
            "http://a/?x=1",
            "expected http://HOST:PORT or https://HOST:PORT, with or without a path, but without a query, got `http://a/?x=1`",
        ),
        (
            "http://jo:secret@a",
            "expected no user and password in it: give those as `headers: {set: {authorization: ...}}`",
        ),
    ],
)
def test_urls(file: Path, url: str, expected: str) -> None:
    assert problems(file, f'old: "{url}"\nnew: http://b\n') == [f"p.yaml:1: old.url: {expected}"]


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:8080", "http://localhost:8080"),
        ("127.0.0.1:8080", "http://LOCALHOST.:8080"),
        ("127.0.0.1:8080", "http://127.1:8080"),
        ("127.0.0.1:8080", "http://2130706433:8080"),
        ("127.0.0.1:8080", "http://[::ffff:127.0.0.1]:8080"),
        ("127.0.0.1:8080", "http://0.0.0.0:8080"),
        ("127.0.0.1:8080", "http://0:8080"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080/shop"),
        ("0.0.0.0:8080", "http://127.9.9.9:8080"),
        ("0.0.0.0:8080", "http://0.0.0.0:8080"),
        ("'[::]:8080'", "http://127.0.0.1:8080"),
        ("'[::]:8080'", "http://0.0.0.0:8080"),
        ("'[::]:8080'", "http://[::1]:8080"),
        ("'[::]:8080'", "http://[::]:8080"),
        ("'[::]:8080'", "http://[::ffff:127.0.0.1]:8080"),
        ("'[::]:8080'", "http://localhost:8080"),
        ("'[::1]:8080'", "http://localhost:8080"),
        ("'[::1]:8080'", "http://[::]:8080"),
        ("'[::1]:443'", "https://[::1]"),
        ("'[::ffff:127.0.0.1]:8080'", "http://127.0.0.1:8080"),
        ("'[::ffff:0.0.0.0]:8080'", "http://127.0.0.1:8080"),
        ("10.1.2.3:80", "http://10.1.2.3"),
    ],
)
def test_no_side_is_parallelrun_itself(file: Path, listen: str, url: str) -> None:
    (problem,) = problems(file, f"listen: {listen}\nold: http://a\nnew: '{url}'\n")
    assert problem.startswith("p.yaml:3: new.url: it is where clients connect")
    (problem,) = problems(
        file, f"admin: {{listen: {listen}, token: x}}\nlisten: 127.0.0.1:1\nold: '{url}'\nnew: http://a\n"
    )
    assert problem.startswith("p.yaml:3: old.url: it is parallelrun's own admin API (`admin.listen`, ")
    assert problem.endswith("): clients would reach it")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8082",
        "http://10.1.2.3:8080",
        "http://[::1]:8080",
        "http://shop:8080",
        "http://[::ffff:10.1.2.3]:8080",
        "http://[2001:db8::1]:8080",
    ],
)
def test_a_side_may_be_beside_parallelrun(file: Path, url: str) -> None:
    assert load(file, f"listen: 0.0.0.0:8080\nold: http://a\nnew: '{url}'\n").config.new.url == url


@pytest.mark.parametrize("name", ["content-length", "Transfer-Encoding", "connection"])
def test_framing_headers_cannot_be_set(file: Path, name: str) -> None:
    (problem,) = problems(file, f"old: http://a\nnew: {{url: http://b, headers: {{set: {{{name}: x}}}}}}\n")
    assert problem == f"p.yaml:2: new.headers: {name.lower()}: set by parallelrun itself for each connection"


def test_the_host_may_be_set_and_not_removed(file: Path) -> None:
    loaded = load(file, "old: http://a\nnew: {url: http://b, headers: {set: {Host: v2.internal}}}\n")
    assert loaded.config.new.headers.set == {"host": "v2.internal"}
    assert problems(file, "old: http://a\nnew: {url: http://b, headers: {remove: [Host]}}\n")


def test_secrets_are_never_shown(file: Path) -> None:
    text = """\
    old: http://a
    new: {url: http://b, headers: {set: {authorization: "hunter2\\n"}}}
    admin: {token: [hunter2]}
    store: hunter2
    alerts: [{to: slack://hunter2/hunter2}, {to: 'webhook+http://u:hunter2@h', secret: hunter2}]
    """
    found = problems(file, text)
    assert len(found) == 5
    assert not [problem for problem in found if "hunter2" in problem]
    loaded = load(file, "old: http://a\nnew: http://b\nadmin: {token: hunter2}\nalerts: [{to: 'json://u:hunter2@h'}]\n")
    assert "hunter2" not in repr(loaded)


def test_the_core_refuses_rules_on_their_line(file: Path) -> None:
    text = """\
    old: http://a
    new: http://b
    compare:
      ignore:
        - $.fine
        - $.a[
      equivalent:
        - {at: body, pattern: "(", replacement: x}
    redact: {json: ["$..a["]}
    """
    found = problems(file, text)
    assert [problem.split(": ")[:2] for problem in found] == [
        ["p.yaml:6", "compare.ignore[1]"],
        ["p.yaml:8", "compare.equivalent[0]"],
        ["p.yaml:9", "redact.json[0]"],
    ]


def test_the_core_refuses_a_certificate_on_its_line(file: Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    (file.parent / "c.pem").write_text(pem)
    (file.parent / "k.pem").write_text(pem.replace("CERTIFICATE", "PRIVATE KEY"))
    (problem,) = problems(file, "old: http://a\nnew: http://b\ntls: {cert: c.pem, key: k.pem}\n")
    assert problem.startswith("p.yaml:3: tls")


def test_a_place_where_nothing_may_differ_is_one(file: Path) -> None:
    (problem,) = problems(file, "old: http://a\nnew: http://b\nrollout:\n  never: [status, '$.a[']\n")
    assert problem.startswith("p.yaml:4: rollout.never[1].at: ")
    assert "expected a JSONPath" in problem


def test_a_gate_that_is_as_good_as_closed_is_said(file: Path) -> None:
    text = "old: http://a\nnew: http://b\nrollout:\n  gate: {slower: {ratio: 1}}\n"
    warnings = [str(warning).removeprefix(f"{file}:") for warning in load(file, text).warnings]
    assert any(warning.startswith("4: rollout.gate.slower.ratio: asks for a faster version") for warning in warnings)
    assert not [warning for warning in load(file, text.replace("1}}", "1.01}}")).warnings if "ratio" in str(warning)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "p.yaml:1: expected a mapping of keys to values"),
        ("x\n", "p.yaml:1: expected a mapping of keys to values"),
    ],
)
def test_a_file_is_a_mapping(file: Path, text: str, expected: str) -> None:
    assert problems(file, text) == [expected]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadConfigError, match=r"none\.yaml: cannot be read: No such file or directory$"):
        Source(tmp_path / "none.yaml", {}, {}).load()
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadConfigError, match=r"expected a text file in UTF-8$"):
        Source(binary, {}, {}).load()


def test_without_a_file_the_command_line_is_to_blame() -> None:
    with pytest.raises(BadConfigError) as refused:
        Source(None, {"old": "http://a", "listen": "x"}, {}).load()
    assert [str(problem) for problem in refused.value.problems] == [
        "command line: listen: expected ADDRESS:PORT, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080, got `x`",
        "command line: new: missing; expected a URL such as http://orders-v1:8000",
    ]


def test_a_refusal_names_the_files_that_may_mend_it(file: Path) -> None:
    file.write_text("old: http://a\nnew: {url: http://b, ca: missing.pem}\n")
    with pytest.raises(BadConfigError) as refused:
        Source(file, {}, {}).load()
    assert set(refused.value.files) == {file, file.parent / "missing.pem"}


def _every_object(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for item in value for found in _every_object(item)]
    if not isinstance(value, dict):
        return []
    return [value, *(found for item in value.values() for found in _every_object(item))]


def test_the_schema_knows_every_section() -> None:
    sections = [found for found in _every_object(schema()) if "properties" in found]
    assert len(sections) > 15
    assert all(section["additionalProperties"] is False for section in sections)
    fields = [(key, field) for section in sections for key, field in section["properties"].items()]
    assert not [key for key, field in fields if not field.get("description") and "$ref" not in field]


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (CONTRACT, True),
        ("old: http://a\nnew: http://b\n", True),
        ("old: http://a\nnew: {url: http://b, timeout: 0}\n", True),
        ("old: http://a\nnew: {url: http://b, timeout: 10}\n", False),
        ("old: http://a\nnew: http://b\nlimits: {bodi: 1MiB}\n", False),
        ("old: http://a\nnew: http://b\nrollout: {never: [status]}\n", True),
        ("old: http://a\nnew: http://b\ncompare: {unordered: [$.a, {at: $.b, by: id}]}\n", True),
        ("old: http://a\nnew: http://b\ncompare: {tolerance: [$.a]}\n", False),
        ("old: http://a\n", False),
    ],
)
def test_an_editor_can_check_by_the_schema(text: str, valid: bool) -> None:
    assert Draft202012Validator(schema()).is_valid(parse(dedent(text)).data) is valid
