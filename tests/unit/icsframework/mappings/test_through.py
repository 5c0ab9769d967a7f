"""Which flows go through a mapping."""

from ipaddress import ip_address

import pytest

from icsframework.dataplane.flows import Tracked
from icsframework.mappings.through import flows_of
from icsframework.values import Endpoint, Mapping

PC, OTHER = ip_address("192.168.0.10"), ip_address("192.168.0.11")
OUTSIDE, SERVER = ip_address("203.0.113.5"), ip_address("192.0.2.80")
GAME = Mapping("udp", "cable", Endpoint(OUTSIDE, 6112), Endpoint(PC, 7112), None, "added", None, 8)


def came_in(protocol: int = 17, port: int = 6112, host=PC, inside: int = 7112, by=OUTSIDE) -> Tracked:
    """Somebody outside called an external port."""
    return Tracked(protocol, SERVER, by, host, SERVER, 5000, port, inside, 5000)


def went_out(protocol: int = 17, port: int = 6112, host=PC, inside: int = 7112) -> Tracked:
    """A host inside called somebody."""
    return Tracked(protocol, host, SERVER, SERVER, OUTSIDE, inside, 53, 53, port)


@pytest.mark.parametrize(
    "flow",
    [came_in(), came_in(port=6119, inside=7119), went_out(), went_out(port=6115, inside=7115)],
    ids=["in", "in by the last", "out", "out by another"],
)
def test_flows_by_its_ports(flow: Tracked) -> None:
    """In either direction, by each of them."""
    assert flows_of(GAME)(flow)


@pytest.mark.parametrize(
    "flow",
    [
        came_in(6),
        came_in(port=6120, inside=7120),
        came_in(port=9000),
        came_in(host=OTHER),
        came_in(port=7112, by=PC),
        went_out(6),
        went_out(port=9000),
        went_out(host=OTHER),
        went_out(port=6111, inside=7111),
        Tracked(17, PC, OTHER, OTHER, PC, 7112, 53, 53, 7112),
    ],
    ids=[
        "tcp in",
        "beside the range",
        "by another port",
        "to another host",
        "within the LAN",
        "tcp out",
        "out by another port",
        "from another host",
        "out beside the range",
        "untranslated",
    ],
)
def test_other_flows_are_not_meant(flow: Tracked) -> None:
    """They go on."""
    assert not flows_of(GAME)(flow)


def test_a_mapping_that_keeps_the_port_does_not_mean_the_lans_own_flows() -> None:
    """What a PC next to it sends to the same port of the host directly is no traffic of the mapping."""
    kept = Mapping("tcp", "cable", Endpoint(OUTSIDE, 80), Endpoint(PC, 80), None, "added", None)
    assert not flows_of(kept)(Tracked(6, OTHER, PC, PC, OTHER, 5000, 80, 80, 5000))
    assert flows_of(kept)(Tracked(6, SERVER, OUTSIDE, PC, SERVER, 5000, 80, 80, 5000))
