"""One netlink socket (rtnetlink unless told otherwise): ask for lists, ask for changes.  Blocking, for the worker thread and quick looks."""

import errno
import socket

from icsframework.errors import WireError
from icsframework.protocols.netlink import Message, parse, to_wire

__all__ = ["RouteSocket"]

RECEIVE = 64 * 1024
"""Bytes; the kernel fills at most 32 KiB a datagram of a list."""

PATIENCE = 5.0
"""Seconds; the kernel answers at once, and a broken one must not hang us."""

TRIES = 5
"""How often a list is read anew because it changed meanwhile."""


class RouteSocket:
    """It belongs to the network namespace of the thread that made it.  Use it from one thread; close it.

    Every method raises NetlinkError (with the kernel's number), WireError for an answer
    that makes no sense, or OSError.
    """

    def __init__(self, protocol: int = socket.NETLINK_ROUTE) -> None:
        """``protocol`` is the netlink family."""
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, protocol)
        self._socket.settimeout(PATIENCE)
        self._sequence = 0

    def __enter__(self) -> "RouteSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the descriptor."""
        self._socket.close()

    def dump(self, request: Message) -> list[Message]:
        """The messages of a list.

        One that changed while it was read is read again, a few times; then it is taken as it is (where a routing
        daemon works it never stands still), for whoever follows changes looks again anyway.
        """
        for attempt in range(TRIES):
            try:
                messages, interrupted = self._ask(request)
            except OSError as error:
                if error.errno != errno.ENOBUFS or attempt + 1 == TRIES:
                    raise
            else:
                if not interrupted:
                    break
        return messages

    def change(self, request: Message) -> None:
        """Make a change; returns when the kernel has acknowledged it."""
        self._ask(request)

    def _ask(self, request: Message) -> tuple[list[Message], bool]:
        self._sequence += 1
        self._socket.sendto(to_wire(request, self._sequence), (0, 0))
        messages: list[Message] = []
        interrupted = False
        while True:
            answer = parse(self._received(), self._sequence)
            messages += answer.messages
            interrupted = interrupted or answer.interrupted
            if answer.last:
                return messages, interrupted

    def _received(self) -> bytes:
        data, _, flags, sender = self._socket.recvmsg(RECEIVE)
        if flags & socket.MSG_TRUNC:
            raise WireError(f"the kernel sent more than {RECEIVE} bytes at once")
        # Any process may send to a netlink socket; only what has port 0 is the kernel's.
        return data if sender[0] == 0 else b""
