"""The stage: time, results and the account of one trial."""

import socket
from collections import Counter

import pytest
from twisted.internet import reactor
from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import Factory

from icsframework.testing.stage import ContractBroken, Stage


def test_a_result_comes_by_either_clock():
    """At once, by the gateway's clock, or by the reactor; an error is raised."""
    with Stage() as stage:
        assert stage.result(succeed(1), "x") == 1
        later = Deferred()
        stage.gateway.clock.call_later(30, later.callback, 2)
        assert stage.result(later, "x") == 2
        port = reactor.listenTCP(0, Factory(), interface="127.0.0.1")
        assert stage.result(port.stopListening(), "x") is None
        with pytest.raises(KeyError):
            stage.result(fail(KeyError()), "x")
        with pytest.raises(ContractBroken, match="x must return a Deferred, not 5"):
            stage.result(5, "x")


def test_interfaces_are_there():
    """With carrier, each with a MAC address of its own."""
    with Stage(("eth0", "eth1")) as stage:
        found = [stage.result(stage.gateway.host.interface(name), "x") for name in ("eth0", "eth1")]
    assert [(info.name, info.up, info.carrier) for info in found] == [
        ("eth0", True, True),
        ("eth1", True, True),
    ]
    assert found[0].mac != found[1].mac


def test_what_is_left_in_the_reactor_is_named_and_removed():
    """A reader, and a timer; the next stage does not know of them."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reader = FileDescriptor(reactor)
        reader.fileno = ours.fileno
        with Stage() as stage:
            reader.startReading()
            reactor.callLater(99, print)
            with pytest.raises(ContractBroken) as refused:
                stage.expect(Counter(), "the test")
        assert str(refused.value) == (
            "the test leaves reader FileDescriptor in the reactor, timer of print in the reactor"
        )
        assert reader not in reactor.getReaders()
        with Stage() as stage:
            stage.expect(Counter(), "nothing")
            with pytest.raises(ContractBroken, match="nothing lost 2 x y"):
                stage.expect(Counter({"y": 2}), "nothing")
