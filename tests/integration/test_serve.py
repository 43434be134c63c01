"""`parallelrun serve` as a user runs it: start, reload, hand-over, stop, and every way in which it refuses."""

import contextlib
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from parallelrun.engine.priority import NICENESS
from tests.support import background, behaviour, certs
from tests.support.background import Gate
from tests.support.fixtures import Upstreams
from tests.support.load import Result, Shot, load
from tests.support.origin import Origin
from tests.support.rawclient import ClosedError, RawClient, request
from tests.support.serving import Serving
from tests.support.wait import wait_until

Serve = Callable[..., Serving]


@pytest.fixture
def serve(upstreams: Upstreams, tmp_path: Path) -> Iterator[Serve]:
    """Starts `parallelrun serve`, by default between the two origins."""
    started: list[Serving] = []

    def start(*arguments: str, sides: bool = True, **kwargs: Any) -> Serving:
        both = ("--old", upstreams.old.url, "--new", upstreams.new.url) if sides else ()
        started.append(Serving(*both, *arguments, directory=tmp_path, **kwargs))
        return started[-1]

    yield start
    for serving in started:
        serving.close()


@pytest.fixture
def config(upstreams: Upstreams, tmp_path: Path) -> Callable[[str], Path]:
    """Writes a configuration with both sides in it, as an editor does: beside it first, then renamed."""

    def write(text: str = "") -> Path:
        new, file = tmp_path / "p.yaml.new", tmp_path / "p.yaml"
        new.write_text(f"old: {upstreams.old.url}\nnew: {upstreams.new.url}\n{text}")
        new.replace(file)
        return file

    return write


def outcomes(serving: Serving) -> dict[str, int]:
    """The ledger, without what never happened."""
    return {name: count for name, count in serving.get("/api/v1/ledger")["outcomes"].items() if count}


def refused(address: tuple[str, int]) -> bool:
    """Whether nobody listens there."""
    try:
        socket.create_connection(address, 5).close()
    except ConnectionRefusedError:
        return True
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def priorities(pid: int) -> dict[bool, set[int]]:
    """The niceness of a process's threads, of the data plane's and of the others."""
    found: dict[bool, set[int]] = {True: set(), False: set()}
    for task in Path(f"/proc/{pid}/task").iterdir():
        of_the_core = (task / "comm").read_text().startswith("parallelrun-")
        found[of_the_core].add(os.getpriority(os.PRIO_PROCESS, int(task.name)))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities by thread")
def test_threads_that_answer_clients_come_before_pythons(serve: Serve) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    pid = serve().process.pid
    wait_until(lambda: priorities(pid) == {True: {own}, False: {min(own + NICENESS, 19)}})


def test_it_serves_compares_and_ends(serve: Serve, upstreams: Upstreams) -> None:
    upstreams.old.on("/orders/1", behaviour.json('{"total": 10.5}'))
    upstreams.new.on("/orders/1", behaviour.json('{"total": 10.4}'))
    serving = serve()
    with RawClient(serving.address) as client:
        assert client.ask("/orders/1").body == b'{"total": 10.5}'
        assert client.ask("/other").status == 200
    wait_until(lambda: outcomes(serving) == {"mismatch": 1, "match": 1}, lambda: outcomes(serving))
    different = serving.event("difference.new")
    assert (different["endpoint"], different["location"], different["kind"]) == ("GET /orders/{id}", "$.total", "value")
    assert serving.stop() == 0
    assert [event["event"] for event in serving.events] == ["serving", "difference.new", "draining", "alert", "stopped"]
    stopped = serving.event("stopped")
    assert (stopped["clock"], stopped["requests"], stopped["cut_off"]) == ("finished", 2, 0)
    assert refused(serving.address)
    assert refused(serving.admin)
    for event in serving.events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", event["time"])
        assert event["level"] in ("info", "warning", "error")


def test_evidence_outlives_the_process(serve: Serve, upstreams: Upstreams) -> None:
    upstreams.new.on("/a", behaviour.reply(500))
    first = serve()
    with RawClient(first.address) as client:
        assert client.ask("/a").status == 200
    assert first.stop() == 0, "evidence is flushed by SIGTERM, not by waiting"
    second = serve()
    assert wait_until(lambda: second.get("/api/v1/ledger")["requests"]) == 1
    (difference,) = wait_until(lambda: second.get("/api/v1/differences")["items"])
    assert (difference["endpoint"], difference["location"]) == ("GET /a", "status")


def test_a_store_with_evidence_of_other_addresses_is_told(serve: Serve, upstreams: Upstreams) -> None:
    moved = ("--old", upstreams.new.url, "--new", upstreams.old.url)
    first = serve()
    with RawClient(first.address) as client:
        assert client.ask("/a").status == 200
    assert first.stop() == 0
    unused = serve(*moved, sides=False)
    told = unused.event("store.other_sides")
    assert (told["level"], told["old"], told["new"]) == ("warning", upstreams.old.url, upstreams.new.url)
    assert "give them a store of their own, with --store; if the same two have only moved" in told["hint"]
    others = unused.get("/api/v1/status")["store"]["other_sides"]
    assert (others["old"], others["new"]) == (upstreams.old.url, upstreams.new.url)
    assert unused.stop() == 0
    again = serve()
    assert again.get("/api/v1/status")["store"]["other_sides"] is None, "what no request reached left no evidence"
    assert again.stop() == 0
    assert "store.other_sides" not in {event["event"] for event in (*first.events, *again.events)}
    used = serve(*moved, sides=False)
    assert used.event("store.other_sides")["since_ms"] == told["since_ms"]
    with RawClient(used.address) as client:
        assert client.ask("/a").status == 200
    assert used.stop() == 0
    last = serve(*moved, sides=False)
    assert last.get("/api/v1/status")["store"]["other_sides"] is None, "told once"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_both_signals_end_it(serve: Serve, number: signal.Signals) -> None:
    serving = serve()
    assert serving.address
    serving.signal(number)
    assert serving.wait() == 0
    assert serving.event("draining")["cause"] == number.name


def test_a_file_the_environment_and_options(serve: Serve, config: Callable[[str], Path], upstreams: Upstreams) -> None:
    file = config("sample: 50%\nlisten: 127.0.0.1:1\nadmin: {listen: '127.0.0.1:1'}\n")
    environment = {"PARALLELRUN_SAMPLE": "0%", "PARALLELRUN_LISTEN": "127.0.0.1:2"}
    serving = serve("-c", str(file), sides=False, environment=environment)
    with RawClient(serving.address) as client:
        for _ in range(5):
            client.ask("/")
    wait_until(lambda: outcomes(serving) == {"not_sampled": 5}, lambda: outcomes(serving))
    assert upstreams.new.count() == 0


def test_what_is_probably_not_meant_is_said(serve: Serve, config: Callable[[str], Path]) -> None:
    file = config("compare: {ignore: [{at: $.a, until: 2020-01-01}]}\n")
    serving = serve("-c", str(file), sides=False)
    (warning,) = serving.event("config.warnings")["warnings"]
    assert warning == f"{file}:3: compare.ignore[0]: its last day was 2020-01-01: no longer applied (ignore $.a)"
    assert serving.get("/api/v1/status")["config"]["warnings"] == [warning]


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_bad_configuration_binds_no_port(serve: Serve, tmp_path: Path) -> None:
    listen, admin = free_port(), free_port()
    (tmp_path / "bad.yaml").write_text("old: http://a\nnew: {url: http://b, timeot: 1s}\nlimits: {body: 1}\n")
    listening = ("--listen", f"127.0.0.1:{listen}", "--admin", f"127.0.0.1:{admin}")
    serving = serve("-c", "bad.yaml", *listening, sides=False)
    assert serving.wait() == 64
    assert serving.lines == [
        "bad.yaml:2: new.timeot: unknown key; did you mean `timeout`?",
        "bad.yaml:3: limits.body: expected a size with its unit, such as 512B, 64KiB or 1MiB, got 1",
    ]
    assert refused(("127.0.0.1", listen))
    assert refused(("127.0.0.1", admin))
    assert not (tmp_path / "evidence.db").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--no-such-option",), "parallelrun serve: no such option: --no-such-option"),
        (("--listen", "8080"), "command line: listen: expected ADDRESS:PORT"),
        (("--old", "http://a"), "Give --old URL and --new URL, or -c FILE."),
        (("-c", "none.yaml"), "none.yaml: cannot be read: No such file or directory"),
        (("--old", "a", "--new", "http://b"), "command line: old.url: expected http://HOST:PORT"),
    ],
)
def test_bad_usage(serve: Serve, arguments: tuple[str, ...], line: str) -> None:
    serving = serve(*arguments, sides=False)
    assert serving.wait() == 64
    assert line in "\n".join(serving.lines)
    assert "Traceback" not in "\n".join(serving.lines)


@pytest.mark.parametrize(("option", "setting"), [("--listen", "listen"), ("--admin", "admin.listen")])
def test_a_port_that_is_taken(serve: Serve, option: str, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        serving = serve(option, address)
        assert serving.wait() == 69
        assert serving.lines == [f"{setting}: {address}: address already in use"]


@pytest.mark.parametrize("setting", ["listen", "admin.listen"])
def test_a_port_that_is_taken_and_was_chosen_elsewhere(
    serve: Serve, config: Callable[[str], Path], setting: str
) -> None:
    option = {"listen": "--listen", "admin.listen": "--admin"}[setting]
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        variable = f"PARALLELRUN_{setting.upper().replace('.', '__')}"
        file = config("listen: 127.0.0.1:0\nadmin:\n  listen: 127.0.0.1:0\n")
        serving = serve("-c", str(file), sides=False, environment={variable: address}, given=(option,))
        assert serving.wait() == 69
        assert serving.lines == [f"{setting} (set by {variable}): {address}: address already in use"]
        nested = setting.replace("admin.", "admin:\n  ")
        file = config(f"{nested}: {address}\n")
        serving = serve("-c", str(file), sides=False, given=(option,))
        assert serving.wait() == 69
        line = 3 if setting == "listen" else 4
        assert serving.lines == [f"{setting} (set by {file}:{line}): {address}: address already in use"]


def test_an_address_of_another_machine(serve: Serve) -> None:
    serving = serve("--listen", "192.0.2.1:8080")
    assert serving.wait() == 69
    assert serving.lines == ["listen: 192.0.2.1:8080: cannot assign requested address"]


def test_missing_tls_files(serve: Serve, config: Callable[[str], Path], tmp_path: Path) -> None:
    serving = serve("-c", str(config("tls: {cert: c.pem, key: k.pem}\n")), sides=False)
    assert serving.wait() == 64
    assert serving.lines == [
        f"{tmp_path}/p.yaml:3: tls.cert: {tmp_path}/c.pem: No such file or directory",
        f"{tmp_path}/p.yaml:3: tls.key: {tmp_path}/k.pem: No such file or directory",
    ]


def test_a_store_that_does_not_answer(serve: Serve) -> None:
    listen = free_port()
    nobody = f"postgresql://jo:secret@127.0.0.1:{free_port()}/x"
    serving = serve("--store", nobody, "--listen", f"127.0.0.1:{listen}")
    assert serving.wait() == 69
    (line,) = serving.lines
    assert line.startswith("store: postgresql://jo:***@127.0.0.1:")
    assert "Connect call failed" in line
    assert refused(("127.0.0.1", listen)), "no port is bound before the store answers"


def test_a_store_in_a_directory_that_is_not_there(serve: Serve, tmp_path: Path) -> None:
    serving = serve("--store", f"sqlite:///{tmp_path}/none/e.db")
    assert serving.wait() == 69
    (line,) = serving.lines
    assert line.startswith(f"store: sqlite:///{tmp_path}/none/e.db: ")


def test_a_signal_during_the_start(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word of PostgreSQL's protocol
        silent.settimeout(20)
        serving = serve("--store", f"postgresql://jo@127.0.0.1:{silent.getsockname()[1]}/x")
        with silent.accept()[0]:
            serving.signal(signal.SIGTERM)
            assert serving.wait() == 0
    assert serving.lines == []


# --- reload -----------------------------------------------------------------------------------------------------------


def ask_and_count(serving: Serving, upstream: Origin) -> int:
    """How many copies of one request an upstream gets; both counted when the ledger has the request."""
    ended = sum(outcomes(serving).values())
    before = upstream.count()
    with RawClient(serving.address) as client:
        assert client.ask("/x").status == 200
    wait_until(lambda: sum(outcomes(serving).values()) == ended + 1)
    return upstream.count() - before


def test_reload_by_sighup(serve: Serve, config: Callable[[str], Path], upstreams: Upstreams) -> None:
    serving = serve("-c", str(config("")), sides=False)
    assert ask_and_count(serving, upstreams.new) == 1
    config("sample: 0%\n")
    serving.signal(signal.SIGHUP)
    reloaded = serving.event("config.reloaded")
    assert (reloaded["generation"], reloaded["changed"]) == (2, ["sample"])
    assert ask_and_count(serving, upstreams.new) == 0
    assert serving.get("/api/v1/status")["config"]["generation"] == 2
    assert serving.stop() == 0


def test_reload_by_a_changed_file(serve: Serve, config: Callable[[str], Path], upstreams: Upstreams) -> None:
    serving = serve("-c", str(config("")), sides=False)
    assert ask_and_count(serving, upstreams.new) == 1
    config("routes: [{match: /x, mirror: false}]\n")
    reloaded = serving.event("config.reloaded")
    assert (reloaded["cause"], reloaded["changed"]) == ("change", ["routes"])
    assert ask_and_count(serving, upstreams.new) == 0


def test_a_bad_reload_keeps_the_old_settings(serve: Serve, config: Callable[[str], Path], upstreams: Upstreams) -> None:
    serving = serve("-c", str(config("sample: 0%\n")), sides=False)
    assert serving.address
    file = config("sample: 100%\nlimits: {body: 1}\n")
    problem = f"{file}:4: limits.body: expected a size with its unit, such as 512B, 64KiB or 1MiB, got 1"
    assert serving.event("config.refused")["problems"] == [problem]
    assert ask_and_count(serving, upstreams.new) == 0
    assert serving.get("/api/v1/status")["config"]["refused"] == [problem]
    config("sample: 100%\n")
    assert serving.event("config.reloaded")["generation"] == 2
    assert serving.get("/api/v1/status")["config"]["refused"] == []
    assert ask_and_count(serving, upstreams.new) == 1
    assert serving.stop() == 0


def test_what_needs_a_restart_is_said(serve: Serve, config: Callable[[str], Path]) -> None:
    serving = serve("-c", str(config("")), sides=False)
    assert serving.address
    config("workers: 1\nlimits: {connections: 5}\n")
    assert serving.event("config.reloaded")["needs_restart"] == ["workers", "limits.connections"]
    assert serving.get("/api/v1/status")["config"]["needs_restart"] == ["workers", "limits.connections"]


def test_requests_go_on_through_reloads(serve: Serve, config: Callable[[str], Path], upstreams: Upstreams) -> None:
    gate = Gate()
    upstreams.on("/slow", behaviour.gated(gate, behaviour.reply(200, b"done")))
    serving = serve("-c", str(config("")), sides=False)
    with RawClient(serving.address) as slow, RawClient(serving.address) as other:
        slow.send(request("/slow"))
        wait_until(lambda: upstreams.old.count("/slow"))
        for number in range(1, 6):
            config(f"sample: {number}%\n")
            serving.signal(signal.SIGHUP)
            serving.event("config.reloaded", number)
            assert other.ask("/y").status == 200
        gate.open()
        assert slow.answer().body == b"done"
    assert serving.stop() == 0


# --- stop -------------------------------------------------------------------------------------------------------------


def test_sigterm_lets_a_slow_request_finish(serve: Serve, upstreams: Upstreams) -> None:
    gate = Gate()
    upstreams.on("/slow", behaviour.gated(gate, behaviour.reply(200, b"done")))
    serving = serve()
    with RawClient(serving.address) as client:
        client.send(request("/slow"))
        wait_until(lambda: upstreams.old.count("/slow") and upstreams.new.count("/slow"))
        serving.signal(signal.SIGTERM)
        serving.event("draining")
        wait_until(lambda: refused(serving.address), "it still takes connections")
        assert serving.process.poll() is None
        gate.open()
        answer = client.answer()
        assert (answer.status, answer.body, answer.header("connection")) == (200, b"done", "close")
    assert serving.wait() == 0
    stopped = serving.event("stopped")
    assert (stopped["clock"], stopped["requests"], stopped["cut_off"], stopped["handed_over"]) == (
        "finished",
        1,
        0,
        False,
    )


def test_when_the_grace_is_over_the_rest_is_cut_off(
    serve: Serve, config: Callable[[str], Path], upstreams: Upstreams
) -> None:
    upstreams.on("/hang", behaviour.hang())
    serving = serve("-c", str(config("stop: {grace: 200ms, deadline: 30s}\n")), sides=False)
    with RawClient(serving.address) as client:
        client.send(request("/hang"))
        wait_until(lambda: upstreams.old.count("/hang"))
        serving.signal(signal.SIGTERM)
        with pytest.raises(ClosedError):
            client.answer()
    assert serving.wait() == 0
    assert serving.event("stopped")["clock"] == "grace"


def test_a_second_signal_ends_it_at_once(serve: Serve, upstreams: Upstreams, config: Callable[[str], Path]) -> None:
    upstreams.on("/hang", behaviour.hang())
    serving = serve("-c", str(config("stop: {grace: 1h, deadline: 2h}\n")), sides=False)
    with RawClient(serving.address) as client:
        client.send(request("/hang"))
        wait_until(lambda: upstreams.old.count("/hang"))
        serving.signal(signal.SIGINT)
        serving.event("draining")
        serving.signal(signal.SIGINT)
        assert serving.wait() == 0
    assert serving.event("stopped")["clock"] == "second signal"


def test_readiness_ends_with_the_signal(serve: Serve, upstreams: Upstreams) -> None:
    gate = Gate()
    upstreams.on("/slow", behaviour.gated(gate, behaviour.reply(200)))
    serving = serve()
    local = {"host": "127.0.0.1"}
    with RawClient(serving.admin) as probe, RawClient(serving.address) as client:
        assert probe.ask("/readyz", headers=local).status == 200
        client.send(request("/slow"))
        wait_until(lambda: upstreams.old.count("/slow"))
        serving.signal(signal.SIGTERM)
        serving.event("draining")
        assert probe.ask("/readyz", headers=local).status == 503
        assert probe.ask("/healthz", headers=local).status == 200
        gate.open()
        assert client.answer().status == 200
    assert serving.wait() == 0


# --- hand-over --------------------------------------------------------------------------------------------------------


class Clients:
    """A steady load over connections that are kept, and over connections that serve one request each."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._enough = threading.Event()
        kept, once = Shot(request("/kept")), Shot(request("/once", headers={"connection": "close"}))
        steady = partial(load, address, count=200_000, pace=0.005, enough=self._enough)
        self._loads = [
            background.start(steady(lambda _: kept, connections=12)),
            background.start(steady(lambda _: once, connections=4)),
        ]

    def end(self) -> Result:
        """Ends the load; what became of all of it."""
        self._enough.set()
        kept, once = (started.result(60) for started in self._loads)
        return Result(kept.statuses + once.statuses, 0, kept.errors + once.errors)


def busy(serving: Serving) -> bool:
    return bool(serving.get("/api/v1/status")["requests"] > 200)


def test_a_second_process_takes_the_port_over_and_no_request_fails(
    serve: Serve, upstreams: Upstreams, tmp_path: Path
) -> None:
    served = []
    running = serve()
    address, admin = running.address, running.admin
    both = ("--listen", f"127.0.0.1:{address[1]}", "--admin", f"127.0.0.1:{admin[1]}")
    clients = Clients(address)
    for _ in range(2):
        wait_until(partial(busy, running))
        successor = serve(*both)
        shared = successor.event("listen.shared")
        assert (shared["listen"], shared["processes"]) == (f"127.0.0.1:{address[1]}", [running.process.pid])
        assert f"`kill -TERM {running.process.pid}`" in shared["hint"]
        running.signal(signal.SIGTERM)
        assert running.wait() == 0
        stopped = running.event("stopped")
        assert (stopped["clock"], stopped["handed_over"], stopped["cut_off"]) == ("finished", True, 0)
        served.append(stopped["requests"])
        running = successor
    wait_until(partial(busy, running))
    result = clients.end()
    assert running.stop() == 0
    served.append(running.event("stopped")["requests"])
    assert result.errors == []
    assert set(result.statuses) == {200}
    assert sum(served) == result.answered, served
    assert all(count > 200 for count in served), served
    assert upstreams.old.count() >= result.answered


def test_the_admin_address_is_taken_over_too(serve: Serve, upstreams: Upstreams) -> None:
    gate = Gate()
    upstreams.on("/slow", behaviour.gated(gate, behaviour.reply(200, b"done")))
    first = serve()
    with RawClient(first.address) as client:
        client.send(request("/slow"))
        wait_until(lambda: upstreams.old.count("/slow"))
        second = serve("--listen", f"127.0.0.1:{first.address[1]}", "--admin", f"127.0.0.1:{first.admin[1]}")
        second.event("serving")
        first.signal(signal.SIGTERM)
        wait_until(lambda: refused_by_leaving(first))
        for _ in range(20):
            assert not second.get("/api/v1/status")["draining"], "the process that leaves still answers"
        assert first.process.poll() is None
        gate.open()
        assert client.answer().body == b"done"
    assert first.wait() == 0
    assert second.stop() == 0


def test_an_admin_address_of_a_process_with_other_clients_is_refused(serve: Serve) -> None:
    first = serve()
    admin = f"127.0.0.1:{first.admin[1]}"
    for listen in (f"127.0.0.1:{free_port()}", "127.0.0.1:0"):
        second = serve("--listen", listen, "--admin", admin)
        assert second.wait() == 69
        assert len(second.lines) == 1
        said = rf"admin\.listen: {admin}: process {first.process.pid} \(.+\) answers there and serves other clients: "
        assert re.match(f"{said}use another one, with --admin", second.lines[0])
        assert refused(("127.0.0.1", int(listen.rpartition(":")[2]))) or listen.endswith(":0")
    with RawClient(first.address) as client:
        assert client.ask("/").status == 200
    assert not [event for event in first.events if event["level"] != "info"]


def test_the_admin_address_of_a_process_that_leaves_is_free_to_use(serve: Serve, upstreams: Upstreams) -> None:
    gate = Gate()
    upstreams.on("/slow", behaviour.gated(gate, behaviour.reply(200, b"done")))
    first = serve()
    with RawClient(first.address) as client:
        client.send(request("/slow"))
        wait_until(lambda: upstreams.old.count("/slow"))
        first.signal(signal.SIGTERM)
        wait_until(lambda: refused_by_leaving(first))
        assert first.process.poll() is None
        second = serve("--listen", f"127.0.0.1:{first.address[1]}", "--admin", f"127.0.0.1:{first.admin[1]}")
        second.event("serving")
        gate.open()
        assert client.answer().body == b"done"
    assert first.wait() == 0
    assert second.stop() == 0


def refused_by_leaving(serving: Serving) -> bool:
    """Whether a process that leaves has no listening socket for clients any more."""
    directory = Path(f"/proc/{serving.process.pid}/fd")
    inodes = set()
    for descriptor in directory.iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            inodes.add(descriptor.stat().st_ino)
    port = f"{serving.address[1]:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return not any(row[1].endswith(f":{port}") and row[3] == "0A" and int(row[9]) in inodes for row in rows)


def test_tls_to_the_clients(serve: Serve, config: Callable[[str], Path], tmp_path: Path) -> None:
    leaf = certs.authority().issue_cert("localhost", "127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "c.pem")
    leaf.private_key_pem.write_to_path(tmp_path / "k.pem")
    serving = serve("-c", str(config("tls: {cert: c.pem, key: k.pem}\n")), sides=False)
    with RawClient(serving.address, tls=certs.client_context("http/1.1")) as client:
        assert client.ask("/").status == 200
    with contextlib.suppress(ConnectionResetError), socket.create_connection(serving.address) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert not plain.recv(100).startswith(b"HTTP/1.1 200")
    assert serving.stop() == 0
