"""The rtnetlink socket."""

import errno
import socket
import struct

import pytest

from icsframework.errors import WireError
from icsframework.host.rtsocket import TRIES, RouteSocket
from icsframework.protocols.netlink import Message, NetlinkError
from icsframework.protocols.rtnetlink import dump_addresses, dump_links, read_link, set_link


def test_a_list():
    """The kernel's links, more than once on one socket."""
    with RouteSocket() as kernel:
        for _ in range(3):
            names = {read_link(message.body).name for message in kernel.dump(dump_links())}
            assert names == {name for _, name in socket.if_nameindex()}


def test_a_refused_change():
    """The kernel's number."""
    with RouteSocket() as kernel, pytest.raises(NetlinkError) as caught:
        kernel.change(set_link(0x7FFFFFFF, mtu=1400))
    assert caught.value.code in (errno.ENODEV, errno.EPERM)


def message(kind, body, sequence, flags=2):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body


class Script:
    """A socket that answers as written, a list of (datagram or error) each request."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.waiting = []
        self.asked = 0

    def sendto(self, data, address):
        self.asked += 1
        self.waiting = list(self.answers.pop(0))

    def recvmsg(self, size):
        item = self.waiting.pop(0)
        if isinstance(item, Exception):
            raise item
        return item if isinstance(item, tuple) else (item, [], 0, (0, 0))

    def close(self):
        pass


@pytest.fixture
def scripted():
    """A RouteSocket over a script."""

    def make(*answers):
        kernel = RouteSocket()
        kernel.close()
        kernel._socket = Script(*answers)
        return kernel

    return make


def test_a_list_that_changed_is_read_again(scripted):
    """The whole list anew."""
    done = [message(16, b"new!", 2) + message(3, bytes(4), 2)]
    kernel = scripted([message(16, b"old!", 1, 0x12), message(3, bytes(4), 1)], done)
    assert [one.body for one in kernel.dump(dump_addresses())] == [b"new!"]


def test_a_list_that_never_stands_still_is_taken_as_it_is(scripted):
    """After some tries."""
    answers = [[message(16, b"list", n, 0x12) + message(3, bytes(4), n)] for n in range(1, TRIES + 1)]
    kernel = scripted(*answers)
    assert kernel.dump(dump_addresses()) == [Message(16, 0x12, b"list")]
    assert kernel._socket.asked == TRIES


def test_an_overflow_is_asked_again(scripted):
    """ENOBUFS, once; if it stays it is an error."""
    full = OSError(errno.ENOBUFS, "No buffer space available")
    assert scripted([full], [message(3, bytes(4), 2)]).dump(dump_addresses()) == []
    with pytest.raises(OSError, match="buffer"):
        scripted(*[[full]] * TRIES).dump(dump_addresses())


def test_another_process_is_not_the_kernel(scripted):
    """What does not come from port 0 is passed over."""
    forged = (message(2, struct.pack("=i", -1), 1), [], 0, (4711, 0))
    scripted([forged, message(2, bytes(20), 1)]).change(set_link(1))


def test_a_datagram_that_does_not_fit(scripted):
    """Nothing is read from half a message."""
    with pytest.raises(WireError, match="at once"):
        scripted([(message(16, b"half", 1), [], socket.MSG_TRUNC, (0, 0))]).dump(dump_addresses())
