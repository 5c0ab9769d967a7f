"""Flows for tests lead where they say."""

from icsframework.testing.flows import INSIDE, OUTSIDE, PEER, inbound, outbound
from icsframework.values import Endpoint


def test_outbound():
    """The client is inside, and what it called is the peer's."""
    flow = outbound(21)
    assert (flow.inside.address, flow.peer) == (INSIDE, Endpoint(PEER, 21))
    assert (flow.protocol, flow.outside.address, flow.direction) == ("tcp", OUTSIDE, "outbound")


def test_inbound():
    """The server is inside, and was called at the gateway's own address."""
    flow = inbound(69, "udp")
    assert (flow.inside, flow.peer.address) == (Endpoint(INSIDE, 69), PEER)
    assert (flow.protocol, flow.outside, flow.direction) == ("udp", Endpoint(OUTSIDE, 69), "inbound")
