"""Recorded calls to and from lwIP (version 2.2, its PPP descends from pppd 2.4.9), played back.

slirp knows no MS-CHAPv2 and is no client; lwIP is both. Lines with ``>`` are ours, with ``<`` lwIP's.
"""

from ipaddress import IPv4Address as A
from pathlib import Path

import pytest

from icsframework.protocols.ppp.actions import Cause, Down, Ipv6Up, Transmit, Up
from icsframework.protocols.ppp.auth.method import Credentials, Method
from icsframework.protocols.ppp.link import PppLink
from icsframework.protocols.ppp.settings import LinkSettings
from icsframework.testing.ppp import provider, seeded

CALLS = Path(__file__).parents[4] / "captures/ppp"


def replay(name, settings):
    """Everything the link says to lwIP's side of a call but for octets, which must be those in the file."""
    lines = (CALLS / f"{name}.txt").read_text().splitlines()
    link = PppLink(settings, seeded(1))
    actions = link.open(0.0)
    for number, line in enumerate(line for line in lines if line[0] == "<"):
        actions += link.receive(bytes.fromhex(line[2:]), 0.01 * number)
    ours = b"".join(action.data for action in actions if isinstance(action, Transmit))
    assert ours == b"".join(bytes.fromhex(line[2:]) for line in lines if line[0] == ">")
    return [action for action in actions if not isinstance(action, Transmit)]


def test_mschapv2_as_a_client():
    """lwIP's proof is right, IPv6 comes up beside IPv4."""
    actions = replay("lwip-mschapv2", LinkSettings(credentials=Credentials("guest", "secret"), ipv6=True))
    (up,) = [action for action in actions if isinstance(action, Up)]
    assert (up.result.local, up.result.authentication) == (A("192.168.44.2"), "MS-CHAPv2")
    assert up.result.message == "Access granted"
    assert any(isinstance(action, Ipv6Up) for action in actions)


def test_mschapv2_with_a_wrong_password():
    """lwIP's Failure is read."""
    down = replay("lwip-mschapv2-wrong", LinkSettings(credentials=Credentials("guest", "wr0ng")))[-1]
    assert isinstance(down, Down)
    assert (down.cause, down.reason) == (
        Cause.REFUSED,
        "the peer refused user guest (MS-CHAPv2): wrong user name or password (Access denied)",
    )


@pytest.mark.parametrize("method", list(Method))
def test_lwip_calls_us(method):
    """As a provider we let lwIP in by each method, and tell it its address and servers."""
    actions = replay(f"lwip-asks-{method.title.lower()}", provider([method], {"guest": "secret"}.get))
    assert isinstance(actions[-1], Up)
    assert actions[-1].result.peer_name == "guest"
    assert actions[-1].result.peer == A("10.64.0.2")
