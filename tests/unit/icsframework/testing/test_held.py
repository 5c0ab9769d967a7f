"""The account: what is held of the fake gateway, and what was done to the machine."""

import os
import socket
import subprocess
from collections import Counter
from ipaddress import ip_address

from icsframework.testing.gateway import FakeGateway
from icsframework.testing.held import held, watched
from icsframework.values import Endpoint, LeaseView, Open

ANY = Endpoint(ip_address("0.0.0.0"), 67)
PC = ip_address("192.168.0.9")


def test_all_that_can_be_held_is_counted_and_goes():
    """Each part of the gateway, twice where two are held; nothing when all is given back."""
    gateway = FakeGateway("me")
    sockets = []
    for _ in range(2):
        gateway.host.bind_udp(ANY, "eth1").addCallback(sockets.append)
    gateway.host.listen(ANY).addCallback(sockets.append)
    unwatch = gateway.leases.watch(lambda lease, granted: None)
    timer = gateway.clock.call_later(5, print)
    gateway.leases.publish(LeaseView(PC, "", "", "", None, "home"))
    gateway.names.publish("me", "pc", [PC], 60)
    granted = []
    gateway.mappings.open("cable", Open(1, "tcp", Endpoint(PC, 80), None)).addCallback(granted.append)
    assert held(gateway) == Counter(
        {
            "UDP socket 0.0.0.0:67 on eth1": 2,
            "TCP socket 0.0.0.0:67 on None": 1,
            "watch of leases": 1,
            "timer of print": 1,
            "lease 192.168.0.9 on home": 1,
            "name pc of me": 1,
            "mapping of 203.0.113.1:50000": 1,
        }
    )
    for sock in sockets:
        sock.close()
    unwatch()
    timer.cancel()
    gateway.leases.withdraw(PC, "home")
    gateway.names.withdraw("me")
    gateway.mappings.release(granted[0])
    assert held(gateway) == Counter()
    gateway.close()


def test_the_hosts_own_timers_are_not_the_plugins():
    """A probe under way is the host's affair until it is cancelled."""
    gateway = FakeGateway("me")
    asked = gateway.host.neighbour_in_use("eth1", PC, 1.0)
    assert held(gateway) == Counter()
    asked.addErrback(lambda failure: None)
    asked.cancel()
    assert gateway.clock.clock.getDelayedCalls() == []


def test_deeds_are_noted(tmp_path):
    """Files, directories, removal, sockets bound and descriptors left; with the name of what was touched."""
    path = tmp_path / "f"
    with watched() as done:
        path.write_text("x")
        path.unlink()
        left = os.open("/proc/self/stat", os.O_RDONLY)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
    os.close(left)
    assert [sentence.partition(" (/")[0] for sentence in done] == [
        f"opens {path} for writing",
        f"calls os.remove {path}",
        "calls socket.bind ('127.0.0.1', 0)",
        f"leaves descriptor {left} open",
    ]


def test_looking_is_not_noted(tmp_path):
    """Reading, running a program, asking the kernel by netlink; and nothing of what comes later."""
    (tmp_path / "f").write_text("x")
    with watched() as done:
        (tmp_path / "f").read_text()
        subprocess.run(["true"], check=True)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as sock:
            sock.bind((0, 0))
    (tmp_path / "g").write_text("x")
    assert done == []
