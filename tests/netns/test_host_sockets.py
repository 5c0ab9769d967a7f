"""Packet, UDP and TCP sockets of the host in a namespace: filters, devices, marks, names of port owners."""

import socket
import struct
import subprocess
import sys
from ipaddress import ip_address

import dpkt
import pytest

from icsframework.errors import AlreadyRunning, HostError, InterfaceMissing, PortTaken
from icsframework.host.lock import NamespaceLock
from icsframework.host.packet import open_packet
from icsframework.host.tcp import listen
from icsframework.host.udp import bind_udp
from icsframework.testing.namespace import fresh_network
from icsframework.values import Endpoint, PacketFilter

SO_MARK = 36
DHCP = PacketFilter(0x0800, 67)
ANY = ip_address("0.0.0.0")
BROADCAST = b"\xff" * 6


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@pytest.fixture
def network(root):
    """Two LAN interfaces, a0 and b0, whose other ends are a1 and b1."""
    with fresh_network():
        ip("link", "set", "lo", "up")
        for one, other in (("a0", "a1"), ("b0", "b1")):
            ip("link", "add", one, "type", "veth", "peer", "name", other)
            for name in (one, other):
                ip("link", "set", name, "up")
        ip("address", "add", "192.168.0.1/24", "dev", "a0")
        yield


def frame(port, destination=BROADCAST, fragment=0):
    udp = bytes(dpkt.udp.UDP(sport=68, dport=port, ulen=9, data=b"x"))
    packet = bytearray(bytes(dpkt.ip.IP(src=bytes(4), dst=b"\xff" * 4, p=17, data=udp)))
    packet[6:8] = struct.pack("!H", fragment)
    return bytes(
        dpkt.ethernet.Ethernet(dst=destination, src=b"\2\0\0\0\0\1", type=0x0800, data=bytes(packet))
    )


def test_only_what_is_wanted_wakes_us(network):
    """Of all frames on the wire one passes: UDP to the port, first fragment, for us, untagged, coming in."""
    opened = open_packet("a0", DHCP)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind(("a1", 0))
    tagged = frame(67)
    unwanted = [
        frame(68),
        frame(67, fragment=1),
        frame(67, destination=b"\2\0\0\0\0\x99"),
        tagged[:12] + b"\x81\0\0\5" + tagged[12:],
        bytes(dpkt.ethernet.Ethernet(dst=BROADCAST, type=0x0806, data=bytes(28))),
        b"\xff" * 14,
    ]
    for one in unwanted:
        wire.send(one)
    opened.send(frame(67))  # our own
    wire.send(frame(67) + b"the one")
    assert opened.recv(2000).endswith(b"the one")
    with pytest.raises(BlockingIOError):
        opened.recv(2000)
    opened.close()
    wire.close()


FLOOD = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
wire.bind(("a1", 0))
frame = bytes.fromhex(sys.argv[1])
print("ready", flush=True)
while True:
    wire.send(frame)
"""


def test_nothing_is_queued_before_the_filter(network):
    """A socket that is opened in the middle of a flood of other frames never sees one of them."""
    flood = subprocess.Popen([sys.executable, "-c", FLOOD, frame(53).hex()], stdout=subprocess.PIPE)
    try:
        assert flood.stdout.readline() == b"ready\n"
        for _ in range(200):
            with open_packet("a0", DHCP) as opened, pytest.raises(BlockingIOError):
                opened.recv(2000)
    finally:
        flood.kill()
        flood.communicate()


def test_one_port_on_two_interfaces(network):
    """The DHCP port is free on each interface, and each socket hears its own interface only."""
    a = bind_udp(Endpoint(ANY, 67), "a0", broadcast=True)
    b = bind_udp(Endpoint(ANY, 67), "b0", broadcast=True)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind(("a1", 0))
    wire.send(frame(67))
    assert a.recv(2000) == b"x"
    with pytest.raises(BlockingIOError):
        b.recv(2000)
    for one in (a, b, wire):
        one.close()


def test_marks_and_large_buffers(network):
    """The mark is on the socket, and the buffer exceeds what an ordinary user may have."""
    with bind_udp(Endpoint(ANY, 0), mark=0x10000, receive_buffer=8 << 20) as made:
        assert made.getsockopt(socket.SOL_SOCKET, SO_MARK) == 0x10000
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 8 << 20


def test_errors_name_interface_and_address(network):
    """What is not there is named."""
    with pytest.raises(InterfaceMissing, match="gone0"):
        open_packet("gone0", DHCP)
    with pytest.raises(HostError, match=r"192\.168\.0\.2"):
        listen(Endpoint(ip_address("192.168.0.2"), 80), "a0")


HOLDER = """
import socket, sys
kind, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
if kind == "lock":
    held = socket.socket(socket.AF_UNIX); held.bind("\\0ics")
else:
    held = socket.socket(type=getattr(socket, kind)); held.bind((address, port))
    if kind == "SOCK_STREAM": held.listen()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(network):
    """A function that lets another process hold something; it answers with its process id."""
    running = []

    def hold(*words):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        running.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process.pid

    yield hold
    for process in running:
        process.communicate()


def test_the_owner_of_a_port_is_named(holder):
    """UDP and TCP, on the address or on all of them."""
    pid = holder("SOCK_DGRAM", "0.0.0.0", "53")
    with pytest.raises(
        PortTaken, match=rf"udp port 53 on 192\.168\.0\.1 is taken by .*\(pid {pid}\); stop it"
    ):
        bind_udp(Endpoint(ip_address("192.168.0.1"), 53))
    pid = holder("SOCK_STREAM", "192.168.0.1", "80")
    with pytest.raises(PortTaken, match=rf"tcp port 80 on 192\.168\.0\.1 is taken by .*\(pid {pid}\)"):
        listen(Endpoint(ip_address("192.168.0.1"), 80))


def test_one_lock_a_namespace(holder):
    """Inside the namespace of the holder it is refused by name; in another one it is free."""
    pid = holder("lock", "", "0")
    with pytest.raises(AlreadyRunning, match=rf"\(pid {pid}\)"):
        NamespaceLock().acquire()
    with fresh_network():
        lock = NamespaceLock()
        lock.acquire()
        lock.release()
