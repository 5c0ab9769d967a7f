"""Random conversations: whatever clients send in whatever order, no address has two holders and none is outside the pool."""

from ipaddress import IPv4Address, IPv4Interface

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ics_plugins.lan.dhcp.actions import LeaseChanged, LeaseEnded, Probe, Reply
from ics_plugins.lan.dhcp.config import DhcpConfig
from ics_plugins.lan.dhcp.leases import Moment, record_of, removal_of, replay
from ics_plugins.lan.dhcp.replies import wire_of
from ics_plugins.lan.dhcp.server import DhcpServer
from ics_plugins.lan.dhcp.settings import settings_for
from icsframework.errors import WireError
from icsframework.protocols.dhcp.message import Message, MessageType
from icsframework.values import Lan

LAN = Lan("home", "eth1", 2, "02:00:5e:00:53:fe", IPv4Interface("192.168.0.1/24"))
BASE = int(IPv4Address("192.168.0.0"))
ADDRESSES = st.sampled_from([0, BASE + 1, BASE + 10, *range(BASE + 99, BASE + 106), 0x0A000001])
RESERVED = {"mac": "02:00:5e:00:53:01", "address": "192.168.0.10", "hostname": "printer"}
SMALL = {"range": ["192.168.0.100", "192.168.0.104"], "lease": "5m"}
CONFIGS = [
    {**SMALL, "probe": 0},
    {**SMALL, "probe": "400ms", "authoritative": True},
    {**SMALL, "probe": 0, "reservations": [RESERVED]},
    {**SMALL, "range": ["192.168.0.102", "192.168.0.105"], "probe": 0},
]


def packed(address):
    return address.to_bytes(4, "big")


options = st.fixed_dictionaries(
    {53: st.sampled_from([bytes((kind,)) for kind in MessageType])},
    optional={
        50: ADDRESSES.map(packed) | st.binary(max_size=5),
        54: st.sampled_from([packed(BASE + 1), packed(BASE + 2), b""]),
        61: st.sampled_from([b"\x01one", b"\x01two", b""]),
        12: st.binary(max_size=20),
        51: st.sampled_from([packed(60), packed(200), b"x"]),
        55: st.binary(max_size=8),
        81: st.binary(max_size=12),
        82: st.binary(max_size=8),
    },
)
messages = st.builds(
    Message,
    op=st.sampled_from([1, 1, 1, 1, 2]),
    xid=st.just(7),
    chaddr=st.integers(0, 6).map(lambda host: bytes((2, 0, 0x5E, 0, 0x53, host)) if host else bytes(6)),
    options=options,
    flags=st.sampled_from([0, 0x8000]),
    ciaddr=ADDRESSES,
    yiaddr=st.just(0),
    siaddr=st.just(0),
    giaddr=st.sampled_from([0, 0, 0, BASE + 8, BASE + 1, 0x0A000001]),
    secs=st.just(0),
    hops=st.just(0),
    htype=st.sampled_from([1, 1, 6]),
    sname=st.just(b""),
    file=st.just(b""),
)
clients = st.tuples(
    st.just("client"),
    st.integers(1, 4),
    st.sampled_from(["join", "discover", "take", "renew", "reboot", "release", "decline"]),
)
steps = (
    clients
    | clients
    | messages
    | st.tuples(st.just("wait"), st.sampled_from([0.0, 1.0, 31.0, 61.0, 150.0, 301.0, 601.0]))
    | st.tuples(st.just("probed"), st.none() | st.just(b"\x02" * 6))
    | st.tuples(st.just("reload"), st.sampled_from(CONFIGS))
)


class World:
    """A server, what it acknowledged, and its journal."""

    def __init__(self):
        self.now = 1000.0
        self.reload(CONFIGS[0], first=True)
        self.journal = []
        self.probes = []
        self.told = {}

    def reload(self, config, first=False):
        self.settings = settings_for(LAN, DhcpConfig.model_validate(config))
        if first:
            self.server = DhcpServer(self.settings, self.now, lambda: 1)
        else:
            self.carry_out(self.server.reconfigure(self.settings, self.now))

    def step(self, step):
        if isinstance(step, Message):
            self.carry_out(self.server.receive(step, self.now))
        elif step[0] == "client":
            self.client(*step[1:])
        elif step[0] == "wait":
            self.now += step[1]
            self.carry_out(self.server.expire(self.now))
            self.check_time()
        elif step[0] == "reload":
            self.reload(step[1])
        elif self.probes:
            self.carry_out(self.server.probed(self.probes.pop(0), step[1], self.now))

    def client(self, host, verb):
        """A client that behaves: it sends what fits what it was last told."""
        if verb == "join":
            self.client(host, "discover")
            verb = "take"
        address = self.told.get(host, BASE + 100)
        us = {54: packed(BASE + 1)}
        kind, ciaddr, more = {
            "discover": (1, 0, {50: packed(BASE + 101)}),
            "take": (3, 0, {50: packed(address), **us}),
            "renew": (3, address, {}),
            "reboot": (3, 0, {50: packed(address)}),
            "release": (7, address, us),
            "decline": (4, 0, {50: packed(address), **us}),
        }[verb]
        chaddr = bytes((2, 0, 0x5E, 0, 0x53, host))
        message = Message(1, 7, chaddr, {53: bytes((kind,)), **more}, ciaddr=ciaddr)
        self.carry_out(self.server.receive(message, self.now))

    def moment(self, boot="this boot"):
        """What the clocks show."""
        return Moment(self.now, self.now, True, boot)

    def carry_out(self, actions):
        bound = None
        for action in actions:
            if isinstance(action, LeaseChanged):
                bound = action.lease
                self.journal.append(record_of("home", action.lease, self.moment()))
            elif isinstance(action, LeaseEnded) and action.reason != "expired":
                ended = action.lease
                forgotten = removal_of("home", ended.address)
                self.journal.append(forgotten if action.forget else record_of("home", ended, self.moment()))
            elif isinstance(action, Probe):
                self.probes.append(action.address)
            elif isinstance(action, Reply):
                self.check_reply(action, bound)

    def check_reply(self, reply, bound):
        assert Message.from_wire(wire_of(reply)).xid == 7
        message = reply.message
        if message.yiaddr:
            self.told[message.chaddr[-1]] = message.yiaddr
            reserved = message.yiaddr == BASE + 10
            assert reserved or self.settings.first <= message.yiaddr <= self.settings.last
            assert message.yiaddr != self.settings.server
        if message.message_type is MessageType.ACK and message.yiaddr:
            assert bound is not None
            assert bound.address == message.yiaddr

    def check(self):
        table = self.server.table
        leases = list(table)
        assert (
            len({lease.client for lease in leases}) == len({lease.address for lease in leases}) == len(leases)
        )
        live = [lease for lease in leases if table.is_live(lease.address)]
        assert len(live) == table.live
        bindings = self.server._bindings
        held = {lease.address for lease in live}
        for lease in live:
            offer = bindings.offers.at(lease.address)
            assert offer is None or offer.client == lease.client
        assert not held & set(bindings.quarantine)
        taken = {a for a in (*held, *bindings.offers.addresses, *bindings.quarantine) if a in bindings._pool}
        assert bindings._pool._taken == taken
        for chaddr in {lease.chaddr for lease in leases}:
            assert table.live_of(chaddr) == sum(lease.chaddr == chaddr for lease in live)
        assert self.server._probing == len(self.probes)

    def check_time(self):
        """Once time was let pass, nothing is over that still counts."""
        assert self.server.deadline > self.now
        assert all(x.expires > self.now for x in self.server.table if self.server.table.is_live(x.address))

    def check_journal(self):
        """What a restart would find is what is."""
        self.carry_out(self.server.expire(self.now))
        table, odd = replay(self.journal, "home", self.moment("the next boot"))
        assert odd == 0
        ours = self.server.table

        def live(of):
            return {
                x.address: (x.client, round(x.expires, 2), x.hostname) for x in of if of.is_live(x.address)
            }

        assert live(table) == live(ours)


# Shrinking sixty steps takes longer than a test may; the steps of a failure are readable as they are.
@settings(max_examples=100, deadline=None, phases=[Phase.generate])
@given(st.lists(steps, min_size=20, max_size=60))
def test_any_conversation_keeps_the_table_sound(conversation):
    """One client an address, one address a client, inside the pool, durable before the ACK, and the journal tells the same."""
    world = World()
    for step in conversation:
        world.step(step)
        world.check()
    world.check_journal()


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_datagram_is_survived(noise):
    """Whatever the codec lets through the server answers or drops."""
    server = DhcpServer(settings_for(LAN, DhcpConfig()), 0.0, lambda: 1)
    fixed = Message(1, 7, b"\x02" * 6).to_wire()[:240]
    for data in (noise, fixed + noise, fixed + b"\x35\x01\x01" + noise, fixed + b"\x35\x01\x03" + noise):
        try:
            message = Message.from_wire(data)
        except WireError:
            continue
        for action in server.receive(message, 1.0):
            if isinstance(action, Reply):
                Message.from_wire(wire_of(action))
