"""Which server is asked."""

from ipaddress import ip_address

from ics_plugins.lan.dns.servers import Servers
from icsframework.values import Endpoint

ONE, TWO = (Endpoint(ip_address(f"203.0.113.{n}"), 53) for n in (1, 2))


def test_the_order_given_counts():
    """The first is asked first, then the least tried."""
    servers = Servers()
    chosen = []
    for _ in range(4):
        chosen.append(servers.choose([ONE, TWO], chosen).endpoint)
    assert chosen == [ONE, TWO, ONE, TWO]


def test_a_silent_server_is_passed_over():
    """Three misses in a row make it failed, which is said once; an answer between them does not count against it."""
    servers = Servers()
    first = servers.get(ONE)
    assert [first.missed(1.0), first.missed(2.0), first.answered(), first.missed(3.0)] == [False] * 4
    assert [first.missed(4.0), first.missed(5.0), first.missed(6.0)] == [False, True, False]
    assert servers.choose([ONE, TWO], []).endpoint == TWO
    assert servers.choose([ONE, TWO], [TWO]).endpoint == ONE
    assert first.answered()
    assert servers.choose([ONE, TWO], []).endpoint == ONE


def test_a_failed_server_is_tried_now_and_then():
    """Twenty seconds after it failed, and every twenty after that, one question goes to it as well."""
    servers = Servers()
    for _ in range(3):
        servers.get(TWO).missed(100.0)
    due = [servers.due([ONE, TWO], now) for now in (100.0, 119.9, 120.0, 130.0, 140.0)]
    assert [server and server.endpoint for server in due] == [None, None, TWO, None, TWO]


def test_forgetting():
    """Servers of an uplink that is gone are no longer shown; those that stay keep their state."""
    servers = Servers()
    for endpoint in (ONE, TWO):
        for _ in range(3):
            servers.get(endpoint).missed(1.0)
    servers.keep([TWO])
    assert servers.details() == [{"server": "203.0.113.2:53", "state": "failed", "unanswered": 3}]
    assert not servers.get(ONE).failed
