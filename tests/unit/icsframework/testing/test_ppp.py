"""Two PPP links in memory."""

import pytest

from icsframework.protocols.ppp.actions import Cause, Stage, Transmit, Up
from icsframework.protocols.ppp.auth.method import Credentials, Method
from icsframework.protocols.ppp.settings import LinkSettings
from icsframework.testing.ppp import PppPair, provider, seeded


def test_a_pair_connects_and_carries_packets():
    """A subscriber and a provider come up, and what one sends the other receives after the delay of the line."""
    pair = PppPair(LinkSettings(), provider(), delay=0.1)
    pair.connect()
    assert str(pair.result().result.local) == "10.64.0.2"
    pair.send(pair.left, b"\x45 a packet", b"\x45 another")
    sent = pair.now
    assert pair.run(1, lambda: bool(pair.right.received))
    assert pair.right.received == [b"\x45 a packet", b"\x45 another"]
    assert pair.now == pytest.approx(sent + 0.1)


def test_a_fault_decides_what_arrives():
    """With a line that loses everything both ends give up, and say why."""
    pair = PppPair(LinkSettings(), provider(silent=False), fault=lambda data: ())
    pair.open()
    assert pair.run(120, lambda: bool(pair.left.down and pair.right.down))
    assert pair.left.down.cause is Cause.SILENT
    with pytest.raises(AssertionError):
        PppPair(LinkSettings(), provider(), fault=lambda data: ()).connect()


def test_a_provider_asks_for_passwords():
    """The provider's end lets in whom it knows."""
    end = provider([Method.PAP], {"guest": "secret"}.get)
    pair = PppPair(LinkSettings(credentials=Credentials("guest", "secret")), end)
    pair.connect()
    assert pair.right.all(Up)[0].result.peer_name == "guest"
    assert Stage("authenticating") in pair.left.all(Stage)


def test_chance_repeats_itself():
    """The same seed gives the same conversation."""

    def conversation():
        pair = PppPair(LinkSettings(), provider(), seed=5)
        pair.connect()
        return pair.left.all(Transmit)

    assert conversation() == conversation()
    assert seeded(1)(8) == seeded(1)(8) != seeded(2)(8)
