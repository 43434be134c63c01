"""Leaving a port to a successor without losing a connection.

Both processes listen on one port by `SO_REUSEPORT`: the kernel deals new connections out to all listening sockets of
the group, by a hash. A connection that has completed its handshake waits in the queue of *one* socket; when that
socket is closed, whatever still waits there is reset. So closing the listeners right after SIGTERM loses the
connections that arrived a moment before, and with a steady stream of them there always are some.

The way out is to steer, then to wait until the queue is empty, and only then to close.

- A group may carry a small program (classic BPF, `SO_ATTACH_REUSEPORT_CBPF`, socket(7)) that returns, for each new
  connection, the index of the socket that gets it. Sockets stand in the group in the order in which they began to
  listen, so ours come first and those of the successor after them. An index beyond the end makes the kernel fall back
  to the hash: should the successor die in this very moment, we are dealt connections again.
- Our workers go on accepting while we wait. A handshake that had begun before still ends in our queue, a round trip
  later, hence a least time.
- When a socket is closed, the last one of the group takes its index (`reuseport_detach_sock` in the kernel's
  net/core/sock_reuseport.c): what was steered to the successor a moment ago may now fall back to the hash, and to one
  of ours that is about to be closed. Only the first index stays what it is. So there are two rounds: first everything
  goes to our first socket and the others are closed, then everything goes to the successor and the first is closed.

The program stays with the group after we are gone, and might then favour some of the successor's sockets over others.
So whoever starts beside a predecessor takes the program away once that has left (`settle_in`).

Where nobody else listens on the port there is nothing to steer to, and where the kernel refuses or is not Linux the
connections of that one moment are at risk, as with any other server: in both cases this module does nothing.
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import struct
from collections.abc import Callable, Iterator, Sequence

from parallelrun.engine.neighbours import others_listening
from parallelrun.evidence.threads import in_thread

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


async def hand_over(listeners: Sequence[int], keep_first: Callable[[], object] | None = None) -> bool:
    """Leaves new connections to a successor on the same port and waits until ours are accepted.

    Args:
        listeners: file descriptors of all our listening sockets on one address, in the order in which they began to
            listen. They are the caller's, who closes the first one afterwards.
        keep_first: closes all of them but the first; needed if there are several. It is called in a thread.

    Returns:
        False where nobody else listens there or the kernel does not take part: new connections may still come to us.
    """
    successors = others_listening(listeners)
    if not successors or not _steer(listeners[0], range(1)):
        return False
    if keep_first is not None:
        await _accepted(listeners[1:])
        await in_thread(keep_first)
    _steer(listeners[0], range(1, 1 + successors))
    await _accepted(listeners[:1])
    return True


async def settle_in(listeners: Sequence[int]) -> None:
    """Waits until no other process listens on our address and takes away the program that the last one left behind."""
    while others_listening(listeners):  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(LOOK_S)
    with _duplicates(listeners) as ours, contextlib.suppress(OSError):
        for listener in ours[:1]:
            listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_REUSEPORT_BPF, 0)


def _steer(listener: int, indices: range) -> bool:
    """Has the group of this socket deal new connections to the ones at `indices`; False if the kernel refuses."""
    program = [_LOAD_RANDOM, (_MODULO, len(indices)), (_ADD, indices.start), (_RETURN, 0)]
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", code, 0, 0, k) for code, k in program))
    # struct sock_fprog {unsigned short len; struct sock_filter *filter;}, native alignment
    header = struct.pack("HP", len(program), ctypes.addressof(instructions))
    with _duplicates([listener]) as (ours,):
        try:
            ours.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, header)
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
