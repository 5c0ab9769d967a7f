"""The allocator as a LAN service: sockets, journal, leases, names, events, reload and withdrawal."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface

import pytest
from twisted.internet.defer import fail
from zope.interface.verify import verifyObject

from ics_plugins.lan.dhcp import factory
from ics_plugins.lan.dhcp.config import DhcpConfig
from ics_plugins.lan.dhcp.service import COMPACT_AFTER, DhcpService
from icsframework.errors import ConfigurationError, HostError, PortTaken, StoreError
from icsframework.interfaces import ILanService
from icsframework.protocols.dhcp.frame import FrameBuilder, parse_frame
from icsframework.protocols.dhcp.message import Message, MessageType
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.testing.store import MemoryStore
from icsframework.values import Applied, Endpoint, Lan, LeaseView, PacketFilter

LAN = Lan("home", "eth1", 2, "02:00:5e:00:53:fe", IPv4Interface("192.168.0.1/24"))
GUESTS = Lan("guests", "eth2", 3, "02:00:5e:00:53:fd", IPv4Interface("10.0.0.1/24"))
US = IPv4Address("192.168.0.1").packed
PC = bytes.fromhex("02005e005301")
A0 = IPv4Address("192.168.0.100")


def result(deferred):
    """What a Deferred has fired with; a failure as its exception."""
    found = []
    deferred.addBoth(found.append)
    assert found, "the Deferred has not fired"
    return getattr(found[0], "value", found[0])


class Stand:
    """The service on fakes, and a client on the wire."""

    def __init__(self, store=None, clock=None):
        self.gateway = FakeGateway("dhcp", store, clock)
        self.readers = Readers()
        self.service = DhcpService(self.gateway, self.readers, lambda: 7)
        self.service.startService()

    def serve(self, lan=LAN, **config):
        done = result(self.service.serve(lan, DhcpConfig.model_validate({"probe": 0, **config})))
        if self.gateway.host.packet:
            self.frames()
        return done

    def send(self, kind, mac=PC, index=-1, **fields):
        """A datagram to port 67; the messages that come back."""
        options = {53: bytes((MessageType[kind],)), **fields.pop("options", {})}
        return self.raw(Message(1, 9, mac, options, **fields).to_wire(), index)

    def raw(self, data, index=-1):
        opening = self.gateway.host.udp[index]
        opening.socket.sendto(data, opening.real)
        self.readers.turn()
        return self.messages(index)

    def messages(self, index=-1):
        return [Message.from_wire(frame.payload) for frame in self.frames(index)]

    def frames(self, index=-1):
        return [parse_frame(frame) for frame in self.gateway.host.packet[index].frames()]

    def join(self, mac=PC, options=None):
        offered = self.send("DISCOVER", mac, options=options or {})[0]
        request = {50: offered.yiaddr.to_bytes(4, "big"), 54: US, **(options or {})}
        return self.send("REQUEST", mac, options=request)

    @property
    def counters(self):
        return self.gateway.status.read()["home"]["counters"]

    def close(self):
        result(self.service.stopService())
        self.gateway.close()


@pytest.fixture
def stand():
    """Makes Stands and closes them."""
    made = []

    def make(*args):
        made.append(Stand(*args))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_it_keeps_its_contract():
    """What the factory creates provides ILanService; other settings while running are no restart."""
    service = factory.create(FakeGateway("dhcp"))
    assert verifyObject(ILanService, service)
    assert isinstance(result(service.reconfigure(None)), Applied)


def test_serving_opens_one_port_in_and_one_out(stand):
    """UDP port 67 of the LAN's interface in, a packet socket for port 68 out, and a first look for other servers."""
    s = stand()
    assert result(s.service.serve(LAN, DhcpConfig())) is None
    udp, packet = s.gateway.host.udp[0], s.gateway.host.packet[0]
    assert (udp.endpoint, udp.interface) == (Endpoint(IPv4Address("0.0.0.0"), 67), "eth1")
    assert (packet.interface, packet.filter) == ("eth1", PacketFilter(0x0800, 68))
    look = s.frames()[0]
    assert (look.source, look.source_port, look.destination, look.destination_port) == (0, 68, 0xFFFFFFFF, 67)
    assert Message.from_wire(look.payload).message_type is MessageType.DISCOVER


def test_a_client_joins(stand):
    """Offer and acknowledgement leave as frames to the client; lease, name and event are told."""
    s = stand()
    s.serve()
    ack = s.join(options={12: b"PC-1"})
    assert [(m.message_type, m.yiaddr) for m in ack] == [(MessageType.ACK, int(A0))]
    assert s.gateway.leases.all() == [
        LeaseView(
            A0, "02:00:5e:00:53:01", "01:02:00:5e:00:53:01", "pc-1", s.gateway.clock.now() + 43200, "home"
        )
    ]
    assert [(r.host, r.addresses) for r in s.gateway.names.records.values()] == [("pc-1", (A0,))]
    assert s.gateway.events.said("dhcp.lease.granted") == [
        {"address": "192.168.0.100", "mac": "02:00:5e:00:53:01", "hostname": "pc-1", "lan": "home"}
    ]


def test_no_acknowledgement_before_the_lease_is_on_disk(stand):
    """With a slow disk offers still go out; the ACK, the name and the event wait for it."""
    store = MemoryStore()
    s = stand(store)
    s.serve()
    store.held = True
    assert s.join(options={12: b"pc"}) == []
    assert (s.gateway.leases.all(), s.gateway.names.records, s.gateway.events.ids()) == ([], {}, [])
    assert len(s.send("DISCOVER", b"\x02\0\0\0\0\x09")) == 1
    store.flush()
    assert [m.message_type for m in s.messages()] == [MessageType.ACK]
    assert s.gateway.events.ids() == ["dhcp.lease.granted"]


def test_a_failing_disk_acknowledges_nothing(stand):
    """The client gets no ACK and asks again; once the disk works it is served."""
    store = MemoryStore()
    s = stand(store)
    s.serve()
    store.fail = StoreError("disk full")
    assert s.join() == []
    assert s.counters["not_durable"] == 1
    store.fail = None
    assert [m.message_type for m in s.send("REQUEST", options={50: A0.packed, 54: US})] == [MessageType.ACK]


def test_a_restart_knows_every_lease(stand):
    """kill -9: the next start tells the leases and names again, renews them, and gives their addresses to nobody."""
    store = MemoryStore()
    first = stand(store)
    first.serve()
    first.join(options={12: b"pc"})
    second = stand(store, first.gateway.clock)
    second.serve()
    assert [lease.address for lease in second.gateway.leases.all()] == [A0]
    assert [r.host for r in second.gateway.names.records.values()] == ["pc"]
    assert second.join(b"\x02\0\0\0\0\x09")[0].yiaddr == int(A0) + 1
    assert [m.message_type for m in second.send("REQUEST", ciaddr=int(A0))] == [MessageType.ACK]


def test_a_released_lease_stays_released(stand):
    """Also after a restart; the client gets its previous address again."""
    store = MemoryStore()
    first = stand(store)
    first.serve()
    first.join(options={12: b"pc"})
    first.send("RELEASE", ciaddr=int(A0))
    assert (first.gateway.leases.all(), first.gateway.names.records) == ([], {})
    assert first.gateway.events.ids() == ["dhcp.lease.granted", "dhcp.lease.released"]
    second = stand(store, first.gateway.clock)
    second.serve()
    assert second.gateway.leases.all() == []
    other = second.send("DISCOVER", b"\x02\0\0\0\0\x09")
    mine = second.send("DISCOVER")
    assert (other[0].yiaddr, mine[0].yiaddr) == (int(A0) + 1, int(A0))


def test_leases_expire_by_the_clock(stand):
    """At its end the lease and its name are gone and the event says so, without a datagram."""
    s = stand()
    s.serve(lease="1h")
    s.join(options={12: b"pc"})
    s.gateway.advance(3599)
    assert len(s.gateway.leases.all()) == 1
    s.gateway.advance(1)
    assert (s.gateway.leases.all(), s.gateway.names.records) == ([], {})
    assert s.gateway.events.ids()[-1] == "dhcp.lease.expired"


def test_an_untrusted_clock_ends_no_lease(stand):
    """Started with a clock of 1970 the leases still hold."""
    store = MemoryStore()
    first = stand(store)
    first.serve()
    first.join()
    second = stand(store)
    second.gateway.clock.boot = "the next boot"
    second.gateway.clock.wall_offset, second.gateway.clock.wall_trusted = 0.0, False
    second.serve()
    assert [lease.address for lease in second.gateway.leases.all()] == [A0]


@pytest.mark.parametrize("jump", [-1e9, -18000.0, 18000.0, 1e9])
def test_a_jump_of_the_wall_clock_moves_no_end(stand, jump):
    """Hours and years, both ways, with a restart after it: the lease ends when it would have ended."""
    store = MemoryStore()
    first = stand(store)
    first.serve(lease="1h")
    first.join()
    first.gateway.advance(600)
    first.gateway.clock.wall_offset += jump
    second = stand(store, first.gateway.clock)
    second.serve(lease="1h")
    assert [lease.expires for lease in second.gateway.leases.all()] == [3600.0]
    for s in (first, second):
        assert len(s.gateway.leases.all()) == 1
    second.gateway.advance(2999)
    assert len(second.gateway.leases.all()) == 1
    second.gateway.advance(1)
    assert second.gateway.leases.all() == []


def test_probing_before_the_offer(stand):
    """The LAN is asked first; an answer of somebody else means another address, said as an event."""
    s = stand()
    s.gateway.host.neighbours[A0] = "02:00:5e:00:53:09"
    s.serve(probe="400ms")
    assert s.send("DISCOVER") == []
    s.gateway.advance(0.4)
    assert [m.yiaddr for m in s.messages()] == [int(A0) + 1]
    assert [probe[:2] for probe in s.gateway.host.probed] == [
        ("eth1", A0),
        ("eth1", IPv4Address("192.168.0.101")),
    ]
    assert s.gateway.events.ids() == ["dhcp.conflict"]


def test_a_host_that_cannot_probe_is_no_obstacle(stand):
    """The offer is made all the same, and it is counted."""
    s = stand()
    s.gateway.host.fail["neighbour_in_use"] = HostError("no ARP here")
    s.serve(probe="400ms")
    assert [m.yiaddr for m in s.send("DISCOVER")] == [int(A0)]
    assert s.counters["probes_failed"] == 1


def test_garbage_is_counted_and_survived(stand):
    """Whatever arrives at port 67 or as a frame to port 68 is at most a counter."""
    s = stand()
    s.serve()
    for data in (b"", b"x", bytes(300), b"\xff" * 1500):
        assert s.raw(data) == []
    s.gateway.host.packet[0].peer.send(b"noise")
    s.readers.turn()
    assert s.counters["malformed"] == 5
    assert len(s.join()) == 1


def test_another_server_is_heard_on_the_wire(stand):
    """Its OFFER to port 68 is an event, and new clients are left to it."""
    s = stand()
    s.serve()
    offer = Message(2, 7, PC, {53: b"\x02", 54: b"\xc0\xa8\0\x09"}).to_wire()
    s.gateway.host.packet[0].peer.send(
        FrameBuilder(PC, 0xC0A80009, 67, 68).build(b"\xff" * 6, 0xFFFFFFFF, offer)
    )
    s.readers.turn()
    assert s.gateway.events.said("dhcp.foreign_server") == [{"server": "192.168.0.9", "lan": "home"}]
    assert s.send("DISCOVER") == []
    s.gateway.advance(2)
    assert s.counters["looks"] == 2


def test_serving_again_changes_without_a_gap(stand):
    """The same sockets go on, with the new settings and all leases; names follow a reservation."""
    s = stand()
    s.serve()
    s.join(options={12: b"pc"})
    entry = {"mac": "02:00:5e:00:53:02", "address": "192.168.0.7", "hostname": "nas"}
    s.serve(reservations=[entry], lease="1h")
    assert (len(s.gateway.host.udp), len(s.readers.readers)) == (1, 2)
    ack = s.send("REQUEST", ciaddr=int(A0))[0]
    assert ack.options[51] == b"\0\0\x0e\x10"
    assert s.join(bytes.fromhex("02005e005302"))[0].yiaddr == int(IPv4Address("192.168.0.7"))
    assert {r.host for r in s.gateway.names.records.values()} == {"pc", "nas"}


def test_a_new_interface_gets_new_sockets(stand):
    """The interface was made anew: the new sockets are open before the old ones are closed."""
    s = stand()
    s.serve()
    s.join()
    s.serve(replace(LAN, ifindex=9, mac="02:00:5e:00:53:aa"))
    assert (len(s.gateway.host.udp), len(s.gateway.host.open_sockets)) == (2, 2)
    s.send("REQUEST", ciaddr=int(A0))
    s.send("REQUEST", ciaddr=int(A0))
    assert s.gateway.host.udp[0].socket.fileno() == -1


def test_another_network_ends_the_old_leases(stand):
    """Renumbering: the leases of the old network are withdrawn everywhere, also in the journal."""
    store = MemoryStore()
    s = stand(store)
    s.serve()
    s.join(options={12: b"pc"})
    s.serve(replace(LAN, address=IPv4Interface("10.9.0.1/24")))
    assert (s.gateway.leases.all(), s.gateway.names.records) == ([], {})
    assert s.send("DISCOVER")[0].yiaddr == int(IPv4Address("10.9.0.100"))
    again = stand(store, s.gateway.clock)
    again.serve()
    assert again.gateway.leases.all() == []


def test_withdraw_leaves_nothing_but_the_journal(stand):
    """Sockets, timers, leases and names are gone; served again the leases are back."""
    s = stand()
    s.serve()
    s.join(options={12: b"pc"})
    assert result(s.service.withdraw(LAN)) is None
    assert (s.gateway.host.open_sockets, s.readers.readers) == ([], [])
    assert (s.gateway.leases.all(), s.gateway.names.records, s.gateway.clock.clock.getDelayedCalls()) == (
        [],
        {},
        [],
    )
    assert result(s.service.withdraw(LAN)) is None
    s.serve()
    assert [lease.address for lease in s.gateway.leases.all()] == [A0]


def test_an_ack_on_its_way_when_the_lan_is_withdrawn(stand):
    """The disk answers after the sockets are closed: nothing is sent and nothing published."""
    store = MemoryStore()
    s = stand(store)
    s.serve()
    store.held = True
    s.join()
    s.service.withdraw(LAN)
    store.flush()
    assert s.gateway.leases.all() == []


def test_two_lans_keep_their_leases_apart(stand):
    """One service, one journal, two LANs: the same client has a lease in each, and status shows both."""
    s = stand()
    s.serve()
    s.serve(GUESTS)
    s.send("REQUEST", index=0, options={50: A0.packed, 54: US})
    s.send("REQUEST", index=1, options={50: b"\x0a\0\0\x64", 54: b"\x0a\0\0\x01"})
    assert [(x.lan, str(x.address)) for x in s.gateway.leases.all()] == [
        ("guests", "10.0.0.100"), ("home", "192.168.0.100")
    ]  # fmt: skip
    assert sorted(s.gateway.status.read()) == ["guests", "home"]


def test_a_relay_is_answered_by_the_kernels_way(stand):
    """The reply to giaddr goes out of the UDP socket, port 67 to port 67."""
    s = stand()
    s.serve()
    relay = int(IPv4Address("192.168.0.8"))
    assert s.send("DISCOVER", giaddr=relay) == []
    sent = [to for _, to in s.gateway.host.udp[0].socket.sent if to[0] == "192.168.0.8"]
    assert sent == [("192.168.0.8", 67)]


def test_errors_come_from_serve(stand):
    """A taken port, no packet socket, a broken store, a LAN without IPv4: each fails with its own error and leaves no socket."""
    s = stand()
    for method in ("bind_udp", "open_packet"):
        s.gateway.host.fail = {method: PortTaken("port 67 on eth1 is taken by dnsmasq")}
        assert isinstance(s.serve(), PortTaken)
    s.gateway.host.fail = {}
    assert s.gateway.host.open_sockets == []
    assert s.serve(replace(LAN, address=IPv4Interface("192.168.0.1/24"))) is None
    broken = stand()
    broken.gateway.store = type("Broken", (), {"open": lambda *a: fail(StoreError("no disk"))})()
    assert isinstance(broken.serve(), StoreError)
    assert broken.gateway.host.open_sockets == []
    assert isinstance(s.serve(replace(LAN, address=IPv6Interface("fd00::1/64"))), ConfigurationError)


def test_the_journal_is_compacted(stand):
    """After thousands of renewals it holds what is true now, that of LANs not served too, and a restart reads it."""
    store = MemoryStore()
    s = stand(store)
    s.serve(GUESTS)
    s.send("REQUEST", options={50: b"\x0a\0\0\x64", 54: b"\x0a\0\0\x01"})
    s.service.withdraw(GUESTS)
    s.serve()
    s.join()
    for _ in range(COMPACT_AFTER + 10):
        s.send("REQUEST", ciaddr=int(A0))
    records = s.service._opened.load()
    assert 2 <= len(records) < 100
    again = stand(store, s.gateway.clock)
    again.serve()
    again.serve(GUESTS)
    assert [str(x.address) for x in again.gateway.leases.all()] == ["10.0.0.100", "192.168.0.100"]


def test_stop_and_start_again(stand):
    """A stopped service has nothing open; started again it serves."""
    s = stand()
    s.serve()
    s.join()
    result(s.service.stopService())
    assert s.gateway.host.open_sockets == []
    s.service.startService()
    s.serve()
    assert [lease.address for lease in s.gateway.leases.all()] == [A0]
