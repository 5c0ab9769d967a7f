"""The machine as plugins see it; what it does is in tests/contract/test_host.py."""

from ipaddress import ip_address

import pytest
from twisted.internet.task import Clock

from icsframework.errors import HostError, InterfaceMissing, PortTaken
from icsframework.host.host import Host
from icsframework.testing.gateway import Readers
from icsframework.values import Endpoint, PacketFilter


class Reactor(Clock, Readers):
    """Time and descriptors by hand."""

    def __init__(self):
        Clock.__init__(self)
        Readers.__init__(self)


@pytest.fixture
def host():
    return Host(Reactor())


def failure(deferred):
    found = []
    deferred.addBoth(found.append)
    return found[0]


def test_nothing_is_opened_before_it_is_asked_for(open_descriptors):
    """A host that is only made holds nothing."""
    before = open_descriptors()
    Host(Reactor())
    assert open_descriptors() == before


def test_errors_come_by_the_deferred(host):
    """No method raises at the call: each fails with an error of ours."""
    taken = []
    host.bind_udp(Endpoint(ip_address("127.0.0.1"), 0)).addCallback(taken.append)
    here = Endpoint(ip_address("127.0.0.1"), taken[0].getsockname()[1])
    away = Endpoint(ip_address("192.0.2.77"), 53)
    assert failure(host.interface("gone0")).check(InterfaceMissing)
    assert failure(host.bind_udp(here)).check(PortTaken)
    assert failure(host.listen(away)).check(HostError)
    assert failure(host.connect(away, source=away)).check(HostError)
    assert failure(host.neighbour_in_use("gone0", away.address, 1.0)).check(InterfaceMissing)
    assert failure(host.open_tun("a-name-that-is-too-long", 1400)).check(HostError)
    assert failure(host.open_packet("gone0", PacketFilter(0x0806))) is not None
    taken[0].close()
