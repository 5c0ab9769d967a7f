"""TUN devices: packets in and out, and a device that outlives its process."""

import socket
import subprocess

import dpkt
import pytest

from icsframework.errors import HostError
from icsframework.host.inventory import read_interface, read_interfaces
from icsframework.host.tun import open_tun, remove_tun
from icsframework.testing.namespace import fresh_network


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@pytest.fixture
def network(root):
    with fresh_network():
        ip("link", "set", "lo", "up")
        yield


def test_a_device_that_stays_can_be_removed(network):
    """But not under somebody's hands."""
    device = open_tun("icsu-modem", 1400, persist=True)
    with pytest.raises(HostError, match="another process has it open"):
        remove_tun("icsu-modem")
    device.close()
    remove_tun("icsu-modem")
    assert "icsu-modem" not in names()


def names():
    return {one.name for one in read_interfaces()}


def test_packets(network):
    """What is routed there is read, without any header before it; what is written arrives."""
    device = open_tun("icsh0", 1400)
    info = read_interface("icsh0")
    assert (info.up, info.mtu, info.kind, info.mac) == (True, 1400, "tun", "")
    ip("address", "add", "10.9.0.1/24", "dev", "icsh0")
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("10.9.0.1", 5000))
    sender.setblocking(False)
    sender.sendto(b"out", ("10.9.0.2", 6000))
    packet = dpkt.ip.IP(next(one for one in iter(lambda: device.read(2000), None) if one[0] >> 4 == 4))
    assert (packet.udp.dport, packet.udp.data) == (6000, b"out")
    assert device.read(2000) is None
    udp = bytes(dpkt.udp.UDP(sport=6000, dport=5000, ulen=10, data=b"in"))
    answer = dpkt.ip.IP(src=packet.dst, dst=packet.src, p=17, len=30, data=udp)
    device.write(bytes(answer))
    assert sender.recv(100) == b"in"
    sender.close()
    device.close()
    assert "icsh0" not in names()


def test_a_persistent_device_stays(network):
    """With its address, when it is closed; opened again it goes on, and opened without ``persist`` it goes."""
    open_tun("icsh0", 1400, persist=True).close()
    ip("address", "add", "10.9.0.1/24", "dev", "icsh0")
    index = read_interface("icsh0").ifindex
    again = open_tun("icsh0", 1300, persist=True)
    info = read_interface("icsh0")
    assert (info.ifindex, info.mtu, info.carrier) == (index, 1300, True)
    assert [str(one) for one in info.addresses if one.version == 4] == ["10.9.0.1/24"]
    again.close()
    open_tun("icsh0", 1300).close()
    assert "icsh0" not in names()


def test_a_device_in_use(network):
    """Two cannot have it; the error says so."""
    with open_tun("icsh0", 1400), pytest.raises(HostError, match="icsh0: another process has it open"):
        open_tun("icsh0", 1400)


def test_a_name_that_is_something_else(network):
    """An Ethernet interface of that name is not taken over."""
    ip("link", "add", "icsh0", "type", "veth", "peer", "name", "x")
    with pytest.raises(HostError, match="something else"):
        open_tun("icsh0", 1400)
