"""Hostile networks for the DHCP client of an uplink: any bytes on the wire, and any server in any order."""

import itertools
from ipaddress import IPv4Address

from hypothesis import given, settings
from hypothesis import strategies as st

from ics_plugins.uplinks.ethernet.actions import Bound, Check, Lost, State, Transmit
from ics_plugins.uplinks.ethernet.client import DhcpClient
from ics_plugins.uplinks.ethernet.config import EthernetConfig
from ics_plugins.uplinks.ethernet.lease import Lease, read_lease
from ics_plugins.uplinks.ethernet.uplink import EthernetUplink
from icsframework.errors import WireError
from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.frame import FrameBuilder
from icsframework.protocols.dhcp.message import BOOTREPLY, Message, MessageType
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.values import Cause, InterfaceInfo, UplinkSettings

MAC = bytes.fromhex("02005e005301")
SERVERS = ("203.0.113.1", "203.0.113.2")
ADDRESSES = ("203.0.113.100", "203.0.113.101", "0.0.0.0", "224.0.0.1")
VERDICTS = (MessageType.ACK, MessageType.NAK)

answers = st.tuples(
    st.just("hears"),
    st.sampled_from([MessageType.OFFER, *VERDICTS]),
    st.sampled_from(SERVERS),
    st.sampled_from(ADDRESSES),
    st.sampled_from([0, 1, 10, 60, 3600, 2**32 - 1]),
    st.sampled_from([None, 0, 1, 7, 1000]),
    st.booleans(),
)
"""What a server says: kind, server, address, lease time, T1, and whether it answers the newest message."""
steps = st.one_of(
    answers,
    answers,
    st.tuples(st.just("waits"), st.floats(0, 100)),
    st.tuples(st.just("timer")),
    st.tuples(st.just("checked"), st.sampled_from([None, "02:00:5e:00:53:99"])),
    st.tuples(st.just("releases")),
    st.tuples(st.just("starts")),
)


class Watched:
    """A client, and everything that must be true whatever happens."""

    def __init__(self, chance):
        self.now, self.xids = 1000.0, 0
        self.client = DhcpClient(MAC, b"\xffid", b"", self.number, lambda: chance)
        self.last_xid, self.old_xid = 0, 0
        self.sent = []
        self.acknowledged = {}
        self.chosen = None
        self.checking = None
        self.checked_free = set()
        self.used = None

    def number(self):
        self.xids += 1
        return self.xids

    def told(self, actions):
        for action in actions:
            match action:
                case Transmit(message, _):
                    self.transmitted(message)
                case Check(lease):
                    self.checking = lease
                    self.must_be_acknowledged(lease)
                case Bound(lease):
                    self.must_be_acknowledged(lease)
                    assert lease.address.ip == self.used or lease.address.ip in self.checked_free
                    assert self.now < lease.expires
                    self.used = lease.address.ip
                case Lost():
                    self.used = None
                    assert self.client.deadline() is None
        deadline = self.client.deadline()
        assert deadline is None or deadline > self.now
        if (
            self.used is not None
            and self.client.lease is not None
            and self.client.state is not State.CHECKING
        ):
            assert deadline <= self.client.lease.expires + 1
        idle = self.client.state in (State.INIT, State.CHECKING)
        assert idle or deadline is not None  # it never falls asleep

    def transmitted(self, message):
        kind = message.message_type
        if kind in (MessageType.DISCOVER, MessageType.REQUEST):
            self.sent.append((self.now, kind, self.client.state))
        if kind is MessageType.REQUEST and options.SERVER_IDENTIFIER in message.options:
            self.chosen = IPv4Address(message.options[options.SERVER_IDENTIFIER])
        elif kind is MessageType.REQUEST:
            self.chosen = None
        self.old_xid, self.last_xid = self.last_xid, message.xid

    def must_be_acknowledged(self, lease):
        """The address is in an ACK of the server that was asked (or of any, where all were)."""
        assert (lease.server, lease.address.ip) in self.acknowledged
        assert self.acknowledged[lease.server, lease.address.ip] == self.now or lease is self.checking
        assert self.chosen in (None, lease.server)

    def hears(self, kind, server, address, seconds, renewal, newest):
        found = {
            options.MESSAGE_TYPE: bytes((kind,)),
            options.SERVER_IDENTIFIER: IPv4Address(server).packed,
            options.LEASE_TIME: seconds.to_bytes(4, "big"),
            options.SUBNET_MASK: IPv4Address("255.255.255.0").packed,
            options.ROUTER: IPv4Address(server).packed,
        }
        if renewal is not None:
            found[options.RENEWAL_TIME] = renewal.to_bytes(4, "big")
        xid = self.last_xid if newest else self.old_xid
        if kind is MessageType.ACK and xid == self.last_xid:
            self.acknowledged[IPv4Address(server), IPv4Address(address)] = self.now
        message = Message(BOOTREPLY, xid, MAC, found, yiaddr=int(IPv4Address(address)))
        self.told(self.client.received(message, self.now))

    def waits(self, seconds):
        """Time passes; timers run when they are due."""
        end = self.now + seconds
        while (deadline := self.client.deadline()) is not None and deadline <= end:
            self.now = deadline
            self.told(self.client.timeout(self.now))
        self.now = end

    def timer(self):
        """Time passes to the client's own next time."""
        if self.client.deadline() is not None:
            self.waits(self.client.deadline() - self.now)

    def checked(self, in_use_by):
        if self.checking is not None and self.client.state is State.CHECKING:
            checking = self.checking
            if in_use_by is None:
                self.checked_free.add(checking.address.ip)
            self.told(self.client.checked(checking, in_use_by, self.now))
            self.checking = None

    def releases(self):
        actions = self.client.release()
        assert bool(actions) == (self.used is not None and self.checking is None)
        self.told(actions)
        self.used, self.checking = None, None
        assert self.client.deadline() is None

    def starts(self):
        """As the supervisor does it: only from rest, and after a second."""
        if self.client.state is State.INIT and self.client.deadline() is None:
            self.now += 1
            self.checking = None
            self.told(self.client.start(self.now))


@given(st.lists(steps, max_size=60), st.floats(0, 1, exclude_max=True))
@settings(max_examples=300)
def test_no_server_can_break_the_rules(script, chance):
    """The address in use was acknowledged by whom we asked and was free; a deadline is ahead, or it rests; no shouting."""
    watched = Watched(chance)
    watched.told(watched.client.start(watched.now))
    for name, *arguments in script:
        getattr(watched, name)(*arguments)
    quiet(watched.sent)


def quiet(sent):
    """No two messages of one kind without time between them, and never more than four of any within a second."""
    for (before, kind, state), (now, next_kind, next_state) in itertools.pairwise(sent):
        assert now > before or (kind, state) != (next_kind, next_state)
    times = [now for now, *_ in sent]
    for first, fifth in zip(times, times[4:], strict=False):
        assert fifth - first >= 0.9


@given(st.lists(st.sampled_from((*VERDICTS, MessageType.OFFER)), max_size=200))
def test_a_server_that_answers_at_once_gets_few_messages(kinds):
    """However it answers, without time passing it gets two messages at most: a DISCOVER and a REQUEST."""
    watched = Watched(0.5)
    watched.told(watched.client.start(watched.now))
    for kind in kinds:
        watched.hears(kind, SERVERS[0], ADDRESSES[0], 3600, None, True)
    assert len(watched.sent) <= 2


ETH0 = InterfaceInfo("eth0", 2, "02:00:5e:00:53:01", 1500, up=True, carrier=True)


class Opened:
    """An uplink that connects, on local sockets."""

    def __init__(self):
        self.gateway, self.reactor, self.reports = FakeGateway("uplink.cable"), Readers(), []
        self.uplink = EthernetUplink(
            UplinkSettings("cable", "eth0", EthernetConfig()), self.gateway, self.reports.append, self.reactor
        )
        self.gateway.host.set_interface("eth0", ETH0)
        self.uplink.startService()
        self.uplink.connect(Cause("command")).addErrback(lambda failure: None)
        self.peer = self.gateway.host.packet[0].peer

    def close(self):
        self.uplink.stopService()
        self.gateway.close()


payloads = st.one_of(
    st.binary(max_size=600),
    st.binary(max_size=300).map(lambda tail: Message(2, 7, MAC).to_wire()[:240] + tail),
)
frames = st.one_of(
    st.binary(min_size=1, max_size=1600),
    payloads.map(lambda payload: FrameBuilder(bytes(6), 1, 67, 68).build(MAC, 2, payload)),
)


@given(st.lists(frames, max_size=8))
def test_any_bytes_on_the_wire(sent):
    """Nothing is raised, nothing reported, nothing sent: only the counter of what is no DHCP message moves."""
    opened = Opened()
    try:
        opened.gateway.host.packet[0].frames()
        reports = list(opened.reports)
        for frame in sent:
            opened.peer.send(frame)
            opened.reactor.turn()
        assert opened.reports == reports
        assert opened.gateway.host.packet[0].frames() == []
        assert 0 <= opened.gateway.status.read()["malformed"] <= len(sent)
    finally:
        opened.close()


@given(st.dictionaries(st.integers(1, 254), st.binary(max_size=40), max_size=6), st.integers(0, 2**32 - 1))
def test_any_options_make_a_lease_or_a_reason(found, yiaddr):
    """A lease whose parts can be true, or a WireError."""
    base = {
        options.LEASE_TIME: b"\0\0\x0e\x10",
        options.SERVER_IDENTIFIER: b"\xcb\0\x71\x01",
        options.ROUTER: b"\xcb\0\x71\x01",
    }
    try:
        lease = read_lease(Message(2, 7, MAC, base | found, yiaddr=yiaddr), 0.0)
    except WireError:
        return
    assert isinstance(lease, Lease)
    assert 0 < lease.T1 <= lease.T2 < lease.expires
    assert lease.address.network.prefixlen > 0
    assert lease.router != lease.address.ip
    assert all(
        not (one.is_multicast or one.is_unspecified)
        for one in (lease.address.ip, lease.server, *lease.dns, *([lease.router] if lease.router else []))
    )
