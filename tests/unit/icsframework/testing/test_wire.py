"""TCP in memory behaves as Twisted's does, where the shell depends on it."""

from ipaddress import ip_address

import pytest
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer
from zope.interface.verify import verifyObject

from icsframework.errors import ConnectFailed
from icsframework.helpers.network import IStreamNetwork
from icsframework.testing.wire import BUFFER, MemoryNetwork
from icsframework.values import Endpoint

CLIENT, SERVER = Endpoint(ip_address("192.168.0.10"), 40000), Endpoint(ip_address("192.0.2.80"), 21)


@implementer(IHalfCloseableProtocol)
class Ours(Protocol):
    def __init__(self):
        self.told = []

    def dataReceived(self, data):
        self.told.append(data)

    def readConnectionLost(self):
        self.told.append("fin")

    def writeConnectionLost(self):
        self.told.append("our fin")

    def connectionLost(self, reason):
        self.told.append(reason.type)

    def pauseProducing(self):
        self.told.append("pause")

    def resumeProducing(self):
        self.told.append("resume")


@pytest.fixture
def network():
    network = MemoryNetwork()
    network.listen(Factory.forProtocol(Ours))
    return network


@pytest.fixture
def end(network):
    return network.arrive(CLIENT, SERVER)


@pytest.fixture
def ours(end):
    return end._protocol


def test_it_keeps_its_contract(network, end):
    """Each connection knows its ends and where it was going."""
    verifyObject(IStreamNetwork, network)
    assert network.destination(end) == SERVER
    assert (end.getPeer().host, end.getPeer().port) == ("192.168.0.10", 40000)


@pytest.mark.parametrize(
    ("said", "then", "waits"),
    [
        (None, None, True),
        (b"x", None, True),
        (None, "closes", False),
        (b"x", "closes", True),
        (b"x", "resets", False),
    ],
)
def test_who_still_waits(network, end, said, then, waits):
    """Not who has closed without a word, nor who has reset."""
    if said:
        end.says(said)
    if then:
        getattr(end, then)()
    assert network.waits(end) is waits


def test_bytes_both_ways(network, end, ours):
    """Each segment by itself, and not while reading is paused."""
    ours.transport.write(b"220")
    ours.transport.pauseProducing()
    end.says(b"a")
    network.turn()
    assert (end.heard, ours.told, end.unread) == (b"220", [], 1)
    ours.transport.resumeProducing()
    end.says(b"b")
    network.turn()
    assert ours.told == [b"a", b"b"]


def test_a_paused_producer_holds_up_the_end(network, end, ours):
    """As in Twisted a connection is not closed before its producer is unregistered."""
    ours.transport.registerProducer(ours, True)
    end.reads = False
    ours.transport.write(b"x" * (BUFFER + 1))
    ours.transport.loseConnection()
    network.turn()
    assert (ours.told, end.lost) == (["pause"], False)
    end.reads = True
    network.turn()
    assert (ours.told, end.lost) == (["pause", "resume"], False)
    ours.transport.unregisterProducer()
    network.turn()
    assert ours.told == ["pause", "resume", ConnectionDone]


def test_the_kinds_of_ends(network):
    """FIN from either side, RST from either side."""
    one, two, three = (network.arrive(CLIENT, None) for _ in range(3))
    one.closes()
    network.turn()
    one._protocol.transport.loseWriteConnection()
    two.resets()
    three._protocol.transport.abortConnection()
    network.turn()
    assert one._protocol.told == ["fin", "our fin"]
    assert two._protocol.told == [ConnectionLost]
    assert three._protocol.told == [ConnectionAborted]
    assert (one.closed, one.lost, three.aborted) == (True, False, True)


def test_calls_are_answered_by_the_test(network):
    """With a connection or an error; a port that was stopped takes nobody."""
    leg, errors = Ours(), []
    network.connect(leg, SERVER, CLIENT, mark=5, transparent=True)
    network.connect(Ours(), SERVER, CLIENT).addErrback(errors.append)
    first, second = network.dialled
    assert (first.to, first.source, first.mark, first.transparent) == (SERVER, CLIENT, 5, True)
    first.accept().says(b"hello")
    second.refuse()
    network.turn()
    assert leg.told == [b"hello"]
    assert errors[0].type is ConnectFailed
    ports = []
    network.listen(Factory()).addCallback(ports.append)
    ports[0].stopListening()
    with pytest.raises(AssertionError, match="nobody listens"):
        network.arrive(CLIENT, None)
