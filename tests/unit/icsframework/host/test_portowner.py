"""Who holds a port."""

import os
import socket
import sys
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from icsframework.host.portowner import SocketEntry, abstract_holder, holder, parse_sockets, process_of
from icsframework.values import Endpoint

assert sys.byteorder == "little", "the samples below were taken on a little-endian machine"

UDP = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  406: 0100A8C0:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0 0
    x: broken
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
   1: 0000000000000000FFFF00000100A8C0:0050 0000000000000000FFFF00000200A8C0:C350 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 20 4 30 10 -1
"""


def endpoint(address, port):
    return Endpoint(ip_address(address), port)


def test_lines_of_proc_net():
    """Addresses are in the machine's byte order, IPv4 in IPv6 is IPv4; lines that make no sense are left out."""
    assert list(parse_sockets(UDP)) == [SocketEntry(endpoint("192.168.0.1", 53), 7, 4711)]
    assert list(parse_sockets(TCP6)) == [
        SocketEntry(endpoint("::", 80), 10, 4712),
        SocketEntry(endpoint("192.168.0.1", 80), 1, 4713),
    ]


@given(st.text())
def test_garbage_is_left_out(text):
    """Whatever stands in the file, nothing breaks."""
    list(parse_sockets(text))


def proc_with(tmp_path, tables):
    """A /proc in which dnsmasq, process 812, has socket 4711 and 4712 open."""
    net = tmp_path / "net"
    net.mkdir()
    for name, text in tables.items():
        (net / name).write_text(text)
    fd = tmp_path / "812/fd"
    fd.mkdir(parents=True)
    (fd / "3").symlink_to("/dev/null")
    (fd / "4").symlink_to("socket:[4711]")
    (fd / "5").symlink_to("socket:[4712]")
    (tmp_path / "812/comm").write_text("dnsmasq\n")
    (tmp_path / "999").mkdir()
    return net, tmp_path


def test_the_holder_is_named(tmp_path):
    """By the same address, by a wildcard, or where we want the wildcard; a connection is not in the way."""
    net, proc = proc_with(tmp_path, {"udp": UDP, "tcp6": TCP6})
    assert holder("udp", endpoint("192.168.0.1", 53), net, proc) == "dnsmasq (pid 812)"
    assert holder("udp", endpoint("0.0.0.0", 53), net, proc) == "dnsmasq (pid 812)"
    assert holder("udp", endpoint("192.168.0.2", 53), net, proc) is None
    assert holder("udp", endpoint("192.168.0.1", 54), net, proc) is None
    assert holder("tcp", endpoint("192.168.0.1", 80), net, proc) == "dnsmasq (pid 812)"


def test_a_holder_out_of_sight(tmp_path):
    """Its user and its socket are told, and the command that root can ask; a user without a name by its number."""
    net, proc = proc_with(
        tmp_path,
        {
            "udp": UDP.replace("4711", "4999"),
            "tcp6": TCP6.replace("4712", "4998").replace("     0        0 4998", " 99123        0 4998"),
        },
    )
    assert holder("udp", endpoint("192.168.0.1", 53), net, proc) == (
        "a process of user root that cannot be seen from here (socket 4999; as root, ss -Hlnpu 'sport = :53' names it)"
    )
    assert "a process of user 99123 that" in holder("tcp", endpoint("192.168.0.1", 80), net, proc)
    assert holder("udp", endpoint("192.168.0.2", 53), net, proc) is None


def test_our_own_socket_is_found():
    """The real tables lead to this very process."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        found = holder("udp", endpoint("127.0.0.1", held.getsockname()[1]))
        assert found is not None
        assert found.endswith(f"(pid {os.getpid()})")


def test_an_abstract_socket_is_found():
    """Locks are such sockets."""
    name = f"ics-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as held:
        held.bind(f"\0{name}")
        found = abstract_holder(name)
        assert found is not None
        assert found.endswith(f"(pid {os.getpid()})")
    assert abstract_holder(name) is None


def test_nobody():
    """A socket that no process has."""
    assert process_of(0) is None
