"""What a session may ask for, whatever a peer made it believe."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from icsframework.helpers.asking import granted, refusal
from icsframework.helpers.limits import LONGEST_LIFETIME
from icsframework.testing.flows import INSIDE, OUTSIDE, PEER, inbound, outbound
from icsframework.values import Endpoint, Open

OTHER = ip_address("192.168.0.11")
GOOD = Open(1, "tcp", Endpoint(INSIDE, 5000), PEER)


@pytest.mark.parametrize("flow", [outbound(21), inbound(21)])
def test_a_port_of_the_flows_own_host_for_its_own_peer(flow):
    """It is the host behind the gateway that is led to, whoever opened the flow."""
    assert refusal(GOOD, flow, 32) is None
    assert refusal(replace(GOOD, to=Endpoint(INSIDE, 1024)), flow, 1) is None
    assert refusal(replace(GOOD, to=Endpoint(INSIDE, 65534), count=2), flow, 2) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"to": Endpoint(OTHER, 5000)}, "192.168.0.11 is not the host of this flow"),
        ({"to": Endpoint(PEER, 5000)}, "is not the host of this flow"),
        ({"to": Endpoint(OUTSIDE, 5000)}, "is not the host of this flow"),
        ({"remote": None}, "not for anybody"),
        ({"remote": INSIDE}, "is not the peer"),
        ({"remote": str(PEER)}, "is not the peer"),
        ({"to": Endpoint(INSIDE, 1023)}, "below 1024"),
        ({"to": Endpoint(INSIDE, 0)}, "below 1024"),
        ({"to": Endpoint(INSIDE, -5)}, "below 1024"),
        ({"to": Endpoint(INSIDE, 65535), "count": 2}, "above 65535"),
        ({"to": Endpoint(INSIDE, 65536)}, "above 65535"),
        ({"count": 0}, "are none"),
        ({"count": -3}, "are none"),
        ({"count": 9}, "limits.expectations"),
        ({"lifetime": 0}, "lifetime of 0 s"),
        ({"lifetime": -1.0}, "lifetime of -1 s"),
    ],
)
@pytest.mark.parametrize("flow", [outbound(21), inbound(21)])
def test_refused_with_a_reason(flow, change, says):
    """No address that a peer wrote is trusted (RFC 2577)."""
    assert says in refusal(replace(GOOD, **change), flow, 8)


def test_a_lifetime_is_cut():
    """All else stays as it was asked for."""
    assert granted(GOOD) is GOOD
    assert granted(replace(GOOD, lifetime=1e9)) == replace(GOOD, lifetime=LONGEST_LIFETIME)
