"""The fakes keep their contracts and do what their docstrings say."""

from ipaddress import IPv4Address

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorFDSet
from zope.interface.verify import verifyObject

from icsframework import interfaces
from icsframework.errors import (
    ConnectFailed,
    InterfaceMissing,
    MappingError,
    PortTaken,
    StoreError,
    UplinkRefused,
)
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.testing.store import MemoryStore
from icsframework.values import (
    Cause,
    Endpoint,
    InterfaceInfo,
    LeaseView,
    Link,
    NameRecord,
    Open,
    PacketFilter,
    Up,
    UplinkView,
)

PC = IPv4Address("192.168.0.10")
ETH1 = InterfaceInfo("eth1", 2, "02:00:00:00:00:01", 1500, True, True)
LINK = Link("eth0", 3, None, "ethernet", "kernel", 1500, False, 0.0, None)
LEASE = LeaseView(PC, "02:00:00:00:00:10", "", "pc", 1_800_000_100.0, "home")


@pytest.fixture
def gateway():
    """A gateway whose sockets are closed afterwards."""
    gateway = FakeGateway("dhcp")
    yield gateway
    gateway.close()


def result(deferred):
    """What a Deferred has fired with; a failure is returned as its exception."""
    found = []
    deferred.addBoth(found.append)
    assert found, "the Deferred has not fired"
    return getattr(found[0], "value", found[0])


@pytest.mark.parametrize(
    ("part", "interface"),
    [
        ("clock", interfaces.IClock),
        ("host", interfaces.IHost),
        ("mappings", interfaces.IMappings),
        ("uplinks", interfaces.IUplinks),
        ("leases", interfaces.ILeases),
        ("names", interfaces.INames),
        ("store", interfaces.IStore),
        ("events", interfaces.IEvents),
        ("status", interfaces.IStatus),
    ],
)
def test_every_part_provides_its_interface(gateway, part, interface):
    """A plugin finds on the fake what the contract promises."""
    assert verifyObject(interfaces.IGateway, gateway)
    assert verifyObject(interface, getattr(gateway, part))
    assert verifyObject(IReactorFDSet, Readers())
    assert verifyObject(interfaces.IJournal, result(gateway.store.open("leases", 1)))


def test_time_moves_by_hand(gateway):
    """advance runs timers and moves both clocks."""
    rung, wall = [], gateway.clock.wall()
    gateway.clock.call_later(5.0, rung.append, "timer")
    gateway.advance(4.9)
    assert rung == []
    gateway.advance(0.1)
    assert (rung, gateway.clock.now(), gateway.clock.wall() - wall) == (["timer"], 5.0, 5.0)


def test_a_udp_socket_stays_on_loopback(gateway):
    """Datagrams reach the plugin, and what it sends elsewhere is remembered and not sent."""
    sock = result(gateway.host.bind_udp(Endpoint(IPv4Address("0.0.0.0"), 67), "eth1"))
    peer = result(gateway.host.bind_udp(Endpoint(IPv4Address("127.0.0.1"), 68)))
    opening = gateway.host.udp[0]
    assert (opening.endpoint.port, opening.interface) == (67, "eth1")
    peer.sendto(b"hello", opening.real)
    assert sock.recvfrom(100) == (b"hello", peer.getsockname())
    assert sock.sendto(b"out", ("198.51.100.1", 53)) == 3
    gateway.host.reach[Endpoint(IPv4Address("198.51.100.1"), 53)] = peer.getsockname()
    sock.sendto(b"in", ("198.51.100.1", 53))
    assert opening.socket.sent == [(b"out", ("198.51.100.1", 53)), (b"in", ("198.51.100.1", 53))]
    assert peer.recv(100) == b"in"


def test_frames_pass_between_plugin_and_test(gateway):
    """A packet socket and a TUN device are the plugin's end of a pair."""
    packet = result(gateway.host.open_packet("eth1", PacketFilter(0x0800, 67)))
    packet.send(b"frame")
    assert gateway.host.packet[0].frames() == [b"frame"]
    result(gateway.host.open_tun("icsh0", 1500))
    gateway.host.tun[0].peer.send(b"packet")
    assert gateway.host.tun[0].socket.recv(100) == b"packet"


def test_tcp_is_loopback(gateway):
    """connect reaches what listens, with mark and source on record, and is refused elsewhere."""
    where = Endpoint(IPv4Address("192.168.0.1"), 80)
    assert isinstance(result(gateway.host.connect(where)), ConnectFailed)
    listener = result(gateway.host.listen(where))
    result(gateway.host.connect(where, mark=7)).send(b"x")
    listener.setblocking(True)
    with listener.accept()[0] as accepted:
        assert accepted.recv(1) == b"x"
    assert gateway.host.connected == [(where, 0, None), (where, 7, None)]


def test_the_host_fails_on_request(gateway):
    """An error put in ``fail`` is what the method fails with."""
    gateway.host.fail["bind_udp"] = PortTaken("port 67 is taken by dnsmasq")
    assert isinstance(result(gateway.host.bind_udp(Endpoint(PC, 67))), PortTaken)
    assert gateway.host.open_sockets == []


def test_interfaces_come_and_go(gateway):
    """A watcher hears of the interface as it is and of each change, until it ends."""
    seen = []
    unwatch = gateway.host.watch_interface("eth1", seen.append)
    assert isinstance(result(gateway.host.interface("eth1")), InterfaceMissing)
    gateway.host.set_interface("eth1", ETH1)
    assert result(gateway.host.interface("eth1")) == ETH1
    gateway.host.set_interface("eth1", None)
    unwatch()
    gateway.host.set_interface("eth1", ETH1)
    assert seen == [None, ETH1, None]


def test_a_neighbour_answers_or_the_time_passes(gateway):
    """A probe for a used address answers with its MAC, else None after the time asked for."""
    gateway.host.neighbours[PC] = "02:00:00:00:00:10"
    assert result(gateway.host.neighbour_in_use("eth1", PC, 0.5)) == "02:00:00:00:00:10"
    seen = []
    gateway.host.neighbour_in_use("eth1", IPv4Address("192.168.0.11"), 0.5).addCallback(seen.append)
    gateway.advance(0.4)
    assert seen == []
    gateway.advance(0.1)
    assert seen == [None]


def test_mappings_are_granted_as_asked(gateway):
    """Used up or not, as many as wanted, odd stays odd; each port once, and free again when it is released."""

    def opened(port, **more):
        request = Open("t", "udp", Endpoint(PC, port), None, **more)
        return result(gateway.mappings.open("cable", request))

    first = opened(5004, count=2, once=False)
    assert (first.external.port, first.count, first.once) == (50000, 2, False)
    assert opened(5005, parity=True).external.port == 50003
    assert opened(5004).external.port == 50002
    gateway.mappings.release(first)
    gateway.mappings.release(first)
    assert opened(5006).external.port == 50000
    assert gateway.mappings.released == [(first, "keep")] * 2


def test_mappings_are_granted_until_refused(gateway):
    """open gives consecutive external ports; release takes them back; refuse is an error."""
    request, other = (Open("token", "tcp", Endpoint(PC, port), None) for port in (2000, 2001))
    first, second = (result(gateway.mappings.open("cable", one)) for one in (request, other))
    assert (first.external.port, second.external.port) == (50000, 50001)
    gateway.mappings.release(first, flows="end")
    assert gateway.mappings.granted == [second]
    gateway.mappings.refuse = MappingError("no port left")
    assert isinstance(result(gateway.mappings.open("cable", request)), MappingError)


def test_requests_wait_for_an_uplink(gateway):
    """request is answered when a link is there, or refused; watchers see each change."""
    seen, answers = [], []
    gateway.uplinks.watch(seen.append)
    gateway.uplinks.request(Cause("demand.wake")).addCallback(answers.append)
    assert answers == []
    view = UplinkView("cable", Up(LINK), True)
    gateway.uplinks.set(view)
    assert (answers, seen, gateway.uplinks.requested) == ([LINK], [None, view], [Cause("demand.wake")])
    gateway.uplinks.set(None)
    errors = []
    for rule in ("a", "b", "c"):
        gateway.uplinks.request(Cause(rule)).addErrback(lambda failure: errors.append(failure.type))
    gateway.uplinks.waiting[0][1].cancel()
    gateway.uplinks.fail_requests(UplinkRefused("no"), lambda cause: cause.rule == "c")
    assert [cause.rule for cause, _ in gateway.uplinks.waiting] == ["b"]
    assert errors == [CancelledError, UplinkRefused]
    gateway.uplinks.refuse = UplinkRefused("limits.time")
    assert isinstance(result(gateway.uplinks.request(Cause("x"))), UplinkRefused)


def test_leases_are_seen(gateway):
    """A watcher gets what is there and every change."""
    gateway.leases.publish(LEASE)
    seen = []
    gateway.leases.watch(lambda lease, granted: seen.append((lease, granted)))
    gateway.leases.withdraw(PC, "home")
    assert seen == [(LEASE, True), (LEASE, False)]
    assert (gateway.leases.find(PC), gateway.leases.all()) == (None, [])


def test_names_are_withdrawn_by_owner(gateway):
    """An owner's withdrawal takes its names and no other's, and says so with empty records."""
    gateway.names.publish("dhcp.home", "pc", [PC], 60)
    gateway.names.publish("other", "nas", [PC], 60)
    seen = []
    gateway.names.watch(seen.append)
    gateway.names.withdraw("dhcp.home")
    assert seen[2:] == [NameRecord("dhcp.home", "pc", (), 0)]
    assert list(gateway.names.records) == [("other", "nas")]
    gateway.names.resolved(PC, "example.com", [IPv4Address("192.0.2.1")], 60)
    assert gateway.names.lookup(PC, IPv4Address("192.0.2.1")) == "example.com"


def test_events_are_recorded(gateway):
    """Every event is kept in order with its fields and reaches watchers."""
    gateway.events.emit("dhcp.exhausted", lan="home", mac="02:00:00:00:00:10")
    seen = []
    gateway.events.watch(seen.append)
    gateway.events.emit("dhcp.conflict", lan="home")
    assert gateway.events.ids() == ["dhcp.exhausted", "dhcp.conflict"] == [event.id for event in seen]
    assert gateway.events.said("dhcp.conflict") == [{"lan": "home"}]
    assert [(e.owner, e.seq) for e in seen] == [("dhcp", 1), ("dhcp", 2)]


def test_a_reader_hears_what_is_sent(gateway):
    """turn serves ready descriptors until none is."""
    sock = result(gateway.host.bind_udp(Endpoint(PC, 67)))
    heard, readers = [], Readers()

    class Reader:
        def fileno(self):
            return sock.fileno()

        def doRead(self):
            heard.append(sock.recv(100))

    readers.addReader(Reader())
    for word in (b"a", b"b"):
        sock.sendto(word, gateway.host.udp[0].real)
    readers.turn()
    assert heard == [b"a", b"b"]


def test_a_memory_store_outlives_its_gateway():
    """What one gateway wrote, the next finds; a held write is not acknowledged; a failing disk fails."""
    store = MemoryStore()
    journal = result(FakeGateway("dhcp", store).store.open("leases", 1))
    journal.append({"n": 1})
    store.held = True
    acknowledged = []
    journal.append({"n": 2}).addCallback(acknowledged.append)
    assert (acknowledged, journal.load()) == ([], [{"n": 1}])
    store.flush()
    assert acknowledged == [2]
    again = result(FakeGateway("dhcp", store).store.open("leases", 1))
    assert again.load() == [{"n": 1}, {"n": 2}]
    store.held, store.fail = False, StoreError("disk full")
    assert isinstance(result(again.append({"n": 3})), StoreError)
