"""The sockets towards servers."""

import socket
from ipaddress import ip_address

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from ics_plugins.lan.dns.actions import Forward, ForwardTcp
from ics_plugins.lan.dns.tries import SLOTS
from ics_plugins.lan.dns.upstream import TcpQuestions, UdpPool
from icsframework.errors import HostError
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.values import Endpoint


class Sink:
    """Stands for the proxy: keeps what it is told."""

    def __init__(self):
        self.forwarder = self
        self.counters = type("Counters", (), {"unsent": 0, "defects": 0})()
        self.udp, self.tcp = [], []

    def answered(self, slot, source, data, now):
        self.udp.append((slot, source, data))
        return []

    def answered_tcp(self, token, data, now):
        self.tcp.append((token, data))
        return []


@pytest.fixture
def bench():
    """A gateway, its readers, and the pool and TCP questions on them."""

    class Bench:
        gateway, readers, sink = FakeGateway("dns"), Readers(), Sink()
        pool = UdpPool(readers, sink, gateway.clock, lambda actions: None)
        tcp = TcpQuestions(readers, sink, gateway.clock, lambda actions: None)

    made = Bench()
    yield made
    made.pool.close()
    made.tcp.close()
    made.gateway.close()


@pytest.fixture
def server():
    """A UDP server of ours on loopback."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(2)
    with sock:
        yield sock


def test_the_pool(bench, server):
    """Thirty-two sockets with the uplink's mark; a question leaves by its own, the answer comes with its number."""
    done = []
    bench.pool.open(bench.gateway.host, [4], 0x10000).addCallback(lambda _: done.append(True))
    assert done
    assert [(o.endpoint, o.mark) for o in bench.gateway.host.udp] == [
        (Endpoint(ip_address("0.0.0.0"), 0), 0x10000)
    ] * SLOTS
    ports = set()
    for slot in (0, 31):
        bench.pool.send(
            Forward(Endpoint(ip_address("127.0.0.1"), server.getsockname()[1]), slot, b"question")
        )
        _, peer = server.recvfrom(100)
        ports.add(peer[1])
        server.sendto(b"answer", peer)
    bench.readers.turn()
    assert bench.sink.udp == [(slot, server.getsockname(), b"answer") for slot in (0, 31)]
    assert len(ports) == 2
    bench.pool.close()
    assert (bench.readers.readers, bench.gateway.host.open_sockets) == ([], [])


def test_a_server_of_another_family(bench):
    """A question to a server that there is no socket for is one that is not answered."""
    bench.pool.open(bench.gateway.host, [4], 0)
    bench.pool.send(Forward(Endpoint(ip_address("2001:db8::1"), 53), 0, b"question"))
    assert all(not opening.socket.sent for opening in bench.gateway.host.udp)


def test_a_pool_that_cannot_be_opened(bench):
    """The machine's reason comes out, and no socket is left."""
    real, failures = bench.gateway.host.bind_udp, []

    def third_fails(*args, **kwargs):
        if len(bench.gateway.host.udp) == 2:
            bench.gateway.host.fail["bind_udp"] = HostError("no more sockets")
        return real(*args, **kwargs)

    bench.gateway.host.bind_udp = third_fails
    bench.pool.open(bench.gateway.host, [4], 0).addErrback(lambda f: failures.append(str(f.value)))
    assert failures == ["no more sockets"]
    assert (bench.readers.readers, bench.gateway.host.open_sockets) == ([], [])


@pytest.fixture
def listening():
    """A TCP server of ours on loopback, and the endpoint that the fake host knows it by."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.settimeout(2)
        yield sock


SERVER = Endpoint(ip_address("203.0.113.1"), 53)


def ask(bench, listening, token=1):
    """A question by TCP on its way; returns the server's end."""
    bench.gateway.host.reach[SERVER] = listening.getsockname()
    bench.tcp.ask(bench.gateway.host, ForwardTcp(SERVER, token, b"question"), 0x10000)
    peer, _ = listening.accept()
    assert peer.recv(100) == b"\0\x08question"
    return peer


def test_a_question_by_tcp(bench, listening):
    """Length and message out with the uplink's mark; an answer in pieces comes in whole."""
    with ask(bench, listening) as peer:
        for piece in (b"\0", b"\x06an", b"swer"):
            peer.sendall(piece)
            bench.readers.turn(0.2)
    assert bench.sink.tcp == [(1, b"answer")]
    assert bench.gateway.host.connected == [(SERVER, 0x10000, None)]
    assert (bench.readers.readers, bench.gateway.host.open_sockets) == ([], [])


def test_a_connection_that_ends_early(bench, listening):
    """Half an answer is none."""
    with ask(bench, listening) as peer:
        peer.sendall(b"\0\x06an")
    bench.readers.turn(0.2)
    assert bench.sink.tcp == [(1, None)]
    assert bench.readers.readers == []


def test_a_refused_connection(bench):
    """The proxy hears of it after ask has returned."""
    bench.tcp.ask(bench.gateway.host, ForwardTcp(SERVER, 1, b"question"), 0)
    assert bench.sink.tcp == []
    bench.gateway.advance(0)
    assert bench.sink.tcp == [(1, None)]


def test_abandoning(bench, listening):
    """An abandoned question closes its connection and tells nobody; so does one whose connect comes too late."""
    with ask(bench, listening) as peer:
        bench.tcp.abandon(1)
        assert peer.recv(10) == b""
    opening = Deferred()
    bench.gateway.host.connect = lambda *args, **kwargs: opening
    bench.tcp.ask(bench.gateway.host, ForwardTcp(SERVER, 2, b"question"), 0)
    bench.tcp.close()
    sock = socket.create_connection(listening.getsockname())
    opening.callback(sock)
    assert sock.fileno() == -1
    assert bench.sink.tcp == []


def test_questions_by_tcp_are_bounded(bench):
    """More than sixty-four at a time fail, so that their exchanges try again later."""
    bench.gateway.host.connect = lambda *args, **kwargs: Deferred()
    for token in range(70):
        bench.tcp.ask(bench.gateway.host, ForwardTcp(SERVER, token, b"question"), 0)
    bench.gateway.advance(0)
    assert bench.sink.tcp == [(token, None) for token in range(64, 70)]


def test_a_defect_costs_one_answer(bench, server):
    """An exception never reaches the reactor, which would take the socket away; it is counted."""

    def defective(slot, source, data, now):
        raise IndexError("a defect")

    bench.pool.open(bench.gateway.host, (4,), 0)
    answered, bench.sink.answered = bench.sink.answered, defective
    target = bench.gateway.host.udp[0].real
    with capturedLogs() as logged:
        server.sendto(b"odd", target)
        bench.readers.turn()
    assert len(logged) == 1
    bench.sink.answered = answered
    server.sendto(b"even", target)
    bench.readers.turn()
    assert ([data for _, _, data in bench.sink.udp], bench.sink.counters.defects) == ([b"even"], 1)
