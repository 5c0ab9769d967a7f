"""Questions that wait for a link: found by time, and by client and name."""

from ipaddress import ip_address

import pytest

from ics_plugins.lan.dns.actions import Asker, Dial, Waiter
from ics_plugins.lan.dns.exchange import WaitingRoom
from ics_plugins.lan.dns.held import HOLD, Held
from icsframework.protocols.dns.message import parse_query

PC, OTHER = ip_address("192.168.0.10"), ip_address("192.168.0.11")


@pytest.fixture
def ask(wire):
    """A function that opens the exchange of a question."""
    room = WaitingRoom()

    def make(name, qtype="A", client=PC):
        data = wire.query(name, qtype)
        waiter = Waiter(Asker("home", client, 5000), parse_query(data), data, 0.0)
        return room.open(None, waiter, 0.0)

    return make


def test_by_client_and_name(ask):
    """Whatever is asked of the name, and however it is spelt."""
    held = Held()
    first, second, other = ask("www.example.net"), ask("WWW.example.NET", "AAAA"), ask("a.example.net")
    for exchange in (first, second, other, ask("www.example.net", client=OTHER)):
        held.add(exchange, 0.0)
    wish = held.wish(second, second.waiters[0])
    assert wish == Dial(PC, "www.example.net")
    assert held.waiters(wish) == [(first, first.waiters), (second, second.waiters)]
    held.discard(first)
    assert held.waiters(wish) == [(second, second.waiters)]
    held.discard(second)
    assert held.waiters(wish) == []


def test_by_time(ask):
    """Each waits as long from when it was held; the longest held comes first."""
    held = Held()
    first, second = ask("a.example.net"), ask("b.example.net")
    assert held.deadline() is None
    held.add(first, 10.0)
    held.add(second, 20.0)
    assert held.deadline() == 10.0 + HOLD
    assert held.expired(10.0 + HOLD) == [first]
    assert held.expired(9.0 + HOLD) == []
    assert held.all() == [first, second]
    held.discard(first)
    held.discard(first)
    assert (first in held, second in held, held.deadline()) == (False, True, 20.0 + HOLD)
