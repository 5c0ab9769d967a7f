"""The raw ICMP socket, where it cannot be had; what it sends is in tests/netns/test_host_icmp.py."""

import socket

import pytest

from icsframework.errors import NoPrivilege
from icsframework.host import icmp


class Refusing:
    """Sockets of a machine that lets us have none, or none with a filter."""

    def __init__(self, made, error):
        self.made, self.error = made, error
        self.closed = 0

    def __call__(self, *_):
        if not self.made:
            raise self.error
        return self

    def setsockopt(self, *_):
        raise self.error

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("made", [False, True])
def test_without_the_right_it_says_so(made):
    """The error names what is missing, and nothing stays open."""
    refusing = Refusing(made, PermissionError(1, "Operation not permitted"))
    with pytest.raises(NoPrivilege, match=r"raw ICMP socket.*CAP_NET_RAW"):
        icmp.open_icmp(refusing)
    assert refusing.closed == made


def test_it_does_not_block():
    """A socket with privilege is non-blocking; without, the error is ours."""
    try:
        opened = icmp.open_icmp()
    except NoPrivilege:
        return
    with opened:
        assert (opened.type, opened.proto, opened.gettimeout()) == (socket.SOCK_RAW, socket.IPPROTO_ICMP, 0)
