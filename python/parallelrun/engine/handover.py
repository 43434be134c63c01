"""Leaving a port to a successor without losing a connection.

Both processes listen on one port by `SO_REUSEPORT`: the kernel deals new connections out to all listening sockets of
the group, by a hash. A connection that has completed its handshake waits in the queue of *one* socket; when that
socket is closed, whatever still waits there is reset. So closing the listeners right after SIGTERM loses the
connections that arrived a moment before, and with a steady stream of them there always are some.

The way out is to steer, then to wait until our queues are empty, and only then to close.

- A group may carry a small program (classic BPF, `SO_ATTACH_REUSEPORT_CBPF`, socket(7)) that returns, for each new
  connection, the index of the socket that gets it. Sockets stand in the group in the order in which they began to
  listen: first those of a predecessor, then ours, then those of a successor. An index beyond the end makes the kernel
  fall back to the hash: should the successor die in this very moment, we are dealt connections again.
- Our workers go on accepting while we wait. A handshake that had begun before still ends in our queue, a round trip
  later, hence a least time.
- When a socket is closed, the last one of the group takes its index (`reuseport_detach_sock` in the kernel's
  net/core/sock_reuseport.c). While ours are closed one after the other, the indices at the end so become empty, and
  what is steered there falls back to the hash and perhaps to one of ours that is closed next. So just before we close,
  the program is narrowed to those indices of the successor that stay its own until the last of ours is gone. There is
  one at least where the successor has as many sockets as we have, or more; with fewer, the connections of the moment
  of closing are at risk.
- Whoever leaves to a predecessor that is still there has it easier: ours are behind theirs, and closing them moves
  none of theirs.

The program stays with the group after we are gone, and might then favour some of the successor's sockets over others.
So whoever starts beside a predecessor takes the program away once that has left (`Port.settle_in`).

Where nobody else listens on the port there is nothing to steer to, and where the kernel refuses or is not Linux the
connections of that one moment are at risk, as with any other server: in both cases this module does nothing.
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import struct
from collections.abc import Iterator, Sequence

from parallelrun.engine.neighbours import others_listening

SETTLE_S = 0.25
"""The least time between steering and closing: a round trip across the world."""
PATIENCE_S = 2.0
"""The most: by then the queues hold only what nobody can save."""

LOOK_S = 1.0
"""How often a successor looks whether its predecessor has left."""

_SO_ATTACH_REUSEPORT_CBPF = 51
_SO_DETACH_REUSEPORT_BPF = 68

# Classic BPF, see linux/filter.h.
_LOAD_RANDOM = (0x20, 0xFFFFF000 + 56)  # BPF_LD | BPF_W | BPF_ABS at SKF_AD_OFF + SKF_AD_RANDOM
_MODULO, _ADD, _RETURN = 0x94, 0x04, 0x16  # BPF_ALU | BPF_MOD | BPF_K, BPF_ALU | BPF_ADD | BPF_K, BPF_RET | BPF_A


class Port:
    """Our listening sockets on one address, and those of others that listened there before.

    Args:
        listeners: file descriptors of all our listening sockets on the address, which listen already. They are the
            caller's.
    """

    def __init__(self, listeners: Sequence[int]) -> None:
        self._listeners = listeners
        self._older = others_listening(listeners)
        self._leaving = False

    @property
    def is_taken_over(self) -> bool:
        """Whether others listened there before."""
        return bool(self._older)

    async def settle_in(self) -> None:
        """Waits until the predecessor is gone and takes away the program that it left behind."""
        while not self._leaving:
            if not self._older & others_listening(self._listeners):
                _set(self._listeners[0], _SO_DETACH_REUSEPORT_BPF, 0)
                return
            await asyncio.sleep(LOOK_S)

    async def hand_over(self) -> bool:
        """Leaves new connections to a successor, or to a predecessor that is still there, and waits until ours are
        accepted. To be called before our sockets are closed, which should follow at once.

        Returns:
            False where nobody else listens or the kernel does not take part: new connections may still come to us.
        """
        self._leaving = True
        others = others_listening(self._listeners)
        older = self._older & others
        if not others or older not in (frozenset(), self._older):
            return False  # nobody, or somebody who is on the way out as well
        if older:
            return await self._leave_to(range(len(older)))
        ours = len(self._listeners)
        if not await self._leave_to(range(ours, ours + len(others))):
            return False
        return _steer(self._listeners[0], range(ours, ours + max(1, len(others) - ours + 1)))

    async def _leave_to(self, indices: range) -> bool:
        if not _steer(self._listeners[0], indices):
            return False
        await _accepted(self._listeners)
        return True


def _steer(listener: int, indices: range) -> bool:
    """Has the group of this socket deal new connections to the ones at `indices`; False if the kernel refuses."""
    program = [_LOAD_RANDOM, (_MODULO, len(indices)), (_ADD, indices.start), (_RETURN, 0)]
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", code, 0, 0, k) for code, k in program))
    # struct sock_fprog {unsigned short len; struct sock_filter *filter;}, native alignment
    header = struct.pack("HP", len(program), ctypes.addressof(instructions))
    return _set(listener, _SO_ATTACH_REUSEPORT_CBPF, header)


def _set(listener: int, option: int, value: int | bytes) -> bool:
    """Sets an option of a socket; False if the kernel refuses."""
    try:
        with _duplicates([listener]) as (ours,):
            ours.setsockopt(socket.SOL_SOCKET, option, value)
    except OSError:
        return False
    return True


async def _accepted(listeners: Sequence[int]) -> None:
    """Waits until nothing waits at these sockets any more, to which nothing is steered any more."""
    with _duplicates(listeners) as ours:
        await asyncio.sleep(SETTLE_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S - SETTLE_S):
                while any(map(_waiting, ours)):  # noqa: ASYNC110 - the kernel tells nobody
                    await asyncio.sleep(0.01)


def _waiting(listener: socket.socket) -> int:
    """How many connections wait to be accepted: for a listening socket, `tcpi_unacked` of `struct tcp_info`."""
    try:
        (waiting,) = struct.unpack_from("=I", listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32), 24)
    except (OSError, struct.error):
        return 0
    return int(waiting)


@contextlib.contextmanager
def _duplicates(listeners: Sequence[int]) -> Iterator[list[socket.socket]]:
    """Sockets of our own for the descriptors, closed at the end: a listener listens as long as one copy is open."""
    with contextlib.ExitStack() as stack:
        sockets = []
        for descriptor in listeners:
            duplicate = stack.enter_context(socket.socket(fileno=os.dup(descriptor)))
            sockets.append(duplicate)
        yield sockets
