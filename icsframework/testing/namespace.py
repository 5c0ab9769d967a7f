"""A network namespace of its own for a test, entered by the calling thread and left again.

    with fresh_network():
        ...                     # no interfaces but lo, default sysctls, nothing filtered

Threads started inside belong to it as well.  Needs CAP_SYS_ADMIN (``allowed()``).
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["allowed", "fresh_network"]

CLONE_NEWNET = 0x40000000
OWN = "/proc/thread-self/ns/net"

_libc = ctypes.CDLL(None, use_errno=True)


def allowed() -> bool:
    """True if this process may make network namespaces."""
    return os.geteuid() == 0


@contextmanager
def fresh_network() -> Iterator[None]:
    """Inside, this thread is in a new network namespace, which ends with the last thread or socket in it."""
    outside = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.unshare(CLONE_NEWNET), "make a network namespace")
        try:
            yield
        finally:
            _check(_libc.setns(outside, CLONE_NEWNET), "leave the network namespace")
    finally:
        os.close(outside)


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot {what}: {os.strerror(number)}")
