"""A host for one owner."""

from ipaddress import ip_address

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from icsframework.errors import HostError, PortTaken
from icsframework.host.scoped import IOwnedHost, ScopedHost
from icsframework.testing.host import FakeHost
from icsframework.values import Endpoint, InterfaceInfo, PacketFilter

HERE = Endpoint(ip_address("127.0.0.1"), 0)
FREE = ip_address("192.168.0.99")


@pytest.fixture
def fake():
    fake = FakeHost(Clock())
    yield fake
    fake.close_all()


@pytest.fixture
def host(fake):
    return ScopedHost(fake, "dhcp")


def fired(deferred):
    found = []
    deferred.addBoth(found.append)
    return found[0]


def test_it_is_an_owned_host(host):
    """Everything of IHost, and release_all."""
    assert verifyObject(IOwnedHost, host)


def test_everything_is_passed_on(host, fake):
    """The arguments arrive as they are, errors come back as they are."""
    host.bind_udp(HERE, "lan0", 7, True, 1000)
    opening = fake.udp[0]
    assert (opening.endpoint, opening.interface, opening.mark, opening.broadcast) == (HERE, "lan0", 7, True)
    fake.fail["bind_udp"] = PortTaken("taken by dnsmasq (pid 812)")
    assert fired(host.bind_udp(HERE)).check(PortTaken)
    host.connect(HERE, 9, HERE, 3.0).addErrback(lambda _: None)
    assert fake.connected == [(HERE, 9, HERE)]


def test_one_owner_does_not_close_what_another_has(host, fake):
    """Each view knows its own."""
    other = ScopedHost(fake, "dns")
    mine, others = fired(host.bind_udp(HERE)), fired(other.bind_udp(HERE))
    assert host.release_all() == 1
    assert mine.fileno() == -1
    assert others.fileno() >= 0


def test_closed_descriptors_are_not_counted(host):
    """What the owner closed is its own affair; the second release finds nothing."""
    fired(host.open_packet("lan0", PacketFilter(0x0806))).close()
    fired(host.open_tun("icsh0", 1400))
    assert host.release_all() == 1
    assert host.release_all() == 0


def test_watches_end(host, fake):
    """Those that the owner ended itself, too, without harm."""
    seen, ended = [], []
    host.watch_interface("lan0", seen.append)
    host.watch_interface("lan0", ended.append)()
    host.release_all()
    fake.set_interface("lan0", InterfaceInfo("lan0", 3, "", 1500, True, True))
    assert (seen, ended) == ([None], [None])


def test_what_is_under_way_fails_in_words(host):
    """Released by the core it is a HostError; cancelled by the owner it is Twisted's own."""
    waiting = host.neighbour_in_use("lan0", FREE, 5.0)
    host.release_all()
    assert fired(waiting).check(HostError)
    cancelled = host.neighbour_in_use("lan0", FREE, 5.0)
    cancelled.cancel()
    assert fired(cancelled).check(CancelledError)
