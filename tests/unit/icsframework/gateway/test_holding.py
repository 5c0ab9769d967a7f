"""Packets that find no link: whole conversations between kernel, holding, and who brings links up."""

from dataclasses import replace
from ipaddress import IPv4Interface, ip_address, ip_network

import pytest
from twisted.logger import Logger, capturedLogs
from twisted.python.failure import Failure

from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.errors import HostError, NoPrivilege, UplinkFailed, UplinkRefused
from icsframework.gateway.holddevice import BATCH
from icsframework.gateway.holding import REOPEN, TELL_BURST, Holding
from icsframework.gateway.linkwishes import MOST_REFUSED, SAME_ANSWER
from icsframework.gateway.refusedflows import TOGETHER
from icsframework.protocols.icmp import NET_UNREACHABLE, PROHIBITED, unreachable
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.testing.packets import CLIENT, SERVER, echo, ipv4, tcp, udp
from icsframework.uplinks.hold import MOST_OCTETS, MOST_OF_A_CLIENT, MOST_PACKETS
from icsframework.uplinks.traffic import TrafficRule, judge, wake_rules
from icsframework.values import Cause, Family, LeaseView, Link, Up, UplinkView

HOST, FAR = ip_address(CLIENT), ip_address(SERVER)
OWN = "192.0.0.8"
LAN = LanSide("home", "eth1", IPv4Interface("192.168.0.1/24"))
LINK = Link(
    "icsu-modem", 9, None, "ppp", "inline", 1500, True, 0.0, Family((IPv4Interface("198.51.100.2/32"),), None)
)
DOWN = DataPlane((LAN,), (UplinkSide("modem", 1, "icsu-modem"),), hold=HoldSide())
UP = DataPlane((LAN,), (UplinkSide("modem", 1, "icsu-modem", LINK),), hold=HoldSide(settled=True))
LAPTOP = LeaseView(HOST, "02:00:5e:00:53:07", "", "laptop", None, "home")
SYN_RST = 0x04


class Stage:
    """A hold device whose kernel is the test."""

    def __init__(self, *rules):
        self.gateway = FakeGateway("hold")
        self.reactor = Readers()
        self.elements = FakeElements(self.gateway.clock)
        self.rules = wake_rules(rules)
        self.seconds = 60.0
        self.changes = 0
        gateway = self.gateway
        self.holding = Holding(
            host=gateway.host,
            reactor=self.reactor,
            clock=gateway.clock,
            uplinks=gateway.uplinks,
            names=gateway.names,
            leases=gateway.leases,
            elements=self.elements,
            events=gateway.events,
            log=Logger(namespace="hold"),
            judge=lambda traffic: judge(self.rules, traffic),
            seconds=lambda: self.seconds,
            changed=self.change,
        )

    def change(self):
        self.changes += 1

    def start(self):
        started = []
        self.holding.start().addCallback(started.append)
        self.holding.in_force(DOWN)
        return started

    @property
    def kernel(self):
        return self.gateway.host.tun[-1]

    def come(self, *packets):
        """Each packet comes from the kernel, in a turn of its own."""
        for packet in packets:
            self.kernel.peer.send(packet)
            self.reactor.turn(0)

    @property
    def requested(self):
        return self.gateway.uplinks.requested

    @property
    def told(self):
        """ICMP errors so far."""
        return self.gateway.host.icmp[-1].sent

    @property
    def status(self):
        return self.holding.status()

    def link(self):
        """The link comes up: first it is in force, then who asked is told."""
        self.holding.in_force(UP)
        self.gateway.uplinks.set(UplinkView("modem", Up(LINK), active=True))

    def lose(self):
        self.gateway.uplinks.set(None)
        self.holding.in_force(DOWN)


@pytest.fixture
def stage():
    stage = Stage()
    yield stage
    stage.holding.stop()
    assert stage.gateway.clock.clock.getDelayedCalls() == []
    stage.gateway.close()


# --- the link comes ------------------------------------------------------------------------------


@pytest.mark.parametrize("packet", [udp(), tcp(), echo()])
def test_the_first_packet_brings_a_link_and_goes_by_it(stage, packet):
    """It waits, its cause is asked for, and when the link is in force the same octets go back, once."""
    stage.start()
    stage.come(packet)
    assert len(stage.requested) == 1
    assert (stage.status.held, stage.status.bytes, stage.kernel.frames()) == (1, len(packet), [])
    stage.gateway.advance(7.0)  # the call is no part of what delivery takes
    stage.link()
    assert stage.kernel.frames() == [packet]
    assert (stage.status.held, stage.status.delivered, stage.status.icmp_sent) == (0, 1, 0)
    assert stage.gateway.events.said("hold.delivered") == [{"count": 1, "seconds": 0.0}]
    stage.holding.in_force(UP)
    assert stage.kernel.frames() == []


@pytest.mark.parametrize(
    ("packet", "protocol", "destination"),
    [(udp(port=53), "udp", f"{SERVER}:53"), (tcp(), "tcp", f"{SERVER}:80"), (echo(), "icmp", SERVER)],
)
def test_every_dial_has_its_cause(stage, packet, protocol, destination):
    """Who (address, MAC, name of the lease) wanted what, by which DNS name."""
    stage.gateway.leases.publish(LAPTOP)
    stage.gateway.names.resolved(HOST, "www.example", [FAR], 60)
    stage.start()
    stage.come(packet)
    assert stage.requested == [
        Cause("demand.wake", HOST, LAPTOP.mac, "laptop", protocol, destination, "www.example")
    ]


def test_nothing_is_known_of_the_client(stage):
    """Then its address is what people read."""
    stage.start()
    stage.come(udp())
    assert stage.requested == [Cause("demand.wake", HOST, protocol="udp", destination=f"{SERVER}:9999")]


def test_a_burst_asks_once(stage):
    """What comes meanwhile waits with the first, and all of it goes in order; retransmissions do not."""
    stage.start()
    stage.come(udp(b"1"), tcp(), udp(b"1", ident=5), tcp(ttl=60), udp(b"2"), echo(source="192.168.0.8"))
    assert len(stage.requested) == 1
    assert (stage.status.held, stage.status.clients, stage.status.duplicates) == (4, 2, 2)
    stage.link()
    assert stage.kernel.frames() == [udp(b"1"), tcp(), udp(b"2"), echo(source="192.168.0.8")]


def test_what_was_on_its_way_goes_on(stage):
    """A packet that comes by the device when the link is up already passes, unless it is one that went."""
    stage.start()
    stage.come(udp(b"1"))
    stage.link()
    stage.come(udp(b"2"), udp(b"1"), udp(b"2"), tcp(SYN_RST))
    assert stage.kernel.frames() == [udp(b"1"), udp(b"2"), tcp(SYN_RST)]
    assert (stage.status.delivered, stage.status.duplicates, len(stage.requested)) == (3, 2, 1)


def test_a_link_without_ipv4_is_none(stage):
    """What waits is IPv4, and goes on waiting for a way."""
    stage.start()
    stage.come(udp())
    six = replace(LINK, v4=None)
    stage.holding.in_force(replace(UP, uplinks=(replace(UP.uplinks[0], link=six),)))
    assert (stage.kernel.frames(), stage.status.held) == ([], 1)


def test_each_link_is_asked_for_anew(stage):
    """After it is lost the same packet waits again, and is delivered again."""
    stage.start()
    for dials in (1, 2):
        stage.come(udp())
        assert len(stage.requested) == dials
        stage.link()
        assert stage.kernel.frames() == [udp()]
        stage.lose()


def test_what_went_by_one_link_may_go_by_the_next(stage):
    """A retransmission that races the second link is none to that link."""
    stage.start()
    for _ in (1, 2):
        stage.link()
        stage.come(udp())
        assert stage.kernel.frames() == [udp()]
        stage.lose()


def test_a_datagram_in_fragments(stage):
    """The fragments wait behind their first, and go with it."""
    whole = udp(b"x" * 100)
    first, rest = ipv4(17, whole[20:84], fragment=0x2000), ipv4(17, whole[84:], fragment=8)
    stage.start()
    stage.come(rest, first, rest)
    assert (stage.status.held, stage.status.dropped) == (2, {"fragment": 1})
    stage.link()
    assert stage.kernel.frames() == [first, rest]
    stage.come(rest)
    assert stage.kernel.frames() == [rest]


def test_a_link_that_comes_before_it_is_in_force(stage):
    """Who asked may be told first; packets go when routes and rules are there."""
    stage.start()
    stage.come(udp())
    stage.gateway.uplinks.set(UplinkView("modem", Up(LINK), active=True))
    assert (stage.kernel.frames(), stage.status.held) == ([], 1)
    stage.holding.in_force(UP)
    assert stage.kernel.frames() == [udp()]


def test_a_link_that_came_and_went(stage):
    """What did not go by it asks again with the next packet, also if that is a retransmission."""
    stage.start()
    stage.come(udp())
    stage.gateway.uplinks.set(UplinkView("modem", Up(LINK), active=True))
    stage.gateway.uplinks.set(None)
    stage.come(udp())
    assert (len(stage.requested), stage.status.held) == (2, 1)


# --- rules ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("packet", [tcp(0x10), tcp(0x11), udp(port=137), udp(port=123), echo(kind=0)])
def test_noise_wakes_nothing(stage, packet):
    """What the rules do not count is dropped without an answer, also while others wait."""
    stage.start()
    stage.come(udp(), packet)
    assert (len(stage.requested), stage.status.held, stage.told) == (1, 1, [])
    assert stage.status.dropped == {"not woken": 1}


def test_a_rule_of_the_operators(stage):
    """What it forbids does not ride on another's dial: the sender is told, and the kernel drops what comes again."""
    stage.rules = wake_rules(
        [
            TrafficRule("ignore", "wake[0]", name="*.telemetry.example"),
            TrafficRule("ignore", "wake[1]", client=ip_network("192.168.0.9")),
        ]
    )
    stage.gateway.names.resolved(HOST, "a.telemetry.example", [FAR], 60)
    stage.start()
    stage.come(tcp(destination="203.0.113.10"), tcp(), udp(source="192.168.0.9"))
    assert (len(stage.requested), stage.status.held, stage.status.refused) == (1, 1, 2)
    assert stage.told == [
        (unreachable(PROHIBITED, tcp()), CLIENT),
        (unreachable(PROHIBITED, udp(source="192.168.0.9")), "192.168.0.9"),
    ]
    stage.gateway.advance(1.0)
    assert set(stage.elements.keys("refused")) == {
        (HOST, FAR, "tcp", 5000, 80),
        (ip_address("192.168.0.9"), FAR, "udp", 5000, 9999),
    }


def test_who_goes_on_and_on_is_not_told_each_time(stage):
    """Errors to one host are bounded (RFC 1812 section 4.3.2.8); how many it did not get can be seen."""
    stage.rules = wake_rules([TrafficRule("ignore", "wake[0]", client=ip_network("192.168.0.7"))])
    stage.start()
    stage.come(*(udp(port=port) for port in range(1, MOST_OF_A_CLIENT + 7)))
    found = stage.status
    assert (found.refused, found.icmp_sent, found.icmp_withheld) == (
        MOST_OF_A_CLIENT + 6,
        MOST_OF_A_CLIENT,
        6,
    )


def test_the_gateways_own_packets(stage):
    """They dial only where a rule says so; else our own program is told at once that there is no way."""
    stage.start()
    stage.come(udp(source=OWN), udp(source="192.168.0.1", port=7))
    assert (stage.requested, stage.status.held, [to for _, to in stage.told]) == ([], 0, [OWN, "192.168.0.1"])
    assert stage.told[0][0] == unreachable(NET_UNREACHABLE, udp(source=OWN))
    stage.rules = wake_rules([TrafficRule("allow", "wake[0]", gateway=True)])
    stage.come(udp(source=OWN))
    assert stage.requested == [Cause("demand.wake", None, protocol="udp", destination=f"{SERVER}:9999")]
    stage.link()
    assert stage.kernel.frames() == [udp(source=OWN)]


def test_the_gateways_own_names(stage):
    """A name that one of its addresses looked up counts for what it sends, whatever address that leaves with."""
    stage.rules = wake_rules([TrafficRule("allow", "wake[0]", gateway=True, name="updates.example")])
    stage.gateway.names.resolved(ip_address("192.168.0.1"), "updates.example", [FAR], 60)
    stage.start()
    stage.come(tcp(source=OWN, destination="203.0.113.10"), tcp(source=OWN))
    assert [(one.destination, one.name) for one in stage.requested] == [(f"{SERVER}:80", "updates.example")]
    assert [to for _, to in stage.told] == [OWN]


@pytest.mark.parametrize("packet", [b"", b"\x60" + bytes(50), udp()[:-1], udp(source="0.0.0.0")])
def test_garbage_is_counted(stage, packet):
    """And nothing else comes of it."""
    stage.start()
    stage.kernel.peer.send(packet)
    stage.reactor.turn(0)
    assert (stage.requested, stage.told, stage.status.held) == ([], [], 0)
    assert sum(stage.status.dropped.values()) == 1


# --- it is refused, it fails, it takes too long --------------------------------------------------


def test_it_is_refused(stage):
    """Who waits is told that it is forbidden, and the kernel answers what comes of these flows again."""
    stage.start()
    stage.come(tcp(), udp())
    stage.gateway.uplinks.fail_requests(UplinkRefused("modem: limits.time: 2h/day are used up"))
    assert stage.told == [(unreachable(PROHIBITED, one), CLIENT) for one in (tcp(), udp())]
    assert (stage.status.held, stage.status.refused, stage.status.icmp_sent) == (0, 2, 2)
    stage.gateway.advance(1.0)
    assert len(stage.elements.keys("refused")) == 2
    assert stage.gateway.events.said("hold.refused") == [
        {"count": 2, "clients": 1, "reason": "modem: limits.time: 2h/day are used up"}
    ]


def test_it_is_refused_at_once(stage):
    """The answer may come before anything else does."""
    stage.gateway.uplinks.refuse = UplinkRefused("modem: hours")
    stage.start()
    stage.come(tcp())
    assert (stage.told, stage.status.held) == ([(unreachable(PROHIBITED, tcp()), CLIENT)], 0)


def test_one_client_is_refused_and_another_is_not(stage):
    """What one may not another may: its packets go on waiting, and it is asked for them in their own name."""
    stage.start()
    stage.come(tcp(), tcp(source="192.168.0.8"))
    stage.gateway.uplinks.fail_requests(UplinkRefused("modem: wake[0]"))
    assert [to for _, to in stage.told] == [CLIENT]
    stage.gateway.advance(0)
    assert [str(one.client) for one in stage.requested] == [CLIENT, "192.168.0.8"]
    stage.link()
    assert stage.kernel.frames() == [tcp(source="192.168.0.8")]


def test_it_fails(stage):
    """All are told that there is no way; they may try again later."""
    stage.start()
    stage.come(tcp(), udp(source="192.168.0.8"))
    stage.gateway.uplinks.fail_requests(UplinkFailed("modem: no carrier"))
    assert stage.told == [
        (unreachable(NET_UNREACHABLE, tcp()), CLIENT),
        (unreachable(NET_UNREACHABLE, udp(source="192.168.0.8")), "192.168.0.8"),
    ]
    stage.gateway.advance(SAME_ANSWER)
    assert stage.elements.keys("refused") == {}
    assert stage.gateway.events.said("hold.failed") == [
        {"count": 2, "clients": 2, "reason": "modem: no carrier"}
    ]
    stage.come(tcp())
    assert len(stage.requested) == 2


@pytest.mark.parametrize("error", [UplinkRefused("modem: hours"), UplinkFailed("modem: busy")])
def test_a_flood_is_no_flood_of_requests(stage, error):
    """For a moment a client that was turned away gets the same answer without anybody being asked."""
    stage.start()
    stage.come(tcp())
    stage.gateway.uplinks.fail_requests(error)
    stage.come(*(tcp(sport=port) for port in range(1000, 1020)))
    assert (len(stage.requested), stage.status.refused, len(stage.told)) == (1, 21, 21)
    if isinstance(error, UplinkRefused):
        stage.come(tcp(source="192.168.0.8"))
        assert len(stage.requested) == 2
    stage.gateway.advance(SAME_ANSWER)
    stage.come(tcp(sport=1))
    assert stage.requested[-1].client == (
        HOST if isinstance(error, UplinkFailed) else ip_address("192.168.0.8")
    )


def test_a_flood_of_clients_is_no_flood_of_requests(stage):
    """Whoever makes up senders is refused for all of them after a while, those that wait by then as well."""
    stage.start()
    stage.come(*(tcp(source=f"192.168.0.{number}") for number in range(2, 2 + MOST_REFUSED + 10)))
    for _ in range(MOST_REFUSED + 10):
        stage.gateway.uplinks.fail_requests(UplinkRefused("modem: hours"))
        stage.gateway.advance(0)
    stage.come(tcp(source="192.168.0.250"))
    assert len(stage.requested) == MOST_REFUSED + 1
    assert (stage.status.held, stage.status.refused) == (0, MOST_REFUSED + 11)
    stage.gateway.advance(SAME_ANSWER)
    stage.come(tcp(source="192.168.0.250"))
    assert len(stage.requested) == MOST_REFUSED + 2


def test_a_link_ends_the_refusal(stage):
    """A link that comes up by command lets everything pass, and what is asked for after it is asked anew."""
    stage.start()
    stage.come(tcp())
    stage.gateway.uplinks.fail_requests(UplinkRefused("modem: hours"))
    stage.link()
    stage.come(tcp(sport=2))
    assert stage.kernel.frames() == [tcp(sport=2)]
    stage.lose()
    stage.come(tcp(sport=3))
    assert len(stage.requested) == 2


def test_a_defect_of_others_is_a_failure(stage):
    """It is logged with its traceback, and who waits is told that there is no way."""
    stage.start()
    stage.come(tcp())
    with capturedLogs() as logged:
        stage.gateway.uplinks.fail_requests(ZeroDivisionError("oops"))
    assert [event["log_failure"].type for event in logged if "log_failure" in event] == [ZeroDivisionError]
    assert stage.told == [(unreachable(NET_UNREACHABLE, tcp()), CLIENT)]


def test_it_takes_too_long(stage):
    """Each packet has its time; who waited in vain is told, the others go on waiting, and nobody asks twice."""
    stage.start()
    stage.come(tcp(sport=1))
    stage.gateway.advance(20.0)
    stage.come(tcp(sport=2))
    stage.gateway.advance(39.9)
    assert (stage.told, stage.status.oldest) == ([], pytest.approx(59.9))
    stage.gateway.advance(0.2)
    assert stage.told == [(unreachable(NET_UNREACHABLE, tcp(sport=1)), CLIENT)]
    assert (stage.status.held, stage.status.dropped, len(stage.requested)) == (1, {"expired": 1}, 1)
    stage.link()
    assert stage.kernel.frames() == [tcp(sport=2)]
    assert "demand.hold" in stage.gateway.events.said("hold.failed")[0]["reason"]


def test_the_time_can_be_changed(stage):
    """A reload that shortens it counts for what waits already."""
    stage.start()
    stage.come(tcp())
    stage.seconds = 5.0
    stage.holding.in_force(DOWN)
    stage.gateway.advance(5.0)
    assert (stage.status.held, len(stage.told)) == (0, 1)


def test_events_are_bounded(stage):
    """However often it fails, people read of it a few times."""
    stage.start()
    for port in range(1, 30):
        stage.come(tcp(sport=port))
        stage.gateway.uplinks.fail_requests(UplinkFailed("modem: busy"))
        stage.gateway.advance(SAME_ANSWER)
    assert len(stage.gateway.events.said("hold.failed")) == TELL_BURST


# --- a flood --------------------------------------------------------------------------------------


def test_five_thousand_packets(stage):
    """Memory is bounded, each turn of the reactor takes a bounded number, and what waits is delivered in order."""
    stage.start()
    turns = []
    for number in range(5000):
        packet = udp(bytes(500), source=f"192.168.0.{number % 250 + 2}", sport=number % 997 + 1, ident=number)
        stage.kernel.peer.send(packet)
        if number % 8 == 7:
            before = stage.status
            stage.reactor.readers[0].doRead()
            turns.append(stage.status.held - before.held)
    assert max(turns) <= BATCH
    status = stage.status
    assert status.held <= MOST_PACKETS
    assert status.bytes <= MOST_OCTETS
    assert status.held + status.duplicates + sum(status.dropped.values()) == 5000
    assert (len(stage.requested), stage.told) == (1, [])
    frames = []
    stage.holding.in_force(UP)
    while stage.gateway.clock.clock.getDelayedCalls():
        frames += stage.kernel.frames()
        stage.gateway.advance(0.005)
    frames += stage.kernel.frames()
    assert len(frames) == len(set(frames)) == status.held == stage.status.delivered
    idents = [int.from_bytes(frame[4:6]) for frame in frames]
    assert idents == sorted(idents)


def test_a_flood_of_one_client(stage):
    """It has its share, and another one's packet waits beside it."""
    stage.start()
    stage.come(*(tcp(sport=port) for port in range(1, 300)), tcp(source="192.168.0.8"))
    assert stage.status.held == MOST_OF_A_CLIENT + 1
    assert stage.status.dropped == {"client": 299 - MOST_OF_A_CLIENT}


# --- life ----------------------------------------------------------------------------------------


def test_a_machine_without_tun(stage):
    """One warning says what still dials; nothing fails, and everything can be asked."""
    stage.gateway.host.fail["open_tun"] = HostError(
        "this machine has no /dev/net/tun; modprobe tun makes it."
    )
    assert stage.start() == [False]
    assert not stage.holding.ready
    stage.holding.in_force(UP)
    assert (stage.status.ready, stage.status.held) == (False, 0)
    assert [event.id for event in stage.gateway.events.all] == ["hold.unavailable"]


def test_a_machine_without_raw_sockets(stage):
    """Packets wait all the same; it is told that nobody gets answers."""
    stage.gateway.host.fail["open_icmp"] = NoPrivilege("no raw sockets")
    assert stage.start() == [True]
    stage.come(tcp())
    stage.gateway.uplinks.fail_requests(UplinkFailed("modem: busy"))
    assert stage.gateway.events.ids() == ["hold.silent", "hold.failed"]
    assert (stage.status.refused, stage.status.icmp_sent) == (1, 0)


def test_a_stop_drops_what_waits(stage):
    """It is counted; nobody is asked any more, nothing stays open, and a start begins anew."""
    stage.start()
    stage.come(tcp())
    assert len(stage.gateway.uplinks.waiting) == 1
    stage.holding.stop()
    assert (stage.gateway.uplinks.waiting, stage.told) == ([], [])
    assert (stage.gateway.host.open_sockets, stage.reactor.readers) == ([], [])
    assert (stage.status.ready, stage.status.held, stage.status.dropped) == (False, 0, {"stopped": 1})
    assert stage.start() == [True]
    stage.come(udp())
    stage.link()
    assert stage.kernel.frames() == [udp()]


def test_somebody_removes_the_device(stage):
    """It is told, routes and rules follow, and it is made anew when its time has come; what waited is delivered."""
    stage.start()
    stage.come(udp())
    stage.reactor.readers[0].connectionLost(Failure(HostError("it was deleted")))
    assert (stage.holding.ready, stage.changes) == (False, 1)
    stage.gateway.host.fail["open_tun"] = HostError("not yet")
    stage.gateway.advance(REOPEN)
    assert (stage.holding.ready, stage.changes) == (False, 1)
    del stage.gateway.host.fail["open_tun"]
    stage.gateway.advance(REOPEN)
    assert (stage.holding.ready, stage.changes) == (True, 2)
    assert stage.gateway.events.ids() == ["hold.lost"]
    stage.link()
    assert stage.kernel.frames() == [udp()]


def test_a_start_in_between(stage):
    """A device that was taken away is made by the next start, and by nothing after it; a start of what runs is none."""
    stage.start()
    stage.reactor.readers[0].connectionLost(Failure(HostError("it was deleted")))
    assert stage.start() == [True]
    assert stage.start() == [True]
    stage.gateway.advance(REOPEN)
    assert (len(stage.gateway.host.tun), len(stage.gateway.host.icmp)) == (2, 1)


def test_a_stop_before_another_is_asked_for(stage):
    """Nothing is left of what was to be asked in a moment."""
    stage.start()
    stage.come(tcp(), tcp(source="192.168.0.8"))
    stage.gateway.uplinks.fail_requests(UplinkRefused("modem: wake[0]"))
    stage.holding.stop()
    assert stage.gateway.clock.clock.getDelayedCalls() == []
    assert len(stage.requested) == 1


def test_status_before_anything(stage):
    """All of it is there from the start."""
    status = stage.holding.status()
    assert (status.ready, status.held, status.oldest, status.dropped) == (False, 0, None, {})


@pytest.mark.parametrize(
    "after",
    [
        UP,
        DataPlane((LAN,), hold=HoldSide("prohibit")),
        DataPlane((LAN,), hold=HoldSide(wake={"modem": wake_rules(())})),
    ],
)
def test_a_refused_flow_may_come_again_when_there_is_another_answer(stage, after):
    """A link, a command or limit that begins or ends, other rules: the packet filter forgets it.  The same again: not."""
    stage.start()
    stage.come(udp())
    stage.gateway.uplinks.fail_requests(UplinkRefused("modem: limits.time: used up"))
    stage.gateway.clock.clock.advance(TOGETHER)
    assert len(stage.elements.keys("refused")) == 1
    stage.holding.in_force(DOWN)
    assert len(stage.elements.keys("refused")) == 1
    stage.holding.in_force(after)
    assert stage.elements.keys("refused") == {}


def test_a_failed_dial_is_no_answer_any_more_when_the_pause_is_over(stage):
    """However short that was: the next packet asks again."""
    stage.start()
    stage.gateway.uplinks.refuse = UplinkFailed("modem: busy")
    stage.come(udp())
    stage.holding.in_force(DataPlane((LAN,), hold=HoldSide("unreachable")))
    stage.holding.in_force(DOWN)
    stage.gateway.uplinks.refuse = None
    asked = len(stage.requested)
    stage.come(udp(source=HOST))
    assert (len(stage.requested), stage.status.held) == (asked + 1, 1)


def test_what_comes_while_the_link_is_taken_away_waits(stage):
    """Written back it would find no way; it goes by the next link, once."""
    stage.start()
    stage.come(udp(payload=b"one"))
    stage.link()
    assert stage.kernel.frames() == [udp(payload=b"one")]
    stage.holding.unlinked()
    stage.come(udp(payload=b"two"))
    assert stage.kernel.frames() == []
    stage.lose()
    stage.link()
    assert stage.kernel.frames() == [udp(payload=b"two")]
