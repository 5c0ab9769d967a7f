"""Which changes of the packet filter are told, and when."""

import errno
import os
import socket

import pytest
from twisted.internet.task import Clock

from icsframework.host.rulewatch import QUIET, RuleSetMonitor
from icsframework.protocols.nftables import Changed, Committed
from icsframework.testing.gateway import Readers


class Reactor(Clock, Readers):
    """Time and readers by hand."""

    def __init__(self):
        Clock.__init__(self)
        Readers.__init__(self)


class Bench:
    """A monitor whose socket is the end of a pair, and what it told."""

    def __init__(self):
        self.reactor, self.losses, self.changes = Reactor(), [], 0
        self.monitor = RuleSetMonitor(self.reactor, "ics", self.losses.append, self.change)
        self.monitor._socket, self.kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.monitor._socket.setblocking(False)
        self.reactor.addReader(self.monitor)

    def change(self):
        self.changes += 1

    def transaction(self, *changes, by="nft"):
        """What the kernel would say of it."""
        for how, family, table in changes:
            self.kernel.send(message({"added": 6, "removed": 8}[how], family, table))
        self.kernel.send(committed(by, 812))
        self.reactor.turn(0)


FAMILIES = {"inet": 1, "ip": 2}


def netlink(kind, payload):
    length = 16 + len(payload)
    return length.to_bytes(4, "little") + bytes([kind, 10]) + bytes(10) + payload + bytes(-length % 4)


def attribute(kind, data):
    length = 4 + len(data)
    return length.to_bytes(2, "little") + kind.to_bytes(2, "little") + data + bytes(-length % 4)


def message(kind, family, table):
    return netlink(kind, bytes([FAMILIES[family], 0, 0, 1]) + attribute(1, table.encode() + b"\0"))


def committed(name, pid):
    who = attribute(2, pid.to_bytes(4, "big")) + attribute(3, name.encode() + b"\0") if name else b""
    return netlink(15, bytes(4) + who)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.monitor.stop()
    bench.kernel.close()


OURS, THEIRS = ("inet", "ics"), ("ip", "ics")


def test_a_loss_is_told_at_once_with_who_did_it(bench):
    """Something was taken from our table, and nothing added."""
    bench.transaction(("removed", *OURS))
    assert bench.losses == ["nft (pid 812)"]
    bench.transaction(("removed", *OURS), by="")
    assert bench.losses == ["nft (pid 812)", ""]
    bench.reactor.advance(QUIET)
    assert bench.changes == 0


def test_our_own_loads_are_no_loss(bench):
    """They flush and define anew in one transaction."""
    bench.transaction(("removed", *OURS), ("added", *OURS))
    bench.transaction(("added", *OURS))
    bench.reactor.advance(QUIET)
    assert (bench.losses, bench.changes) == ([], 0)


def test_changes_of_others_are_told_when_it_is_quiet(bench):
    """A storm is one; a table of our name in another family is not ours."""
    for _ in range(10):
        bench.transaction(("removed", *THEIRS))
        bench.reactor.advance(QUIET / 2)
    assert bench.changes == 0
    bench.reactor.advance(QUIET)
    assert (bench.losses, bench.changes) == ([], 1)


def test_garbage_and_an_overflow_trigger_both(bench):
    """We do not know what happened, so it is looked at."""
    bench.kernel.send(b"garbage")
    bench.reactor.turn(0)
    bench.reactor.advance(QUIET)
    assert (bench.losses, bench.changes) == ([""], 1)
    bench.monitor._socket.close()
    bench.monitor._socket = Broken(errno.ENOBUFS, errno.EAGAIN)
    bench.monitor.doRead()
    bench.reactor.advance(QUIET)
    assert (bench.losses, bench.changes) == (["", ""], 2)


class Broken:
    """A socket with errors."""

    def __init__(self, *errors):
        self.errors = list(errors)

    def recv(self, size):
        code = self.errors.pop(0)
        raise OSError(code, os.strerror(code))

    def fileno(self):
        return -1

    def close(self):
        pass


def test_after_the_stop_nothing_is_told(bench):
    """A change that waits for quiet is forgotten."""
    bench.transaction(("removed", *THEIRS))
    bench.monitor.stop()
    bench.reactor.advance(QUIET)
    assert bench.changes == 0
    assert bench.reactor.readers == []
    assert bench.monitor.fileno() == -1


def test_a_lost_descriptor_ends_it(bench):
    """The one who watches looks at intervals anyway."""
    bench.monitor.connectionLost("gone")
    assert bench.reactor.readers == []


def test_some_changes_remembered_are_bounded(bench):
    """A transaction of many rules is one entry for each table and direction."""
    for _ in range(50):
        bench.kernel.send(message(6, *THEIRS))
        bench.reactor.turn(0)
    assert bench.monitor._seen == [Changed("added", *THEIRS)]
    assert Committed("", 0) not in bench.monitor._seen
