"""One LAN being served: what becomes of each action (most of it is shown in test_service.py)."""

from ipaddress import IPv4Address, IPv4Interface

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from ics_plugins.lan.dhcp.actions import LeaseChanged, LeaseEnded, Reply, Say
from ics_plugins.lan.dhcp.config import DhcpConfig
from ics_plugins.lan.dhcp.leases import Lease
from ics_plugins.lan.dhcp.server import DhcpServer
from ics_plugins.lan.dhcp.serving import NAME_TTL, LanServing
from ics_plugins.lan.dhcp.settings import settings_for
from icsframework.protocols.dhcp.frame import FrameBuilder
from icsframework.protocols.dhcp.message import Message
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.values import Endpoint, Lan, NameRecord, PacketFilter

LAN = Lan("home", "eth1", 2, "02:00:5e:00:53:fe", IPv4Interface("192.168.0.1/24"))
A0 = IPv4Address("192.168.0.100")
MESSAGE = Message(2, 1, b"\x02\0\0\0\0\x01", {53: b"\x05"})


class Stand:
    """A LanServing whose journal answers when told."""

    def __init__(self):
        self.gateway = FakeGateway("dhcp")
        self.records = []
        self.waiting = []
        sockets = []
        self.gateway.host.bind_udp(Endpoint(IPv4Address(0), 67), "eth1").addCallback(sockets.append)
        self.gateway.host.open_packet("eth1", PacketFilter(0x0800, 68)).addCallback(sockets.append)
        reservation = {"mac": "02:00:00:00:00:09", "address": "192.168.0.9", "hostname": "nas"}
        config = DhcpConfig.model_validate({"probe": 0, "reservations": [reservation]})
        self.server = DhcpServer(settings_for(LAN, config), 0.0, lambda: 1)
        self.serving = LanServing(self.gateway, Readers(), self.append, LAN, self.server, tuple(sockets))

    def append(self, record):
        self.records.append(record)
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def bind(self, address, hostname, host=1, renewed=False):
        """A lease in the table and on disk."""
        mac = bytes((2, 0, 0, 0, 0, host))
        lease = Lease(int(IPv4Address(address)), mac, mac, hostname, 60.0, 60)
        self.server.table.put(lease)
        self.serving._perform([LeaseChanged(lease, renewed)])
        self.waiting.pop().callback(1)
        return lease

    @property
    def names(self):
        return {r.host: str(r.addresses[0]) for r in self.gateway.names.records.values()}


@pytest.fixture
def stand():
    """A LAN being served."""
    stand = Stand()
    yield stand
    stand.serving.close()
    stand.gateway.close()


def test_replies_wait_for_the_disk_only_behind_a_lease(stand):
    """A reply before a LeaseChanged leaves at once, one behind it when the record is written."""
    lease = Lease(int(A0), b"c", b"\x02\0\0\0\0\x01", "", 60.0, 60)
    stand.server.table.put(lease)
    reply = Reply(MESSAGE, b"\x02\0\0\0\0\x01", int(A0))
    frames = stand.gateway.host.packet[0].frames
    stand.serving._perform([reply, LeaseChanged(lease, False), reply])
    assert len(frames()) == 1
    stand.waiting[0].callback(1)
    assert len(frames()) == 1


def test_a_lease_that_ended_while_it_was_written_is_not_published(stand):
    """The table has the last word."""
    lease = Lease(int(A0), b"c", b"\x02\0\0\0\0\x01", "pc", 60.0, 60)
    stand.server.table.put(lease)
    stand.serving._perform([LeaseChanged(lease, False)])
    stand.server.table.remove(int(A0))
    stand.waiting[0].callback(1)
    assert (stand.gateway.leases.all(), stand.gateway.events.ids()) == ([], [])


def test_two_clients_of_one_name(stand):
    """The first has it; when its lease ends the second gets it at its renewal."""
    first = stand.bind("192.168.0.100", "pc", 1)
    stand.bind("192.168.0.101", "pc", 2)
    assert stand.names == {"pc": "192.168.0.100"}
    stand.serving._perform([LeaseEnded(first, "expired")])
    assert stand.names == {}
    stand.bind("192.168.0.101", "pc", 2, renewed=True)
    assert stand.names == {"pc": "192.168.0.101"}


def test_a_reserved_name_is_taken_from_a_stranger(stand):
    """Whoever called itself so loses the name to its owner."""
    stand.bind("192.168.0.100", "nas", 1)
    stand.bind("192.168.0.9", "nas", 9)
    assert stand.names == {"nas": "192.168.0.9"}


def test_a_client_that_changes_its_name(stand):
    """The old name is withdrawn, the new one published, once each."""
    told = []
    stand.gateway.names.watch(told.append)
    stand.bind("192.168.0.100", "old")
    stand.bind("192.168.0.100", "old", renewed=True)
    stand.bind("192.168.0.100", "new", renewed=True)
    owner = "dhcp.home"
    assert told == [
        NameRecord(owner, "old", (A0,), NAME_TTL), NameRecord(owner, "old", (), 0), NameRecord(owner, "new", (A0,), NAME_TTL)
    ]  # fmt: skip


def test_what_an_end_leaves_in_the_journal(stand):
    """Expiry needs no record; a release is the lease as it ended; what is to be forgotten is removed."""
    lease = stand.bind("192.168.0.100", "pc")
    stand.records.clear()
    stand.serving._perform([LeaseEnded(lease, "expired")])
    stand.serving._perform([LeaseEnded(lease, "released"), LeaseEnded(lease, "declined", forget=True)])
    assert [(r["address"], r.get("removed", False)) for r in stand.records] == [
        ("192.168.0.100", False), ("192.168.0.100", True)
    ]  # fmt: skip


def test_events_are_passed_on(stand):
    """What the server says is said."""
    stand.serving._perform([Say("dhcp.exhausted", {"lan": "home", "mac": "02:00:00:00:00:01"})])
    assert stand.gateway.events.said("dhcp.exhausted") == [{"lan": "home", "mac": "02:00:00:00:00:01"}]


def test_a_frame_that_cannot_leave_is_counted(stand):
    """The interface is gone: no exception, a counter."""
    stand.gateway.host.packet[0].peer.close()
    stand.serving._perform([Reply(MESSAGE, b"\x02\0\0\0\0\x01", int(A0))])
    assert stand.server.counters["unsent"] == 1


def test_a_defect_costs_one_answer(stand):
    """An exception never reaches the reactor; what came with that message is served, and the log is bounded."""

    def defective(message, now):
        if message.xid == 1:
            raise IndexError("a defect")
        return [Say("dhcp.exhausted", {"mac": "", "lan": "home"})]

    stand.server.receive = stand.server.overheard = defective
    odd, even = (Message(1, xid, b"\x02\0\0\0\0\x01", {53: b"\x01"}).to_wire() for xid in (1, 2))
    with capturedLogs() as logged:
        stand.serving._requests([odd, even, odd, odd, odd, odd])
        reply = FrameBuilder(b"\x02" * 6, 1, 67, 68).build(b"\xff" * 6, 0xFFFFFFFF, MESSAGE.to_wire())
        stand.serving._frames([reply])
    assert [event["count"] for event in logged] == [1, 2, 4]
    assert (stand.gateway.events.ids(), stand.server.counters["defects"]) == (["dhcp.exhausted"], 6)
