"""How connections go on, without a shell around; with one in test_stream.py."""

from dataclasses import replace
from ipaddress import ip_address

import pytest
from twisted.internet.defer import succeed

from icsframework.dataplane.plane import DataPlane, HoldSide
from icsframework.helpers.courses import Courses
from icsframework.helpers.pairs import Pairs
from icsframework.testing.flows import INSIDE, OUTSIDE, PEER
from icsframework.testing.gateway import FakeClock
from icsframework.testing.stream import CABLE, CLIENT, DSL, ONE_UPLINK, SERVER, TWO_UPLINKS, Lines
from icsframework.testing.wire import MemoryNetwork
from icsframework.values import Endpoint, Flow

DSL_ADDRESS = DSL.addresses[0].ip


@pytest.fixture
def make():
    """Makes courses; the network and the pairs behind them."""

    def make(direction="outbound", plane=ONE_UPLINK):
        network = MemoryNetwork()
        pairs = Pairs(FakeClock(), lambda add, delete: succeed(None), Lines())
        courses = Courses(
            direction,
            network,
            pairs,
            lambda uplink, port: Endpoint(INSIDE, 2121) if (uplink, port) == ("cable", 21) else None,
        )
        courses.plane = plane
        return courses, network, pairs

    return make


def test_the_way_of_the_route(make):
    """Or that of another connection of the two hosts, while its uplink is up."""
    courses, network, pairs = make(plane=TWO_UPLINKS)
    network.way = OUTSIDE
    assert courses.way(CLIENT, SERVER) == OUTSIDE
    pairs.hold("one", Flow("tcp", CLIENT, SERVER, Endpoint(DSL_ADDRESS, 1), "dsl"))
    assert courses.way(CLIENT, SERVER) == DSL_ADDRESS
    courses.plane = DataPlane(uplinks=(CABLE, replace(DSL, link=None)))
    assert courses.way(CLIENT, SERVER) == OUTSIDE


def test_outwards(make):
    """From the uplink's address and the client's port, with its mark; without an uplink not at all."""
    courses, _, _ = make(plane=TWO_UPLINKS)
    course = courses.course(CLIENT, SERVER, DSL_ADDRESS)
    assert (course.source, course.to, course.mark) == (Endpoint(DSL_ADDRESS, CLIENT.port), SERVER, 2 << 16)
    assert courses.course(CLIENT, Endpoint(ip_address("2001:db8::1"), 21), None) is None
    for plane in (None, DataPlane(), DataPlane(hold=HoldSide())):
        courses.plane = plane
        assert courses.course(CLIENT, SERVER, None) is None


def test_inwards(make):
    """By the uplink whose address was called, to what is published there."""
    courses, _, _ = make("inbound")
    client, called = Endpoint(PEER, 5), Endpoint(OUTSIDE, 21)
    assert courses.way(client, called) == OUTSIDE
    course = courses.course(client, called, OUTSIDE)
    assert (course.to, course.source, course.transparent) == (Endpoint(INSIDE, 2121), client, True)
    assert courses.course(client, Endpoint(OUTSIDE, 22), OUTSIDE) is None
    assert courses.course(client, Endpoint(PEER, 21), PEER) is None
