"""The client's messages as another decoder sees them, against RFC 2131 table 5."""

import socket
from ipaddress import IPv4Address

import dpkt
import pytest

from ics_plugins.uplinks.ethernet.lease import read_lease
from ics_plugins.uplinks.ethernet.messages import Composer, client_identifier

MAC = bytes.fromhex("02005e005301")
ADDRESS, SERVER = socket.inet_aton("203.0.113.100"), socket.inet_aton("203.0.113.1")
IDENTITY = bytes.fromhex("ff 00000007 0003 0001 02005e005301")
PRL, SIZE = bytes((1, 121, 3, 6, 26, 58, 59)), b"\x05\xdc"


@pytest.fixture
def made(replies):
    """Each kind of message, decoded by dpkt: fixed part and options."""
    compose = Composer(MAC, client_identifier(MAC, 7), b"gate")
    lease = read_lease(replies("ACK", 1), 0.0)
    return {
        name: dpkt.dhcp.DHCP(message.to_wire())
        for name, message in {
            "discover": compose.discover(0x11223344, 9, None),
            "hinted": compose.discover(0x11223344, 9, IPv4Address(ADDRESS)),
            "select": compose.select(0x11223344, 9, lease),
            "reboot": compose.reboot(0x11223344, 9, lease),
            "renew": compose.renew(0x11223344, 9, lease),
            "decline": compose.decline(0x11223344, lease),
            "release": compose.release(0x11223344, lease),
        }.items()
    }


ASKS = [(12, b"gate"), (55, PRL), (57, SIZE)]


@pytest.mark.parametrize(
    ("name", "ciaddr", "secs", "options"),
    [
        ("discover", b"\0" * 4, 9, [(53, b"\x01"), (61, IDENTITY), *ASKS]),
        ("hinted", b"\0" * 4, 9, [(53, b"\x01"), (61, IDENTITY), (50, ADDRESS), *ASKS]),
        ("select", b"\0" * 4, 9, [(53, b"\x03"), (61, IDENTITY), (50, ADDRESS), (54, SERVER), *ASKS]),
        ("reboot", b"\0" * 4, 9, [(53, b"\x03"), (61, IDENTITY), (50, ADDRESS), *ASKS]),
        ("renew", ADDRESS, 9, [(53, b"\x03"), (61, IDENTITY), *ASKS]),
        ("decline", b"\0" * 4, 0, [(53, b"\x04"), (61, IDENTITY), (50, ADDRESS), (54, SERVER)]),
        ("release", ADDRESS, 0, [(53, b"\x07"), (61, IDENTITY), (54, SERVER)]),
    ],
)
def test_fields_and_options(made, name, ciaddr, secs, options):
    """RFC 2131 table 5: what must be there is there, what must not is not (DECLINE and RELEASE name nobody's wishes)."""
    message = made[name]
    assert (message.op, message.hrd, message.hln, message.hops) == (1, 1, 6, 0)
    assert (message.xid, message.secs, message.flags) == (0x11223344, secs, 0)
    assert message.ciaddr.to_bytes(4, "big") == ciaddr
    assert (message.yiaddr, message.siaddr, message.giaddr) == (0, 0, 0)
    assert message.chaddr[:6] == MAC
    assert list(message.opts) == options


def test_no_host_name_is_told_unless_configured():
    """Option 12 is left out."""
    message = Composer(MAC, b"id", b"").discover(1, 0, None)
    assert 12 not in message.options


def test_every_message_is_as_long_as_relays_want(made):
    """RFC 1542 section 2.1: 300 octets."""
    assert {name for name, message in made.items() if len(bytes(message)) < 240} == set()
    assert len(Composer(MAC, b"id", b"").discover(1, 0, None).to_wire()) == 300


def test_two_interfaces_have_two_identities():
    """RFC 4361 section 6.1: type 255, IAID, DUID."""
    assert client_identifier(MAC, 7) == IDENTITY
    assert client_identifier(MAC, 8) != client_identifier(MAC, 7)
