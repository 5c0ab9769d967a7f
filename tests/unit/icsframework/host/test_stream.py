"""TCP of the helper shell on loopback: real sockets through real shells."""

import errno
import socket
from ipaddress import ip_address

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from zope.interface.verify import verifyObject

from icsframework.errors import ConnectFailed
from icsframework.helpers.network import IStreamNetwork
from icsframework.host.stream import StreamNetwork, original_destination, way_to
from icsframework.host.tcp import listen
from icsframework.values import Endpoint

HERE, THERE = ip_address("127.0.0.1"), ip_address("127.0.0.2")


class Waiting(Protocol):
    """Tells when it is connected, what came and that it is lost."""

    def __init__(self):
        self.made, self.came, self.gone = Deferred(), Deferred(), Deferred()

    def connectionMade(self):
        self.made.callback(self.transport)

    def dataReceived(self, data):
        self.came.callback(data)

    def connectionLost(self, reason):
        self.gone.callback(None)


@pytest.fixture
def network():
    return StreamNetwork(reactor)


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def where(server):
    return Endpoint(HERE, server.getsockname()[1])


async def end(leg):
    leg.transport.abortConnection()
    await leg.gone


def test_it_keeps_its_contract(network):
    """It is what the shell wants."""
    verifyObject(IStreamNetwork, network)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("said", "then", "waits"),
    [
        (b"", None, True),
        (b"x", None, True),
        (b"", "closes", False),
        (b"x", "closes", True),
        (b"", "resets", False),
    ],
)
async def test_who_still_waits(network, said, then, waits):
    """Not who has closed without a word, nor who has reset; what was said stays to be read."""
    leg, factory = Waiting(), Factory()
    factory.buildProtocol = lambda address: leg
    port = await network.listen(factory)
    client = await deferToThread(socket.create_connection, ("127.0.0.1", port.getHost().port))
    transport = await leg.made
    transport.pauseProducing()
    client.sendall(said)
    if then == "closes":
        client.shutdown(socket.SHUT_WR)
    elif then == "resets":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    assert [network.waits(transport) for _ in range(2)] == [waits] * 2
    if said and waits:
        transport.resumeProducing()
        assert await leg.came == said
    client.close()
    await end(leg)
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_listener_on_a_port_of_the_kernels_choice(network):
    """Nobody redirected this connection, and it can be tuned."""
    leg, factory = Waiting(), Factory()
    factory.buildProtocol = lambda address: leg
    port = await network.listen(factory)
    client = await deferToThread(socket.create_connection, ("127.0.0.1", port.getHost().port))
    transport = await leg.made
    assert network.destination(transport) is None
    network.tune(transport, near=True)
    handle = transport.getHandle()
    assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE) == 1
    assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 600
    client.close()
    await leg.gone
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_the_source_port_is_kept_where_it_is_free(network, server):
    """For another destination it may serve at the same time; for the same one another port is taken."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        first, second, third = Waiting(), Waiting(), Waiting()
        await network.connect(first, where(server), Endpoint(THERE, 0))
        wanted = Endpoint(THERE, first.transport.getHost().port)
        await network.connect(second, where(other), wanted)
        await network.connect(third, where(server), wanted)
        assert second.transport.getHost().port == wanted.port
        assert third.transport.getHost().host == str(THERE)
        assert third.transport.getHost().port != wanted.port
        for leg in (first, second, third):
            await end(leg)


@pytest_twisted.ensureDeferred
async def test_a_source_port_that_somebody_listens_on(network, server):
    """It is not free either."""
    with listen(Endpoint(THERE, 0)) as taken:
        leg = Waiting()
        await network.connect(leg, where(server), Endpoint(THERE, taken.getsockname()[1]))
        assert leg.transport.getHost().port != taken.getsockname()[1]
        await end(leg)


@pytest_twisted.ensureDeferred
async def test_refused(network, open_descriptors):
    """As ConnectFailed; nothing stays open."""
    before = open_descriptors()
    with pytest.raises(ConnectFailed) as caught:
        await network.connect(Waiting(), Endpoint(HERE, 9), Endpoint(HERE, 0))
    assert caught.value.code == errno.ECONNREFUSED
    del caught
    assert open_descriptors() == before


@pytest_twisted.ensureDeferred
async def test_bytes_that_came_with_the_connection(network, server):
    """Are read by the leg as soon as it is there."""
    leg = Waiting()
    connecting = network.connect(leg, where(server), Endpoint(HERE, 0))
    accepted, _ = await deferToThread(server.accept)
    accepted.sendall(b"220 hello\r\n")
    await connecting
    assert await leg.came == b"220 hello\r\n"
    accepted.close()
    await leg.gone


def test_the_way_is_that_of_the_routing_table():
    """Loopback leaves from loopback; where nothing leads, there is none."""
    assert way_to(HERE) == HERE
    assert way_to(ip_address("::1")) == ip_address("::1")
    assert way_to(ip_address("255.255.255.255")) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_connection_that_nobody_redirected(host):
    """Has no original destination, of either family; nor has one that is over."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2]),
    ):
        accepted, _ = server.accept()
        assert original_destination(accepted) is None
        accepted.close()
        assert original_destination(accepted) is None
