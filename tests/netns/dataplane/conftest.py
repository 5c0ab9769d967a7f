"""A gateway without daemon: two LANs, two providers, a foreign bridge, and rules loaded by hand.

One lab serves all tests of a module; each test gets it with no rules, routes or connections left from the one before.
"""

import errno
import pickle
import select
import socket
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_address, ip_interface
from pathlib import Path

import dpkt
import pytest

from icsframework.dataplane import inventory, policy, render, routing, sysctls
from icsframework.dataplane.mapped import elements_of
from icsframework.dataplane.plane import HOLD_ADDRESS, HOLD_DEVICE, DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.host.conntrack import Conntrack
from icsframework.host.tun import open_tun
from icsframework.lab.parse import parse_lab
from icsframework.lab.world import Lab
from icsframework.uplinks.traffic import wake_rules
from icsframework.values import Family, Link

LAB = """
version: 1
segments: [home, guest, isp-a, isp-b, backbone, docker]
hosts:
  pc1:
    interfaces: {eth0: {segment: home, address: [192.168.0.10/24, "fd00:1::10/64"]}}
    routes: [{to: default, via: 192.168.0.1}, {to: default, via: "fd00:1::1"}]
  pc3:
    interfaces: {eth0: {segment: home, address: [192.168.0.11/24]}}
    routes: [{to: default, via: 192.168.0.1}]
  pc2:
    interfaces: {eth0: {segment: guest, address: [192.168.7.10/24]}}
    routes: [{to: default, via: 192.168.7.1}]
  box:
    interfaces: {eth0: {segment: docker, address: [172.17.0.2/24]}}
    routes: [{to: default, via: 172.17.0.1}]
  gateway:
    interfaces:
      eth0: {segment: isp-a, address: [203.0.113.5/24, "2001:db8:a::5/64"]}
      eth1: {segment: home, address: [192.168.0.1/24, "fd00:1::1/64"]}
      eth2: {segment: isp-b, address: [198.51.100.5/24]}
      eth3: {segment: guest, address: [192.168.7.1/24]}
      eth4: {segment: docker}
  isp-a:
    forward: true
    interfaces:
      eth0: {segment: isp-a, address: [203.0.113.1/24, "2001:db8:a::1/64"]}
      eth1: {segment: backbone, address: [192.0.2.1/24]}
    routes: [{to: 198.51.100.0/24, via: 192.0.2.2}, {to: 192.168.0.0/16, via: 203.0.113.5}, {to: "fd00:1::/64", via: "2001:db8:a::5"}]
  isp-b:
    forward: true
    interfaces:
      eth0: {segment: isp-b, address: [198.51.100.1/24]}
      eth1: {segment: backbone, address: [192.0.2.2/24]}
    routes: [{to: 203.0.113.0/24, via: 192.0.2.1}]
  server:
    interfaces: {eth0: {segment: backbone, address: [192.0.2.80/24]}}
    routes: [{to: 203.0.113.0/24, via: 192.0.2.1}, {to: 198.51.100.0/24, via: 192.0.2.2}, {to: 192.168.0.0/16, via: 192.0.2.1}]
"""

SERVER = "192.0.2.80"
CABLE, DSL = "203.0.113.5", "198.51.100.5"


def link(interface, address, gateway, mtu=1500):
    """A live Ethernet uplink."""
    family = Family((ip_interface(address),), ip_address(gateway))
    return Link(interface, 0, None, "ethernet", "kernel", mtu, False, 0.0, family)


HOME = LanSide("home", "eth1", ip_interface("192.168.0.1/24"))
GUEST = LanSide("guest", "eth3", ip_interface("192.168.7.1/24"))
CABLE_UP = UplinkSide("cable", 1, "eth0", link("eth0", "203.0.113.5/24", "203.0.113.1"))
DSL_UP = UplinkSide("dsl", 2, "eth2", link("eth2", "198.51.100.5/24", "198.51.100.1"))

CABLE_DOWN, DSL_DOWN = replace(CABLE_UP, link=None), replace(DSL_UP, link=None)
HOLD = HoldSide(wake={"cable": wake_rules(())})

ONE = DataPlane((HOME,), (CABLE_UP,))
TWO = DataPlane((HOME, GUEST), (CABLE_UP, DSL_UP))

WAITING = DataPlane((HOME,), (CABLE_DOWN,), hold=HOLD)
"""One uplink that is dialled on demand, down."""


class Net:
    """The lab and what a test does in it."""

    one, two, waiting = ONE, TWO, WAITING
    server_address, cable, dsl = SERVER, CABLE, DSL

    changed = staticmethod(replace)

    def __init__(self, lab, stack):
        self.lab = lab
        self.gateway = lab["gateway"]
        self.stack = stack

    def nft(self, text):
        """Load a text in the gateway."""
        self.gateway.run(["nft", "-f", "-"], input=text, check=True)

    def foreign(self, *chains):
        """Rules of another program: each chain is a hook and the rules after it."""
        bodies = [
            f"chain c{number} {{\ntype {head}; policy accept;\n" + "\n".join(rules) + "\n}"
            for number, (head, *rules) in enumerate(chains)
        ]
        self.nft("\n".join(["table ip other {", *bodies, "}", ""]))

    def ip(self, *words, check=True):
        """Run ip in the gateway."""
        return self.gateway.run(["ip", *words], check=check).stdout

    def load(self, plane, routes=True):
        """Rules, and unless told otherwise routes and sysctls, of a data plane."""
        self.nft(render.render(policy.build(plane)))
        self.set_up(plane, routes)

    def set_up(self, plane, routes=True):
        """The sysctls and routes of a data plane, replacing those of the one before."""
        settings = sorted(sysctls.sysctls(plane), key=lambda one: ("ip_forward" in one.path, one.path))
        self.gateway.write_sysctls((one.path, one.value) for one in settings)
        if not routes:
            return
        self.clear_routes()
        for route in sorted(routing.routes(plane), key=str):
            onlink = ["onlink"] if route.gateway is not None else []
            self.ip(
                f"-{route.destination.version}", "route", "add", *str(route).split(), *onlink, "proto", "105"
            )
        for rule in routing.rules(plane):
            priority, _, words = str(rule).partition(": ")
            self.ip(f"-{rule.family}", "rule", "add", "pref", priority, *words.split())

    def become(self, plane):
        """From the rules that are in force to those of another data plane, as a running gateway does it; then its routes."""
        listing = self.gateway.run(["nft", "-j", "list", "table", "inet", "ics"], check=True).stdout
        self.nft(render.render(policy.build(plane), inventory.parse(listing)))
        self.set_up(plane)

    def hold(self):
        """The hold device, opened before anything is loaded."""
        return Held(self)

    def counted(self):
        """The named counters that are not 0."""
        (counters,) = self.queue(("counters",))
        return {name: packets for name, packets in counters.items() if packets}

    def clear_routes(self):
        """No route or rule of ours."""
        for index in range(4):
            self.ip("rule", "del", "pref", str(routing.FIRST_PRIORITY + index), check=False)
        self.ip("route", "flush", "table", "all", "proto", "105", check=False)

    def put(self, *mappings, plane=ONE):
        """Mappings into the dynamic sets, as the mapping service would put them; those of "dsl" with its mark."""
        marks = {uplink.name: plane.marks.uplink_mark(uplink.index) for uplink in TWO.uplinks}
        found = [e for one in mappings for e in elements_of(one, marks[one.uplink], 0.0)]
        self.nft("\n".join([*render.change_elements(policy.build(plane), found, []), ""]))

    def keys(self, name):
        """The keys of a dynamic set."""
        listing = self.gateway.run(["nft", "-j", "list", "table", "inet", "ics"], check=True).stdout
        return [item.key for item in inventory.parse(listing).sets[name].elements]

    def counter(self, name):
        """Packets of a named counter."""
        listing = self.gateway.run(["nft", "list", "counter", "inet", "ics", name], check=True).stdout
        return int(listing.split("packets ")[1].split()[0])

    def conntrack(self, work):
        """Call ``work(Conntrack())`` in the gateway."""
        return self.gateway.inside(lambda: work(Conntrack()), ("net",))

    def queue(self, *steps):
        """Run steps (method name, arguments) on one real Nft queue in the gateway; returns their outcomes."""
        script = Path(__file__).parent / "run_nft.py"
        done = self.gateway.run(
            [sys.executable, script], input=pickle.dumps(steps).hex(), check=True, timeout=30
        )
        return pickle.loads(bytes.fromhex(done.stdout))

    def socket(self, host, kind=socket.SOCK_DGRAM, address="0.0.0.0", port=0, mark=0):
        """A bound socket in a host, closed at the end of the test; listening if it is a stream and has a port."""

        def make():
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if mark:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
            made.bind((address, port))
            if kind == socket.SOCK_STREAM and port:
                made.listen(64)
            made.settimeout(2)
            return made

        return self.stack.enter_context(self.lab[host].inside(make, ("net",)))

    def caller(self, host, port=0):
        """A stream socket that calls from this port."""

        def make():
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            made.bind(("0.0.0.0", port))
            made.settimeout(2)
            return made

        return self.stack.enter_context(self.lab[host].inside(make, ("net",)))

    def begin(self, host, target, port=0):
        """Send the first segment of a connection, and wait for nothing; returns the socket."""
        client = self.caller(host, port)
        client.setblocking(False)
        assert client.connect_ex(target) == errno.EINPROGRESS
        return client

    def ask(self, asker, responder, target, data=b"question"):
        """Send a datagram and answer it; returns the address that the responder saw, or None if nothing arrived."""
        responder.settimeout(0.5)
        asker.sendto(data, target)
        try:
            got, seen = responder.recvfrom(2000)
        except TimeoutError:
            return None
        assert got == data
        responder.sendto(b"answer", seen)
        assert asker.recvfrom(2000)[0] == b"answer"
        return seen[0]

    def conversation(self, client, target, listener):
        """Open a TCP connection through the gateway and pass a line each way; returns the address the listener saw."""
        client.connect(target)
        peer, seen = listener.accept()
        self.stack.enter_context(peer)
        peer.settimeout(2)
        client.sendall(b"hello\n")
        assert peer.recv(100) == b"hello\n"
        peer.sendall(b"welcome\n")
        assert client.recv(100) == b"welcome\n"
        return seen[0]

    @staticmethod
    def until(condition, patience=3.0):
        """Wait for the condition; returns what it said."""
        end = time.monotonic() + patience
        while not (outcome := condition()) and time.monotonic() < end:
            time.sleep(0.01)
        return outcome


class Held:
    """The hold device in the gateway, in the hands of a test."""

    def __init__(self, net):
        self.net = net
        self.tun = net.gateway.inside(lambda: open_tun(HOLD_DEVICE, 1500), ("net",))
        net.stack.callback(self.tun.close)
        net.ip("address", "add", str(HOLD_ADDRESS), "dev", HOLD_DEVICE)

    def read(self, count=1, patience=5.0):
        """The next ``count`` packets as the gateway would hold them: bytes.  Fewer if no more come in time."""
        found, end = [], time.monotonic() + patience
        while len(found) < count and (left := end - time.monotonic()) > 0:
            if select.select([self.tun], [], [], left)[0]:
                found.append(self.tun.read(65535))
        return found

    def seen(self, count=1, patience=5.0):
        """Like ``read``, each as (source, destination, protocol, destination port or ICMP type)."""
        return [told(packet) for packet in self.read(count, patience)]

    def forget(self):
        """Nothing that was sent before is read any more: the kernel greets IPv6 neighbours until it is told not to."""
        while self.tun.read(65535):
            pass

    def put_back(self, packets):
        """Write packets back."""
        for packet in packets:
            self.tun.write(packet)

    def link_comes(self, plane=ONE, **changes):
        """The uplink is up: rules and routes as the gateway would have them."""
        hold = self.net.changed(HOLD, settled=True)
        self.net.become(self.net.changed(plane, hold=hold, **changes))


def told(packet):
    """A packet in short."""
    ip = dpkt.ip.IP(packet)
    what = getattr(ip.data, "dport", getattr(ip.data, "type", None))
    return socket.inet_ntoa(ip.src), socket.inet_ntoa(ip.dst), ip.get_proto(ip.p).__name__.lower(), what


@pytest.fixture(scope="module")
def open_net(root):
    """The lab, for the tests of one module."""
    with Lab(parse_lab(LAB)) as lab:
        for words in (
            "link add docker0 type bridge",
            "link set eth4 master docker0",
            "address add 172.17.0.1/24 dev docker0",
            "link set docker0 up",
        ):
            lab["gateway"].run(["ip", *words.split()], check=True)
        yield lab


@pytest.fixture
def held(net):
    """The hold device on a host that checks sources strictly; no link is up, and the rules are loaded."""
    net.gateway.write_sysctls([("net.ipv4.conf.all.rp_filter", "1"), ("net.ipv4.icmp_ratelimit", "0")])
    # How much the kernel answers by itself is counted over all tests, where a namespace has such a count of its own.
    net.gateway.run(["sysctl", "-w", "net.ipv4.icmp_msgs_per_sec=100000", "net.ipv4.icmp_msgs_burst=100000"])
    held = net.hold()
    net.load(net.waiting)
    held.forget()
    return held


@pytest.fixture
def net(open_net):
    """The lab with no rules, no routes and no connections in the gateway."""
    with ExitStack() as stack:
        net = Net(open_net, stack)
        net.nft("flush ruleset")
        net.clear_routes()
        net.gateway.run(["conntrack", "-F"])
        net.ip("link", "set", "eth0", "mtu", "1500")
        yield net
