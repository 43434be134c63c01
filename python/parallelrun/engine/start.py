"""What keeps a process from starting, with the exit code that says so."""

import os
import socket

from parallelrun.config.units import Address
from parallelrun.evidence import Store, StoreError, StoreTooNewError, open_store

USAGE = 64
"""Exit code: what was asked for is wrong (`EX_USAGE`)."""
UNAVAILABLE = 69
"""Exit code: something that is needed is not there (`EX_UNAVAILABLE`)."""


class StartError(Exception):
    """The process cannot start. The message is one line for people: which setting, what is wrong.

    Args:
        message: that line.
        code: the exit code.
    """

    def __init__(self, message: str, code: int = UNAVAILABLE) -> None:
        super().__init__(message)
        self.code = code


def cannot_listen(setting: str, address: Address, error: OSError) -> StartError:
    """The error for an address that cannot be bound."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StartError(f"{setting}: {address}: {reason[:1].lower()}{reason[1:]}")


def bind_admin(address: Address) -> socket.socket:
    """A socket bound to the address of the admin API, shared with a process that leaves or takes over.

    Raises:
        StartError: it cannot be bound.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise cannot_listen("admin.listen", address, error) from error
    return listener


async def ready_store(url: str) -> Store:
    """The store at `url`, connected and with its tables up to date.

    Raises:
        StartError: it is none, or does not answer.
    """
    try:
        store = open_store(url)
    except ValueError as error:
        raise StartError(f"store: {error}", USAGE) from error
    try:
        await store.prepare()
    except (StoreError, StoreTooNewError) as error:
        await store.close()
        raise StartError(f"store: {store.place}: {error}") from error
    return store
