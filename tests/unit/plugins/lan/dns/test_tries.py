"""How answers are recognised."""

from ipaddress import ip_address
from itertools import repeat

from ics_plugins.lan.dns.actions import Asker, Waiter
from ics_plugins.lan.dns.exchange import Exchange
from ics_plugins.lan.dns.servers import Server
from ics_plugins.lan.dns.tries import SLOTS, Tries, Try
from icsframework.protocols.dns.message import parse_query
from icsframework.values import Endpoint

SERVER = Server(Endpoint(ip_address("203.0.113.1"), 53))


def exchange(wire):
    """Somebody's question."""
    data = wire.query("www.example.net")
    return Exchange(
        None, Waiter(Asker("home", ip_address("192.168.0.10"), 1), parse_query(data), data, 0.0), 0.0
    )


def drawing(*numbers):
    """A source of these numbers, which checks the range it is asked for."""
    source = iter(numbers)

    def random(below):
        assert below in (SLOTS << 16, 1 << 16)
        return next(source)

    return random


def test_socket_and_id_are_random_and_free(wire):
    """A combination that is taken is drawn again."""
    tries = Tries(drawing(0x10007, 0x10007, 0x1FFFFF))
    keys = [tries.add_udp(Try(exchange(wire), SERVER), 1.0) for _ in range(2)]
    assert keys == [(1, ("203.0.113.1", 53), 7), (31, ("203.0.113.1", 53), 0xFFFF)]


def test_when_nothing_is_free(wire):
    """Bad luck ends; it does not loop."""
    tries = Tries(drawing(*repeat(7, 20)))
    assert tries.add_udp(Try(exchange(wire), SERVER), 1.0) is not None
    assert tries.add_udp(Try(exchange(wire), SERVER), 1.0) is None


def test_time(wire):
    """What is not answered in time expires, in order; what is answered does not."""
    tries = Tries(drawing(1, 2, 3, 99))
    first, second, third = (Try(exchange(wire), SERVER) for _ in range(3))
    keys = [tries.add_udp(attempt, until) for attempt, until in ((first, 3.0), (second, 1.0), (third, 2.0))]
    tries.remove(keys[2])
    assert tries.deadline() == 1.0
    assert tries.expired(0.9) == []
    assert tries.expired(5.0) == [(keys[1], second), (keys[0], first)]
    assert (tries.expired(9.0), tries.deadline()) == ([], None)


def test_a_key_used_again_has_its_own_time(wire):
    """The time of an answered query does not end a later one that drew the same id."""
    tries = Tries(drawing(5, 5))
    tries.remove(tries.add_udp(Try(exchange(wire), SERVER), 1.0))
    again = Try(exchange(wire), SERVER)
    key = tries.add_udp(again, 4.0)
    assert tries.expired(2.0) == []
    assert tries.get(key) is again


def test_withdrawing(wire):
    """When the sockets go, every exchange that still wants an answer is given back once."""
    tries = Tries(drawing(1, 2, 3, 4))
    one, two = exchange(wire), exchange(wire)
    two.done = True
    for attempt in (Try(one, SERVER), Try(one, SERVER, probe=True), Try(two, SERVER)):
        tries.add_udp(attempt, 1.0)
    token, ident = tries.add_tcp(Try(one, SERVER, tcp=True), 1.0)
    assert ident == 4
    assert tries.withdraw() == [one]
    assert tries.take_tcp(token) is None
    assert (tries.withdraw(), tries.deadline()) == ([], None)
