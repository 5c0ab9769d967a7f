"""Error numbers in words."""

import errno
import os
import socket
from ipaddress import ip_address

import pytest

from icsframework.errors import HostError, InterfaceMissing, NoPrivilege, PortTaken
from icsframework.host.explain import explained, port_refused
from icsframework.values import Endpoint


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EPERM, NoPrivilege, "open a packet socket on eth0.*CAP_NET_RAW.*root"),
        (errno.ENODEV, InterfaceMissing, "eth0.*ip link"),
        (errno.EMFILE, HostError, "LimitNOFILE"),
        (errno.ENETDOWN, HostError, "down.*ip link set"),
        (errno.ENOBUFS, HostError, "open a packet socket on eth0: No buffer space"),
    ],
)
def test_numbers(number, kind, words):
    """Each has its kind, says what was tried and where, and what to do."""
    error = explained(OSError(number, os.strerror(number)), "open a packet socket on eth0", "eth0")
    assert type(error) is kind
    with pytest.raises(kind, match=words):
        raise error


def test_a_taken_port_names_the_process():
    """This one, here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        where = Endpoint(ip_address("127.0.0.1"), held.getsockname()[1])
        error = port_refused(OSError(errno.EADDRINUSE, "in use"), "udp", where, "lo")
    assert isinstance(error, PortTaken)
    assert str(error).startswith(f"udp port {where.port} on 127.0.0.1 (lo) is taken by ")
    assert f"(pid {os.getpid()}); stop it" in str(error)


def test_an_address_that_is_not_ours():
    """It is named."""
    where = Endpoint(ip_address("192.0.2.1"), 53)
    error = port_refused(OSError(errno.EADDRNOTAVAIL, "x"), "udp", where)
    assert "does not have the address 192.0.2.1" in str(error)
