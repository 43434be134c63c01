"""Who else listens on an address: `SO_REUSEPORT` lets several processes of one user do so, each for a share.

All of it from /proc; elsewhere than on Linux, or where the other process is in another container, nobody is seen.
"""

import contextlib
import ipaddress
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from parallelrun.config.units import Address

_PROC = Path("/proc")
_TABLES = (_PROC / "self/net/tcp", _PROC / "self/net/tcp6")
_LISTEN = "0A"


def others_listening(listeners: Sequence[int]) -> frozenset[int]:
    """The inodes of the other sockets that listen on the address of `listeners`; none where that cannot be told."""
    inodes = {os.fstat(descriptor).st_ino for descriptor in listeners}
    table = list(_listening())
    addresses = {address for address, inode in table if inode in inodes}
    return frozenset(inode for address, inode in table if address in addresses and inode not in inodes)


def processes_at(address: Address) -> frozenset[int]:
    """The ids of the other processes that listen on exactly this address, as far as they can be seen."""
    wanted = _as_the_kernel_prints(address)
    sockets = {f"socket:[{inode}]" for at, inode in _listening() if at == wanted}
    if not sockets:
        return frozenset()
    return frozenset(pid for pid in _processes() if pid != os.getpid() and not sockets.isdisjoint(_open_files(pid)))


def name_of(pid: int) -> str:
    """`process 123 (parallelrun)`. Not its arguments: they may hold a password."""
    try:
        return f"process {pid} ({(_PROC / str(pid) / 'comm').read_text().strip()})"
    except OSError:
        return f"process {pid}"


def _listening() -> Iterator[tuple[str, int]]:
    """The address, as the kernel prints it, and the inode of each listening TCP socket of this network namespace."""
    for table in _TABLES:
        with contextlib.suppress(OSError), table.open() as lines:
            next(lines, None)
            for line in lines:
                fields = line.split()
                if fields[3] != _LISTEN:
                    break  # the kernel writes the listening ones first, and takes seconds for thousands of others
                yield fields[1], int(fields[9])


def _as_the_kernel_prints(address: Address) -> str:
    """Words of 32 bits in hexadecimal, each in the byte order of the machine, and the port."""
    packed = ipaddress.ip_address(address.host).packed
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words) + f":{address.port:04X}"


def _processes() -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _open_files(pid: int) -> Iterator[str]:
    """What the descriptors of a process stand for; nothing where we may not know."""
    with contextlib.suppress(OSError), os.scandir(_PROC / str(pid) / "fd") as descriptors:
        for descriptor in descriptors:
            with contextlib.suppress(OSError):  # closed meanwhile
                yield os.readlink(descriptor.path)
