"""DNS over TCP towards clients (RFC 7766)."""

from ipaddress import ip_address, ip_interface

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from ics_plugins.lan.dns import tcp
from ics_plugins.lan.dns.actions import Answer
from ics_plugins.lan.dns.config import DnsConfig
from ics_plugins.lan.dns.proxy import DnsProxy
from ics_plugins.lan.dns.tcp import TcpListener
from icsframework.testing.gateway import FakeClock
from icsframework.values import Endpoint, Lan

LAN = Lan("home", "eth1", 3, "", ip_interface("192.168.0.1/24"))


class Port:
    """A LAN's TCP port without a socket."""

    def __init__(self):
        self.clock = FakeClock()
        self.proxy = DnsProxy(lambda below: 7)
        self.proxy.set_lan(LAN, DnsConfig())
        self.proxy.uplink_up([Endpoint(ip_address("203.0.113.1"), 53)], 0.0)
        self.asked = []
        self.listener = TcpListener(LAN, self.proxy, self.clock, self.perform)

    def perform(self, actions):
        """Answers go out at once, everything else is kept."""
        for action in actions:
            if isinstance(action, Answer):
                self.listener.send(action.asker, action.message)
            else:
                self.asked.append(action)

    def connect(self, client="192.168.0.10", port=1000):
        """A client connects; None if it is turned away."""
        connection = self.listener.buildProtocol(IPv4Address("TCP", client, port))
        if connection is not None:
            connection.makeConnection(StringTransport())
        return connection


@pytest.fixture
def port():
    """A LAN's TCP port."""
    return Port()


def framed(*messages):
    """As they are sent."""
    return b"".join(len(message).to_bytes(2) + message for message in messages)


def answers(connection):
    """The ids answered so far."""
    data, ids = connection.transport.value(), []
    while data:
        size = int.from_bytes(data[:2])
        ids.append(int.from_bytes(data[2:4]))
        data = data[size + 2 :]
    return ids


def test_pipelining(port, wire):
    """Several questions in one segment, or one question in many, are all answered (section 6.2.1.1)."""
    connection = port.connect()
    stream = framed(*(wire.query("localhost", ident=n) for n in (1, 2, 3)))
    connection.dataReceived(stream)
    for octet in framed(wire.query("localhost", ident=4)):
        connection.dataReceived(bytes([octet]))
    assert answers(connection) == [1, 2, 3, 4]


def test_garbage_ends_the_connection(port, wire):
    """What is no message leaves nothing to be trusted behind it."""
    connection = port.connect()
    connection.dataReceived(framed(wire.query("localhost"), b"garbage", wire.query("localhost", ident=2)))
    assert answers(connection) == [1]
    assert connection.transport.disconnecting
    assert port.proxy.counters.dropped == 1


def test_idle_connections_end(port, wire):
    """Ten seconds without a question or answer; each question begins them anew."""
    connection = port.connect()
    port.clock.clock.advance(9)
    connection.dataReceived(framed(wire.query("localhost")))
    port.clock.clock.advance(9)
    assert not connection.transport.disconnecting
    port.clock.clock.advance(1)
    assert connection.transport.disconnecting


def test_who_waits_for_a_link_is_not_idle(port, wire):
    """A connection lasts until its question has had its answer, however long a dial takes; but not for ever."""
    connection, lost = port.connect(), port.connect(port=5001)
    connection.dataReceived(framed(wire.query("www.example.net")))
    lost.dataReceived(framed(wire.query("a.example.net")))
    port.clock.clock.advance(60)
    question = port.asked[0]
    response = wire.answer(question.message, wire.A)
    port.perform(port.proxy.forwarder.answered_tcp(question.token, response, 60.0))
    assert answers(connection) == [1]
    port.clock.clock.advance(tcp.IDLE)
    assert (connection.transport.disconnecting, lost.transport.disconnecting) == (True, False)
    port.clock.clock.advance(tcp.LONGEST_ANSWER)
    assert lost.transport.disconnecting


def test_too_many_unanswered(port, wire):
    """A client with 32 open questions is not read until one is answered; then the rest is asked."""
    connection = port.connect()
    queries = [wire.query(f"n{n}.example.net", ident=n) for n in range(40)]
    connection.dataReceived(framed(*queries))
    assert len(port.asked) == tcp.MAX_UNANSWERED
    assert connection.transport.producerState == "paused"
    first = port.asked[0]
    response = wire.answer(first.message, rcode=3)
    port.perform(port.proxy.forwarder.answered_tcp(first.token, response, 0.0))
    connection.answered()
    assert len(port.asked) == tcp.MAX_UNANSWERED + 1
    assert answers(connection) == [0]


def test_a_client_that_does_not_read(port, wire):
    """While its answers pile up nothing more of it is read."""
    connection = port.connect()
    connection.pauseProducing()
    assert connection.transport.producerState == "paused"
    connection.resumeProducing()
    assert connection.transport.producerState == "producing"


def test_connections_are_bounded(port):
    """Sixteen a client, 128 a LAN; one that ends makes room; who is outside gets none."""
    mine = [port.connect(port=n) for n in range(tcp.MAX_CONNECTIONS_CLIENT)]
    assert port.connect() is None
    mine[0].connectionLost()
    assert port.connect() is not None
    others = [port.connect(f"192.168.0.{n}") for n in range(11, 11 + tcp.MAX_CONNECTIONS)]
    assert len(port.listener.connections) == tcp.MAX_CONNECTIONS
    assert others[-1] is None
    assert port.connect("203.0.113.9") is None


def test_an_answer_for_a_connection_that_is_gone(port, wire):
    """It goes nowhere, and to nobody else."""
    connection = port.connect()
    connection.dataReceived(framed(wire.query("www.example.net")))
    connection.connectionLost()
    other = port.connect()
    question = port.asked[0]
    port.perform(
        port.proxy.forwarder.answered_tcp(question.token, wire.answer(question.message, wire.A), 0.0)
    )
    assert (answers(connection), answers(other)) == ([], [])
    assert port.proxy.room.total == 0


def test_closing(port):
    """When the LAN is withdrawn its connections end, and no timer is left."""
    connection = port.connect()
    port.listener.close()
    assert connection.transport.disconnecting
    connection.connectionLost()
    assert port.clock.clock.getDelayedCalls() == []
