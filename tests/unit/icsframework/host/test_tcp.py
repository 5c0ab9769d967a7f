"""TCP on loopback."""

import errno
import socket
from ipaddress import ip_address

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from icsframework.errors import ConnectFailed, HostError, PortTaken
from icsframework.host.tcp import connect, listen
from icsframework.testing.gateway import Readers
from icsframework.values import Endpoint

HERE = ip_address("127.0.0.1")


class Reactor(Clock, Readers):
    """Time and descriptors by hand."""

    def __init__(self):
        Clock.__init__(self)
        Readers.__init__(self)


def where(listener):
    return Endpoint(HERE, listener.getsockname()[1])


@pytest.fixture
def listener():
    with listen(Endpoint(HERE, 0), backlog=1) as listener:
        yield listener


@pytest.fixture
def full(listener):
    """An endpoint whose queue is full, so that a SYN to it is not answered."""
    clients = []
    for _ in range(4):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        clients.append(client)
    yield where(listener)
    for client in clients:
        client.close()


def test_a_taken_port_is_named(listener):
    """With the process."""
    with pytest.raises(PortTaken, match=r"tcp port \d+ on 127\.0\.0\.1 is taken by .*\(pid \d+\)"):
        listen(where(listener))


@pytest_twisted.ensureDeferred
async def test_a_source_may_be_chosen(listener):
    """Address and port of the source are those asked for; the socket does not block."""
    source = Endpoint(ip_address("127.0.0.2"), 0)
    made = await connect(reactor, where(listener), source=source)
    assert made.getsockname()[0] == "127.0.0.2"
    assert not made.getblocking()
    chosen = made.getsockname()[1]
    made.close()
    other = listen(Endpoint(HERE, 0))
    again = await connect(reactor, where(other), source=Endpoint(ip_address("127.0.0.2"), chosen))
    assert again.getsockname()[1] == chosen
    again.close()
    other.close()


@pytest_twisted.ensureDeferred
async def test_refused(open_descriptors):
    """The error has number and endpoint; nothing stays open."""
    before = open_descriptors()
    with pytest.raises(ConnectFailed, match=r"127\.0\.0\.1:9.*refused") as caught:
        await connect(reactor, Endpoint(HERE, 9))
    assert caught.value.code == errno.ECONNREFUSED
    del caught
    assert open_descriptors() == before


@pytest_twisted.ensureDeferred
async def test_a_source_that_is_not_ours():
    """It is named before anything is sent."""
    with pytest.raises(HostError, match=r"192\.0\.2\.77"):
        connect(reactor, Endpoint(HERE, 9), source=Endpoint(ip_address("192.0.2.77"), 0))


def test_the_time_runs_out(full, open_descriptors):
    """After the timeout the error says so, and nothing is left in the reactor or open."""
    by_hand, failed = Reactor(), []
    before = open_descriptors()
    connect(by_hand, full, timeout=5.0).addErrback(failed.append)
    assert len(by_hand.getWriters()) == 1
    by_hand.advance(4.9)
    assert failed == []
    by_hand.advance(0.2)
    assert failed[0].value.code == errno.ETIMEDOUT
    assert (by_hand.getWriters(), by_hand.getDelayedCalls()) == ([], [])
    assert open_descriptors() == before


def test_giving_up(full, open_descriptors):
    """Cancelling closes the socket and ends the timer."""
    by_hand, failed = Reactor(), []
    before = open_descriptors()
    attempt = connect(by_hand, full)
    attempt.addErrback(failed.append)
    attempt.cancel()
    assert failed[0].check(CancelledError)
    assert (by_hand.getWriters(), by_hand.getDelayedCalls()) == ([], [])
    assert open_descriptors() == before
