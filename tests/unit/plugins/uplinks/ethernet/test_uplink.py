"""The uplink as the core sees it: every state it reports, from the cable to the lease, and what it promises."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

import pytest
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from ics_plugins.uplinks.ethernet import factory
from ics_plugins.uplinks.ethernet.config import EthernetConfig
from ics_plugins.uplinks.ethernet.uplink import EthernetUplink
from icsframework.errors import NoPrivilege, UplinkFailed
from icsframework.interfaces import IUplink, IUplinkFactory
from icsframework.protocols.dhcp.frame import FrameBuilder, parse_frame
from icsframework.protocols.dhcp.message import Message, MessageType
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.values import (
    Absent,
    Applied,
    Cause,
    Connecting,
    Down,
    Failed,
    InterfaceInfo,
    RestartMe,
    Up,
    UplinkSettings,
)

A, B, SERVER = "203.0.113.100", "203.0.113.101", IPv4Address("203.0.113.1")
MAC, NEIGHBOUR = "02:00:5e:00:53:01", "02:00:5e:00:53:99"
ETH0 = InterfaceInfo("eth0", 2, MAC, 1500, up=True, carrier=True)
CAUSE = Cause("command")
DHCP = UplinkSettings("cable", "eth0", EthernetConfig(), mark=0x10000)
STATIC = replace(
    DHCP,
    own=EthernetConfig.model_validate({"address": {"address": "203.0.113.5/24", "gateway": "203.0.113.1"}}),
)
NO_CARRIER = "absent: eth0 has no carrier; is the cable plugged in?"
MISSING = "absent: there is no interface eth0; plug it in, or correct interface: (ip link lists them)"


def described(state):
    """A state as a line."""
    match state:
        case Up(link):
            return f"up {', '.join(map(str, link.v4.addresses))} mtu {link.mtu}"
        case Connecting(stage):
            return f"connecting {stage}"
        case Failed(reason, retry_at):
            return f"failed: {reason}" + (f" until {retry_at:g}" if retry_at is not None else "")
        case Absent(reason) | Down(reason):
            return f"{state.name}: {reason}" if reason else state.name


class Stage:
    """An uplink, its gateway, what it reports, and a server that answers by hand."""

    def __init__(self, replies, settings=DHCP, gateway=None):
        self.replies = replies
        self.gateway = gateway or FakeGateway("uplink.cable")
        self.reactor, self.reports, self.outcomes, self.stages = Readers(), [], [], []
        self.last, self.then = None, lambda state: None
        self.uplink = EthernetUplink(settings, self.gateway, self._observe, self.reactor)

    def _observe(self, state):
        self.state = state
        if isinstance(state, Connecting):
            self.stages.append(state.stage)
        if not isinstance(state, Connecting) or state.stage == "dhcp":  # how far it is then, see ``stages``
            self.reports.append(described(state))
        self.then(state)

    def plug(self, info=ETH0):
        """The interface is (like) this."""
        self.gateway.host.set_interface("eth0", info)

    def start(self):
        """The service runs and the cable is in."""
        self.plug()
        self.uplink.startService()

    def connect(self):
        """Ask for the link; how it ends goes to ``outcomes``."""
        self.uplink.connect(CAUSE).addCallbacks(
            lambda link: self.outcomes.append(str(link.v4.addresses[0])),
            lambda failure: self.outcomes.append(
                f"{failure.check(UplinkFailed).__name__}: {failure.getErrorMessage()}"
            ),
        )

    def sent(self):
        """The DHCP messages that left by the newest packet socket since the last look."""
        frames = [frame for frame in self.gateway.host.packet[-1].frames() if frame[12:14] == b"\x08\x00"]
        messages = [Message.from_wire(parse_frame(frame).payload) for frame in frames]
        self.last = messages[-1] if messages else self.last
        return [
            message.message_type.name
            + (f" {IPv4Address(message.options[50])}" if 50 in message.options else "")
            for message in messages
        ]

    def hears(self, kind, xid=None, **fields):
        """A server's answer to the message seen last."""
        answer = self.replies(kind, self.last.xid if xid is None else xid, **fields)
        frame = FrameBuilder(bytes(6), int(SERVER), 67, 68).build(b"\xff" * 6, 0xFFFFFFFF, answer.to_wire())
        self.gateway.host.packet[-1].peer.send(frame)
        self.reactor.turn()

    def lease(self, **fields):
        """Whatever was asked is offered, acknowledged, found free."""
        self.sent()
        if self.last.message_type is MessageType.DISCOVER:
            self.hears("OFFER", **fields)
            self.sent()
        self.hears("ACK", **fields)
        self.gateway.advance(0.2)

    def up(self, **fields):
        """From nothing to a link; nothing of it stays in ``reports``."""
        self.start()
        self.connect()
        self.lease(**fields)
        assert isinstance(self.state, Up)
        self.reports.clear()

    def renewal(self):
        """The number of the message that the newest UDP socket sent."""
        return Message.from_wire(self.gateway.host.udp[-1].socket.sent[-1][0])

    def restarted(self, settings=DHCP, **changes):
        """The next process on the same machine, as it finds the interface."""
        self.gateway.host.close_all()
        following = FakeGateway("uplink.cable", self.gateway.store, self.gateway.clock)
        other = Stage(self.replies, settings, following)
        other.plug(replace(ETH0, **changes))
        other.uplink.startService()
        return other


@pytest.fixture
def stages(replies):
    """Makes stages, cleared at the end."""
    made = []

    def make(settings=DHCP, gateway=None):
        made.append(Stage(replies, settings, gateway))
        return made[-1]

    yield make
    for stage in made:
        stage.uplink.stopService()
        stage.gateway.close()


@pytest.fixture
def stage(stages):
    """A stage with DHCP."""
    return stages()


def test_the_contracts(stage):
    """Factory and uplink provide what they promise; the factory's uplink is one that does nothing yet."""
    assert verifyObject(IUplinkFactory, factory)
    assert verifyObject(IUplink, stage.uplink)
    assert factory.prepare(EthernetConfig(), None).is_ready
    made = factory.create(DHCP, FakeGateway("uplink.cable"), stage.reports.append)
    assert (verifyObject(IUplink, made), stage.reports) == (True, [])


# --- DHCP -------------------------------------------------------------------------------------------------


def test_from_the_cable_to_the_lease_and_back(stage):
    """Every state on the way; RELEASE at the end, and nothing stays open."""
    stage.uplink.startService()
    stage.plug(replace(ETH0, up=False, carrier=False))
    stage.plug(replace(ETH0, carrier=False))
    stage.plug()
    assert stage.gateway.host.packet == []  # it does not connect by itself
    stage.connect()
    stage.connect()
    assert stage.sent() == ["DISCOVER"]
    stage.hears("OFFER")
    assert stage.sent() == [f"REQUEST {A}"]
    stage.hears("ACK")
    assert stage.outcomes == []
    stage.gateway.advance(0.2)
    stage.connect()
    stage.uplink.disconnect("enough")
    assert stage.reports == [
        MISSING,
        "absent: eth0 is switched off; ip link set eth0 up switches it on",
        NO_CARRIER,
        "down",
        "connecting dhcp",
        f"up {A}/24 mtu 1500",
        "down: enough",
    ]
    assert stage.outcomes == [f"{A}/24"] * 3
    assert stage.renewal().message_type.name == "RELEASE"
    assert (stage.gateway.host.open_sockets, stage.reactor.readers) == ([], [])
    assert stage.gateway.clock.clock.getDelayedCalls() == []


def test_each_stage_of_a_connect_is_reported_once(stage):
    """What the DHCP client is at until there is an address; nothing of a renewal."""
    stage.start()
    stage.connect()
    stage.gateway.advance(30)  # asked several times
    stage.lease()
    asking = ["dhcp", "dhcp discover", "dhcp request", "dhcp address check"]
    assert stage.stages == asking
    stage.plug(replace(ETH0, carrier=False))
    stage.gateway.advance(10)
    stage.plug()
    stage.connect()
    stage.lease()
    assert stage.stages[len(asking) :] == ["dhcp", "dhcp request of the last address", "dhcp address check"]
    stage.gateway.advance(1900)
    assert len(stage.stages) == len(asking) + 3


def test_nobody_answers(stage):
    """It fails once, with the device's name, and waits to be asked again."""
    stage.start()
    stage.connect()
    for _ in range(600):
        stage.gateway.advance(1)
    assert stage.reports[2:] == ["failed: no DHCP server offers an address on eth0"]
    assert stage.outcomes == ["UplinkFailed: no DHCP server offers an address on eth0"]
    stage.connect()
    assert stage.sent() == ["DISCOVER"]


def test_a_renewal_with_the_same_values_is_no_news(stage):
    """The link is not announced again; the lease is on disk with its new time."""
    stage.up()
    stage.gateway.advance(1800)
    stage.hears("ACK", xid=stage.renewal().xid)
    assert stage.reports == []
    records = stage.gateway.store.records("lease", None)
    assert [record["lease"]["obtained"] for record in records] == [0.0, pytest.approx(1800, abs=91)]


@pytest.mark.parametrize("jump", [-1e9, -18000.0, 18000.0, 1e9])
def test_a_jump_of_the_wall_clock_moves_no_renewal(stage, jump):
    """T1 comes when it would have come, and the new lease counts from it."""
    stage.up()
    stage.gateway.advance(900)
    stage.gateway.clock.wall_offset += jump
    stage.gateway.advance(890)
    assert stage.sent() == []
    stage.gateway.advance(10)
    stage.hears("ACK", xid=stage.renewal().xid)
    assert stage.reports == []
    records = stage.gateway.store.records("lease", None)
    assert records[-1]["lease"]["obtained"] == pytest.approx(1800, abs=91)


def test_a_renewal_with_other_values_is_announced(stage):
    """Other DNS servers, another MTU: the same link, up since the same time."""
    stage.up()
    since = stage.state.link.since
    stage.gateway.advance(1800)
    stage.hears("ACK", xid=stage.renewal().xid, changes={6: bytes((192, 0, 2, 99)), 26: b"\x05\x78"})
    assert stage.reports == [f"up {A}/24 mtu 1400"]
    assert (stage.state.link.v4.dns, stage.state.link.since) == ((IPv4Address("192.0.2.99"),), since)


def test_a_renewal_with_another_address_moves_the_link(stage):
    """Looked for on the wire first, then announced; the next process asks for the new one."""
    stage.up()
    stage.gateway.advance(1800)
    stage.hears("ACK", xid=stage.renewal().xid, address=B)
    assert (stage.reports, stage.gateway.host.probed[-1][1]) == ([], IPv4Address(B))
    stage.gateway.advance(0.2)
    assert stage.reports == [f"up {B}/24 mtu 1500"]
    following = stage.restarted()
    following.connect()
    assert following.sent() == [f"REQUEST {B}"]
    following.uplink.stopService()


def test_the_server_takes_the_address_back(stage):
    """NAK: failed, and the next attempt neither asks nor wishes for the old address."""
    stage.up()
    stage.gateway.advance(1800)
    stage.hears("NAK", xid=stage.renewal().xid)
    assert stage.reports == ["failed: the DHCP server took the address back on eth0"]
    stage.connect()
    assert stage.sent() == ["DISCOVER"]
    stage.lease(address=B)
    assert stage.reports[1:] == ["connecting dhcp", f"up {B}/24 mtu 1500"]


def test_the_lease_runs_out(stage):
    """Failed at its end; the next attempt wishes for the address, since nobody refused it."""
    stage.up()
    for _ in range(3601):
        stage.gateway.advance(1)
    assert stage.reports == ["failed: the lease ran out and no DHCP server answered on eth0"]
    stage.connect()
    assert stage.sent() == [f"DISCOVER {A}"]


def test_a_used_address(stage):
    """DECLINE; failed with who has it, not before ten seconds again, and the address is not asked for any more."""
    stage.gateway.host.neighbours[IPv4Address(A)] = NEIGHBOUR
    stage.start()
    stage.connect()
    stage.lease()
    assert stage.sent() == [f"DECLINE {A}"]
    assert stage.reports[2:] == [
        f"failed: {A} is used by {NEIGHBOUR}; the DHCP server was told on eth0 until 10"
    ]
    stage.connect()
    assert stage.sent() == ["DISCOVER"]


def test_no_rights(stage):
    """The host's sentence is the reason, and the attempt can be repeated."""
    stage.gateway.host.fail["open_packet"] = NoPrivilege("You may not open packet sockets.")
    stage.start()
    stage.connect()
    assert stage.reports[2:] == ["failed: You may not open packet sockets."]
    del stage.gateway.host.fail["open_packet"]
    stage.connect()
    assert stage.sent() == ["DISCOVER"]


def test_hanging_up_while_connecting(stage):
    """At each step: down once, who waits is told, nothing is released that was not held; then it works anew."""
    stage.start()
    steps = [lambda: None, lambda: stage.hears("OFFER"), lambda: (stage.sent(), stage.hears("ACK"))]
    for count in range(1, 4):
        stage.reports.clear()
        stage.connect()
        stage.sent()
        for step in steps[:count]:
            step()
        assert stage.uplink.disconnect("enough").called
        stage.gateway.advance(100)
        assert stage.reports == ["connecting dhcp", "down: enough"]
    assert stage.outcomes == ["UplinkFailed: enough"] * 3
    assert (stage.gateway.host.udp, stage.gateway.host.open_sockets) == ([], [])
    stage.connect()
    stage.lease()
    assert stage.reports[-1] == f"up {A}/24 mtu 1500"


def test_hanging_up_before_the_journal_is_open(stage, stages):
    """The disk is slow: disconnected and connected again meanwhile, there is one session, not two."""
    slow = SlowStore(stage.gateway.store)
    stage.gateway.store = slow
    stage.start()
    stage.connect()
    stage.uplink.disconnect("enough")
    stage.connect()
    assert stage.gateway.host.packet == []
    slow.arrives()
    assert len(stage.gateway.host.packet) == 1
    assert stage.sent() == ["DISCOVER"]
    assert stage.reports == ["down", "connecting dhcp", "down: enough", "connecting dhcp"]


class SlowStore:
    """A store whose journals open when the test says so."""

    def __init__(self, store):
        self.store, self.waiting = store, []

    def open(self, *arguments):
        """See IStore."""
        answer = Deferred()
        self.waiting.append((answer, arguments))
        return answer

    def arrives(self):
        """The disk answers."""
        for answer, arguments in self.waiting:
            self.store.open(*arguments).chainDeferred(answer)


def test_a_slow_disk_outlives_the_service(stage):
    """Stopped while the journal is being opened: nothing begins afterwards, and the journal is closed."""
    slow = SlowStore(stage.gateway.store)
    stage.gateway.store = slow
    stage.start()
    stage.connect()
    ended = []
    stage.uplink.stopService().addCallback(ended.append)
    assert ended == []
    slow.arrives()
    assert ended == [None]
    assert stage.gateway.host.packet == []


def test_who_hangs_up_in_the_observer(stage):
    """The link comes up when nobody wants it: the policy hangs up at once, from within the report."""
    stage.start()
    stage.connect()
    stage.then = lambda state: isinstance(state, Up) and stage.uplink.disconnect("not wanted")
    stage.lease()
    assert stage.reports[2:] == [f"up {A}/24 mtu 1500", "down: not wanted"]
    assert stage.outcomes == ["UplinkFailed: not wanted"]
    assert stage.renewal().message_type.name == "RELEASE"


def test_who_gives_up_waiting(stage):
    """A waiter that is cancelled is forgotten; the others get the link."""
    stage.start()
    waiter = stage.uplink.connect(CAUSE)
    failures = []
    waiter.addErrback(failures.append)
    stage.connect()
    waiter.cancel()
    stage.lease()
    assert (len(failures), stage.outcomes) == (1, [f"{A}/24"])


# --- the cable ----------------------------------------------------------------------------------------------


def test_a_cable_that_is_pulled_and_plugged_in(stage):
    """After a moment absent; no RELEASE; plugged in again the same address is asked for (INIT-REBOOT)."""
    stage.up()
    stage.plug(replace(ETH0, carrier=False))
    stage.gateway.advance(0.9)
    assert stage.reports == []
    stage.gateway.advance(0.2)
    stage.plug()
    assert stage.reports == [NO_CARRIER, "down"]
    assert (stage.gateway.host.udp, stage.gateway.host.open_sockets) == ([], [])
    stage.connect()
    assert stage.sent() == [f"REQUEST {A}"]
    stage.lease()
    assert stage.reports[2:] == ["connecting dhcp", f"up {A}/24 mtu 1500"]


def test_a_cable_that_blinks(stage):
    """Carrier is back within the moment: nothing happened, not even later."""
    stage.up()
    for _ in range(3):
        stage.plug(replace(ETH0, carrier=False))
        stage.gateway.advance(0.6)
        stage.plug()
        stage.gateway.advance(0.6)
    assert stage.reports == []


def test_a_device_that_negotiates_anew_for_its_mtu(stage):
    """Setting the lease's MTU makes some devices lose carrier for seconds: that is waited for."""
    stage.up(changes={26: b"\x05\x78"})
    stage.plug(replace(ETH0, carrier=False, mtu=1400))
    stage.gateway.advance(4)
    stage.plug(replace(ETH0, mtu=1400))
    stage.gateway.advance(10)
    assert stage.reports == []


def test_a_device_that_vanishes(stage):
    """Absent at once; when it is back, a new index and all, it is down."""
    stage.up()
    stage.plug(None)
    stage.plug(replace(ETH0, ifindex=9))
    assert stage.reports == [MISSING, "down"]


@pytest.mark.parametrize("change", [{"ifindex": 9}, {"mac": "02:00:5e:00:53:02"}])
@pytest.mark.parametrize("settings", [DHCP, STATIC])
def test_another_device_of_the_same_name(stages, change, settings):
    """It failed, and the next attempt is with the new one."""
    stage = stages(settings)
    stage.start()
    stage.connect()
    if settings is DHCP:
        stage.lease()
    stage.reports.clear()
    stage.plug(replace(ETH0, **change))
    assert stage.reports == ["failed: eth0 is another device than before"]
    assert stage.gateway.host.open_sockets == []
    stage.connect()
    if settings is DHCP:
        assert stage.sent() == ["DISCOVER" if "mac" in change else f"REQUEST {A}"]
    else:
        assert stage.state.link.ifindex == change.get("ifindex", 2)


def test_the_cable_is_pulled_while_connecting(stage):
    """Absent at once, and who waits is told why."""
    stage.start()
    stage.connect()
    stage.plug(replace(ETH0, carrier=False))
    assert stage.reports[2:] == [NO_CARRIER]
    assert stage.outcomes == ["UplinkFailed: eth0 has no carrier; is the cable plugged in?"]
    assert stage.gateway.host.open_sockets == []


def test_without_a_device_it_cannot_be_connected(stage):
    """The reason names the device, before the service runs and after."""
    stage.connect()
    stage.uplink.startService()
    stage.connect()
    assert stage.outcomes == [
        "UplinkFailed: eth0 has not been looked at yet",
        f"UplinkFailed: {MISSING.removeprefix('absent: ')}",
    ]


def test_the_same_trouble_is_told_once(stage):
    """A change that changes nothing is no news."""
    stage.uplink.startService()
    stage.plug(None)
    stage.plug(None)
    assert stage.reports == [MISSING]


def test_hanging_up_while_the_carrier_is_away(stage):
    """Down by command within the moment of grace; then absent, once."""
    stage.up()
    stage.plug(replace(ETH0, carrier=False))
    stage.uplink.disconnect("enough")
    stage.gateway.advance(2)
    assert stage.reports == ["down: enough", NO_CARRIER]


# --- static -------------------------------------------------------------------------------------------------


def test_a_static_address(stages):
    """Up at once, without a packet or a file."""
    stage = stages(STATIC)
    stage.start()
    stage.connect()
    stage.uplink.disconnect("enough")
    assert stage.reports == ["down", "up 203.0.113.5/24 mtu 1500", "down: enough"]
    assert stage.outcomes == ["203.0.113.5/24"]
    assert (stage.gateway.host.packet, stage.gateway.host.udp) == ([], [])


def test_settings_taken_in_place_and_those_that_are_not(stage):
    """DNS, MTU and metered at once, as one announcement; interface, address, hardware address by a restart."""
    stage.up()
    results = []
    dns = (IPv4Address("192.0.2.99"),)
    for new in (
        DHCP,
        replace(DHCP, dns=dns, mtu=1300, metered=True),
        replace(DHCP, interface="eth9"),
        replace(DHCP, mac="02:00:5e:00:53:02"),
        STATIC,
    ):
        stage.uplink.reconfigure(new).addCallback(results.append)
    assert results == [Applied(), Applied(), RestartMe(), RestartMe(), RestartMe()]
    assert stage.reports == [f"up {A}/24 mtu 1300"]
    assert (stage.state.link.v4.dns, stage.state.link.metered) == (dns, True)


def test_a_rename_keeps_lease_and_link(stage):
    """The link is announced by the new name; the core may tell that name afterwards, without a restart."""
    stage.up()
    announced = stage.state.link
    stage.gateway.host.rename_interface("eth0", "wan0")
    assert stage.state == Up(replace(announced, interface="wan0"))
    results = []
    stage.uplink.reconfigure(replace(DHCP, interface="wan0")).addCallback(results.append)
    assert results == [Applied()]
    stage.gateway.host.set_interface("wan0", None)
    assert stage.reports[-1].startswith("absent: there is no interface wan0")


def test_the_name_of_a_device_that_is_not_there_yet(stage):
    """While nothing is there another name costs no restart; the device is found under it."""
    results = []
    stage.uplink.startService()
    stage.uplink.reconfigure(replace(DHCP, interface="usb0")).addCallback(results.append)
    stage.gateway.host.set_interface("usb0", replace(ETH0, name="usb0"))
    assert (results, stage.reports[-1]) == ([Applied()], "down")


def test_what_the_core_sets_is_not_the_devices_own_mtu(stage):
    """The lease's MTU is set, and given up by a renewal: the device's own is back."""
    stage.up(changes={26: b"\x05\x78"})
    stage.plug(replace(ETH0, mtu=1400))
    stage.gateway.advance(1800)
    stage.hears("ACK", xid=stage.renewal().xid)
    assert stage.reports == [f"up {A}/24 mtu 1500"]


def test_an_mtu_that_the_administrator_sets(stage):
    """It is the device's own from now on."""
    stage.up()
    stage.plug(replace(ETH0, mtu=1450))
    stage.plug(replace(ETH0, mtu=1450))
    assert stage.reports == [f"up {A}/24 mtu 1450"]


# --- stop and start -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [DHCP, STATIC])
def test_stopped_and_started_again(stages, settings):
    """Down, nothing open, no RELEASE; started again it reports the device anew and connects, with the same address."""
    stage = stages(settings)
    stage.start()
    stage.connect()
    if settings is DHCP:
        stage.lease()
    up = stage.reports[-1]
    stage.reports.clear()
    assert stage.uplink.stopService().called
    assert (stage.gateway.host.open_sockets, stage.gateway.host.udp) == ([], [])
    assert stage.gateway.clock.clock.getDelayedCalls() == []
    stage.plug(replace(ETH0, carrier=False))
    stage.plug()
    assert stage.reports == ["down: the gateway stops"]
    stage.uplink.startService()
    stage.connect()
    if settings is DHCP:
        assert stage.reports == ["down: the gateway stops", "down", "connecting dhcp"]
        stage.lease()
    assert (stage.reports[2], stage.reports[-1]) == ("connecting dhcp" if settings is DHCP else up, up)


def test_who_waits_when_it_stops_is_told(stage):
    """No Deferred stays behind."""
    stage.start()
    stage.connect()
    stage.uplink.stopService()
    assert stage.outcomes == ["UplinkFailed: the gateway stops"]


def test_a_killed_process_asks_for_the_same_address(stage):
    """kill -9 and start: INIT-REBOOT."""
    stage.up()
    following = stage.restarted()
    following.connect()
    assert following.sent() == [f"REQUEST {A}"]
    following.uplink.stopService()


def test_stopped_while_the_carrier_is_away(stage):
    """The moment of grace ends with the service: nothing is reported afterwards."""
    stage.up()
    stage.plug(replace(ETH0, carrier=False))
    stage.uplink.stopService()
    stage.gateway.advance(10)
    assert stage.reports == ["down: the gateway stops"]


def test_what_was_given_back_is_only_wished_for(stage):
    """After a RELEASE the server knows nothing of us: DISCOVER with the address, so that no time is lost."""
    stage.up()
    stage.uplink.disconnect("enough")
    stage.connect()
    assert stage.sent() == [f"DISCOVER {A}"]
    following = stage.restarted()
    following.connect()
    assert following.sent() == [f"DISCOVER {A}"]
    following.uplink.stopService()


# --- adopt --------------------------------------------------------------------------------------------------


def adopted(stage, saved):
    """What adopt answers."""
    answers = []
    stage.uplink.adopt(saved).addCallback(answers.append)
    assert len(answers) == 1
    return answers[0]


@pytest.mark.parametrize("settings", [DHCP, STATIC])
def test_a_link_that_goes_on(stages, settings):
    """After kill -9 the same link, up since the same time, without a message; a lease is renewed in its time."""
    stage = stages(settings)
    stage.start()
    stage.connect()
    if settings is DHCP:
        stage.lease()
    saved = stage.state.link
    following = stage.restarted(settings)
    following.gateway.advance(100)
    assert adopted(following, saved) == saved
    assert following.reports == ["down", stage.reports[-1]]
    if settings is DHCP:
        assert following.sent() == []
        following.gateway.advance(1800)
        assert following.renewal().message_type.name == "REQUEST"
    following.uplink.stopService()
    following.gateway.close()


def test_a_wall_clock_that_was_set_ends_no_link(stage):
    """As on a machine without a clock of its own, an hour and fifty years after the lease."""
    stage.up()
    for jump in (3600 + 50 * 365 * 86400, -3600):
        following = stage.restarted()
        following.gateway.clock.wall_offset += jump
        assert adopted(following, stage.state.link) == stage.state.link
        assert following.sent() == []
        following.uplink.stopService()


def test_a_link_that_is_being_made_anew_is_not_adopted(stage):
    """Who connects has decided: there is one session."""
    stage.up()
    following = stage.restarted()
    following.connect()
    assert adopted(following, stage.state.link) is None
    assert len(following.gateway.host.packet) == 1
    following.lease()
    assert following.reports == ["down", "connecting dhcp", f"up {A}/24 mtu 1500"]
    following.uplink.stopService()


def test_links_that_do_not_go_on(stage):
    """Another interface, address or connect, no carrier, a lease that ran out or was given back: None."""
    stage.up()
    saved = stage.state.link
    elsewhere = replace(saved, v4=replace(saved.v4, addresses=(IPv4Interface("203.0.113.9/24"),)))
    following = stage.restarted()
    assert adopted(following, replace(saved, interface="eth9")) is None
    assert adopted(following, elsewhere) is None
    assert adopted(following, replace(saved, v4=None)) is None
    assert adopted(following, replace(saved, since=saved.since + 1)) is None
    following.gateway.host.fail["open_packet"] = NoPrivilege("You may not open packet sockets.")
    assert adopted(following, saved) is None
    del following.gateway.host.fail["open_packet"]
    following.gateway.advance(3600)
    assert adopted(following, saved) is None
    assert following.reports == ["down"]
    following.connect()
    assert following.sent() == [f"DISCOVER {A}"]
    assert adopted(following, saved) is None
    following.uplink.stopService()
    assert adopted(stage.restarted(carrier=False), saved) is None


def test_the_details_for_status(stage):
    """The client's state always; server and time left while there is a lease."""
    assert stage.gateway.status.read() == {}
    stage.up()
    assert stage.gateway.status.read() == {
        "dhcp": "bound",
        "unusable": 0,
        "complaint": "",
        "malformed": 0,
        "defects": 0,
        "server": "203.0.113.1",
        "lease_seconds_left": 3600,
    }
