"""What a link wants done."""

from icsframework.protocols.ppp.actions import Deliver, Transmit


def test_octets_of_the_line_are_not_shown():
    """PAP sends the password in plain text, and packets are nobody's business: a log has only their number."""
    assert repr(Transmit(b"secret")) == "Transmit(6 octets)"
    assert repr(Deliver((b"private", b"more"))) == "Deliver(2 packets)"
    assert Transmit(b"a") != Transmit(b"b")
