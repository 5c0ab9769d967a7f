"""What one LAN makes of answers."""

from ipaddress import ip_address, ip_interface

import pytest

from ics_plugins.lan.dns.actions import Asker, Waiter
from ics_plugins.lan.dns.cache import Answer
from ics_plugins.lan.dns.config import DnsConfig
from ics_plugins.lan.dns.local import LocalNames
from ics_plugins.lan.dns.view import LanView
from icsframework.protocols.dns.message import parse_query, parse_response
from icsframework.values import Lan

LAN = Lan("home", "eth1", 3, "02:00:5e:00:53:01", ip_interface("192.168.0.1/24"))


def view(**keys):
    """A LAN with this configuration."""
    return LanView(LAN, DnsConfig.model_validate(keys), LocalNames())


def answer(wire, name, *addresses):
    """A question and what a server says."""
    data = wire.query(name)
    records = [wire.record(name, "A", 300, address) for address in addresses]
    response = wire.answer(data, *records)
    return parse_query(data), Answer(response, parse_response(response), b"", 0.0, 0)


@pytest.mark.parametrize(
    ("name", "addresses", "keys", "refused"),
    [
        ("www.example.net", ["192.0.2.1"], {}, False),
        ("www.example.net", ["192.168.0.1"], {}, True),
        ("www.example.net", ["192.0.2.1", "127.0.0.1"], {}, True),
        ("www.example.net", ["192.168.0.1"], {"rebind_protection": False}, False),
        ("www.example.net", ["192.168.0.1"], {"rebind_allow": ["example.net"]}, False),
        ("badexample.net", ["192.168.0.1"], {"rebind_allow": ["example.net"]}, True),
        ("192-168-0-5.hash.plex.direct", ["192.168.0.5"], {}, False),
        ("nas.fritz.lan", ["192.168.178.2"], {}, False),
        ("dc.corp.example", ["10.0.0.1"], {"forward": ["corp.example"]}, False),
        ("x.office.example", ["10.0.0.1"], {"domain": "office.example"}, False),
    ],
)
def test_rebinding(wire, name, addresses, keys, refused):
    """A private address is refused for a public name, but for the exceptions."""
    assert view(**keys).refuses(*answer(wire, name, *addresses)) is refused


def test_finished_datagrams_are_remembered(wire):
    """By UDP, whole and without a cookie: the raw query leads to the datagram; otherwise not."""
    query, found = answer(wire, "www.example.net", "192.0.2.1")
    home, client = view(), ip_address("192.168.0.10")
    raw = wire.query("www.example.net")
    home.finish(Waiter(Asker("home", client, 1, connection=3), query, raw, 0.0), found, 0.0)
    cookie = wire.query("www.example.net", edns=1232, options=b"\0\x0a\0\x08cookie78")
    home.finish(Waiter(Asker("home", client, 1), parse_query(cookie), cookie, 0.0), found, 0.0)
    many = answer(wire, "www.example.net", *(f"192.0.2.{n}" for n in range(99)))[1]
    assert home.finish(Waiter(Asker("home", client, 1), query, raw, 0.0), many, 0.0)[2] & 2  # TC
    assert len(home.raw) == 0
    message = home.finish(Waiter(Asker("home", client, 1), query, raw, 0.0), found, 0.0)
    assert raw[:2] + home.raw.hit(raw[2:], 0).body == message
