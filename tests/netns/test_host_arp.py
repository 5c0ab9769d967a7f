"""ARP probes on a wire: who answers, who merely asks, and what the wire sees of us."""

import socket
import subprocess
from ipaddress import IPv4Address

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from icsframework.errors import HostError
from icsframework.host.arp import PROBES, neighbour_in_use
from icsframework.host.inventory import read_interface
from icsframework.host.packet import open_packet
from icsframework.protocols.arp import REPLY, REQUEST, Arp, from_frame, probe, to_frame
from icsframework.testing.namespace import fresh_network
from icsframework.values import PacketFilter

ADDRESS = IPv4Address("192.168.0.7")
OTHER = "02:00:5e:00:53:99"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@pytest.fixture
def wire(root):
    """The far end of lan0, where frames are seen and answers sent."""
    with fresh_network():
        ip("link", "add", "lan0", "type", "veth", "peer", "name", "far0")
        for name in ("lan0", "far0"):
            ip("link", "set", name, "up")
        with open_packet("far0", PacketFilter(0x0806)) as wire:
            yield wire


def seen(wire):
    found = []
    while True:
        try:
            found.append(from_frame(wire.recv(128)))
        except BlockingIOError:
            return found


@pytest_twisted.ensureDeferred
async def test_nobody_answers(wire):
    """Three probes with sender address 0 (RFC 5227 section 1.1), and the address is free."""
    mac = read_interface("lan0").mac
    assert await neighbour_in_use(reactor, "lan0", ADDRESS, 0.15) is None
    assert seen(wire) == [
        Arp(REQUEST, mac, IPv4Address(0), "00:00:00:00:00:00", ADDRESS) for _ in range(PROBES)
    ]


@pytest.mark.parametrize(
    "packet",
    [
        Arp(REPLY, OTHER, ADDRESS, "02:00:5e:00:53:01", IPv4Address(0)),
        Arp(REQUEST, OTHER, ADDRESS, "00:00:00:00:00:00", ADDRESS),
    ],
    ids=["answer", "announcement"],
)
@pytest_twisted.ensureDeferred
async def test_somebody_has_it(wire, packet):
    """An answer, or an announcement of the owner, ends the question with the owner's MAC address."""
    question = neighbour_in_use(reactor, "lan0", ADDRESS, 30.0)
    wire.send(to_frame(packet, OTHER, "ff:ff:ff:ff:ff:ff"))
    assert await question == OTHER


@pytest_twisted.ensureDeferred
async def test_what_is_no_answer(wire):
    """Answers about others, another's probe, our own frames and garbage do not make the address taken."""
    mac = read_interface("lan0").mac
    question = neighbour_in_use(reactor, "lan0", ADDRESS, 0.3)
    for one in (
        to_frame(Arp(REPLY, OTHER, IPv4Address("192.168.0.8"), mac, IPv4Address(0)), OTHER, mac),
        probe(OTHER, ADDRESS),
        to_frame(Arp(REPLY, mac, ADDRESS, mac, ADDRESS), OTHER, mac),
        b"\xff" * 12 + b"\x08\x06" + b"\x00" * 40,
        b"\xff" * 12 + b"\x08\x06" + b"\x00",
    ):
        wire.send(one)
    assert await question is None


@pytest_twisted.ensureDeferred
async def test_an_interface_that_is_pulled_out(wire):
    """The question fails and names it, and nothing stays in the reactor."""
    question = neighbour_in_use(reactor, "lan0", ADDRESS, 0.6)
    await deferLater(reactor, 0.01)
    ip("link", "delete", "lan0")
    with pytest.raises(HostError, match="lan0"):
        await question
    assert not [one for one in reactor.getReaders() if getattr(one, "logPrefix", str)() == "arp"]


def test_a_flood_does_not_hold_the_reactor(wire):
    """One turn reads a bounded number of frames, however many there are."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as other:
        other.bind(("far0", 0))
        question = neighbour_in_use(reactor, "lan0", ADDRESS, 5.0)
        question.addErrback(lambda _: None)
        asker = next(one for one in reactor.getReaders() if getattr(one, "logPrefix", str)() == "arp")
        for _ in range(100):
            other.send(probe(OTHER, ADDRESS))
        asker.doRead()
        assert asker._socket.recv(128)
        question.cancel()
