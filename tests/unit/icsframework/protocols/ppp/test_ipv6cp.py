"""IPV6CP (RFC 5072)."""

import pytest

from icsframework.protocols.ppp.automaton import Limits
from icsframework.protocols.ppp.ipv6cp import Ipv6cp
from icsframework.protocols.ppp.packet import Option, Packet, pack_options, parse_options
from icsframework.testing.ppp import seeded

PEER = b"peers id"


def make():
    """One that has sent its first request at 0."""
    layer = Ipv6cp(Limits(), seeded(1))
    layer.start(0.0)
    return layer


def answered(layer, *options):
    """(code, options) of the answer to a peer that asks for these."""
    *_, wire = layer.receive(
        Packet(1, 50, pack_options(Option(*option) for option in options)).to_wire(), 0.1
    )
    packet = Packet.from_wire(wire)
    return packet.code, parse_options(packet.data)


def reply(layer, code, *options):
    """Answer the last request; returns the options that are asked for then."""
    data = pack_options(Option(*option) for option in options) if options else pack_options(layer.asked)
    layer.receive(Packet(code, layer._request, data).to_wire(), 0.2)
    return layer.asked


def test_both_ends_get_identifiers():
    """Ours is random and says that it is not globally unique (section 4.1)."""
    layer = make()
    ((kind, value),) = layer.asked
    assert kind == 1
    assert len(value) == 8
    assert not value[0] & 2
    assert answered(layer, (1, PEER)) == (2, (Option(1, PEER),))
    reply(layer, 2)
    assert layer.opened
    assert (layer.local, layer.peer) == (value, PEER)


def test_an_identifier_is_not_zero_and_not_universal():
    """Whatever chance says: the "u" bit is 0, and so is not everything."""
    for octets in (b"\xff" * 8, bytes(8), b"\x02" + bytes(7)):
        local = Ipv6cp(Limits(), lambda n, octets=octets: octets).local
        assert not local[0] & 2
        assert any(local)


def test_zero_asks_for_an_identifier():
    """And gets one that is not ours."""
    layer = make()
    code, (option,) = answered(layer, (1, bytes(8)))
    assert code == 3
    assert option.value not in (bytes(8), layer.local)


def test_equal_identifiers_are_refused_with_another():
    """Section 4.1."""
    layer = make()
    code, (option,) = answered(layer, (1, layer.local))
    assert code == 3
    assert option.value != layer.local


@pytest.mark.parametrize("option", [(2, b"\0\x61"), (1, b"short"), (9, b"")])
def test_other_options_are_rejected(option):
    """Compression, and what is misshapen."""
    assert answered(make(), option, (1, PEER)) == (4, (Option(*option),))


def test_a_nak_is_followed_if_it_is_of_use():
    """The peer's proposal; not zero, and not the peer's own."""
    assert reply(make(), 3, (1, b"proposed")) == (Option(1, b"proposed"),)
    layer = make()
    answered(layer, (1, PEER))
    for useless in (bytes(8), PEER, b"short"):
        ((_, value),) = reply(layer, 3, (1, useless))
        assert value not in (bytes(8), PEER)
        assert len(value) == 8


def test_a_rejected_identifier_is_not_asked_for_again():
    """It stays ours without the peer's consent."""
    layer = make()
    local = layer.local
    assert reply(layer, 4, *layer.asked) == ()
    answered(layer)
    reply(layer, 2)
    assert layer.opened
    assert (layer.local, layer.peer) == (local, bytes(8))
    assert reply(make(), 3, (9, b"x")) != ()
