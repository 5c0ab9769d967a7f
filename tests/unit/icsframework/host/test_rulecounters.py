"""Counters from the kernel, which answers here as the test says; the real one is asked in tests/netns."""

import errno

import pytest

from icsframework.errors import HostError, NoPrivilege, WireError
from icsframework.host.rtsocket import RouteSocket
from icsframework.host.rulecounters import read_counters
from icsframework.protocols.netlink import Message, NetlinkError, attributes_to_wire
from icsframework.protocols.nftables import dump_counters


def counter(name, packets):
    """A counter as the kernel lists it."""
    data = attributes_to_wire({1: bytes(8), 2: packets.to_bytes(8, "big")})
    parts = {1: b"ics\0", 2: name + b"\0", 3: bytes([0, 0, 0, 1]), 4: data}
    return Message(0x0A12, 2, bytes([1, 0, 0, 0]) + attributes_to_wire(parts))


class Kernel(RouteSocket):
    """A socket of the netlink family it was asked for, with an answer or an error."""

    def __init__(self, answer):
        self.answer, self.asked, self.closed = answer, [], False

    def __call__(self, protocol):
        self.asked.append(protocol)
        return self

    def dump(self, request):
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self):
        self.closed = True


def test_counters_by_name():
    """Of the table that was asked for, by netfilter's netlink; the socket is given back."""
    kernel = Kernel([counter(b"leaked", 7), Message(0x0A0F, 0, b""), counter(b"woken", 2**40)])
    assert read_counters("ics", kernel) == {"leaked": 7, "woken": 2**40}
    assert (kernel.asked, kernel.closed) == ([12, dump_counters("ics")], True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NetlinkError(errno.EPERM), NoPrivilege),
        (NetlinkError(errno.ENOBUFS), HostError),
        (OSError(errno.EMFILE, "Too many open files"), HostError),
        (WireError("a netlink message ends early"), HostError),
    ],
)
def test_a_kernel_that_cannot_be_asked(error, kind):
    """Is an error of ours, and the socket is given back all the same."""
    kernel = Kernel(error)
    with pytest.raises(kind):
        read_counters("ics", kernel)
    assert kernel.closed
