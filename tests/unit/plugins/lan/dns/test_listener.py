"""The way of a question through the UDP socket."""

import socket
from ipaddress import ip_address, ip_interface

import pytest
from twisted.logger import capturedLogs

from ics_plugins.lan.dns import listener
from ics_plugins.lan.dns.config import DnsConfig
from ics_plugins.lan.dns.listener import Clients, UdpListener
from ics_plugins.lan.dns.proxy import DnsProxy
from icsframework.testing.gateway import FakeClock
from icsframework.values import Endpoint, Lan

LAN = Lan("home", "lo", 1, "00:00:00:00:00:00", ip_interface("127.0.0.1/8"))


@pytest.fixture
def bench(wire):
    """A listener on loopback with a client, and everything it handed on."""

    class Bench:
        def __init__(self):
            self.clock = FakeClock()
            self.clock.clock.advance(1000)
            self.proxy = DnsProxy(lambda below: 7)
            self.proxy.set_lan(LAN, DnsConfig())
            self.proxy.uplink_up([Endpoint(ip_address("203.0.113.1"), 53)], 1000.0)
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
            self.performed, self.told = [], []
            self.listener = UdpListener(
                sock, LAN, self.proxy, self.clock, self.performed.append, lambda *args: self.told.append(args)
            )
            self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.client.bind(("127.0.0.1", 0))
            self.client.settimeout(2)
            self.target = sock.getsockname()

        def close(self):
            self.listener.connectionLost(None)
            self.client.close()

    made = Bench()
    yield made
    made.close()


def test_known_questions_are_answered_in_the_read_loop(bench, wire):
    """A raw hit never reaches the proxy; id and spelling are the client's, who is told once."""
    raw = wire.query("wWw.example.net", ident=77)
    bench.client.sendto(raw, bench.target)
    bench.listener.doRead()
    (forward,) = bench.performed.pop()
    actions = bench.proxy.forwarder.answered(
        forward.slot, ("203.0.113.1", 53), wire.answer(forward.message, wire.A), 1000.0
    )
    bench.listener.send(actions[0].asker, actions[0].message)
    first = bench.client.recv(4096)
    for ident in (78, 79):
        bench.client.sendto(ident.to_bytes(2) + raw[2:], bench.target)
        bench.listener.doRead()
        assert bench.client.recv(4096) == ident.to_bytes(2) + first[2:]
    assert bench.performed == []
    assert bench.told == [(ip_address("127.0.0.1"), "www.example.net", (ip_address("192.0.2.80"),), 300)]
    assert (bench.proxy.counters.queries, bench.proxy.counters.hits) == (3, 2)


def test_a_burst_is_drained(bench):
    """One doRead empties the socket, up to a bound that lets others have their turn."""
    for _ in range(200):
        bench.client.sendto(b"garbage", bench.target)
    bench.listener.doRead()
    assert bench.proxy.counters.dropped == listener.BATCH
    bench.listener.doRead()
    assert bench.proxy.counters.dropped == 200


def test_a_client_that_is_gone(bench, wire):
    """An answer to a closed port, and the ICMP error that follows, disturb nobody."""
    gone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    gone.bind(("127.0.0.1", 0))
    gone.sendto(wire.query("localhost"), bench.target)
    bench.listener.doRead()
    gone.close()
    (answer, _) = bench.performed.pop()
    bench.listener.send(answer.asker, answer.message)
    bench.client.sendto(wire.query("localhost"), bench.target)
    bench.listener.doRead()
    assert len(bench.performed) == 1


def test_a_lan_not_served(bench, wire):
    """After the LAN was dropped nothing is read any more."""
    bench.proxy.drop_lan("home")
    bench.client.sendto(wire.query("localhost"), bench.target)
    bench.listener.doRead()
    assert (bench.performed, bench.proxy.counters.dropped) == ([], 0)


def test_clients():
    """Only addresses inside the LAN are clients; how many are remembered is bounded."""
    clients = Clients(Lan("home", "eth1", 3, "", ip_interface("10.0.0.1/8")))
    assert clients.get("10.1.2.3") == ip_address("10.1.2.3")
    assert clients.get("10.1.2.3") is clients.get("10.1.2.3")
    assert [clients.get(text) for text in ("11.0.0.1", "192.168.0.1", "::1", "fe80::1%eth1")] == [None] * 4
    for number in range(listener.MAX_CLIENTS + 10):
        clients.get(str(ip_address(0x0A000000 + number)))
    assert len(clients._known) <= listener.MAX_CLIENTS


def test_a_defect_costs_one_answer(bench, wire):
    """An exception never reaches the reactor, which would close the socket; it is counted, and logged less and less."""

    def defective(asker, data, now):
        raise IndexError("a defect")

    ask, bench.proxy.ask = bench.proxy.ask, defective
    with capturedLogs() as logged:
        for _ in range(9):
            bench.client.sendto(wire.query("a.example"), bench.target)
            bench.listener.doRead()
    assert [event["count"] for event in logged] == [1, 2, 4, 8]
    assert "IndexError: a defect" in logged[0]["log_failure"].getTraceback()
    bench.proxy.ask = ask
    bench.client.sendto(wire.query("b.example"), bench.target)
    bench.listener.doRead()
    assert (len(bench.performed), bench.proxy.counters.defects) == (1, 9)
