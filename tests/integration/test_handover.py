"""Leaving a port to a successor, with real sockets."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parallelrun.engine import handover, neighbours
from parallelrun.engine.handover import hand_over, settle_in
from parallelrun.engine.neighbours import others_listening

Listen = Callable[[int], list[socket.socket]]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Opens so many listening sockets on one port, the same at each call."""
    opened: list[socket.socket] = []
    port = 0

    def make(count: int) -> list[socket.socket]:
        nonlocal port
        new = []
        for _ in range(count):
            listener = socket.socket()
            opened.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(("127.0.0.1", port))
            port = listener.getsockname()[1]
            listener.listen(1024)
            listener.setblocking(False)
            new.append(listener)
        return new

    yield make
    for listener in opened:
        listener.close()


def descriptors(listeners: list[socket.socket]) -> list[int]:
    return [listener.fileno() for listener in listeners]


def dealt(listeners: list[socket.socket], connections: int = 200) -> list[int]:
    """How many of so many new connections each listener gets."""
    address = listeners[0].getsockname()
    counts = []
    with contextlib.ExitStack() as clients:
        for _ in range(connections):
            clients.enter_context(socket.create_connection(address))
        for listener in listeners:
            counts.append(0)
            with contextlib.suppress(BlockingIOError):
                while True:
                    listener.accept()[0].close()
                    counts[-1] += 1
    assert sum(counts) == connections
    return counts


@pytest.mark.parametrize(("we", "they"), [(1, 3), (2, 2), (2, 3), (4, 1), (3, 5)])
@pytest.mark.parametrize("step", [1, -1])
async def test_no_connection_ever_waits_at_a_socket_that_is_closed(
    listen: Listen, we: int, they: int, step: int
) -> None:
    """Whatever the order in which ours are closed, and the kernel moves the others about."""
    ours, theirs = listen(we), listen(they)
    assert all(dealt(ours + theirs))
    first, *others = ours

    def keep_first() -> None:
        for listener in others[::step]:
            others.remove(listener)
            assert not any(dealt([*others, listener, first, *theirs])[: len(others) + 1])
            listener.close()

    assert await hand_over(descriptors(ours), keep_first if others else None)
    assert not others
    counts = dealt([first, *theirs])
    assert counts[0] == 0
    assert all(counts[1:]), "the successor's sockets do not share the connections"
    first.close()
    assert all(dealt(theirs))


async def test_without_a_successor_nothing_changes(listen: Listen) -> None:
    ours = listen(2)
    assert not await hand_over(descriptors(ours))
    assert all(dealt(ours))
    assert not await hand_over([])


async def test_it_waits_until_what_has_queued_is_accepted(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    (ours,) = listen(1)
    waiting = [socket.create_connection(ours.getsockname()) for _ in range(3)]
    listen(1)
    left = []

    def accept_one(listener: socket.socket) -> int:
        left.append(before(listener))
        with contextlib.suppress(BlockingIOError):
            ours.accept()[0].close()
        return left[-1]

    before = handover._waiting
    monkeypatch.setattr(handover, "_waiting", accept_one)
    monkeypatch.setattr(handover, "SETTLE_S", 0)
    assert await hand_over([ours.fileno()])
    assert left == [3, 2, 1, 0]
    for client in waiting:
        client.close()


async def test_the_wait_has_an_end(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    (ours,) = listen(1)
    with socket.create_connection(ours.getsockname()):
        listen(1)
        monkeypatch.setattr(handover, "SETTLE_S", 0)
        monkeypatch.setattr(handover, "PATIENCE_S", 0.05)
        assert await hand_over([ours.fileno()])


async def test_a_successor_that_dies_gives_its_share_back(listen: Listen) -> None:
    ours, theirs = listen(1), listen(1)
    assert await hand_over(descriptors(ours))
    theirs[0].close()
    assert dealt(ours) == [200]


def test_the_table_of_the_kernel_is_read_no_further_than_it_must(
    listen: Listen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It has a line for each connection of the machine; reading ten thousands takes the kernel seconds."""
    ours, _theirs = listen(1), listen(1)
    with socket.create_connection(ours[0].getsockname()):
        lines = Path("/proc/self/net/tcp").read_text().splitlines()
        states = [line.split()[3] for line in lines[1:]]
        assert states == sorted(states, key=lambda state: state != "0A"), "the listening ones are not the first"
        table = tmp_path / "tcp"
        table.write_text("\n".join([*lines, "what nobody reads"]))
        monkeypatch.setattr(neighbours, "_TABLES", [table])
        assert neighbours.others_listening(descriptors(ours)) == 1


async def test_nothing_stays_behind_once_the_successor_has_settled_in(listen: Listen) -> None:
    ours, theirs = listen(1), listen(3)
    assert await hand_over(descriptors(ours))
    ours[0].close()
    await settle_in(descriptors(theirs))
    third = listen(2)
    assert all(dealt(theirs + third, 500)), "the program of the first still deals"


async def test_our_sockets_are_left_as_they_were(listen: Listen) -> None:
    ours, _theirs = listen(2), listen(1)
    open_before = len(os.listdir("/proc/self/fd"))
    await hand_over(descriptors(ours))
    assert len(os.listdir("/proc/self/fd")) == open_before
    assert [listener.getblocking() for listener in ours] == [False, False]


def test_who_else_listens(listen: Listen) -> None:
    ours = listen(2)
    assert others_listening(descriptors(ours)) == 0
    theirs = listen(3)
    assert (others_listening(descriptors(ours)), others_listening(descriptors(theirs))) == (3, 2)
    with socket.create_connection(ours[0].getsockname()):
        assert others_listening(descriptors(ours)) == 3
