"""Who waits, and how many may."""

from ipaddress import ip_address

import pytest

from ics_plugins.lan.dns.actions import Asker, Waiter
from ics_plugins.lan.dns.exchange import MAX_WAITING, MAX_WAITING_CLIENT, WaitingRoom
from icsframework.protocols.dns.message import parse_query

KEY = (b"question", 0, ())


@pytest.fixture
def waiter(wire):
    """A function that makes somebody who waits."""
    data = wire.query("www.example.net")
    query = parse_query(data)

    def make(client=10, port=1, connection=0, since=0.0, lan="home"):
        address = ip_address(0xC0A80000 + client)
        return Waiter(Asker(lan, address, port, connection), query, data, since)

    return make


def test_sharing(waiter):
    """Equal questions find the exchange while it is open; by TCP they have their own."""
    room = WaitingRoom()
    exchange = room.open(KEY, waiter(), 0.0)
    assert room.find(KEY, tcp=False) is exchange
    assert room.find(KEY, tcp=True) is None
    assert room.find(None, tcp=False) is None
    assert len(room.close(exchange)) == 1
    assert exchange.done
    assert (room.find(KEY, tcp=False), room.total) == (None, 0)


def test_each_client_is_bounded(waiter):
    """Two hundred and fifty-six for one, then no more; whoever leaves makes room."""
    room = WaitingRoom()
    exchange = room.open(KEY, waiter(), 0.0)
    for port in range(2, MAX_WAITING_CLIENT + 1):
        assert not room.is_full(waiter().asker.client)
        room.join(exchange, waiter(port=port))
    assert room.is_full(waiter().asker.client)
    assert not room.is_full(waiter(client=11).asker.client)
    room.leave(exchange, exchange.waiters[0])
    assert not room.is_full(waiter().asker.client)


def test_all_clients_are_bounded(waiter):
    """The total is bounded too, whoever asks."""
    room = WaitingRoom()
    exchange = room.open(KEY, waiter(), 0.0)
    for client in range(1, MAX_WAITING):
        room.join(exchange, waiter(client=client))
    assert room.is_full(waiter(client=60000).asker.client)


@pytest.mark.parametrize(
    ("old", "new", "replaced"),
    [
        ({}, {}, True),
        ({}, {"port": 2}, False),
        ({}, {"port": 2, "since": 1.0}, True),
        ({}, {"client": 11, "since": 9.0}, False),
        ({"connection": 5}, {"connection": 5}, True),
        ({"connection": 5}, {"connection": 6, "since": 9.0}, False),
    ],
)
def test_repeating(waiter, old, new, replaced):
    """The same port, or the same client a second later, waits once; others are others."""
    room = WaitingRoom()
    exchange = room.open(KEY, waiter(**old), 0.0)
    room.replace(exchange, waiter(**new))
    assert (exchange.waiters == []) is replaced


def test_leaving(waiter):
    """A LAN that is gone, and who asked too long ago, wait no more."""
    room = WaitingRoom()
    exchange = room.open(KEY, waiter(since=1.0), 1.0)
    room.join(exchange, waiter(client=11, since=5.0))
    room.join(exchange, waiter(client=12, since=6.0, lan="guests"))
    room.join(exchange, waiter(client=13, since=1.0, connection=7))
    room.leave_before(exchange, 5.0)
    assert [str(w.asker.client) for w in exchange.waiters] == ["192.168.0.11", "192.168.0.12", "192.168.0.13"]
    room.leave(exchange, exchange.waiters[2])
    room.leave_lan("guests")
    assert [str(w.asker.client) for w in exchange.waiters] == ["192.168.0.11"]
    assert room.total == 1
