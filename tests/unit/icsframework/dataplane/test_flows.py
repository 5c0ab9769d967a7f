"""Which connections to forget."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

from icsframework.dataplane import flows
from icsframework.dataplane.marks import Marks
from icsframework.dataplane.plane import UplinkSide

LANS = [ip_network("192.168.0.0/24")]
PC, SERVER, OUTSIDE = map(ip_address, ("192.168.0.10", "192.0.2.80", "203.0.113.5"))
UNTRANSLATED = flows.Tracked(17, PC, SERVER, SERVER, PC)


def test_filters():
    """Flows are chosen by the uplink field of their mark, under its mask."""
    assert flows.of_uplink(UplinkSide("dsl", 2, "eth2"), Marks()) == flows.MarkFilter(0x00020000, 0x001F0000)
    assert flows.of_any_uplink(Marks(), {3, 1}) == (
        flows.MarkFilter(0x00010000, 0x001F0000),
        flows.MarkFilter(0x00030000, 0x001F0000),
    )


def test_stranded():
    """A LAN host's flow to the outside without translation is stranded; translated, foreign and local ones are not."""
    assert flows.is_stranded(UNTRANSLATED, LANS, [])
    assert not flows.is_stranded(replace(UNTRANSLATED, reply_destination=OUTSIDE), LANS, [])
    assert not flows.is_stranded(replace(UNTRANSLATED, source=SERVER, reply_destination=SERVER), LANS, [])
    assert not flows.is_stranded(replace(UNTRANSLATED, reply_source=ip_address("192.168.0.11")), LANS, [])
    assert not flows.is_stranded(UNTRANSLATED, LANS, [ip_network("192.0.2.0/24")])
    assert not flows.is_stranded(replace(UNTRANSLATED, reply_source=ip_address("224.0.0.251")), LANS, [])
