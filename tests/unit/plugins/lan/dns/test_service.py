"""The service on local sockets: from a client's datagram to the server's and back, and everything around it."""

import inspect
import socket
import sys
from ipaddress import ip_address, ip_interface

import pytest
from twisted.logger import capturedLogs
from zope.interface.verify import verifyObject

from ics_plugins.lan.dns import factory
from ics_plugins.lan.dns.config import DnsConfig
from ics_plugins.lan.dns.service import DnsService
from ics_plugins.lan.dns.wishes import MAX_ASKED_CLIENT
from icsframework.errors import HostError, PortTaken, UplinkFailed, UplinkRefused
from icsframework.interfaces import ILanService, ILanServiceFactory
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.values import Down, Family, Lan, LeaseView, Link, Up, UplinkView

LAN = Lan("home", "eth1", 3, "", ip_interface("127.0.0.1/8"))


class Ports(Readers):
    """Readers, and TCP ports that are only remembered."""

    def __init__(self):
        super().__init__()
        self.ports = []

    def adoptStreamPort(self, fd, family, factory):
        self.ports.append(factory)
        return self

    def stopListening(self):
        self.ports.pop()


def uplink(*dns, name="cable", mark=0x10000, address="203.0.113.5/24"):
    """An uplink that is up."""
    family = Family((ip_interface(address),), None, tuple(map(ip_address, dns)))
    return UplinkView(
        name, Up(Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, family)), True, mark
    )


class Stage:
    """A service, a client and a server, all on loopback."""

    def __init__(self, config=None, lan=LAN):
        self.gateway, self.reactor = FakeGateway("dns"), Ports()
        self.service = DnsService(self.gateway, self.reactor)
        self.service.startService()
        self.client, self.server = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for sock in (self.client, self.server):
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(2)
        self.config = {"upstream": [f"127.0.0.1:{self.server.getsockname()[1]}"]} | (config or {})
        self.served, self.errors = [], []
        self.serve(lan)

    def serve(self, lan=LAN, **keys):
        done = self.service.serve(lan, DnsConfig.model_validate(self.config | keys))
        done.addCallbacks(lambda _: self.served.append(lan.name), lambda f: self.errors.append(f.value))

    @property
    def lan_socket(self):
        """Where clients ask."""
        return next(o for o in reversed(self.gateway.host.udp) if o.interface == "eth1")

    def ask(self, data):
        self.client.sendto(data, self.lan_socket.real)
        self.reactor.turn(0.5)

    def heard(self):
        """What the client got, or None."""
        self.client.setblocking(False)
        try:
            return self.client.recv(65535)
        except BlockingIOError:
            return None

    def close(self):
        self.service.stopService()
        self.client.close()
        self.server.close()
        self.gateway.close()


@pytest.fixture
def stage():
    """Sets the stage."""
    stages = []

    def make(*args, **kwargs):
        stages.append(Stage(*args, **kwargs))
        return stages[-1]

    yield make
    for one in stages:
        one.close()


def test_contracts():
    """Factory and service provide what they say."""
    verifyObject(ILanServiceFactory, factory)
    gateway = FakeGateway("dns")
    assert verifyObject(ILanService, factory.create(gateway))
    assert factory.prepare(DnsConfig(), None).is_ready


def test_there_and_back(stage, wire):
    """A question goes to the server by a marked socket; the answer comes back, is remembered and is told to the core."""
    s = stage()
    s.gateway.uplinks.set(uplink("203.0.113.1"))
    s.ask(wire.query("www.example.net", ident=7))
    query, peer = s.server.recvfrom(4096)
    s.server.sendto(wire.answer(query, wire.A), peer)
    s.reactor.turn()
    assert wire.shown(s.heard()) == "#7 www.example.net A NOERROR | www.example.net A 192.0.2.80 ttl=300"
    s.ask(wire.query("www.example.net", ident=8))
    assert wire.shown(s.heard()).startswith("#8 www.example.net A NOERROR")
    assert s.gateway.names.told == {(ip_address("127.0.0.1"), ip_address("192.0.2.80")): "www.example.net"}
    status = s.gateway.status.read()
    shown = {key: status[key] for key in ("queries", "hits", "misses", "forwarded", "cached", "waiting")}
    assert shown == {"queries": 2, "hits": 1, "misses": 1, "forwarded": 1, "cached": 1, "waiting": 0}
    marks = {o.mark for o in s.gateway.host.udp if o.interface is None}
    assert marks == {0x10000}


def test_time_passes(stage, wire):
    """Without an answer the question is sent again, and in the end the client hears SERVFAIL; then nothing ticks."""
    s = stage()
    s.gateway.uplinks.set(uplink("203.0.113.1"))
    s.ask(wire.query("www.example.net"))
    for _ in range(80):
        s.gateway.advance(0.1)
    assert wire.shown(s.heard()) == "#1 www.example.net A SERVFAIL"
    assert s.gateway.events.ids() == ["dns.upstream.failed"]
    assert s.gateway.clock.clock.getDelayedCalls() == []


def test_a_question_dials(stage, wire):
    """Without a link the Internet is requested with its whole cause; the answer comes when it is there."""
    s = stage()
    s.gateway.leases.publish(LeaseView(ip_address("127.0.0.1"), "02:00:5e:00:53:02", "", "pc1", None, "home"))
    s.gateway.uplinks.set(UplinkView("modem", Down()))
    s.ask(wire.query("www.example.net"))
    (cause,) = s.gateway.uplinks.requested
    assert (cause.rule, str(cause.client), cause.mac, cause.hostname, cause.protocol, cause.name) == (
        "dns", "127.0.0.1", "02:00:5e:00:53:02", "pc1", "udp", "www.example.net",
    )  # fmt: skip
    s.gateway.uplinks.set(uplink("203.0.113.1"))
    query, peer = s.server.recvfrom(4096)
    s.server.sendto(wire.answer(query, wire.A), peer)
    s.reactor.turn()
    assert "NOERROR" in wire.shown(s.heard())


def test_a_refused_dial(stage, wire):
    """The client hears SERVFAIL at once, and why, in one line; asking again asks nobody."""
    s = stage()
    s.gateway.uplinks.refuse = UplinkRefused("limits.time:\n2 h used today")
    s.ask(wire.query("www.example.net", edns=1232))
    heard = s.heard()
    assert wire.shown(heard) == "#1 www.example.net A SERVFAIL"
    assert heard.endswith(b"\x00\x12limits.time: 2 h used today")
    s.ask(wire.query("www.example.net", ident=2))
    assert wire.shown(s.heard()) == "#2 www.example.net A SERVFAIL"
    assert len(s.gateway.uplinks.requested) == 1
    status = s.gateway.status.read()
    assert (status["dials"], status["prohibited"], status["waiting"]) == (1, 2, 0)


def test_a_name_that_may_not_dial(stage, wire):
    """Each name is requested by itself; a refusal is for its own, the answer of the other one comes with the link."""
    s = stage()
    s.ask(wire.query("x.telemetry.example", ident=1))
    s.ask(wire.query("www.example.net", ident=2))
    assert [cause.name for cause in s.gateway.uplinks.requested] == ["x.telemetry.example", "www.example.net"]
    s.gateway.uplinks.fail_requests(UplinkRefused("wake[0]"), lambda cause: "telemetry" in cause.name)
    assert wire.shown(s.heard()) == "#1 x.telemetry.example A SERVFAIL"
    assert s.heard() is None
    s.gateway.uplinks.set(uplink("203.0.113.1"))
    query, peer = s.server.recvfrom(4096)
    s.server.sendto(wire.answer(query, wire.A), peer)
    s.reactor.turn()
    assert wire.shown(s.heard()).startswith("#2 www.example.net A NOERROR")
    assert s.gateway.uplinks.waiting == []


def test_a_dial_that_failed(stage, wire):
    """Everybody who waits hears it; another extended error than that of a refusal."""
    s = stage()
    s.ask(wire.query("a.example.net", ident=1, edns=1232))
    s.ask(wire.query("b.example.net", ident=2, edns=1232))
    s.gateway.uplinks.fail_requests(UplinkFailed("modem: no carrier"))
    for heard in (s.heard(), s.heard()):
        assert heard.endswith(b"\x00\x17modem: no carrier")
    assert s.gateway.status.read()["prohibited"] == 0


def test_a_defect_of_who_brings_links_up(stage, wire):
    """It is logged with its traceback, and to who waits it is a dial that failed: the next question is asked again."""
    s = stage()
    s.ask(wire.query("a.example.net", ident=1, edns=1232))
    with capturedLogs() as logged:
        s.gateway.uplinks.fail_requests(ZeroDivisionError("a defect"))
    assert s.heard().endswith(b"\x00\x17a defect")
    assert [entry["log_failure"].type for entry in logged if "log_failure" in entry] == [ZeroDivisionError]
    s.ask(wire.query("b.example.net", ident=2))
    assert [cause.name for cause in s.gateway.uplinks.requested] == ["a.example.net", "b.example.net"]


def test_a_crowd_that_is_refused_at_once(stage, wire):
    """More wishes than may be under way, and each answer leads to the next: as deep as one."""
    s = stage()
    for number in range(200):
        s.client.sendto(wire.query(f"n{number}.example.net"), s.lan_socket.real)
    s.reactor.turn(0.5)
    uplinks = s.gateway.uplinks
    assert len(uplinks.requested) == MAX_ASKED_CLIENT
    uplinks.refuse = UplinkRefused("hours")
    depth = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    try:
        uplinks.fail_requests(UplinkRefused("hours"))
    finally:
        sys.setrecursionlimit(depth)
    assert len(uplinks.requested) == 200
    assert sum(s.heard() is not None for _ in range(201)) == 200
    assert s.gateway.status.read()["waiting"] == 0


def test_an_answer_after_a_stop(stage, wire):
    """What a service asked for before it was stopped is nothing to the one that was started again."""
    s = stage()
    s.ask(wire.query("www.example.net"))
    s.service.stopService()
    s.service.startService()
    s.serve()
    s.ask(wire.query("www.example.net", ident=2))
    first, second = s.gateway.uplinks.waiting
    first[1].errback(UplinkRefused("hours"))
    assert s.heard() is None
    second[1].errback(UplinkRefused("hours"))
    assert wire.shown(s.heard()) == "#2 www.example.net A SERVFAIL"


def test_another_uplink(stage, wire):
    """New sockets with the new mark; the old ones are closed; what was on its way is asked again."""
    s = stage()
    s.gateway.uplinks.set(uplink("203.0.113.1"))
    s.ask(wire.query("www.example.net"))
    s.server.recvfrom(4096)
    s.gateway.uplinks.set(uplink("198.51.100.1", name="dsl", mark=0x20000, address="198.51.100.5/24"))
    query, peer = s.server.recvfrom(4096)
    assert {o.mark for o in s.gateway.host.udp if o.interface is None and o.socket.fileno() >= 0} == {0x20000}
    s.server.sendto(wire.answer(query, wire.A), peer)
    s.reactor.turn()
    assert "NOERROR" in wire.shown(s.heard())


def test_the_same_uplink_again(stage, wire):
    """A link announced again keeps its sockets and what is on its way, whether its servers changed or not."""
    s = stage()
    s.gateway.uplinks.set(uplink("203.0.113.1"))
    before = len(s.gateway.host.udp)
    s.gateway.uplinks.set(uplink("203.0.113.1"))
    s.gateway.uplinks.set(uplink("203.0.113.2"))
    assert len(s.gateway.host.udp) == before
    assert "203.0.113.2:53" in [server["server"] for server in s.gateway.status.read()["servers"]]


def test_an_uplink_without_sockets(stage, wire):
    """If the machine gives no sockets the operator is told, and clients are not left waiting."""
    s = stage()
    s.ask(wire.query("www.example.net"))
    s.gateway.host.fail["bind_udp"] = HostError("too many open files")
    s.gateway.uplinks.set(uplink("203.0.113.1"))
    assert s.gateway.events.said("dns.upstream.unusable") == [
        {"uplink": "cable", "reason": "too many open files"}
    ]
    assert wire.shown(s.heard()) == "#1 www.example.net A SERVFAIL"


def test_a_port_that_is_taken(stage):
    """The error that names the process is passed on, and no socket is left."""
    s = stage()
    before = len(s.gateway.host.open_sockets)
    s.gateway.host.fail["listen"] = PortTaken("port 53 of 127.0.0.2 is taken by dnsmasq (pid 7)")
    s.serve(Lan("guests", "eth2", 4, "", ip_interface("127.0.0.2/8")))
    assert [str(error) for error in s.errors] == ["port 53 of 127.0.0.2 is taken by dnsmasq (pid 7)"]
    assert len(s.gateway.host.open_sockets) == before


def test_other_settings_without_a_gap(stage, wire):
    """A LAN served again with other keys keeps its sockets; with another address it gets new ones."""
    s = stage()
    before = s.lan_socket
    s.serve(hosts={"nas": "127.0.0.9"})
    assert s.lan_socket is before
    s.ask(wire.query("nas"))
    assert "127.0.0.9" in wire.shown(s.heard())
    s.serve(Lan("home", "eth1", 3, "", ip_interface("127.0.0.3/8")))
    assert s.lan_socket is not before
    assert before.socket.fileno() == -1
    assert len(s.reactor.ports) == 1
    s.ask(wire.query("gateway"))
    assert "127.0.0.3" in wire.shown(s.heard())


def test_names_of_hosts(stage, wire):
    """What DHCP publishes is answered at once."""
    s = stage()
    s.gateway.names.publish("dhcp", "printer", (ip_address("127.0.0.7"),), 60)
    s.ask(wire.query("printer.home.arpa"))
    assert "127.0.0.7" in wire.shown(s.heard())


def test_withdrawing_and_stopping(stage):
    """Nothing is left: no reader, port, socket or timer; and it can be started again."""
    s = stage()
    s.gateway.uplinks.set(uplink("203.0.113.1"))
    s.service.withdraw(LAN)
    assert s.reactor.ports == []
    s.serve()
    s.service.stopService()
    assert (s.reactor.readers, s.reactor.ports) == ([], [])
    assert list(s.gateway.host.open_sockets) == []
    assert s.gateway.clock.clock.getDelayedCalls() == []
    s.service.startService()
    s.serve()
    assert len(s.reactor.readers) == 33


def test_other_clients(stage, wire):
    """A datagram from outside the LAN is dropped unread, and counted."""
    s = stage(lan=Lan("home", "eth1", 3, "", ip_interface("192.168.0.1/24")))
    s.ask(wire.query("localhost"))
    assert s.heard() is None
    assert (s.gateway.status.read()["dropped"], s.gateway.status.read()["queries"]) == (1, 0)
