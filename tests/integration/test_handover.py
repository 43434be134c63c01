"""Leaving a port to a successor, with real sockets."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parallelrun.engine import handover, neighbours
from parallelrun.engine.handover import Port
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


def close_each(leaving: list[socket.socket], others: list[socket.socket], order: int) -> None:
    """Closes ours one after the other, and sees each time that none of those left gets a new connection."""
    for listener in leaving[::order]:
        leaving.remove(listener)
        listener.close()
        assert not any(dealt([*leaving, *others], 60)[: len(leaving)])


ORDERS = pytest.mark.parametrize("order", [1, -1])


@pytest.mark.parametrize(("we", "they"), [(1, 1), (1, 3), (2, 2), (2, 3), (4, 4), (3, 5)])
@ORDERS
async def test_no_connection_ever_waits_at_a_socket_that_is_closed(
    listen: Listen, we: int, they: int, order: int
) -> None:
    """Whatever the order in which ours are closed, and the kernel moves the others about."""
    ours = listen(we)
    port = Port(descriptors(ours))
    theirs = listen(they)
    assert all(dealt(ours + theirs))
    assert await port.hand_over()
    assert not any(dealt(ours + theirs)[:we])
    close_each(ours, theirs, order)


@pytest.mark.parametrize("generations", [(1, 2, 2), (2, 2, 3), (1, 3, 3, 4), (2, 2, 2, 2)])
@ORDERS
async def test_a_port_is_handed_on_again_and_again(listen: Listen, generations: tuple[int, ...], order: int) -> None:
    """Also after earlier ones have left, and the kernel has moved ours about."""
    ours = listen(generations[0])
    port = Port(descriptors(ours))
    for count in generations[1:]:
        theirs = listen(count)
        successor = Port(descriptors(theirs))
        assert await port.hand_over()
        close_each(ours, theirs, order)
        await successor.settle_in()
        assert all(dealt(theirs, 300)), "the program of the one before still deals"
        ours, port = theirs, successor


@pytest.mark.parametrize(("they", "we"), [(1, 1), (2, 2), (1, 3), (3, 1)])
@ORDERS
async def test_a_newcomer_can_leave_the_port_to_the_one_before(listen: Listen, they: int, we: int, order: int) -> None:
    """As whoever takes a replacement back does."""
    theirs, ours = listen(they), listen(we)
    assert await Port(descriptors(ours)).hand_over()
    counts = dealt(ours + theirs)
    assert not any(counts[:we])
    assert all(counts[we:])
    close_each(ours, theirs, order)


async def test_between_two_that_both_leave_nothing_is_steered(listen: Listen) -> None:
    first, ours = listen(2), listen(1)
    port = Port(descriptors(ours))
    first.pop().close()
    assert not await port.hand_over()


async def test_without_a_successor_nothing_changes(listen: Listen) -> None:
    ours = listen(2)
    assert not await Port(descriptors(ours)).hand_over()
    assert all(dealt(ours))


async def test_it_waits_until_what_has_queued_is_accepted(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    (ours,) = listen(1)
    port = Port([ours.fileno()])
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
    assert await port.hand_over()
    assert left == [3, 2, 1, 0]
    for client in waiting:
        client.close()


async def test_the_wait_has_an_end(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    (ours,) = listen(1)
    port = Port([ours.fileno()])
    with socket.create_connection(ours.getsockname()):
        listen(1)
        monkeypatch.setattr(handover, "SETTLE_S", 0)
        monkeypatch.setattr(handover, "PATIENCE_S", 0.05)
        assert await port.hand_over()


async def test_a_successor_that_dies_gives_its_share_back(listen: Listen) -> None:
    ours = listen(1)
    port = Port(descriptors(ours))
    theirs = listen(1)
    assert await port.hand_over()
    theirs[0].close()
    assert dealt(ours) == [200]


async def test_settling_in_ends_when_we_leave(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our descriptors are closed then, and must not be looked at any more."""
    monkeypatch.setattr(handover, "LOOK_S", 0.01)
    listen(1)
    ours = listen(1)
    port = Port(descriptors(ours))
    settling = asyncio.create_task(port.settle_in())
    assert await port.hand_over()
    ours[0].close()
    await asyncio.wait_for(settling, 5)


async def test_our_sockets_are_left_as_they_were(listen: Listen) -> None:
    ours = listen(2)
    port = Port(descriptors(ours))
    listen(1)
    open_before = len(os.listdir("/proc/self/fd"))
    assert await port.hand_over()
    assert len(os.listdir("/proc/self/fd")) == open_before
    assert [listener.getblocking() for listener in ours] == [False, False]


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
        assert len(neighbours.others_listening(descriptors(ours))) == 1


def test_who_else_listens(listen: Listen) -> None:
    ours = listen(2)
    assert not others_listening(descriptors(ours))
    theirs = listen(3)
    assert (len(others_listening(descriptors(ours))), len(others_listening(descriptors(theirs)))) == (3, 2)
    with socket.create_connection(ours[0].getsockname()):
        assert len(others_listening(descriptors(ours))) == 3
