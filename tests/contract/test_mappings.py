"""IMappings: the port book's view of one plugin, and the fake that plugin authors test with, behave alike."""

import math
from ipaddress import ip_address, ip_interface
from random import Random

import pytest
from twisted.internet.defer import succeed
from twisted.logger import Logger
from zope.interface.verify import verifyObject

from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.errors import MappingError
from icsframework.interfaces import IMappings
from icsframework.mappings.held import MAX_LIFETIME
from icsframework.mappings.owned import OwnedMappings
from icsframework.mappings.service import MappingService
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeClock, FakeEvents, FakeMappings
from icsframework.testing.store import MemoryStore
from icsframework.values import Endpoint, Family, Link, Open

PC, SERVER = ip_address("192.168.0.10"), ip_address("192.0.2.80")


def real(clock):
    """The mapping service on a kernel in memory, as helper.x sees it."""
    events = FakeEvents("mappings", clock)
    service = MappingService(
        FakeElements(clock), clock, events, Logger(), Random(1).randrange, lambda *_: succeed(0)
    )
    service.start(MemoryStore())
    family = Family((ip_interface("203.0.113.1/24"),), None, (), ())
    link = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, family)
    lan = LanSide("home", "eth1", ip_interface("192.168.0.1/24"))
    service.in_force(DataPlane((lan,), (UplinkSide("cable", 1, "eth0", link),)))
    return OwnedMappings(service, "helper.x")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture(params=["real", "fake"])
def mappings(request, clock):
    """Each of the two."""
    return real(clock) if request.param == "real" else FakeMappings("helper.x", clock)


def result(deferred):
    """What it fired with, or the error."""
    found = []
    deferred.addErrback(lambda failure: failure.value).addCallback(found.append)
    assert found, "the Deferred has not fired"
    return found[0]


def opened(mappings, port, **more):
    """Ask for a port to the PC."""
    told = {"protocol": "udp", "remote": SERVER} | more
    return result(mappings.open("cable", Open("token", to=Endpoint(PC, port), **told)))


def ports(mapping):
    """Its external ports."""
    return set(range(mapping.external.port, mapping.external.port + mapping.count))


def test_it_provides_its_interface(mappings):
    """With every method and its arguments."""
    assert verifyObject(IMappings, mappings)


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("remote", [SERVER, None])
def test_a_mapping_is_what_was_asked_for(mappings, clock, once, remote):
    """With the owner, the uplink's address, and the end of its time."""
    clock.clock.advance(100)
    mapping = opened(mappings, 5004, once=once, remote=remote, count=2, lifetime=30.0)
    assert (mapping.protocol, mapping.uplink, mapping.to) == ("udp", "cable", Endpoint(PC, 5004))
    assert (mapping.remote, mapping.once, mapping.count) == (remote, once, 2)
    assert (mapping.owner, mapping.expires) == ("helper.x", 130.0)
    assert str(mapping.external.address) == "203.0.113.1"


def test_no_port_is_given_twice(mappings):
    """While it is open."""
    every = [opened(mappings, 5000 + number, count=3) for number in range(0, 10, 2)]
    assert len(set().union(*map(ports, every))) == 15
    result(mappings.release(every[0]))
    again = opened(mappings, 5000, count=3)
    assert not any(ports(again) & ports(other) for other in every[1:])


def test_parity_is_kept(mappings):
    """Even stays even, odd stays odd."""
    for port in (5004, 5004, 5005, 5005, 5007):
        for remote in (SERVER, None):
            mapping = opened(mappings, port, parity=True, remote=remote)
            assert (mapping.external.port - port) % 2 == 0


def test_asking_again_gives_more_time(mappings, clock):
    """The same ports; who releases the old answer closes nothing."""
    first = opened(mappings, 5004)
    clock.clock.advance(10)
    second = opened(mappings, 5004)
    assert (second.external, second.expires) == (first.external, first.expires + 10)
    result(mappings.release(first))
    assert opened(mappings, 5004, remote=None).external != second.external


@pytest.mark.parametrize("lifetime", [0.0, -1.0, math.inf, math.nan])
def test_no_time_is_refused(mappings, lifetime):
    """With a MappingError, as everything that cannot be had."""
    assert isinstance(opened(mappings, 5004, lifetime=lifetime), MappingError)


def test_a_day_is_the_longest(mappings, clock):
    """Whatever is asked for."""
    assert opened(mappings, 5004, lifetime=1e9).expires == MAX_LIFETIME


@pytest.mark.parametrize("flows", ["keep", "end"])
def test_releasing_twice_is_no_error(mappings, flows):
    """Nor is releasing what is over."""
    mapping = opened(mappings, 5004)
    assert result(mappings.release(mapping, flows)) is None
    assert result(mappings.release(mapping, flows)) is None
