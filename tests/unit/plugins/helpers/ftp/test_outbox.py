"""The actions of one answer."""

from ics_plugins.helpers.ftp.outbox import Outbox
from icsframework.values import Close, Send, Side, StepAside


def test_order_is_kept_and_neighbours_are_joined():
    """What goes to one side in a row is one Send; nothing is said twice, and nothing of no bytes."""
    box = Outbox()
    box.send(Side.CLIENT, b"a")
    box.send(Side.CLIENT, b"b")
    box.send(Side.SERVER, b"c")
    box.send(Side.CLIENT, b"")
    box.add(Close(1))
    box.send(Side.SERVER, b"d")
    box.add(StepAside())
    assert box.take() == [
        Send(Side.CLIENT, b"ab"),
        Send(Side.SERVER, b"c"),
        Close(1),
        Send(Side.SERVER, b"d"),
        StepAside(),
    ]
    assert box.take() == []
