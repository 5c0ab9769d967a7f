"""Packets that wait, with a real kernel: into the hold device, back out of it, and errors that programs understand."""

import errno
import select
import socket
import subprocess
from ipaddress import IPv4Interface

import pytest
from twisted.logger import Logger

from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.errors import UplinkFailed, UplinkRefused
from icsframework.gateway.holding import REOPEN, Holding
from icsframework.host.host import Host
from icsframework.host.icmp import open_icmp
from icsframework.host.inventory import read_interface
from icsframework.protocols.icmp import NET_UNREACHABLE, PROHIBITED, unreachable
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.testing.namespace import fresh_network
from icsframework.testing.packets import ipv4, udp
from icsframework.uplinks.traffic import TrafficRule, judge, wake_rules
from icsframework.values import Family, Link

IP_RECVERR = 11
FAR = ("203.0.113.9", 6000)
GATEWAY = LanSide("home", "lan0", IPv4Interface("192.168.0.1/24"))
LINK = Link("wan0", 9, None, "ethernet", "kernel", 1500, False, 0.0, Family((), None))
DOWN = DataPlane((GATEWAY,), (UplinkSide("modem", 1, "wan0"),), hold=HoldSide())
UP = DataPlane((GATEWAY,), (UplinkSide("modem", 1, "wan0", LINK),), hold=HoldSide(settled=True))


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@pytest.fixture
def network(root):
    """A machine that forwards, with a LAN and a way out, both of which end in the test."""
    with fresh_network():
        ip("link", "set", "lo", "up")
        for name, address in (("lan0", "192.168.0.1/24"), ("wan0", "198.51.100.1/24")):
            ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
            for end in (name, f"{name}p"):
                ip("link", "set", end, "up", "arp", "off")
            ip("address", "add", address, "dev", name)
        for key in ("ip_forward=1", "conf.all.rp_filter=0", "conf.lan0.rp_filter=0"):
            subprocess.run(["sysctl", "-qw", f"net.ipv4.{key}"], check=True)
        yield


@pytest.mark.parametrize(
    ("code", "error"), [(NET_UNREACHABLE, errno.ENETUNREACH), (PROHIBITED, errno.EHOSTUNREACH)]
)
def test_a_program_is_told(network, code, error):
    """The kernel takes our message for what it is, and the socket that sent the packet fails with it; we hear nothing."""
    ip("route", "add", "default", "dev", "wan0")
    with open_icmp() as icmp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as program:
        program.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)  # also what a program may overlook
        program.bind(("192.168.0.1", 5000))
        program.connect(FAR)
        program.send(b"hello")
        packet = udp(b"hello", "192.168.0.1", FAR[0], 5000, FAR[1])
        assert icmp.sendto(unreachable(code, packet), ("192.168.0.1", 0)) == 8 + len(packet)
        program.settimeout(5)
        with pytest.raises(OSError) as caught:
            program.recv(100)
        assert caught.value.errno == error
        with pytest.raises(BlockingIOError):
            icmp.recv(2000)


class Stage:
    """Holding with this machine's devices; links come as the test says."""

    def __init__(self):
        self.gateway, self.reactor = FakeGateway("hold"), Readers()
        # Interfaces are looked at a moment after a change.
        self.reactor.callLater = self.gateway.clock.call_later
        self.rules = wake_rules([TrafficRule("allow", "wake[0]", gateway=True)])
        gateway = self.gateway
        self.host = Host(self.reactor)
        self.holding = Holding(
            host=self.host,
            reactor=self.reactor,
            clock=gateway.clock,
            uplinks=gateway.uplinks,
            names=gateway.names,
            leases=gateway.leases,
            elements=FakeElements(gateway.clock),
            events=gateway.events,
            log=Logger(namespace="hold"),
            judge=lambda traffic: judge(self.rules, traffic),
            seconds=lambda: 60.0,
        )
        self.holding.start()
        self.holding.in_force(DOWN)
        ip("address", "add", "192.0.0.8/32", "dev", "icsh0")
        ip("route", "add", "default", "dev", "icsh0", "metric", "4000")
        for key in ("rp_filter=0", "accept_local=1"):
            subprocess.run(["sysctl", "-qw", f"net.ipv4.conf.icsh0.{key}"], check=True)

    def turn(self):
        self.reactor.turn(2.0)

    def requested(self):
        return [(str(one.client), one.destination) for one in self.gateway.uplinks.requested]


@pytest.fixture
def stage(network):
    stage = Stage()
    yield stage
    stage.holding.stop()
    stage.gateway.close()


@pytest.mark.parametrize(
    ("error", "number"),
    [(UplinkFailed("busy"), errno.ENETUNREACH), (UplinkRefused("hours"), errno.EHOSTUNREACH)],
)
def test_our_own_program_waits_in_vain(stage, error, number):
    """Its SYN leaves by the hold device with that device's address; when there is no link its connect fails at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as program:
        assert program.connect_ex(FAR) == errno.EINPROGRESS
        stage.turn()
        assert stage.requested() == [("None", "203.0.113.9:6000")]
        assert program.getsockname()[0] == "192.0.0.8"
        stage.gateway.uplinks.fail_requests(error)
        assert select.select([], [program], [], 5.0)[1] == [program]
        assert program.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == number
        assert stage.holding.status().icmp_sent == 1


def test_a_packet_waits_and_goes(stage):
    """What a LAN's host sent comes out at the other side, once, when there is a way; its neighbour's retransmission does not."""
    lan, wan = wire("lan0p"), wire("wan0p")
    macs = [read_interface(name).mac.replace(":", "") for name in ("lan0", "lan0p")]
    ether = bytes.fromhex("".join(macs)) + b"\x08\0"
    for packet in (udp(b"once"), udp(b"once", ident=2)):
        lan.send(ether + packet)
    stage.turn()
    while stage.holding.status().duplicates < 1:
        stage.turn()
    assert stage.requested() == [("192.168.0.7", "203.0.113.9:9999")]
    assert udp_in(wan) == []
    ip("route", "add", "default", "dev", "wan0")
    stage.holding.in_force(UP)
    select.select([wan], [], [], 5.0)
    assert udp_in(wan) == [b"once"]
    assert stage.holding.status().delivered == 1
    lan.close()
    wan.close()


def test_a_long_datagram_waits_in_pieces(stage):
    """All its fragments go, in order, when there is a way."""
    lan, wan = wire("lan0p"), wire("wan0p")
    macs = [read_interface(name).mac.replace(":", "") for name in ("lan0", "lan0p")]
    whole = udp(b"x" * 2000)[20:]
    for fragment, part in ((0x2000, whole[:1480]), (185, whole[1480:])):
        lan.send(bytes.fromhex("".join(macs)) + b"\x08\0" + ipv4(17, part, fragment=fragment))
    while stage.holding.status().held < 2:
        stage.turn()
    ip("route", "add", "default", "dev", "wan0")
    stage.holding.in_force(UP)
    select.select([wan], [], [], 5.0)
    assert [len(data) for data in udp_in(wan)] == [1472, 520]
    lan.close()
    wan.close()


def test_somebody_deletes_the_device(stage):
    """It is noticed, and made anew a moment later."""
    ip("link", "delete", "icsh0")
    stage.turn()
    assert (stage.holding.ready, stage.gateway.events.ids()) == (False, ["hold.lost"])
    stage.gateway.advance(REOPEN)
    assert stage.holding.ready
    assert read_interface("icsh0").up


def wire(interface):
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(0x0800))
    opened.bind((interface, 0x0800))
    return opened


def udp_in(wan):
    """The payload of each datagram that came out."""
    found = []
    while True:
        try:
            frame = wan.recv(2000)
        except BlockingIOError:
            return found
        if frame[23] == 17:
            found.append(frame[42:])
